"""The coordinator: what a Region's agent may do with the state that all Regions share.

Implemented on etcd (coordination/) and in memory for tests. Only the one leading agent of a Region
uses it (protocol R13). Values are opaque here: who reads one verifies it (crypto/trust.py).

Every read is linearizable, every write is one transaction. A write has three outcomes: `Won`,
`Lost` with what is there now, or OutcomeUnknown raised: it may or may not have landed, now or a
moment later, and the caller looks again. A write that certainly was not sent or not applied raises
CoordinatorUnavailable, as a failed read does. Nothing is ever retried blindly.

Source: protocol §2 (keys), R2, R4, R12, design §4, style 2.4.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NewType, Protocol

from regionkms.model.ids import AccountId, KeyId, RegionName

Revision = NewType("Revision", int)
"""etcd's revision: one counter over all keys. 0 stands for a key that does not exist."""

ABSENT: Final = Revision(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """Which multi-Region key a record is about."""

    account_id: AccountId
    key_id: KeyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A value and the revision of its last change; `ABSENT` and empty if there is no such key."""

    value: bytes = field(default=b"", repr=False)
    mod_revision: Revision = ABSENT

    @property
    def present(self) -> bool:
        """Whether the key exists."""
        return self.mod_revision != ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which etcd answered, and how far it was.

    Attributes:
        cluster_id: Changes when etcd is restored with a new token, or is another one.
        revision: Of the store when it answered; falls only after a rollback (protocol §6).
    """

    cluster_id: int
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One linearizable read of a record with all that a guard may need, at one revision.

    Attributes:
        record: A SignedRecord, or absent.
        incarnation: A SignedIncarnation.
        own_entry: This Region's SignedRegionEntry in the directory (R12).
        proposals: SignedProposals about this key, by target Region.
        alive: Regions whose lease is there.
    """

    place: Place
    record: Item
    incarnation: Item
    own_entry: Item
    proposals: Mapping[RegionName, Item]
    alive: frozenset[RegionName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must be unchanged for a commit to land; all of it is compared in the transaction.

    Attributes:
        record: `mod_revision` of the record as read; ABSENT to create it.
        incarnation: `mod_revision` of the incarnation as read.
        own_entry: `mod_revision` of the writer's own directory entry as read or pinned (R12).
        lease_absent: A Region whose lease must not be there (promote, retire).
    """

    record: Revision
    incarnation: Revision
    own_entry: Revision
    lease_absent: RegionName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWrite:
    """What a commit writes, all in one transaction.

    Attributes:
        value: The new SignedRecord.
        put_proposals: SignedProposals to write, by target Region.
        delete_proposals: Target Regions whose proposal ends with this commit.
    """

    value: bytes = field(repr=False)
    put_proposals: Mapping[RegionName, bytes] = field(default_factory=dict, repr=False)
    delete_proposals: frozenset[RegionName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """The write landed; `revision` is the record's new `mod_revision`."""

    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A guard did not hold, nothing was written; `current` is from the same transaction."""

    current: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLost:
    """A directory entry or the incarnation had moved; nothing was written."""

    current: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPage:
    """A page of a scan. All pages of one scan are of the revision in `place`."""

    place: Place
    records: Sequence[tuple[RecordKey, Item]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The directory of Regions, the incarnation and the leases, at one revision."""

    place: Place
    incarnation: Item
    entries: Mapping[RegionName, Item]
    alive: frozenset[RegionName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a watch saw: look now at these. It carries no values on purpose (design §4).

    Attributes:
        revision: Everything up to here has been seen.
        records: Keys whose record or proposals changed.
        directory_changed: An entry of the directory or the incarnation changed.
        everything: Events were missed (compaction): look at everything once.
    """

    revision: Revision
    records: frozenset[RecordKey] = frozenset()
    directory_changed: bool = False
    everything: bool = False


class Coordinator(Protocol):
    """The shared state as one Region sees it. Each call ends by its deadline."""

    async def read_record(self, key: RecordKey) -> Reading:
        """Read a record and what guards need, in one linearizable transaction.

        Raises:
            CoordinatorUnavailable: No answer in time.
        """

    async def commit(self, key: RecordKey, guard: Guard, write: RecordWrite) -> Won | Lost:
        """Compare every part of the guard and write, in one transaction.

        Raises:
            OutcomeUnknown: It was sent, and no answer came.
            CoordinatorUnavailable: It certainly has not been applied and never will be.
        """

    def scan(self, *, changed_after: Revision) -> AsyncIterator[ScanPage]:
        """Page through the records of all keys whose mod_revision is above `changed_after`.

        At least one page comes, so that its place can be remembered. 0 means all records.

        Raises:
            CoordinatorUnavailable: No answer in time, or compacted between two pages: start anew.
        """

    def watch(self, *, after: Revision) -> AsyncIterator[Changes]:
        """Yield what changes after a revision, for ever, over lost connections and compactions.

        No change is missed without an `everything`. It raises nothing but cancellation.
        """

    async def read_directory(self) -> Directory:
        """Read the directory, the incarnation and the leases, in one linearizable transaction.

        Raises:
            CoordinatorUnavailable: No answer in time.
        """

    async def put_entry(self, value: bytes, *, replaces: Revision) -> Won | EntryLost:
        """Write this Region's own directory entry if it is still at `replaces`.

        ABSENT registers: create if absent. Caller and readers verify who may replace what.

        Raises:
            OutcomeUnknown, CoordinatorUnavailable: As in `commit`.
        """

    async def put_incarnation(self, value: bytes, *, replaces: Revision) -> Won | EntryLost:
        """Write the incarnation if it is still at `replaces`; ABSENT: create if absent.

        Raises:
            OutcomeUnknown, CoordinatorUnavailable: As in `commit`.
        """

    async def audit_heads(self) -> Mapping[str, Item]:
        """Read the signed heads of this Region's audit chains, by chain (design §5b).

        Raises:
            CoordinatorUnavailable: No answer in time.
        """

    async def put_audit_head(
        self, chain: str, value: bytes, *, replaces: Revision
    ) -> Won | EntryLost:
        """Write the head of one of this Region's audit chains if it is still at `replaces`.

        Raises:
            OutcomeUnknown, CoordinatorUnavailable: As in `commit`.
        """

    async def hold_lease(self, *, own_entry: Revision) -> None:
        """Keep `alive/{own Region}` under a lease until cancelled, granting it anew when lost.

        The key is only written while the own directory entry is at `own_entry` (R12); it returns
        when that has moved. Cancelling does not revoke: the lease lapses after its time to live.
        """
