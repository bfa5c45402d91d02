"""The audit log of one process: a hash chain in segment files of its own (design §5b).

Nobody waits for a lock: each worker, and the agent, has its own chain. Records of a tick of the
loop are chained and handed to the kernel in one write before the tick's answers go out, so that
kill -9 loses nothing; a thread makes them durable within a second. Records of changes come out of
the store's outbox, are written in the same way and are durable before the change is answered.

If a write fails, nothing of it stays: the file is cut back and the chain does not advance. If a
sync fails, the segment is given up, and nothing is written until a new one is durable.
"""

import asyncio
import fcntl
import os
import secrets
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from regionkms.audit.chain import START, Link, Opened, Torn, chain_opened, chain_records
from regionkms.audit.heads import ChainHead
from regionkms.audit.outbox import find_left
from regionkms.audit.record import SEED_BYTES
from regionkms.audit.recovery import find_end, torn_end
from regionkms.audit.segment import (
    FILE_MODE,
    LOCK_SUFFIX,
    SegmentFile,
    SegmentName,
    file_time,
    is_process_name,
    make_directory,
)
from regionkms.audit.syncer import Mark, Syncer
from regionkms.model.errors import AuditUnavailable, StoreUnavailable
from regionkms.ports.clock import Clock
from regionkms.ports.store import OutboxRecord, Store

MAX_SEGMENT_BYTES: Final = 64 << 20
MAX_SEGMENT_AGE_S: Final = 3600.0
LOCK_WAIT_S: Final = 10.0
_LOCK_POLL_S: Final = 0.05
DRAIN_LIMIT: Final = 100_000
"""Waiting records that one drain looks at."""
_MAX_UNSEALED: Final = 10_000
"""Records of changes kept in memory while they can't be written; the outbox has them anyway."""


