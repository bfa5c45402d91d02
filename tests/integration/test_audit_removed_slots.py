"""A worker's waiting records when there is no such worker any more."""

from pathlib import Path

import pytest

from regionkms.audit.removed_slots import drain_removed_slots
from regionkms.audit.segment import segments_of
from regionkms.audit.verify import verify
from regionkms.model.errors import AuditUnavailable
from regionkms.node.memory import slot_names
from regionkms.ports.store import OutboxRecord, StoreTransaction
from tests.support.audit import change, event_ids_in, open_log, write_chain
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore

FOUR, TWO = slot_names(4), slot_names(2)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


async def leave(directory: Path, store: MemoryStore, process: str) -> tuple[str, str]:
    """Two changes of a worker that is killed: one chained, one not; both wait in the outbox."""
    async with open_log(directory, process) as (log, encoder):
        chained, unchained = change(encoder), change(encoder)
        await log.seal([chained])

    def keep(tx: StoreTransaction) -> None:
        for record in (chained, unchained):
            tx.outbox.append(record)

    await store.write(keep)
    return chained.event_id, unchained.event_id


async def waiting(store: MemoryStore) -> list[str]:
    records = await store.read(lambda tx: tx.outbox.waiting(limit=100))
    return [record.event_id for record in records]


async def drain(directory: Path, store: MemoryStore) -> int:
    return await drain_removed_slots(directory, in_use=TWO, store=store, clock=FakeClock())


def test_a_node_has_one_slot_for_the_agent_and_one_for_each_worker() -> None:
    assert frozenset({"agent", "worker-2", "worker-3"}) == TWO
    assert frozenset({"worker-4", "worker-5"}) == FOUR - TWO


async def test_what_removed_workers_left_is_chained_exactly_once(directory: Path) -> None:
    store = MemoryStore()
    left = [await leave(directory, store, process) for process in sorted(FOUR - TWO)]
    assert await drain(directory, store) == 2
    assert await waiting(store) == []
    found = event_ids_in(directory)
    assert sorted(found) == sorted(event_id for pair in left for event_id in pair)
    assert verify(directory, {}, None).ok
    assert await drain(directory, store) == 0
    assert event_ids_in(directory) == found


async def test_slots_in_use_see_to_themselves(directory: Path) -> None:
    store = MemoryStore()
    own = await leave(directory, store, "worker-3")
    await leave(directory, store, "worker-4")
    assert await drain(directory, store) == 1
    assert await waiting(store) == list(own)
    async with open_log(directory, "worker-3") as (log, _):
        assert await log.drain(store) == 1
    assert await waiting(store) == []
    assert verify(directory, {}, None).ok


async def test_a_removed_slot_without_waiting_records_gets_no_segment(directory: Path) -> None:
    store = MemoryStore()
    await write_chain(directory, "worker-5", records=2)
    assert await drain(directory, store) == 0
    await leave(directory, store, "worker-4")
    assert await drain(directory, store) == 1
    assert len(segments_of(directory, "worker-5")) == 1


async def test_a_removed_worker_that_still_runs_keeps_its_chain(directory: Path) -> None:
    store = MemoryStore()
    left = await leave(directory, store, "worker-4")
    async with open_log(directory, "worker-4"):
        with pytest.raises(AuditUnavailable, match="another process writes the chain of worker-4"):
            await drain(directory, store)
    assert await waiting(store) == list(left)
    assert await drain(directory, store) == 1


async def test_a_record_of_no_slot_is_never_chained(directory: Path) -> None:
    store = MemoryStore()
    await write_chain(directory, "worker-4", records=1)
    before = event_ids_in(directory)
    forged = OutboxRecord(event_id="00000000-0000-0000-0000-000000000001", record=b"{}")
    await store.write(lambda tx: tx.outbox.append(forged))
    assert await drain(directory, store) == 0
    assert event_ids_in(directory) == before
    assert await waiting(store) == [forged.event_id]


async def test_a_directory_that_is_gone_is_told(directory: Path) -> None:
    store = MemoryStore()
    await leave(directory, store, "worker-4")
    with pytest.raises(AuditUnavailable, match="the audit directory can't be read"):
        await drain(directory / "gone", store)
