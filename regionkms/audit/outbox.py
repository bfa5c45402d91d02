"""Which records of the outbox have no place in a chain yet, after a crash.

A change commits together with its record; then the record is chained, then it leaves the outbox.
A crash between two of these steps leaves it there, chained or not. Event ids begin with random
digits of the process that made them, and every segment names those of its writer, so a record can
only be in the chain of the slot that made it: the next process of that slot, and nobody else,
looks there and chains what is missing. Each record is chained exactly once.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from regionkms.audit.chain import Kind, event_id_of, event_time_of, ids_of, is_record, parse_opened
from regionkms.audit.recovery import chained_lines, lines_of
from regionkms.audit.segment import SegmentName, segments_of, sync_directory
from regionkms.model.errors import AuditUnavailable
from regionkms.ports.store import OutboxRecord

_LOOK_BACK: Final = timedelta(minutes=5)
"""Longer than any call: what was chained this long before a record was made can't contain it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What earlier processes of a slot left in the outbox.

    Attributes:
        chained: Event ids that stand, durable, in the chain.
        unchained: Records that have no place in it.
    """

    chained: tuple[str, ...] = ()
    unchained: tuple[OutboxRecord, ...] = ()


def find_left(
    directory: Path, process: str, waiting: Sequence[OutboxRecord], *, own_ids: str
) -> Left:
    """Sort out the records that earlier processes of a slot made.

    Args:
        directory: Where segments are.
        process: The slot; the caller holds its lock.
        waiting: Everything in the outbox, of all slots.
        own_ids: First digits of the caller's own event ids, whose records are not left behind.

    Raises:
        AuditUnavailable: The chain can't be read.
    """
    names = segments_of(directory, process)[::-1]
    try:
        wanted = {ids_of(record.event_id) for record in waiting} - {own_ids}
        made_here = _made_here(directory, names, wanted)
        left = {
            record.event_id: record
            for record in waiting
            if ids_of(record.event_id) in made_here and is_record(record.record, record.event_id)
        }
        if not left:
            return Left()
        chained = _chained(directory, names, left)
    except OSError as error:
        raise AuditUnavailable(f"the chain of {process} can't be read: {error.strerror}") from error
    return Left(
        chained=tuple(chained),
        unchained=tuple(left[event_id] for event_id in left if event_id not in chained),
    )


def _made_here(directory: Path, names: Sequence[SegmentName], wanted: set[str]) -> set[str]:
    """Those of the wanted first digits that the segments' writers had, newest segments first."""
    found: set[str] = set()
    for name in names:
        if found >= wanted:
            break
        for _, line in lines_of(directory / str(name)):
            opened = parse_opened(line)
            if opened is not None and opened.ids in wanted:
                found.add(opened.ids)
            break
    return found


def _chained(
    directory: Path, names: Sequence[SegmentName], left: dict[str, OutboxRecord]
) -> set[str]:
    """Event ids that stand in the chain; the segments they are in are durable on return."""
    horizon = min(event_time_of(record.record) for record in left.values())
    earliest = (datetime.fromisoformat(horizon) - _LOOK_BACK).strftime("%Y-%m-%dT%H:%M:%SZ")
    found: set[str] = set()
    for name in names:
        before, last_time = len(found), ""
        for raw, line in chained_lines(directory, name):
            if line.kind is Kind.RECORD:
                event_id, last_time = event_id_of(raw), event_time_of(raw)
                if event_id in left:
                    found.add(event_id)
        if len(found) > before:
            _sync(directory / str(name))
        if len(found) == len(left) or "" < last_time < earliest:
            break
    return found


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)
