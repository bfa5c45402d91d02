"""The Store port in memory: what unit tests of operations and reconcilers run on.

A write works on a copy of all tables, which replaces them when it returns; so a raised exception
leaves nothing behind. Passes the same suite as the SQL store (tests/integration/store).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from regionkms.model.errors import StoreUnavailable
from regionkms.model.ids import AccountId, AliasName, GenerationId, KeyId, StoreId
from regionkms.model.key import (
    AccessKey,
    Alias,
    DeletionKind,
    Intent,
    IntentState,
    KmsKey,
    MultiRegionFacts,
    StoredGeneration,
    Tag,
)
from regionkms.model.key_spec import KeyManager
from regionkms.ports.store import (
    Change,
    ChangeKind,
    Changes,
    OutboxRecord,
    StoreTransaction,
    WrappedDomainKey,
)

T = TypeVar("T")
Place = tuple[AccountId, KeyId]
_UNFINISHED = (IntentState.OPEN, IntentState.EXPIRED)


@dataclass
class Tables:
    """Everything that a store holds, in plain dicts of frozen values."""

    keys: dict[Place, KmsKey] = field(default_factory=dict)
    facts: dict[Place, MultiRegionFacts] = field(default_factory=dict)
    generations: dict[tuple[AccountId, KeyId, GenerationId], StoredGeneration] = field(
        default_factory=dict
    )
    aliases: dict[tuple[AccountId, str], Alias] = field(default_factory=dict)
    tags: dict[tuple[AccountId, KeyId, str], Tag] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    access_keys: dict[str, AccessKey] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    domain_keys: dict[str, WrappedDomainKey] = field(default_factory=dict)
    outbox: dict[str, OutboxRecord] = field(default_factory=dict)
    chain_heads: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "Tables":
        """A copy that can be changed without this one."""
        return Tables(**{item.name: dict(getattr(self, item.name)) for item in fields(self)})

    def check_references(self) -> None:
        """Refuse what the database's foreign keys refuse."""
        places = {
            *((account, key) for account, key, _ in self.generations),
            *((account, key) for account, key, _ in self.tags),
            *((alias.account_id, alias.target_key_id) for alias in self.aliases.values()),
        }
        if not places <= self.keys.keys():
            raise StoreUnavailable("a row belongs to a key that is not there")


class MemoryTransaction:
    """Implements every table of StoreTransaction on one set of Tables."""

    def __init__(self, tables: Tables, commit_number: int, *, writable: bool) -> None:
        self.tables = tables
        self.commit_number = commit_number
        self.writable = writable
        self.noted: dict[tuple[ChangeKind, AccountId, str], None] = {}
        self.keys = MemoryKeys(self)
        self.generations = MemoryGenerations(self)
        self.aliases = MemoryAliases(self)
        self.tags = MemoryTags(self)
        self.multi_region = MemoryMultiRegion(self)
        self.intents = MemoryIntents(self)
        self.access_keys = MemoryAccessKeys(self)
        self.settings = MemorySettings(self)
        self.domain_keys = MemoryDomainKeys(self)
        self.outbox = MemoryOutbox(self)

    def change(self) -> Tables:
        """The tables, to change them."""
        if not self.writable:
            raise ValueError("a transaction that reads must not change the store")
        return self.tables

    def note(self, kind: ChangeKind, account_id: AccountId, name: str) -> None:
        """Add to the change feed."""
        self.noted[kind, account_id, name] = None


class _Table:
    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    @property
    def _tables(self) -> Tables:
        return self._transaction.tables


