"""A process that writes an audit chain until it is killed.

Each turn of its loop is a tick: some records are flushed, then "answered" by a line on standard
output; every fifth tick a change is committed to a journal first (it stands for the store), then
sealed, then answered.

Run: `python -m tests.support.audit_writer DIRECTORY JOURNAL`
"""

import asyncio
import os
import sys
from pathlib import Path

from regionkms.audit.log import SegmentLog
from regionkms.audit.record import RecordEncoder
from regionkms.counters.clock import SystemClock
from regionkms.ports.store import OutboxRecord
from tests.support.audit import change, encrypt_request, facts

_RECORDS_IN_A_TICK = 8
_PAUSE_S = 0.001


def _commit(journal: int, record: OutboxRecord) -> None:
    os.write(journal, record.event_id.encode() + b" " + record.record + b"\n")


async def _run(directory: Path, journal_path: Path) -> None:
    log = SegmentLog(
        directory, process_name="worker-1", clock=SystemClock(), max_segment_bytes=200_000
    )
    await log.start()
    encoder = RecordEncoder(seed=log.seed)
    journal = os.open(journal_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    tick = 0
    os.write(1, b"ready\n")
    while True:
        await asyncio.sleep(_PAUSE_S)
        tick += 1
        records = []
        for _ in range(_RECORDS_IN_A_TICK):
            (record,) = encoder.records(facts(request=encrypt_request(), event_time=1.7e9 + tick))
            records.append(record)
            log.append(record)
        log.flush()
        os.write(1, b"answered %d\n" % len(records))
        if tick % 5 == 0:
            changed = change(encoder, event_time=1.7e9 + tick)
            _commit(journal, changed)
            await log.seal([changed])
            os.write(1, b"changed %s\n" % changed.event_id.encode())


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), Path(sys.argv[2])))
