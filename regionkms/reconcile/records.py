"""Which keys to look at, and when: watch, change feed of the store, and a periodic pass.

All three only put keys into the work queue; any of them may be late or miss something, the pass
finds it. A pass is one paged range read of what moved in etcd since the last one; the first one
since the agent started reads everything and compares it with the store. Source: design §4,
protocol §2 (the agent's periodic pass).
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from regionkms.model.errors import CoordinatorUnavailable, StoreUnavailable
from regionkms.model.ids import AccountId, KeyId, is_multi_region_key_id
from regionkms.model.key import MultiRegionFacts
from regionkms.ports.coordinator import Changes, RecordKey, Revision
from regionkms.ports.store import Change, ChangeKind, StoreTransaction
from regionkms.reconcile.directory import RegionDirectory
from regionkms.reconcile.pages import PageLeveller, is_level
from regionkms.reconcile.ports import AgentPorts
from regionkms.reconcile.work_queue import WorkQueue

_log = logging.getLogger(__name__)

MANY: Final = 64
"""Keys that one part of the watch may name and still have visited one by one; a pass levels a
hundred in one transaction and without a reading for each (after an outage, or a long pause)."""
_PAGE: Final = 500
"""Rows of one scan of the store: a short hold of the store's thread."""


class RecordFinder:
    """Finds the keys of one Region that may need a look."""

    def __init__(
        self, ports: AgentPorts, directory: RegionDirectory, queue: WorkQueue[RecordKey]
    ) -> None:
        self._ports = ports
        self._directory = directory
        self._queue = queue
        self._pages = PageLeveller(ports, directory)
        self._seen_revision = Revision(0)
        self._feed_head = -1
        self._passing = asyncio.Lock()
        self.last_pass_at = ports.clock.monotonic()

    @property
    def lag_s(self) -> float:
        """Seconds since the last pass that went through: how old a mirror may be at most."""
        return self._ports.clock.monotonic() - self.last_pass_at

    async def follow_watch(self) -> None:
        """Queue what etcd says has changed, for ever."""
        async for changes in self._ports.coordinator.watch(after=self._directory.floor):
            await self.take(changes)

    async def take(self, changes: Changes) -> None:
        """Queue what one part of the watch names, or look for it in a pass if it is much.

        A pass that fails has not moved on: the next one finds the same.
        """
        if changes.directory_changed:
            await self.rejoin()
        if changes.everything:
            self._seen_revision = Revision(0)
        if changes.everything or len(changes.records) > MANY:
            await self.pass_once()
            return
        for key in changes.records:
            self._queue.add(key)

    async def rejoin(self) -> None:
        """Read the directory; keys that could not be worked on are looked at when it is well."""
        was_stopped = bool(self._directory.stopped)
        await self._directory.refresh()
        if was_stopped and not self._directory.stopped:
            self._queue.add_failing()

    async def pass_once(self) -> bool:
        """One periodic pass over what moved in etcd since the last one; False if it failed."""
        async with self._passing:  # two at once would do everything twice
            if self._directory.stopped:
                await self.rejoin()
            if self._directory.stopped:
                return False
            try:
                await self._scan()
                await self._directory.keep_pins()
            except (CoordinatorUnavailable, StoreUnavailable) as error:
                _log.warning("a periodic pass failed: %s", error)
                return False
            self.last_pass_at = self._ports.clock.monotonic()
            return True

    async def _scan(self) -> None:
        highest, floor = self._seen_revision, self._directory.floor
        async for page in self._ports.coordinator.scan(changed_after=self._seen_revision):
            if not self._directory.is_pinned(page.place, floor):
                return
            highest = page.place.revision
            for key in await self._pages.level(page):
                self._queue.add(key)
        self._seen_revision = highest

    async def follow_store(self) -> bool:
        """Queue what the store's change feed names since the last call; False if it has nothing."""
        if self._feed_head < 0:
            await self._scan_store()
            return True
        changes = await self._ports.store.changes_since(self._feed_head)
        if not changes.complete:
            await self._scan_store()
            return True
        self._feed_head = changes.head
        named = _named(changes.rows)
        if named:
            await self._queue_unlevel(named)
        return bool(named)

    async def _queue_unlevel(self, named: Sequence[RecordKey]) -> None:
        def unlevel(tx: StoreTransaction) -> list[RecordKey]:
            found = ((key, tx.multi_region.get(key.account_id, key.key_id)) for key in named)
            return [key for key, facts in found if facts is not None and not is_level(facts)]

        for key in await self._ports.store.read(unlevel):
            self._queue.add(key)

    async def _scan_store(self) -> None:
        """Queue every key of the store that is not level: after a start, or a gap in the feed."""
        head = await self._ports.store.read(lambda tx: tx.commit_number)
        after: tuple[str, str] = ("", "")
        while True:
            page = await self._page(after)
            for account_id, key_id, facts in page:
                if not is_level(facts):
                    self._queue.add(RecordKey(account_id=account_id, key_id=key_id))
            if len(page) < _PAGE:
                break
            after = (page[-1][0], page[-1][1])
        self._feed_head = head

    async def _page(
        self, after: tuple[str, str]
    ) -> Sequence[tuple[AccountId, KeyId, MultiRegionFacts]]:
        return await self._ports.store.read(
            lambda tx: tx.multi_region.page(after=after, limit=_PAGE)
        )


def _named(rows: Sequence[Change]) -> list[RecordKey]:
    return list(
        {
            RecordKey(account_id=row.account_id, key_id=KeyId(row.name)): None
            for row in rows
            if row.kind is ChangeKind.KEY and is_multi_region_key_id(row.name)
        }
    )
