"""Levels many keys with a page of the scan: one transaction for a hundred mirrors.

After an outage most keys have only a newer record. Such a key needs no reading of its own and no
CAS: the page is a linearizable read, and what follows from it is the mirror. Every key for which
more is planned (a lock, a replica that begins or ends, material to fetch, a reading that is not
believed) is handed back and visited by itself. Source: protocol §2 (the agent's periodic pass).
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from regionkms.model.key import MultiRegionFacts, Phase
from regionkms.ports.coordinator import ABSENT, Item, Reading, RecordKey, ScanPage
from regionkms.ports.store import StoreTransaction
from regionkms.reconcile.directory import RegionDirectory
from regionkms.reconcile.local import apply_level, read_local
from regionkms.reconcile.observation import believe, concerns
from regionkms.reconcile.plan import (
    NEVER_HAD,
    Level,
    LocalFacts,
    Seen,
    Settled,
    Times,
    plan,
)
from regionkms.reconcile.ports import AgentPorts

KEYS_PER_TRANSACTION: Final = 100
"""Few enough that a worker's change waits some milliseconds at most."""
_MAX_LEVELS: Final = 4
"""Mirror and current generation; whatever needs more is visited."""

Records = Sequence[tuple[RecordKey, Item]]


class PageLeveller:
    """Levels the plain cases of one Region."""

    def __init__(self, ports: AgentPorts, directory: RegionDirectory) -> None:
        self._ports = ports
        self._directory = directory

    async def level(self, page: ScanPage) -> list[RecordKey]:
        """Level what needs no more than a mirror.

        Args:
            page: Of the etcd that this Region has pinned.

        Returns:
            Keys to visit.

        Raises:
            StoreUnavailable: The store did not answer; keys of this page may be level or not.
        """
        found: list[RecordKey] = []
        for records in _chunks(page.records):
            found += await self._level(page, records)
        return found

    async def _level(self, page: ScanPage, records: Records) -> list[RecordKey]:
        visit: list[RecordKey] = []
        moved: list[tuple[RecordKey, Seen]] = []
        for key, item, local in await self._ports.store.read(lambda tx: self._moved(tx, records)):
            await asyncio.sleep(0)  # verifying a page takes longer than the loop may be held
            seen = self._believed(page, key, item, local)
            if seen is None or local.facts.lock is not None or local.phase is not Phase.LIVE:
                visit.append(key)
            else:
                moved.append((key, seen))
        if moved:
            visit += await self._ports.store.write(lambda tx: self._mirror(tx, moved))
        return visit

    def _moved(
        self, tx: StoreTransaction, records: Records
    ) -> list[tuple[RecordKey, Item, LocalFacts]]:
        """Records of this Region's business that its store is not level with."""
        moved = []
        for key, item in records:
            facts = tx.multi_region.get(key.account_id, key.key_id)
            if facts is not None and facts.mirror == item.value and is_level(facts):
                continue
            if concerns(item.value, self._ports.region, facts or NEVER_HAD):
                moved.append((key, item, self._local(tx, key)))
        return moved

    def _believed(
        self, page: ScanPage, key: RecordKey, item: Item, local: LocalFacts
    ) -> Seen | None:
        reading = Reading(
            place=page.place,
            record=item,
            incarnation=Item(mod_revision=ABSENT),
            own_entry=Item(mod_revision=ABSENT),
            proposals={},
            alive=frozenset(),
        )
        seen = believe(
            reading,
            key,
            local,
            names=self._ports.names,
            keys=self._directory.keys,
            incarnation=self._directory.incarnation,
        )
        return seen if isinstance(seen, Seen) else None

    def _mirror(
        self, tx: StoreTransaction, moved: Sequence[tuple[RecordKey, Seen]]
    ) -> list[RecordKey]:
        return [key for key, seen in moved if not self._settles(tx, key, seen)]

    def _settles(self, tx: StoreTransaction, key: RecordKey, seen: Seen) -> bool:
        """Carry out what is plain; whether that was all."""
        clock = self._ports.clock
        times = Times(kms=clock.now(), machine=clock.machine_now())
        for _ in range(_MAX_LEVELS):
            local = self._local(tx, key)
            step = plan(local, seen, times)
            if not isinstance(step, Level) or not _is_plain(step):
                return isinstance(step, Settled)
            apply_level(tx, local, step, lambda _row, _proposal: [])
        return False

    def _local(self, tx: StoreTransaction, key: RecordKey) -> LocalFacts:
        store_id = self._ports.store.store_id
        return read_local(tx, key, region=self._ports.region, store_id=store_id)


def is_level(facts: MultiRegionFacts) -> bool:
    """Whether the facts alone show nothing to do: a mirror, no lock, not Creating."""
    is_founded = bool(facts.mirror) or facts.phase is Phase.PURGED
    return is_founded and facts.lock is None and facts.phase is not Phase.CREATING


def _is_plain(change: Level) -> bool:
    """Mirror or current generation: nothing to tell, no call to end, no key to make."""
    return not change.note and not change.intents and change.insert is None


def _chunks(records: Records) -> Iterator[Records]:
    for start in range(0, len(records), KEYS_PER_TRANSACTION):
        yield records[start : start + KEYS_PER_TRANSACTION]