class MemoryKeys(_Table):
    """See KeyTable."""

    def get(self, account_id: AccountId, key_id: KeyId) -> KmsKey | None:
        key = self._tables.keys.get((account_id, key_id))
        return None if key is None else self._with_facts(key)

    def insert(self, key: KmsKey) -> None:
        keys = self._transaction.change().keys
        place = (key.account_id, key.key_id)
        if place in keys:
            raise StoreUnavailable("there is such a key already")
        keys[place] = key
        if key.multi_region is not None:
            self._transaction.multi_region.put(*place, key.multi_region)
        self._transaction.note(ChangeKind.KEY, *place)

    def update(self, key: KmsKey) -> None:
        keys = self._transaction.change().keys
        place = (key.account_id, key.key_id)
        stored = keys.get(place)
        if stored is None or stored.version != key.version:
            raise StoreUnavailable(f"key {key.key_id} was changed by somebody else in between")
        keys[place] = replace(key, version=key.version + 1)
        self._transaction.note(ChangeKind.KEY, *place)

    def delete(self, account_id: AccountId, key_id: KeyId) -> None:
        tables = self._transaction.change()
        place = (account_id, key_id)
        if tables.keys.pop(place, None) is None:
            return
        for generation in [name for name in tables.generations if name[:2] == place]:
            del tables.generations[generation]
        for tag in [name for name in tables.tags if name[:2] == place]:
            del tables.tags[tag]
            self._transaction.note(ChangeKind.TAGS, account_id, key_id)
        for alias in list(tables.aliases.values()):
            if (alias.account_id, alias.target_key_id) == place:
                del tables.aliases[account_id, alias.alias_name]
                self._transaction.note(ChangeKind.ALIAS, account_id, alias.alias_name)
        self._transaction.note(ChangeKind.KEY, account_id, key_id)

    def page(self, account_id: AccountId, *, after: str, limit: int) -> Sequence[KeyId]:
        found = sorted(key for account, key in self._tables.keys if account == account_id)
        return [key for key in found if key > after][:limit]

    def count(self, account_id: AccountId) -> int:
        return sum(
            key.account_id == account_id and key.key_manager is KeyManager.CUSTOMER
            for key in self._tables.keys.values()
        )

    def due(self, *, before: float, limit: int) -> Sequence[KmsKey]:
        dated = [
            (key.deletion.date, key.account_id, key.key_id)
            for key in self._tables.keys.values()
            if key.deletion.kind is DeletionKind.PENDING
            and key.deletion.date is not None
            and key.deletion.date < before
        ]
        return [
            self._with_facts(self._tables.keys[account, key])
            for _, account, key in sorted(dated)[:limit]
        ]

    def all(self, *, after: tuple[str, str], limit: int) -> Sequence[KmsKey]:
        places = sorted(place for place in self._tables.keys if place > after)
        return [self._with_facts(self._tables.keys[place]) for place in places[:limit]]

    def _with_facts(self, key: KmsKey) -> KmsKey:
        if key.multi_region is None:
            return key
        return replace(key, multi_region=self._tables.facts[key.account_id, key.key_id])


class MemoryGenerations(_Table):
    """See GenerationTable."""

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[StoredGeneration]:
        found = [
            generation
            for name, generation in self._tables.generations.items()
            if name[:2] == (account_id, key_id)
        ]
        return sorted(found, key=lambda item: (item.created_at, item.generation_id))

    def put(self, account_id: AccountId, key_id: KeyId, generation: StoredGeneration) -> None:
        name = (account_id, key_id, generation.generation_id)
        self._transaction.change().generations[name] = generation
        self._transaction.note(ChangeKind.KEY, account_id, key_id)

    def delete(self, account_id: AccountId, key_id: KeyId, generation_id: GenerationId) -> None:
        if self._transaction.change().generations.pop((account_id, key_id, generation_id), None):
            self._transaction.note(ChangeKind.KEY, account_id, key_id)


class MemoryAliases(_Table):
    """See AliasTable."""

    def get(self, account_id: AccountId, alias_name: AliasName) -> Alias | None:
        return self._tables.aliases.get((account_id, alias_name))

    def put(self, alias: Alias) -> None:
        name = (alias.account_id, alias.alias_name)
        stored = self._tables.aliases.get(name)
        version = 0 if stored is None else stored.version + 1
        self._transaction.change().aliases[name] = replace(alias, version=version)
        self._transaction.note(ChangeKind.ALIAS, *name)

    def delete(self, account_id: AccountId, alias_name: AliasName) -> None:
        if self._transaction.change().aliases.pop((account_id, alias_name), None):
            self._transaction.note(ChangeKind.ALIAS, account_id, alias_name)

    def page(
        self, account_id: AccountId, *, key_id: KeyId | None, after: str, limit: int
    ) -> Sequence[Alias]:
        found = [
            alias
            for alias in self._tables.aliases.values()
            if alias.account_id == account_id
            and alias.alias_name > after
            and key_id in {None, alias.target_key_id}
        ]
        return sorted(found, key=lambda alias: alias.alias_name)[:limit]

    def count(self, account_id: AccountId, key_id: KeyId) -> int:
        return sum(
            (alias.account_id, alias.target_key_id) == (account_id, key_id)
            for alias in self._tables.aliases.values()
        )


