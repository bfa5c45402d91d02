"""Chains on a real disk: what is written, what survives, what is refused."""

import asyncio
import hashlib
import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from regionkms.audit.log import SegmentLog
from regionkms.audit.record import RecordEncoder
from regionkms.audit.segment import make_directory, segments_of
from regionkms.audit.verify import verify
from regionkms.model.errors import AuditUnavailable, StoreUnavailable
from regionkms.ports.store import OutboxRecord, StoreTransaction
from tests.support.audit import (
    SEED,
    change,
    event_ids_in,
    lines_in,
    open_log,
    raw_lines_in,
    write_chain,
)
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def _check(directory: Path, *, records: int) -> None:
    report = verify(directory, {}, None)
    assert report.ok, [str(finding) for finding in report.findings]
    assert report.records == records


async def test_a_tick_of_records_is_in_the_file_after_flush(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        records = [change(encoder) for _ in range(3)]
        for record in records:
            log.append(record.record)
        assert event_ids_in(directory) == []
        log.flush()
        assert event_ids_in(directory) == [record.event_id for record in records]
    _check(directory, records=3)


async def test_a_flush_of_nothing_writes_nothing(directory: Path) -> None:
    async with open_log(directory) as (log, _):
        log.flush()
        assert len(lines_in(directory)) == 1


async def test_each_line_carries_the_hash_of_the_line_before(directory: Path) -> None:
    await write_chain(directory, records=3, starts=2)
    previous = "0" * 64
    for n, line in enumerate(raw_lines_in(directory)):
        decoded = json.loads(line)
        assert (decoded["n"], decoded["previous"]) == (n, previous)
        previous = hashlib.sha256(line).hexdigest()


async def test_a_chain_goes_on_over_restarts_in_new_segments(directory: Path) -> None:
    await write_chain(directory, records=2, starts=3)
    assert [name.segment for name in segments_of(directory, "worker-2")] == [1, 2, 3]
    _check(directory, records=6)


async def test_a_log_becomes_durable_by_itself_within_a_second(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        log.append(change(encoder).record)
        log.flush()
        async with asyncio.timeout(1.0):
            while (head := log.head()) is None or head.n < 1:  # noqa: ASYNC110 - a thread moves it
                await asyncio.sleep(0.02)


async def test_seal_returns_when_the_records_are_durable(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        record = change(encoder)
        assert log.sealed() == []
        await log.seal([record])
        head = log.head()
        assert head is not None
        assert (head.chain, head.segment, head.n) == ("worker-2", 1, 1)
        assert log.sealed() == [record.event_id]
        assert log.sealed() == []


async def test_changes_that_wait_together_are_all_sealed(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        records = [change(encoder) for _ in range(50)]
        await asyncio.gather(*(log.seal([record]) for record in records))
        assert sorted(log.sealed()) == sorted(record.event_id for record in records)
    _check(directory, records=50)


async def test_sealing_nothing_makes_what_was_written_durable(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        log.append(change(encoder).record)
        await log.seal([])
        await log.seal([])
        head = log.head()
        assert head is not None
        assert head.n == 1


async def test_a_full_segment_is_followed_by_the_next(directory: Path) -> None:
    async with open_log(directory, max_segment_bytes=2000) as (log, encoder):
        for _ in range(12):
            log.append(change(encoder).record)
            log.flush()
        await log.seal([change(encoder)])
    names = segments_of(directory, "worker-2")
    assert len(names) > 3
    assert all((directory / str(name)).stat().st_size < 3000 for name in names)
    _check(directory, records=13)


async def test_an_old_segment_is_followed_by_the_next(directory: Path) -> None:
    clock = FakeClock()
    async with open_log(directory, clock=clock, max_segment_age_s=60.0) as (log, encoder):
        for _ in range(3):
            log.append(change(encoder).record)
            log.flush()
            clock.advance(61.0)
    assert len(segments_of(directory, "worker-2")) == 3
    _check(directory, records=3)


async def test_a_segment_can_be_finished_for_shipping(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        log.append(change(encoder).record)
        log.flush()
        log.rotate()
        log.append(change(encoder).record)
        log.flush()
    assert len(segments_of(directory, "worker-2")) == 2
    _check(directory, records=2)


async def test_two_processes_never_write_one_chain(directory: Path) -> None:
    async with open_log(directory):
        second = SegmentLog(directory, process_name="worker-2", clock=FakeClock())
        with pytest.raises(AuditUnavailable, match="another process writes the chain of worker-2"):
            await second.start(lock_wait_s=0.1)
        async with open_log(directory, "worker-3"):
            pass
    async with open_log(directory):
        pass


async def test_a_log_that_is_not_open_takes_no_record(directory: Path) -> None:
    log = SegmentLog(directory, process_name="worker-2", clock=FakeClock())
    log.append(b"{}")
    with pytest.raises(AuditUnavailable, match="the audit log is not open"):
        log.flush()
    with pytest.raises(AuditUnavailable, match="the audit log is not open"):
        await log.seal([change(RecordEncoder(seed=SEED))])
    assert log.head() is None


def test_a_chain_has_a_plain_name(directory: Path) -> None:
    with pytest.raises(ValueError, match="can't name a chain"):
        SegmentLog(directory, process_name="../etc", clock=FakeClock())


# Full disk. A file size limit of this process makes the kernel write a part and then refuse, as a
# full disk does.


@pytest.fixture
def disk_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def _limit_files(size: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def _unlimit_files() -> None:
    _limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])


@pytest.mark.usefixtures("disk_limit")
async def test_a_full_disk_fails_the_tick_and_leaves_nothing_half_written(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        log.append(change(encoder).record)
        log.flush()
        before = (directory / str(segments_of(directory, "worker-2")[0])).read_bytes()
        _limit_files(len(before) + 1000)
        for _ in range(3):
            log.append(change(encoder).record)
        with pytest.raises(AuditUnavailable, match="can't be written"):
            log.flush()
        _unlimit_files()
        after = (directory / str(segments_of(directory, "worker-2")[0])).read_bytes()
        assert after == before
        log.flush()
        last = change(encoder)
        log.append(last.record)
        log.flush()
        assert event_ids_in(directory)[1:] == [last.event_id]
    _check(directory, records=2)


@pytest.mark.usefixtures("disk_limit")
async def test_a_change_that_found_the_disk_full_is_sealed_when_there_is_room(
    directory: Path,
) -> None:
    async with open_log(directory) as (log, encoder):
        record, other = change(encoder), change(encoder)
        _limit_files(100)
        with pytest.raises(AuditUnavailable, match="can't be written"):
            await log.seal([record])
        assert log.sealed() == []
        log.flush()
        _unlimit_files()
        await log.seal([other])
        assert set(log.sealed()) == {record.event_id, other.event_id}
    _check(directory, records=2)


@pytest.mark.usefixtures("disk_limit")
async def test_a_change_that_fails_does_not_let_the_ticks_other_calls_off(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        log.append(change(encoder).record)
        _limit_files(100)
        with pytest.raises(AuditUnavailable, match="can't be written"):
            await log.seal([change(encoder)])
        with pytest.raises(AuditUnavailable, match="can't be written"):
            log.flush()
        _unlimit_files()


@pytest.mark.usefixtures("disk_limit")
async def test_a_segment_that_can_not_be_begun_leaves_no_file(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        _limit_files(100)
        with pytest.raises(AuditUnavailable, match="can't be written"):
            log.rotate()
        _unlimit_files()
        assert len(segments_of(directory, "worker-2")) == 1
        log.append(change(encoder).record)
        log.flush()
    _check(directory, records=1)


async def test_a_failed_sync_ends_the_segment_and_the_log_goes_on(directory: Path) -> None:
    async with open_log(directory) as (log, encoder):
        await log.seal([change(encoder)])
        log.sealed()
        segment = log._segment
        assert segment is not None
        read_end, write_end = os.pipe()
        saved = os.dup(segment._descriptor)
        lost = change(encoder)
        log.append(lost.record)
        log.flush()
        os.dup2(write_end, segment._descriptor)
        with pytest.raises(AuditUnavailable, match="can't be synced"):
            await log.seal([])
        os.dup2(saved, segment._descriptor)
        for descriptor in (read_end, write_end, saved):
            os.close(descriptor)
        record = change(encoder)
        await log.seal([record])
        assert log.sealed() == [record.event_id]
    assert len(segments_of(directory, "worker-2")) == 2
    _check(directory, records=3)


# Recovery.


async def test_a_torn_end_is_closed_by_the_next_start(directory: Path) -> None:
    await write_chain(directory, records=3)
    (name,) = segments_of(directory, "worker-2")
    path = directory / str(name)
    torn = path.read_bytes()[:-40]
    path.write_bytes(torn)
    assert verify(directory, {}, None).unfinished == (str(name),)
    await write_chain(directory, records=1)
    recovered = [line["recovered"] for line in lines_in(directory) if "recovered" in line]
    fragment = torn[torn.rindex(b"\n") + 1 :]
    assert (
        recovered
        == [
            {
                "torn": [
                    {
                        "file": str(name),
                        "offset": len(torn) - len(fragment),
                        "bytes": len(fragment),
                        "sha256": hashlib.sha256(fragment).hexdigest(),
                    }
                ]
            }
        ]
        or not recovered
    )
    report = verify(directory, {}, None)
    assert (report.ok, report.records, report.recovered) == (True, 3, 1)


async def test_holes_that_a_power_failure_leaves_are_closed_with_what_is_behind(
    directory: Path,
) -> None:
    await write_chain(directory, records=4)
    (name,) = segments_of(directory, "worker-2")
    path = directory / str(name)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = bytes(len(lines[2]))
    path.write_bytes(b"".join(lines))
    await write_chain(directory, records=1)
    report = verify(directory, {}, None)
    assert (report.ok, report.records, report.recovered) == (True, 2, 1)


async def test_a_segment_that_has_no_line_yet_is_closed_too(directory: Path) -> None:
    await write_chain(directory, records=2)
    (first,) = segments_of(directory, "worker-2")
    path = directory / str(first)
    path.write_bytes(path.read_bytes()[:-1])
    (directory / "worker-2-20231114T221320Z-000002.jsonl").touch(mode=0o600)
    (directory / "worker-2-20231114T221320Z-000003.jsonl").write_bytes(b'{"n":2,"prev')
    await write_chain(directory, records=1)
    report = verify(directory, {}, None)
    assert [str(finding) for finding in report.findings] == []
    assert (report.records, report.recovered, report.segments) == (2, 3, 4)


async def test_a_torn_first_segment_is_closed_too(directory: Path) -> None:
    make_directory(directory)
    (directory / "worker-2-20231114T221320Z-000001.jsonl").write_bytes(b"")
    await write_chain(directory, records=1)
    report = verify(directory, {}, None)
    assert (report.ok, report.records, report.recovered) == (True, 1, 1)


async def test_a_chain_whose_older_segments_are_gone_is_not_begun_again(directory: Path) -> None:
    make_directory(directory)
    (directory / "worker-2-20231114T221320Z-000004.jsonl").write_bytes(b"")
    log = SegmentLog(directory, process_name="worker-2", clock=FakeClock())
    with pytest.raises(AuditUnavailable, match="run `regionkms audit verify`"):
        await log.start(lock_wait_s=0.0)


# The outbox.


async def _commit(store: MemoryStore, *records: OutboxRecord) -> None:
    def work(tx: StoreTransaction) -> None:
        for record in records:
            tx.outbox.append(record)

    await store.write(work)


async def _waiting(store: MemoryStore) -> list[str]:
    records = await store.read(lambda tx: tx.outbox.waiting(limit=100))
    return [record.event_id for record in records]


async def test_what_a_crash_left_in_the_outbox_is_chained_exactly_once(directory: Path) -> None:
    store = MemoryStore()
    async with open_log(directory) as (log, encoder):
        chained, unchained = change(encoder), change(encoder)
        await _commit(store, chained, unchained)
        await log.seal([chained])
    async with open_log(directory) as (log, encoder):
        in_flight = change(encoder)
        await _commit(store, in_flight)
        assert await log.drain(store) == 1
        assert await _waiting(store) == [in_flight.event_id]
        assert await log.drain(store) == 0
    assert event_ids_in(directory) == [chained.event_id, unchained.event_id]
    _check(directory, records=2)


async def test_a_crash_while_draining_chains_nothing_twice(directory: Path) -> None:
    store = MemoryStore()
    async with open_log(directory) as (_, encoder):
        record = change(encoder)
        await _commit(store, record)
    async with open_log(directory) as (log, _):
        await log.seal([record])
    for _ in range(2):
        async with open_log(directory) as (log, _):
            assert await log.drain(store) == 0
    assert event_ids_in(directory) == [record.event_id]
    assert await _waiting(store) == []


async def test_records_of_another_slot_are_left_to_it(directory: Path) -> None:
    store = MemoryStore()
    async with open_log(directory, "worker-3") as (_, encoder):
        record = change(encoder)
        await _commit(store, record)
        async with open_log(directory, "worker-2") as (log, _):
            assert await log.drain(store) == 0
    async with open_log(directory, "worker-3") as (log, _):
        assert await log.drain(store) == 1
    assert event_ids_in(directory) == [record.event_id]


async def test_a_record_in_a_torn_end_is_not_yet_chained(directory: Path) -> None:
    store = MemoryStore()
    async with open_log(directory) as (log, encoder):
        record = change(encoder)
        await _commit(store, record)
        await log.seal([record])
    (name,) = segments_of(directory, "worker-2")
    path = directory / str(name)
    path.write_bytes(path.read_bytes()[:-1])
    async with open_log(directory) as (log, _):
        assert await log.drain(store) == 1
    _check(directory, records=1)


async def test_an_outbox_row_that_is_no_record_of_ours_never_becomes_a_line(
    directory: Path,
) -> None:
    store = MemoryStore()
    async with open_log(directory) as (_, encoder):
        forged = OutboxRecord(event_id=encoder.event_id(), record=b'{"x":1}}\n{"n":2}')
        await _commit(store, forged)
    async with open_log(directory) as (log, _):
        assert await log.drain(store) == 0
    assert await _waiting(store) == [forged.event_id]
    _check(directory, records=0)


async def test_records_older_than_the_last_minutes_are_not_searched_for_everywhere(
    directory: Path,
) -> None:
    store = MemoryStore()
    async with open_log(directory, max_segment_bytes=1) as (log, encoder):
        for minute in range(10):
            log.append(change(encoder, event_time=1_700_000_000.0 + 600 * minute).record)
            log.flush()
        late = change(encoder, event_time=1_700_006_000.0)
        await _commit(store, late)
    async with open_log(directory) as (log, _):
        assert await log.drain(store) == 1
    _check(directory, records=11)


async def test_durable_records_leave_the_outbox_without_another_change(directory: Path) -> None:
    store = MemoryStore()
    async with open_log(directory) as (log, encoder):
        record = change(encoder)
        await _commit(store, record)
        await log.seal([record])
        store.unavailable = True
        with pytest.raises(StoreUnavailable):
            await log.clear_outbox(store)
        store.unavailable = False
        assert await _waiting(store) == [record.event_id]
        await log.clear_outbox(store)
        assert await _waiting(store) == []
        await log.clear_outbox(store)


async def test_a_torn_end_that_can_not_be_cut_back_is_closed_by_the_next_segment(
    directory: Path,
) -> None:
    async with open_log(directory) as (log, encoder):
        segment = log._segment
        assert segment is not None
        read_end, write_end = os.pipe2(os.O_NONBLOCK)
        saved = os.dup(segment._descriptor)
        os.dup2(write_end, segment._descriptor)
        log.append(b'{"policy":"' + b"x" * 200_000 + b'"}')
        with pytest.raises(AuditUnavailable, match="can't be written"):
            log.flush()
        os.dup2(saved, segment._descriptor)
        os.write(saved, os.read(read_end, 1000))
        for descriptor in (read_end, write_end, saved):
            os.close(descriptor)
        assert segment.broken
        log.append(change(encoder).record)
        log.flush()
    report = verify(directory, {}, None)
    assert (report.ok, report.records, report.recovered, report.segments) == (True, 1, 1, 2)
