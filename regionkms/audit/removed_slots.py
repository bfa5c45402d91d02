"""Records that wait for a process slot that is no more: workers were reduced.

Only the next process of a slot chains what its predecessors left in the outbox, so that each record
is chained once. A slot that nobody starts any more has no next process; the agent stands in for it:
it takes the slot's lock, goes on with its chain and drains it, as the worker would have.

Source: design §5b.
"""

import asyncio
from collections.abc import Collection
from pathlib import Path

from regionkms.audit.log import DRAIN_LIMIT, SegmentLog
from regionkms.audit.outbox import find_left
from regionkms.audit.segment import processes_in
from regionkms.model.errors import AuditUnavailable
from regionkms.ports.clock import Clock
from regionkms.ports.store import OutboxRecord, Store


async def drain_removed_slots(
    directory: Path, *, in_use: Collection[str], store: Store, clock: Clock
) -> int:
    """Chain what the workers of removed slots left in the outbox, each record once.

    Args:
        directory: Where segments are, of all slots there ever were.
        in_use: The slots that have a process now; they see to themselves.
        store: Has the outbox.
        clock: For the segments that are begun.

    Returns:
        How many records had no place in a chain yet.

    Raises:
        AuditUnavailable: They could not be written, or a process of such a slot still runs.
        StoreUnavailable: The outbox can't be read, or not be cleared; nothing is lost.
    """
    waiting = await store.read(lambda tx: tx.outbox.waiting(limit=DRAIN_LIMIT))
    if not waiting:
        return 0
    chained = 0
    for process in await asyncio.to_thread(_with_left, directory, in_use, waiting):
        log = SegmentLog(directory, process_name=process, clock=clock)
        await log.start(lock_wait_s=0.0)
        try:
            chained += await log.drain(store)
        finally:
            await log.stop()
    return chained


def _with_left(
    directory: Path, in_use: Collection[str], waiting: Collection[OutboxRecord]
) -> list[str]:
    """The removed slots that have something in the outbox; others get no new segment."""
    found = []
    try:
        removed = [name for name in processes_in(directory) if name not in in_use]
    except OSError as error:
        raise AuditUnavailable(f"the audit directory can't be read: {error.strerror}") from error
    for process in removed:
        left = find_left(directory, process, list(waiting), own_ids="")
        if left.chained or left.unchained:
            found.append(process)
    return found