class SegmentLog:
    """Implements `regionkms.ports.audit_sink.AuditSink`. All methods are for the loop's thread.

    Args:
        directory: Where segments are, of all processes of the node; made with mode 0700.
        process_name: The slot, such as `worker-2`; it names the chain over restarts.
        clock: Machine time goes into file names, monotonic time into rotation.
        max_segment_bytes: A segment that has reached it is finished.
        max_segment_age_s: So is one that is as old.

    Attributes:
        seed: Random bytes for the event ids of this process (RecordEncoder). Every segment's first
            line tells them, which ties a record that waits in the outbox to the chain that it
            belongs to.
    """

    def __init__(
        self,
        directory: Path,
        *,
        process_name: str,
        clock: Clock,
        max_segment_bytes: int = MAX_SEGMENT_BYTES,
        max_segment_age_s: float = MAX_SEGMENT_AGE_S,
    ) -> None:
        if not is_process_name(process_name):
            raise ValueError(f"{process_name!r} can't name a chain")
        self.seed: Final[bytes] = secrets.token_bytes(SEED_BYTES)
        self._directory: Final = directory
        self._process: Final = process_name
        self._clock: Final = clock
        self._max_bytes: Final = max_segment_bytes
        self._max_age_s: Final = max_segment_age_s
        self._lock: int | None = None
        self._segment: SegmentFile | None = None
        self._opened_at = 0.0
        self._number = 0
        self._link: Link = START
        self._torn: tuple[Torn, ...] = ()
        self._pending: list[bytes] = []
        self._unsealed: dict[str, bytes] = {}
        self._written: deque[tuple[int, list[str]]] = deque()
        self._syncer: Final = Syncer(f"audit-{process_name}")

    async def start(self, *, lock_wait_s: float = LOCK_WAIT_S) -> None:
        """Take the chain up where the last process of this slot left it, in a new segment.

        Args:
            lock_wait_s: How long to wait for a dying process of the same slot.

        Raises:
            AuditUnavailable: The directory can't be used, or another process writes this chain.
        """
        await asyncio.to_thread(self._open, lock_wait_s)
        self._syncer.start()

    async def stop(self) -> None:
        """Write what waits, make it durable and close the chain.

        Raises:
            AuditUnavailable: The last records could not be written or made durable.
        """
        try:
            self.flush()
        finally:
            await asyncio.to_thread(self._close)
        if self._syncer.failed:
            raise AuditUnavailable("the audit log can't be synced")

    def append(self, record: bytes) -> None:
        """See the port."""
        self._pending.append(record)

    def flush(self) -> None:
        """See the port. Records that could not be written are dropped: their calls have failed.

        Raises:
            AuditUnavailable: See the port.
        """
        pending, self._pending = self._pending, []
        if pending:
            self._write(pending)
        elif self._unsealed:
            # No answer of this tick depends on them: those calls have been told of the failure.
            with suppress(AuditUnavailable):
                self._write([])

    async def seal(self, records: Sequence[OutboxRecord]) -> None:
        """See the port. Records that could not be written are tried again at every write.

        Raises:
            AuditUnavailable: See the port.
        """
        if len(self._unsealed) + len(records) > _MAX_UNSEALED:
            raise AuditUnavailable("too many records of changes wait for the audit log")
        self._unsealed.update((record.event_id, record.record) for record in records)
        # If this fails, the tick's own records must stay: its flush has to fail, too.
        self._write(self._pending)
        self._pending = []
        await self._syncer.wait(self._mark())

    async def drain(self, store: Store) -> int:
        """Chain what earlier processes of this slot left in the outbox, each record once.

        Returns:
            How many records had no place in the chain yet.

        Raises:
            AuditUnavailable: They could not be written, or the chain can't be read.
            StoreUnavailable: The outbox can't be read, or not be cleared; nothing is lost.
        """
        waiting = await store.read(lambda tx: tx.outbox.waiting(limit=DRAIN_LIMIT))
        left = await asyncio.to_thread(
            find_left, self._directory, self._process, waiting, own_ids=self.seed.hex()
        )
        if left.chained:
            await store.write(lambda tx: tx.outbox.remove(left.chained))
        if left.unchained:
            await self.seal(left.unchained)
            await self.clear_outbox(store)
        return len(left.unchained)

    def sealed(self) -> Sequence[str]:
        """See the port."""
        durable = self._syncer.durable
        found: list[str] = []
        while durable is not None and self._written and self._written[0][0] <= durable.n:
            found += self._written.popleft()[1]
        return found

    async def clear_outbox(self, store: Store) -> None:
        """Take what is durable out of the outbox now, without waiting for the next change.

        Raises:
            StoreUnavailable: It stays there, and is taken out the next time.
        """
        event_ids = self.sealed()
        if not event_ids:
            return
        try:
            await store.write(lambda tx: tx.outbox.remove(event_ids))
        except StoreUnavailable:
            self._written.appendleft((0, list(event_ids)))
            raise

    def head(self) -> ChainHead | None:
        """The last line that is known to be durable; None before the start."""
        mark = self._syncer.durable
        if mark is None:
            return None
        return ChainHead(
            chain=self._process, segment=mark.segment, n=mark.n - 1, hash=mark.hash.decode()
        )

    def rotate(self) -> None:
        """Finish the current segment, so that it may be shipped.

        Raises:
            AuditUnavailable: The next one can't be made; the current one goes on.
        """
        self._next_segment(self._current())

    def _write(self, records: Sequence[bytes]) -> None:
        """Chain and write records of changes that wait, then these: all, or none."""
        segment = self._current()
        unsealed = self._unsealed
        if unsealed:
            records = [*unsealed.values(), *records]
        lines, link = chain_records(self._link, records)
        segment.append(lines)
        self._link = link
        if unsealed:
            self._written.append((link.n, list(unsealed)))
            unsealed.clear()
        self._syncer.wrote(self._mark())

    def _current(self) -> SegmentFile:
        """The segment to write to; another one when it is full, old, or not to be trusted."""
        segment = self._segment
        if segment is None:
            raise AuditUnavailable("the audit log is not open")
        due = (
            segment.size >= self._max_bytes
            or self._clock.monotonic() - self._opened_at >= self._max_age_s
        )
        if due or segment.broken or self._syncer.failed:
            return self._next_segment(segment)
        return segment

    def _next_segment(self, last: SegmentFile) -> SegmentFile:
        if last.broken:
            self._torn = (self._torn_end_of(last),)
        failed = self._syncer.failed
        segment = self._open_segment(durable=failed)
        if failed:
            self._forget_unsynced()
            self._syncer.replace(segment, self._mark())
        else:
            self._syncer.use(segment)
            self._syncer.wrote(self._mark())
        return segment

    def _forget_unsynced(self) -> None:
        """Records whose sync failed stay in the outbox; the next start sees what became of them."""
        durable = self._syncer.durable
        reached = 0 if durable is None else durable.n
        self._written = deque(entry for entry in self._written if entry[0] <= reached)

    def _torn_end_of(self, segment: SegmentFile) -> Torn:
        try:
            return torn_end(self._directory / str(segment.name), segment.size)
        except OSError as error:
            raise AuditUnavailable(f"{segment.name} can't be read: {error.strerror}") from error

    def _open(self, lock_wait_s: float) -> None:
        make_directory(self._directory)
        lock = _take_lock(self._directory / f"{self._process}{LOCK_SUFFIX}", lock_wait_s)
        try:
            end = find_end(self._directory, self._process)
            self._number, self._link, self._torn = end.segment - 1, end.link, end.torn
            segment = self._open_segment(durable=True)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        self._syncer.replace(segment, self._mark())

    def _open_segment(self, *, durable: bool) -> SegmentFile:
        """Make the next segment and write its first lines; the chain advances only if that worked.

        Args:
            durable: Return only when the segment is synced; it blocks the loop meanwhile.

        Raises:
            AuditUnavailable: It could not be made; no file is left.
        """
        machine_time = self._clock.machine_now()
        number = self._number + 1
        name = SegmentName(process=self._process, segment=number, started=file_time(machine_time))
        opened = Opened(
            process=self._process,
            segment=number,
            started=datetime.fromtimestamp(machine_time, UTC).isoformat(timespec="milliseconds"),
            ids=self.seed.hex(),
        )
        lines, link = chain_opened(self._link, opened, self._torn)
        segment = SegmentFile(self._directory, name)
        try:
            segment.append(lines)
            if durable:
                segment.sync()
        except (AuditUnavailable, OSError) as error:
            segment.discard()
            raise AuditUnavailable(f"{name} can't be written") from error
        self._segment, self._number, self._link, self._torn = segment, number, link, ()
        self._opened_at = self._clock.monotonic()
        return segment

    def _mark(self) -> Mark:
        return Mark(n=self._link.n, hash=self._link.previous, segment=self._number)

    def _close(self) -> None:
        if self._segment is not None:
            self._syncer.stop()
            self._segment = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _take_lock(path: Path, wait_s: float) -> int:
    """Lock a chain for this process; the lock ends with the process, however it ends.

    Raises:
        AuditUnavailable: A process that lives holds it, or the file can't be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise AuditUnavailable(f"{path.name} can't be made: {error.strerror}") from error
    deadline = time.monotonic() + wait_s  # noqa: TID251 - how long to wait for a process
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:  # noqa: TID251 - see above
                os.close(descriptor)
                raise AuditUnavailable(
                    f"another process writes the chain of {path.stem}; stop it first"
                ) from None
            time.sleep(_LOCK_POLL_S)
        else:
            return descriptor
