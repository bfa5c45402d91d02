"""A twin of the etcd coordinator in memory, with lag and lost replies on demand.

`MemoryEtcd` is what all Regions share; each Region gets a `MemoryCoordinator` on it. A plan of
faults says what happens to the next writes: an answer lost after it landed, or before.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from regionkms.model.errors import CoordinatorUnavailable, OutcomeUnknown
from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName
from regionkms.ports.coordinator import (
    ABSENT,
    Changes,
    Directory,
    EntryLost,
    Guard,
    Item,
    Lost,
    Place,
    Reading,
    RecordKey,
    RecordWrite,
    Revision,
    ScanPage,
    Won,
)


class WriteFault(StrEnum):
    """What becomes of one write."""

    REPLY_LOST = "it lands, its answer is lost"
    SENT_NOT_LANDED = "it is sent, never lands, and no answer comes"
    LANDS_LATER = "no answer comes, it lands when `release` is called, if its guard still holds"
    NOT_SENT = "no connection"


@dataclass(slots=True)
class MemoryEtcd:
    """The shared state: keys, values, mod revisions, history of names."""

    cluster: ClusterName
    cluster_id: int = 1
    revision: int = 1
    items: dict[bytes, Item] = field(default_factory=dict)
    history: list[tuple[int, bytes]] = field(default_factory=list)
    compacted_to: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    def get(self, name: bytes) -> Item:
        return self.items.get(name, Item())

    def prefixed(self, prefix: bytes) -> dict[bytes, Item]:
        return {name: item for name, item in sorted(self.items.items()) if name.startswith(prefix)}

    async def apply(self, puts: dict[bytes, bytes], deletes: frozenset[bytes]) -> Revision:
        """Write at once, at the next revision."""
        revision = Revision(self.revision + 1)
        gone = {name for name in deletes if name in self.items}
        for name, value in puts.items():
            self.items[name] = Item(value=value, mod_revision=revision)
        for name in gone:
            del self.items[name]
        self.revision = revision
        self.history += [(revision, name) for name in (*puts, *gone)]
        async with self.moved:
            self.moved.notify_all()
        return revision

    async def compact(self) -> None:
        """Forget the history; watches that are behind see it."""
        self.compacted_to = self.revision
        self.history.clear()
        async with self.moved:
            self.moved.notify_all()

    @property
    def place(self) -> Place:
        return Place(cluster_id=self.cluster_id, revision=Revision(self.revision))


class MemoryCoordinator:
    """One Region's view of a MemoryEtcd; satisfies the Coordinator port."""

    def __init__(self, etcd: MemoryEtcd, region: RegionName) -> None:
        self.etcd = etcd
        self.region = region
        self.names = Keyspace(etcd.cluster)
        self.cut = False
        self.write_faults: deque[WriteFault] = deque()
        self._later: list[Callable[[], bool]] = []
        self._landing: list[tuple[dict[bytes, bytes], frozenset[bytes]]] = []
        self.writes = 0

    async def read_record(self, key: RecordKey) -> Reading:
        self._connected()
        return self._reading(key)

    async def commit(self, key: RecordKey, guard: Guard, write: RecordWrite) -> Won | Lost:
        if ABSENT in {guard.incarnation, guard.own_entry}:
            raise ValueError(
                "a commit compares the incarnation and the writer's own directory entry"
            )
        puts = {self.names.record(key.account_id, key.key_id): write.value}
        for region, value in write.put_proposals.items():
            puts[self.names.proposal(key.account_id, key.key_id, region)] = value
        deletes = frozenset(
            self.names.proposal(key.account_id, key.key_id, region)
            for region in write.delete_proposals - set(write.put_proposals)
        )
        landed = await self._write(lambda: self._guard_holds(key, guard), puts, deletes)
        return Lost(current=self._reading(key)) if landed is None else Won(revision=landed)

    async def scan(self, *, changed_after: Revision) -> AsyncIterator[ScanPage]:
        self._connected()
        records = []
        for name, item in self.etcd.prefixed(self.names.records).items():
            named = self.names.named_record(name)
            if named is not None and item.mod_revision > changed_after:
                key = RecordKey(account_id=named.account_id, key_id=named.key_id)
                records.append((key, item))
        yield ScanPage(place=self.etcd.place, records=records)

    async def watch(self, *, after: Revision) -> AsyncIterator[Changes]:
        seen = int(after)
        while True:
            if seen < self.etcd.compacted_to:
                seen = self.etcd.compacted_to
                yield Changes(revision=Revision(seen), directory_changed=True, everything=True)
            names = [name for revision, name in self.etcd.history if revision > seen]
            if not names or self.cut:
                async with self.etcd.moved:
                    await self.etcd.moved.wait()
                continue
            seen = self.etcd.revision
            named = [self.names.named_record(name) for name in names]
            yield Changes(
                revision=Revision(seen),
                records=frozenset(
                    RecordKey(account_id=one.account_id, key_id=one.key_id) for one in named if one
                ),
                directory_changed=any(self.names.in_directory(name) for name in names),
            )

    async def read_directory(self) -> Directory:
        self._connected()
        return Directory(
            place=self.etcd.place,
            incarnation=self.etcd.get(self.names.incarnation),
            entries=self._by_region(self.names.entries),
            alive=frozenset(self._by_region(self.names.leases)),
        )

    async def put_entry(self, value: bytes, *, replaces: Revision) -> Won | EntryLost:
        return await self._replace(self.names.entry(self.region), value, replaces)

    async def put_incarnation(self, value: bytes, *, replaces: Revision) -> Won | EntryLost:
        return await self._replace(self.names.incarnation, value, replaces)

    async def audit_heads(self) -> Mapping[str, Item]:
        self._connected()
        return {
            self.names.last_part(name): item
            for name, item in self.etcd.prefixed(self.names.audit_heads(self.region)).items()
        }

    async def put_audit_head(
        self, chain: str, value: bytes, *, replaces: Revision
    ) -> Won | EntryLost:
        return await self._replace(self.names.audit_head(self.region, chain), value, replaces)

    async def hold_lease(self, *, own_entry: Revision) -> None:
        name = self.names.lease(self.region)
        while self.etcd.get(self.names.entry(self.region)).mod_revision == own_entry:
            if not self.cut and not self.etcd.get(name).present:
                await self.etcd.apply({name: b""}, frozenset())
            async with self.etcd.moved:
                await self.etcd.moved.wait()

    async def lapse(self) -> None:
        """Let this Region's lease run out."""
        await self.etcd.apply({}, frozenset({self.names.lease(self.region)}))

    async def release(self) -> int:
        """Let delayed writes arrive now; how many landed."""
        landed = 0
        for holds, (puts, deletes) in zip(self._later, self._landing, strict=True):
            if holds():
                await self.etcd.apply(puts, deletes)
                landed += 1
        self._later.clear()
        self._landing.clear()
        return landed

    def _connected(self) -> None:
        if self.cut:
            raise CoordinatorUnavailable("no connection to etcd (twin)")

    def _guard_holds(self, key: RecordKey, guard: Guard) -> bool:
        current = self._reading(key)
        absent = guard.lease_absent
        return (
            current.record.mod_revision == guard.record
            and current.incarnation.mod_revision == guard.incarnation
            and current.own_entry.mod_revision == guard.own_entry
            and (absent is None or absent not in current.alive)
        )

    async def _replace(self, name: bytes, value: bytes, replaces: Revision) -> Won | EntryLost:
        landed = await self._write(
            lambda: self.etcd.get(name).mod_revision == replaces, {name: value}, frozenset()
        )
        current = self.etcd.get(name)
        return EntryLost(current=current) if landed is None else Won(revision=landed)

    async def _write(
        self, holds: Callable[[], bool], puts: dict[bytes, bytes], deletes: frozenset[bytes]
    ) -> Revision | None:
        self._connected()
        self.writes += 1
        fault = self.write_faults.popleft() if self.write_faults else None
        if fault is WriteFault.NOT_SENT:
            raise CoordinatorUnavailable("no connection to etcd (twin)")
        if fault is WriteFault.LANDS_LATER:
            self._later.append(holds)
            self._landing.append((puts, deletes))
        if fault in {WriteFault.LANDS_LATER, WriteFault.SENT_NOT_LANDED}:
            raise OutcomeUnknown("no answer (twin)")
        landed = await self.etcd.apply(puts, deletes) if holds() else None
        if fault is WriteFault.REPLY_LOST:
            raise OutcomeUnknown("no answer (twin)")
        return landed

    def _reading(self, key: RecordKey) -> Reading:
        return Reading(
            place=self.etcd.place,
            record=self.etcd.get(self.names.record(key.account_id, key.key_id)),
            incarnation=self.etcd.get(self.names.incarnation),
            own_entry=self.etcd.get(self.names.entry(self.region)),
            proposals=self._by_region(self.names.proposals(key.account_id, key.key_id)),
            alive=frozenset(self._by_region(self.names.leases)),
        )

    def _by_region(self, prefix: bytes) -> dict[RegionName, Item]:
        return {
            RegionName(self.names.last_part(name)): item
            for name, item in self.etcd.prefixed(prefix).items()
        }