class MemoryTags(_Table):
    """See TagTable."""

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[Tag]:
        found = [tag for name, tag in self._tables.tags.items() if name[:2] == (account_id, key_id)]
        return sorted(found, key=lambda tag: tag.tag_key.encode())

    def put(self, account_id: AccountId, key_id: KeyId, tags: Sequence[Tag]) -> None:
        for tag in tags:
            self._transaction.change().tags[account_id, key_id, tag.tag_key] = tag
            self._transaction.note(ChangeKind.TAGS, account_id, key_id)

    def delete(self, account_id: AccountId, key_id: KeyId, tag_keys: Sequence[str]) -> None:
        for tag_key in tag_keys:
            if self._transaction.change().tags.pop((account_id, key_id, tag_key), None):
                self._transaction.note(ChangeKind.TAGS, account_id, key_id)


class MemoryMultiRegion(_Table):
    """See MultiRegionTable."""

    def get(self, account_id: AccountId, key_id: KeyId) -> MultiRegionFacts | None:
        return self._tables.facts.get((account_id, key_id))

    def put(self, account_id: AccountId, key_id: KeyId, facts: MultiRegionFacts) -> None:
        stored = self._tables.facts.get((account_id, key_id))
        if stored is not None and facts.mirror_seq < stored.mirror_seq:
            raise StoreUnavailable(
                f"the mirror of {key_id} must not go back from seq {stored.mirror_seq} "
                f"to {facts.mirror_seq}"
            )
        self._transaction.change().facts[account_id, key_id] = facts
        self._transaction.note(ChangeKind.KEY, account_id, key_id)

    def page(
        self, *, after: tuple[str, str], limit: int
    ) -> Sequence[tuple[AccountId, KeyId, MultiRegionFacts]]:
        places = sorted(place for place in self._tables.facts if place > after)
        return [(*place, self._tables.facts[place]) for place in places[:limit]]

    def locked(self, *, limit: int) -> Sequence[tuple[AccountId, KeyId, MultiRegionFacts]]:
        locked = sorted(place for place, facts in self._tables.facts.items() if facts.lock)
        return [(*place, self._tables.facts[place]) for place in locked[:limit]]


class MemoryIntents(_Table):
    """See IntentTable."""

    def get(self, intent_id: str) -> Intent | None:
        return self._tables.intents.get(intent_id)

    def put(self, intent: Intent) -> None:
        self._transaction.change().intents[intent.intent_id] = intent
        self._transaction.note(ChangeKind.INTENT, intent.account_id, intent.intent_id)

    def open(self, *, limit: int) -> Sequence[Intent]:
        return _oldest_first(self._tables.intents.values())[:limit]

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[Intent]:
        return _oldest_first(
            intent
            for intent in self._tables.intents.values()
            if (intent.account_id, intent.key_id) == (account_id, key_id)
        )

    def unrecorded(self, *, before: float, limit: int) -> Sequence[Intent]:
        found = [
            intent
            for intent in self._tables.intents.values()
            if _is_unrecorded(intent) and intent.deadline < before
        ]
        return sorted(found, key=lambda intent: (intent.created_at, intent.intent_id))[:limit]

    def prune(self, *, before: float) -> None:
        intents = self._transaction.change().intents
        for intent in list(intents.values()):
            finished = intent.state not in _UNFINISHED and not _is_unrecorded(intent)
            if finished and intent.deadline < before:
                del intents[intent.intent_id]


def _is_unrecorded(intent: Intent) -> bool:
    return intent.state is IntentState.DONE and not intent.recorded


def _oldest_first(intents: Iterable[Intent]) -> list[Intent]:
    unfinished = (intent for intent in intents if intent.state in _UNFINISHED)
    return sorted(unfinished, key=lambda intent: (intent.created_at, intent.intent_id))


class MemoryAccessKeys(_Table):
    """See AccessKeyTable."""

    def get(self, access_key_id: str) -> AccessKey | None:
        return self._tables.access_keys.get(access_key_id)

    def put(self, access_key: AccessKey) -> None:
        name = access_key.access_key_id
        stored = self._tables.access_keys.get(name)
        version = 0 if stored is None else stored.version + 1
        self._transaction.change().access_keys[name] = replace(access_key, version=version)
        self._transaction.note(ChangeKind.ACCESS_KEY, access_key.account_id, name)

    def all(self) -> Sequence[AccessKey]:
        return sorted(self._tables.access_keys.values(), key=lambda key: key.access_key_id)


