"""The record of one multi-Region key: its values, and what can be read off them.

Read from bytes by record_codec.py, changed by record_change.py, both pure. Guards of transitions
belong to the planner, signatures to crypto/. Everything here only grows, except `transition`,
states and holders (protocol R7). Source: protocol §2, §5.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName
from regionkms.model.key_spec import KeySpec, KeyUsage, Origin

ClusterName = NewType("ClusterName", str)
"""A name and random digits, such as `lab-3f9a1c0b2d4e5f60`: two clusters never share it."""

RECORD_FORMAT: Final = 1
"""Highest Record.format that this release reads, and the one that it writes."""
FINGERPRINT_BYTES: Final = 32
"""HMAC-SHA-256 (protocol §2)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Incarnation:
    """One life of the etcd data; `random` tells two with the same number apart (protocol §6)."""

    number: int
    random: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Epoch:
    """+1 at each change of primary; ordered by incarnation, then number."""

    incarnation: Incarnation
    number: int


class EpochKind(StrEnum):
    """How a Region became primary (protocol §2, Trust)."""

    FOUND = "found"
    UPDATE = "update"
    PROMOTE = "promote"
    REJOIN = "rejoin"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEntry:
    """One link of the chain of primaries.

    Attributes:
        taker: The Region that took the epoch and signed; differs from the primary only in ADOPT.
        taker_life: Its life when it did.
        signature: Ed25519 by the taker's record key; made by crypto/signing.py.
    """

    epoch: Epoch
    primary_region: RegionName
    kind: EpochKind
    taker: RegionName
    taker_life: int
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A primary's signed word that a life of a Region may hold the key's material."""

    life: int
    granter: RegionName
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error of the target Region for the caller in the primary's Region."""

    code: str
    message: str


class MemberState(StrEnum):
    """Where a Region stands in the key's set; DELETED and RETIRED entries stay for ever."""

    CREATING = "CREATING"
    MEMBER = "MEMBER"
    DELETED = "DELETED"
    RETIRED = "RETIRED"


