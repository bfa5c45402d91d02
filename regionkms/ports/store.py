"""The regional store as upper floors see it: transactions over a few narrow tables.

A transaction is a plain function that gets a StoreTransaction, runs on the store's own thread, and
either returns (commit) or raises (rollback, nothing changed). It must not block on anything else
and may be run again after a serialization failure, so it has no effect outside the transaction.

Rows that decide are checked against their authentication code when they are read; one that does
not fit raises RowTampered. Scans (`due`, `all`, `page`, `locked`, `open`) cross keys, so they leave
such a row out and name it in the log: who can write the database may take one key out of service,
not all. All table methods raise StoreUnavailable when the database fails.

Source: design §2 (store), protocol §3 (local facts), R1, R3, R5, R8, R12.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from regionkms.model.ids import AccountId, AliasName, DomainKeyId, GenerationId, KeyId, StoreId
from regionkms.model.key import (
    AccessKey,
    Alias,
    Intent,
    KmsKey,
    MultiRegionFacts,
    StoredGeneration,
    Tag,
)

T = TypeVar("T")


class ChangeKind(StrEnum):
    """What a row of the change feed is about."""

    KEY = "key"
    """Key row, its generations, policy, state or multi-Region facts."""
    ALIAS = "alias"
    TAGS = "tags"
    ACCESS_KEY = "access key"
    SETTING = "setting"
    INTENT = "intent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the change feed.

    Attributes:
        commit_number: Of the transaction that made it; strictly growing.
        name: Key id, alias name, access key id, setting or intent id.
    """

    commit_number: int
    kind: ChangeKind
    account_id: AccountId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The part of the change feed after some commit number.

    Attributes:
        complete: False when rows in between are pruned: forget everything cached.
        head: Commit number that the reader has caught up to.
    """

    head: int
    complete: bool
    rows: Sequence[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRecord:
    """An audit record that waits in the store for its place in a chain (design §5b).

    Attributes:
        event_id: The record's eventID; draining is exactly once by it.
        record: The encoded record, without chain members.
    """

    event_id: str
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedDomainKey:
    """A domain key under the root key (design §3)."""

    domain_key_id: DomainKeyId
    wrapped: bytes
    created_at: float
    current: bool


class KeyTable(Protocol):
    """KMS keys by (account, key id). Purged keys have no row here."""

    def get(self, account_id: AccountId, key_id: KeyId) -> KmsKey | None:
        """The key with its multi-Region facts, or None."""

    def insert(self, key: KmsKey) -> None:
        """Add a key (with `multi_region` facts, if any). The id must be new."""

    def update(self, key: KmsKey) -> None:
        """Replace the row whose version is `key.version`; the stored version is one higher.

        Multi-Region facts are not written: they change by `multi_region.put` alone, so that a
        stale copy can't undo a lock or a mirror.

        Raises:
            StoreUnavailable: The version moved: somebody else changed the key in between.
        """

    def delete(self, account_id: AccountId, key_id: KeyId) -> None:
        """Remove the key's row, generations, aliases and tags; multi-Region facts stay."""

    def page(self, account_id: AccountId, *, after: str, limit: int) -> Sequence[KeyId]:
        """Key ids in order, greater than `after` (empty: from the start), at most `limit`."""

    def count(self, account_id: AccountId) -> int:
        """How many customer managed keys the account has (kept as a counter, not a scan)."""

    def due(self, *, before: float, limit: int) -> Sequence[KmsKey]:
        """Keys with a PENDING deletion dated before `before` (KMS time), oldest first."""

    def all(self, *, after: tuple[str, str], limit: int) -> Sequence[KmsKey]:
        """Keys of all accounts by (account, key id), greater than `after`: for scans."""


class GenerationTable(Protocol):
    """Versions of key material, wrapped."""

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[StoredGeneration]:
        """All generations held for a key, oldest first."""

    def put(self, account_id: AccountId, key_id: KeyId, generation: StoredGeneration) -> None:
        """Add a generation, or replace its wrapping (re-wrap)."""

    def delete(self, account_id: AccountId, key_id: KeyId, generation_id: GenerationId) -> None:
        """Destroy one generation's bytes."""


class AliasTable(Protocol):
    """Aliases by (account, name)."""

    def get(self, account_id: AccountId, alias_name: AliasName) -> Alias | None:
        """The alias, or None."""

    def put(self, alias: Alias) -> None:
        """Add or replace an alias."""

    def delete(self, account_id: AccountId, alias_name: AliasName) -> None:
        """Remove an alias; nothing happens if it is not there."""

    def page(
        self, account_id: AccountId, *, key_id: KeyId | None, after: str, limit: int
    ) -> Sequence[Alias]:
        """Aliases by name (of one key, or of all), greater than `after`, at most `limit`."""

    def count(self, account_id: AccountId, key_id: KeyId) -> int:
        """How many aliases target the key."""


class TagTable(Protocol):
    """Tags of keys."""

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[Tag]:
        """All tags of the key (at most 50), by tag key."""

    def put(self, account_id: AccountId, key_id: KeyId, tags: Sequence[Tag]) -> None:
        """Add tags, replacing values of tag keys that exist."""

    def delete(self, account_id: AccountId, key_id: KeyId, tag_keys: Sequence[str]) -> None:
        """Remove tags; absent tag keys are no error."""