class MemorySettings(_Table):
    """See SettingTable."""

    def get(self, name: str) -> str | None:
        return self._tables.settings.get(name)

    def put(self, name: str, value: str) -> None:
        self._transaction.change().settings[name] = value
        self._transaction.note(ChangeKind.SETTING, AccountId(""), name)

    def prefixed(self, prefix: str) -> dict[str, str]:
        found = sorted(self._tables.settings.items())
        return {name: value for name, value in found if name.startswith(prefix)}


class MemoryDomainKeys(_Table):
    """See DomainKeyTable."""

    def all(self) -> Sequence[WrappedDomainKey]:
        found = self._tables.domain_keys.values()
        return sorted(found, key=lambda key: (key.created_at, key.domain_key_id))

    def put(self, domain_key: WrappedDomainKey) -> None:
        domain_keys = self._transaction.change().domain_keys
        if domain_key.domain_key_id in domain_keys:
            raise StoreUnavailable("there is such a domain key already")
        if domain_key.current:
            for name, stored in domain_keys.items():
                domain_keys[name] = replace(stored, current=False)
        domain_keys[domain_key.domain_key_id] = domain_key


class MemoryOutbox(_Table):
    """See Outbox."""

    def append(self, record: OutboxRecord) -> None:
        outbox = self._transaction.change().outbox
        if record.event_id in outbox:
            raise StoreUnavailable("there is such a record already")
        outbox[record.event_id] = record

    def waiting(self, *, limit: int) -> Sequence[OutboxRecord]:
        return list(self._tables.outbox.values())[:limit]

    def remove(self, event_ids: Sequence[str]) -> None:
        for event_id in event_ids:
            self._transaction.change().outbox.pop(event_id, None)

    def put_chain_head(self, chain: str, head: str) -> None:
        self._transaction.change().chain_heads[chain] = head

    def chain_heads(self) -> dict[str, str]:
        return dict(sorted(self._tables.chain_heads.items()))


class MemoryStore:
    """Implements `regionkms.ports.store.Store`.

    `unavailable` makes the next transactions fail, until it is set back.
    """

    def __init__(
        self, *, store_id: str = "5" * 32, on_commit: Callable[[], None] = lambda: None
    ) -> None:
        self.tables = Tables()
        self.unavailable = False
        self._store_id = StoreId(store_id)
        self._on_commit = on_commit
        self._commit_number = 0
        self._floor = 0
        self._feed: list[Change] = []
        self._open = True

    @property
    def store_id(self) -> StoreId:
        return self._store_id

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        self._check_open()
        return work(MemoryTransaction(self.tables, self._commit_number, writable=False))

    async def write(self, work: Callable[[StoreTransaction], T]) -> T:
        self._check_open()
        transaction = MemoryTransaction(self.tables.copy(), self._commit_number + 1, writable=True)
        result = work(transaction)
        transaction.tables.check_references()
        self.tables = transaction.tables
        self._commit_number = transaction.commit_number
        self._feed += sorted(
            (
                Change(commit_number=self._commit_number, kind=kind, account_id=account, name=name)
                for kind, account, name in transaction.noted
            ),
            key=lambda change: (change.kind, change.account_id, change.name),
        )
        if transaction.noted:
            self._on_commit()
        return result

    async def changes_since(self, commit_number: int) -> Changes:
        self._check_open()
        head = self._commit_number
        if not self._floor <= commit_number <= head:
            return Changes(head=head, complete=False, rows=())
        rows = [change for change in self._feed if change.commit_number > commit_number]
        return Changes(head=head, complete=True, rows=rows)

    async def prune_changes(self, *, keep: int) -> None:
        self._check_open()
        self._commit_number += 1
        last = self._commit_number - 1
        if keep > 0:
            if len(self._feed) < keep:
                return
            last = self._feed[-keep].commit_number - 1
        kept = [change for change in self._feed if change.commit_number > last]
        if len(kept) < len(self._feed):
            self._feed = kept
            self._floor = last

    async def close(self) -> None:
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise StoreUnavailable("the store is closed")
        if self.unavailable:
            raise StoreUnavailable("the store is away")