class ProposalState(StrEnum):
    """Whether the target of a CREATING entry has answered."""

    NONE = "none"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A Region's entry in the record.

    Attributes:
        life: +1 at each proposal; a refused or withdrawn proposal has spent its life.
        request: PROPOSED or ACCEPTED while CREATING, else NONE.
        grants: Of all its lives; never dropped.
        reported_key_state: For display only.
        refusal: Why its last proposal was refused.
    """

    region: RegionName
    life: int
    state: MemberState
    request: ProposalState = ProposalState.NONE
    grants: tuple[Grant, ...] = ()
    reported_key_state: str = ""
    refusal: Refusal | None = None

    @property
    def present(self) -> bool:
        """Whether it counts in the barrier: CREATING (also proposed) or MEMBER (protocol §5)."""
        return self.state in {MemberState.CREATING, MemberState.MEMBER}

    @property
    def may_receive(self) -> bool:
        """Whether material may be sealed to this life: accepted or MEMBER (protocol §2, Trust)."""
        return self.state is MemberState.MEMBER or self.request is ProposalState.ACCEPTED


class GenerationState(StrEnum):
    """DISTRIBUTING -> CURRENT -> PREVIOUS, or DISTRIBUTING -> PREVIOUS, or -> ABANDONED."""

    DISTRIBUTING = "DISTRIBUTING"
    CURRENT = "CURRENT"
    PREVIOUS = "PREVIOUS"
    ABANDONED = "ABANDONED"


class GenerationKind(StrEnum):
    """Why a generation was made."""

    CREATED = "created"
    AUTOMATIC = "automatic"
    ON_DEMAND = "on demand"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Holder:
    """A Region, in one life, that has a generation's bytes durably (protocol R8)."""

    region: RegionName
    life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One version of the key's material, listed for ever.

    Attributes:
        order: Place among those that were ever switched to; 0 before.
        created_at: Seconds of KMS time since the epoch.
        fingerprint: 32 bytes; empty only for an EXTERNAL key before its first import.
    """

    generation_id: GenerationId
    order: int
    created_at: float
    kind: GenerationKind
    fingerprint: bytes
    state: GenerationState
    holders: frozenset[Holder] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Automatic rotation, a shared property. `next_at` in seconds of KMS time; 0 means none."""

    enabled: bool = False
    period_days: int = 365
    next_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedProperties:
    """What all related keys have in common (spec 05 §3.3)."""

    key_spec: KeySpec
    key_usage: KeyUsage
    origin: Origin
    rotation: Rotation = Rotation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A proposed change of primary (UpdatePrimaryRegion); it has one phase only.

    Attributes:
        transition_id: Id of the intent in `from_region`.
        requester: ARN of the caller; the target authorizes it by its own key policy.
        asked_at: Machine time, seconds since the epoch.
    """

    from_region: RegionName
    to_region: RegionName
    transition_id: str
    requester: str
    asked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRefusal:
    """Why the last proposed change of primary was refused, for its caller."""

    transition_id: str
    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRecord:
    """The value in etcd, taken apart but not verified.

    Attributes:
        record: Exact bytes that the signature covers, together with the etcd key.
        value: The whole value, as it stands in etcd and in the mirror.
    """

    record: bytes
    writer: RegionName
    signature: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one multi-Region key.

    Attributes:
        seq: 1 when founded, +1 at every write; travels with the value over restores of etcd.
        previous_hash: SHA-256 of the value in etcd that this one replaced; empty when founded.
        dead: The primary, alone, was deleted; the record stays as a tombstone.
        members: By Region, sorted; each Region once.
        value_hash: SHA-256 of the value that this was read from; empty until it is signed and
            read back. Not part of the record.
    """

    cluster: ClusterName
    account_id: AccountId
    key_id: KeyId
    incarnation: Incarnation
    seq: int
    previous_hash: bytes
    epoch: Epoch
    primary_region: RegionName
    epochs: tuple[EpochEntry, ...]
    dead: bool = False
    shared: SharedProperties
    generations: tuple[Generation, ...]
    members: tuple[Member, ...]
    transition: Transition | None = None
    refused_transition: TransitionRefusal | None = None
    value_hash: bytes = b""

    def member(self, region: RegionName) -> Member | None:
        """The Region's entry, or None if it never had one."""
        return next((member for member in self.members if member.region == region), None)

    def generation(self, generation_id: GenerationId) -> Generation | None:
        """The generation, or None if it is not listed."""
        found = (one for one in self.generations if one.generation_id == generation_id)
        return next(found, None)

    @property
    def present_members(self) -> tuple[Member, ...]:
        """CREATING (proposed ones too) and MEMBER entries: who the barrier waits for."""
        return tuple(member for member in self.members if member.present)

    @property
    def current(self) -> Generation | None:
        """The generation to encrypt with (R9)."""
        return next(iter(self.in_state(GenerationState.CURRENT)), None)

    @property
    def distributing(self) -> tuple[Generation, ...]:
        """Generations that wait for the barrier; more than one only after a merge."""
        return self.in_state(GenerationState.DISTRIBUTING)

    @property
    def shared_generations(self) -> tuple[Generation, ...]:
        """All listed ones except ABANDONED: what a Region must hold to join (H11)."""
        return tuple(one for one in self.generations if one.state is not GenerationState.ABANDONED)

    def in_state(self, state: GenerationState) -> tuple[Generation, ...]:
        """Generations in one state, in the order listed."""
        return tuple(one for one in self.generations if one.state is state)

    def is_primary(self, region: RegionName, life: int) -> bool:
        """First two parts of guard `p` of protocol §5: named primary, and MEMBER in this life."""
        member = self.member(region)
        return (
            self.primary_region == region
            and member is not None
            and member.state is MemberState.MEMBER
            and member.life == life
        )

    def held_by_all(self, generation: Generation) -> bool:
        """The rotation barrier: every present entry, in its present life, holds it (H8)."""
        present = {Holder(region=one.region, life=one.life) for one in self.present_members}
        return present <= generation.holders

    def held_by_present(self, generation: Generation) -> frozenset[RegionName]:
        """Present members that hold a generation in their present lives."""
        present = {Holder(region=one.region, life=one.life) for one in self.present_members}
        return frozenset(holder.region for holder in present & generation.holders)
