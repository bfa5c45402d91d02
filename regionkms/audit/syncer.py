"""The thread that makes written segments durable (fsync), so that the event loop never waits.

It syncs at least twice a second while something is unsynced, also when the loop is busy, and at
once when a change waits for its record. Changes that wait at the same time share one sync.
"""

import asyncio
import threading
from dataclasses import dataclass
from typing import Final, NamedTuple

from regionkms.audit.segment import SegmentFile
from regionkms.model.errors import AuditUnavailable

SYNC_INTERVAL_S: Final = 0.5
"""Half of what design §5b allows, so that a sync may take as long again."""


class Mark(NamedTuple):
    """A place in a chain that a sync reaches: lines before `n` are included.

    Attributes:
        n: How many lines of the chain there are.
        hash: Of the last one.
        segment: Number of the file that it is in.
    """

    n: int
    hash: bytes
    segment: int


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    n: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class Syncer:
    """Syncs the segments of one chain. `start` once, `stop` once; the rest is for the loop."""

    def __init__(self, name: str) -> None:
        self._changed: Final = threading.Condition()
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)
        self._segments: list[SegmentFile] = []
        self._written: Mark | None = None
        self._durable: Mark | None = None
        self._waiters: list[_Waiter] = []
        self._failed = False
        self._stopping = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Sync once more, close the segments and end the thread; it may block for one sync."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        for segment in self._segments:
            segment.close()
        self._segments.clear()

    @property
    def durable(self) -> Mark | None:
        """The last place that is known to be durable; None before the first sync."""
        return self._durable

    @property
    def failed(self) -> bool:
        """A sync failed: the current segment is not to be trusted any more (see `replace`)."""
        return self._failed

    def use(self, segment: SegmentFile) -> None:
        """Go on with another segment; the ones before are synced once more and closed."""
        with self._changed:
            self._segments.append(segment)

    def replace(self, segment: SegmentFile, mark: Mark) -> None:
        """Go on with a segment that is synced already, after a failure."""
        with self._changed:
            abandoned, self._segments = self._segments, [segment]
            self._written = self._durable = mark
            self._failed = False
        for old in abandoned:
            old.close()

    def wrote(self, mark: Mark) -> None:
        """The chain has been written up to here."""
        self._written = mark  # one store; the thread looks for it within SYNC_INTERVAL_S

    async def wait(self, mark: Mark) -> None:
        """Return when everything up to the mark is durable.

        Raises:
            AuditUnavailable: It could not be synced.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._changed:
            if self._failed or self._stopping:
                raise AuditUnavailable("the audit log can't be synced")
            self._waiters.append(_Waiter(mark.n, loop, future))
            self._changed.notify()
        await future

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._wanted, timeout=SYNC_INTERVAL_S)
                stopping, target = self._stopping, self._written
                segments = list(self._segments)
                idle = self._failed or target == self._durable
            if not idle and target is not None:
                self._sync(segments, target)
            elif self._durable is not None:
                self._release(self._durable)
            if stopping:
                self._release(None)
                return

    def _wanted(self) -> bool:
        return self._stopping or bool(self._waiters)

    def _sync(self, segments: list[SegmentFile], target: Mark) -> None:
        try:
            for segment in segments:
                segment.sync()
        except OSError:
            with self._changed:
                self._failed = True
            self._release(None)
            return
        with self._changed:
            self._durable = target
            finished = segments[:-1]
            self._segments = [file for file in self._segments if file not in finished]
        for segment in finished:
            segment.close()
        self._release(target)

    def _release(self, reached: Mark | None) -> None:
        """Tell waiters: those up to the mark that all is well, or all of them that it is not."""
        with self._changed:
            waiters = self._waiters
            ready = [one for one in waiters if reached is None or one.n <= reached.n]
            self._waiters = [one for one in waiters if one not in ready]
        for waiter in ready:
            _settle(waiter, None if reached else AuditUnavailable("the audit log can't be synced"))


def _settle(waiter: _Waiter, error: AuditUnavailable | None) -> None:
    def settle() -> None:
        if waiter.future.done():
            return
        if error is None:
            waiter.future.set_result(None)
        else:
            waiter.future.set_exception(error)

    if not waiter.loop.is_closed():
        waiter.loop.call_soon_threadsafe(settle)
