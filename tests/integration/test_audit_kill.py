"""kill -9 of a writing process at moments that nobody chose."""

import asyncio
import secrets
import sys
from pathlib import Path

from regionkms.audit.verify import verify
from regionkms.ports.store import OutboxRecord, StoreTransaction
from tests.support.audit import lines_in, open_log
from tests.support.memory_store import MemoryStore

_KILLS = 6
_LONGEST_MS = 250


async def _write_and_kill(directory: Path, journal: Path) -> list[str]:
    """Run a writer for a while and kill it; what it had answered by then."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.audit_writer",
        str(directory),
        str(journal),
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"ready\n"
    await asyncio.sleep(secrets.randbelow(_LONGEST_MS) / 1000)
    writer.kill()
    output = await writer.stdout.read()
    await writer.wait()
    return output.decode().splitlines()


def _committed(journal: Path) -> list[OutboxRecord]:
    lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
    pairs = [line.rstrip().split(b" ", 1) for line in lines if line.endswith(b"\n")]
    return [OutboxRecord(event_id=pair[0].decode(), record=pair[1]) for pair in pairs]


async def test_no_kill_loses_a_record_of_an_answer_or_of_a_change(tmp_path: Path) -> None:
    directory, journal, store = tmp_path / "audit", tmp_path / "journal", MemoryStore()
    answers, changed, known = 0, set[str](), set[str]()
    for _ in range(_KILLS):
        for line in await _write_and_kill(directory, journal):
            word, _, value = line.partition(" ")
            if word == "answered":
                answers += int(value)
            elif word == "changed":
                changed.add(value)
        new = [record for record in _committed(journal) if record.event_id not in known]
        known |= {record.event_id for record in new}

        def commit(tx: StoreTransaction, records: list[OutboxRecord] = new) -> None:
            for record in records:
                tx.outbox.append(record)

        await store.write(commit)
        async with open_log(directory, "worker-1") as (log, _):
            await log.drain(store)
        report = verify(directory, {}, None)
        assert report.ok, [str(finding) for finding in report.findings]
        assert report.unfinished == ()
        records = [line["record"] for line in lines_in(directory) if "record" in line]
        assert sum(record["eventName"] == "Encrypt" for record in records) >= answers
        chained = [record["eventID"] for record in records if record["eventName"] == "DeleteKey"]
        assert sorted(chained) == sorted(known)
        assert changed <= set(chained)
    assert answers > 0
    assert changed
