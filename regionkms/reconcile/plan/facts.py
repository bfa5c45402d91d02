"""What the planner decides from: a Region's durable facts of one key, and one believed reading.

Values only; store and coordinator are read by the reconcilers, which hand them over as these.
Source: protocol §1 R1-R3, §3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName, StoreId
from regionkms.model.key import (
    Intent,
    KmsKey,
    LockKind,
    MultiRegionFacts,
    Phase,
    StoredGeneration,
)
from regionkms.model.key_spec import Origin
from regionkms.model.proposal import Proposal
from regionkms.model.record import (
    GenerationState,
    Holder,
    Incarnation,
    Member,
    MemberState,
    Record,
)
from regionkms.ports.coordinator import Revision

NEVER_HAD: Final = MultiRegionFacts(life=0, phase=Phase.PURGED)
"""Facts of a key that this Region never had."""
IN_USE: Final = frozenset({GenerationState.CURRENT, GenerationState.PREVIOUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFacts:
    """One key in a Region's store, as one transaction sees it.

    Attributes:
        store_id: Of the store; a key last opened under another one is closed (R12).
        key: The key's row; None if the Region does not have the key (also: a tombstone).
        facts: Of the protocol; `NEVER_HAD` if the store has none.
        mirror: The record in `facts.mirror`, parsed; None before the first look.
        held: Generations whose bytes the store has, by id.
        intent: The intent that holds the key's lock; None without a lock, or if it is gone.
    """

    region: RegionName
    store_id: StoreId
    account_id: AccountId
    key_id: KeyId
    key: KmsKey | None
    facts: MultiRegionFacts
    mirror: Record | None
    held: Mapping[GenerationId, StoredGeneration] = field(repr=False)
    intent: Intent | None = None

    @property
    def phase(self) -> Phase:
        """Of the key; a key without a row is PURGED."""
        return Phase.PURGED if self.key is None else self.facts.phase

    @property
    def is_open(self) -> bool:
        """Whether this store may serve and act for the key (protocol §5 Open)."""
        return self.key is not None and self.facts.opened_by == self.store_id

    @property
    def lock_kind(self) -> LockKind | None:
        """The kind of the key's lock."""
        return None if self.facts.lock is None else self.facts.lock.kind

    @property
    def fetches(self) -> bool:
        """Whether material comes from other Regions; imported material never does (protocol §7)."""
        return self.key is None or self.key.origin is not Origin.EXTERNAL

    @property
    def has_binding_key(self) -> bool:
        """Whether the key's binding key is here; without it nothing is acknowledged."""
        return self.key is not None and bool(self.key.binding_key.wrapped)

    def entry(self, record: Record) -> Member | None:
        """This Region's entry in a record."""
        return record.member(self.region)

    def present_in(self, record: Record) -> Member | None:
        """This Region's entry if it is CREATING or MEMBER in the life of the key in this store."""
        member = record.member(self.region)
        is_mine = member is not None and member.present and member.life == self.facts.life
        return member if is_mine and self.phase in {Phase.CREATING, Phase.LIVE} else None

    def acts_on(self, record: Record) -> bool:
        """Guard `p` of protocol §5: only then may this Region do an act of the primary (R2)."""
        return (
            self.mirror is not None
            and self.mirror.epoch == record.epoch
            and record.is_primary(self.region, self.facts.life)
            and not record.dead
            and self.is_open
            and self.phase is Phase.LIVE
        )

    def lacks(self, record: Record, states: frozenset[GenerationState]) -> list[GenerationId]:
        """Generations in these states that are not here with the right fingerprint (R8)."""
        return [
            one.generation_id
            for one in record.generations
            if one.state in states and not self.holds(record, one.generation_id)
        ]

    def holds(self, record: Record, generation_id: GenerationId) -> bool:
        """Whether a listed generation's bytes are here and fit the record's fingerprint (H1).

        The stored fingerprint was computed from the stored bytes under the key's binding key, when
        they were made, fetched or imported; without a binding key nothing is held.
        """
        stored, listed = self.held.get(generation_id), record.generation(generation_id)
        return (
            stored is not None
            and listed is not None
            and self.has_binding_key
            and stored.fingerprint == listed.fingerprint
        )

    def acknowledged(self, record: Record) -> frozenset[GenerationId]:
        """Generations that the record says this Region holds in its present life."""
        mine = Holder(region=self.region, life=self.facts.life)
        return frozenset(one.generation_id for one in record.generations if mine in one.holders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One linearizable reading of a record that has been verified.

    Attributes:
        record: None if there is none.
        value: Its exact bytes, which become the mirror.
        revision: `mod_revision` of the record.
        incarnation: Of the etcd data, as it stands there.
        proposal: To this Region, verified; None if there is none, or none to be believed.
        proposals: Regions that a proposal about this key stands for.
        alive: Regions whose lease is there.
    """

    record: Record | None
    value: bytes = field(default=b"", repr=False)
    revision: Revision
    incarnation: Incarnation
    proposal: Proposal | None = None
    proposals: frozenset[RegionName] = frozenset()
    alive: frozenset[RegionName] = frozenset()


def is_member(member: Member | None) -> bool:
    """Whether an entry is MEMBER."""
    return member is not None and member.state is MemberState.MEMBER
