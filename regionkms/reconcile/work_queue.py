"""A queue of keys to visit: each key serial, several keys at once, failures later and later.

A key that is added while it is being visited is visited once more afterwards: so an event is never
lost, and a hundred events make two visits. Nothing here is durable: who adds keys (watch, change
feed, periodic pass) finds again what a crash forgot.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from regionkms.reconcile.key_reconciler import Visit

_log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

FIRST_WAIT_S: Final = 0.05
"""Wait after a first failure; it doubles up to LONGEST_WAIT_S, and each is jittered."""
LONGEST_WAIT_S: Final = 5.0
"""As long as a caller waits: after an outage every key is looked at within that time."""
_JITTER: Final = 0.5
"""A wait is between this part of itself and the whole."""


class WorkQueue(Generic[K]):
    """Visits keys with bounded parallelism.

    Args:
        visit: Visits one key. Exceptions are logged and count as failures.
        parallel: Keys visited at once.
        monotonic: Seconds that never jump.
        machine_now: The machine's wall clock, for `Visit.wake_at`.
        jitter: A random number from 0 to 1.
    """

    def __init__(
        self,
        *,
        visit: Callable[[K], Awaitable[Visit]],
        parallel: int,
        monotonic: Callable[[], float],
        machine_now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._visit = visit
        self._parallel = parallel
        self._monotonic = monotonic
        self._machine_now = machine_now
        self._jitter = jitter
        self._ready: deque[K] = deque()
        self._queued: set[K] = set()
        self._running: set[K] = set()
        self._dirty: set[K] = set()
        self._failures: dict[K, int] = {}
        self._later: list[tuple[float, int, K]] = []
        self._count = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Keys that wait for a visit or are being visited; not those that wait for a time."""
        return len(self._ready) + len(self._running)

    @property
    def failing(self) -> int:
        """Keys whose last visit failed."""
        return len(self._failures)

    def add(self, key: K) -> None:
        """Visit a key soon; at once if a worker is free."""
        if key in self._running:
            self._dirty.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.append(key)
            self._changed.set()

    def add_failing(self) -> None:
        """Visit every key whose last visit failed, now: what failed may be back."""
        for key in list(self._failures):
            self._failures[key] = 1
            self.add(key)

    async def run(self) -> None:
        """Visit until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._parallel):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._next()
            self._running.add(key)
            try:
                visit = await self._visit_safely(key)
            finally:
                self._running.discard(key)
            self._settle(key, visit)

    async def _next(self) -> K:
        while True:
            self._promote()
            if self._ready:
                key = self._ready.popleft()
                self._queued.discard(key)
                return key
            self._changed.clear()
            wait_s = self._later[0][0] - self._monotonic() if self._later else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _promote(self) -> None:
        now = self._monotonic()
        while self._later and self._later[0][0] <= now:
            self.add(heapq.heappop(self._later)[2])

    async def _visit_safely(self, key: K) -> Visit:
        try:
            return await self._visit(key)
        except Exception as fault:  # noqa: BLE001 - a task root: one key must not end the others
            _log.warning("a visit failed and is tried again: %s: %s", type(fault).__name__, fault)
            return Visit(again=True)

    def _settle(self, key: K, visit: Visit) -> None:
        is_dirty = key in self._dirty
        self._dirty.discard(key)
        if visit.again:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            longest = min(FIRST_WAIT_S * 2 ** min(failures, 16), LONGEST_WAIT_S)
            self._after(longest * (1 - _JITTER * self._jitter()), key)
        else:
            self._failures.pop(key, None)
        if visit.wake_at is not None:
            self._after(max(0.0, visit.wake_at - self._machine_now()), key)
        if visit.at_once or is_dirty:
            self.add(key)

    def _after(self, seconds: float, key: K) -> None:
        self._count += 1
        heapq.heappush(self._later, (self._monotonic() + seconds, self._count, key))
        self._changed.set()