class MultiRegionTable(Protocol):
    """Facts of multi-Region keys, tombstones included (protocol §3)."""

    def get(self, account_id: AccountId, key_id: KeyId) -> MultiRegionFacts | None:
        """The facts, also of a purged key; None if this store never knew the key."""

    def put(self, account_id: AccountId, key_id: KeyId, facts: MultiRegionFacts) -> None:
        """Add or replace the facts.

        Raises:
            StoreUnavailable: `mirror_seq` is lower than the stored one (R5).
        """

    def page(
        self, *, after: tuple[str, str], limit: int
    ) -> Sequence[tuple[AccountId, KeyId, MultiRegionFacts]]:
        """All facts by (account, key id), greater than `after`, at most `limit`."""

    def locked(self, *, limit: int) -> Sequence[tuple[AccountId, KeyId, MultiRegionFacts]]:
        """Facts that hold a lock, for the reconciler after a restart."""


class IntentTable(Protocol):
    """Intents of workers and operators (design §2, protocol R3, R11)."""

    def get(self, intent_id: str) -> Intent | None:
        """The intent, or None once it is pruned."""

    def put(self, intent: Intent) -> None:
        """Add or replace an intent."""

    def open(self, *, limit: int) -> Sequence[Intent]:
        """Intents in state OPEN or EXPIRED, oldest first."""

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[Intent]:
        """Intents about one key in state OPEN or EXPIRED."""

    def unrecorded(self, *, before: float, limit: int) -> Sequence[Intent]:
        """DONE intents without their audit record, of deadlines before `before`, oldest first."""

    def prune(self, *, before: float) -> None:
        """Remove finished intents whose deadline (machine time) is before `before`.

        DONE intents whose audit record does not stand yet are kept.
        """


class AccessKeyTable(Protocol):
    """Root credentials of accounts."""

    def get(self, access_key_id: str) -> AccessKey | None:
        """The access key, or None."""

    def put(self, access_key: AccessKey) -> None:
        """Add or replace an access key."""

    def all(self) -> Sequence[AccessKey]:
        """Every access key of the Region's store."""


class SettingTable(Protocol):
    """Small facts of the store itself: lab mark, clock offset, pins, directory copy, limits."""

    def get(self, name: str) -> str | None:
        """The value, or None."""

    def put(self, name: str, value: str) -> None:
        """Add or replace a value."""

    def prefixed(self, prefix: str) -> dict[str, str]:
        """All settings whose name starts with `prefix`."""


class DomainKeyTable(Protocol):
    """Domain keys under the root key."""

    def all(self) -> Sequence[WrappedDomainKey]:
        """Every domain key of the store."""

    def put(self, domain_key: WrappedDomainKey) -> None:
        """Add a domain key; a `current` one takes that mark from the others."""


class Outbox(Protocol):
    """Audit records that wait for their place in a chain (design §5b)."""

    def append(self, record: OutboxRecord) -> None:
        """Add a record in the change's own transaction."""

    def waiting(self, *, limit: int) -> Sequence[OutboxRecord]:
        """Records not yet taken out, oldest first."""

    def remove(self, event_ids: Sequence[str]) -> None:
        """Take out records that stand, durable, in a chain."""

    def put_chain_head(self, chain: str, head: str) -> None:
        """Keep the signed head of a chain (JSON), so that a cut tail is found."""

    def chain_heads(self) -> dict[str, str]:
        """The kept heads by chain."""


class StoreTransaction(Protocol):
    """The tables of one open transaction."""

    @property
    def keys(self) -> KeyTable:
        """KMS keys."""

    @property
    def generations(self) -> GenerationTable:
        """Versions of key material."""

    @property
    def aliases(self) -> AliasTable:
        """Aliases."""

    @property
    def tags(self) -> TagTable:
        """Tags."""

    @property
    def multi_region(self) -> MultiRegionTable:
        """Facts of multi-Region keys."""

    @property
    def intents(self) -> IntentTable:
        """Intents."""

    @property
    def access_keys(self) -> AccessKeyTable:
        """Root credentials."""

    @property
    def settings(self) -> SettingTable:
        """Facts of the store itself."""

    @property
    def domain_keys(self) -> DomainKeyTable:
        """Domain keys under the root key."""

    @property
    def outbox(self) -> Outbox:
        """Audit records on their way to a chain."""

    @property
    def commit_number(self) -> int:
        """Of this transaction when it writes; of the last commit when it reads."""


class Store(Protocol):
    """A Region's store. One instance serves one process."""

    @property
    def store_id(self) -> StoreId:
        """Random id made with the store (protocol R12)."""

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run a transaction that changes nothing, on one consistent snapshot."""

    async def write(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run a transaction; on return it is durable (fsync) and the change counter is bumped.

        The counter rests when no row of the change feed was added (outbox, chain heads): nobody
        can have cached anything of it.

        Raises:
            StoreUnavailable: It did not commit; nothing changed.
            OutcomeUnknown: PostgreSQL went away during the commit, and stayed away.
        """

    async def changes_since(self, commit_number: int) -> Changes:
        """The change feed after a commit number, at most the last few thousand rows."""

    async def prune_changes(self, *, keep: int) -> None:
        """Drop rows of the change feed but the newest `keep`."""

    async def close(self) -> None:
        """End the store thread and its connections."""
