"""ReplicateKey's record of success stands exactly once, whoever lives to write it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from regionkms.model.errors import KMSInternalException, RowTampered, StoreUnavailable
from regionkms.model.ids import RegionName
from regionkms.model.key import Intent, IntentState
from regionkms.operations.multi_region import CALL_S
from regionkms.ports.store import StoreTransaction
from regionkms.reconcile.missing_records import RECORD_AFTER_S, MissingRecords
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore
from tests.support.region_cluster import EU, US, InProcessDoor, RegionUnderTest, record_key

Regions = dict[RegionName, RegionUnderTest]


class WorkerKilled(BaseException):
    """The worker is gone, at this very point."""


class FatalDoor(InProcessDoor):
    """The worker dies when the agent has answered, or hangs until `resume` is set."""

    def __init__(self, region: RegionUnderTest, *, hangs: bool = False) -> None:
        super().__init__(region)
        self.answered = asyncio.Event()
        self.resume = asyncio.Event()
        self._hangs = hangs

    async def outcome(self, intent: Intent) -> Intent:
        ended = await super().outcome(intent)
        self.answered.set()
        if not self._hangs:
            raise WorkerKilled
        await self.resume.wait()
        return ended


async def settle(regions: Regions, key_id: str) -> None:
    for _ in range(3):
        for region in regions.values():
            await region.visit(record_key(key_id))


async def primary(regions: Regions) -> str:
    created = await regions[US].call("CreateKey", multi_region=True)
    key_id: str = created.key_metadata.key_id
    await regions[US].visit(record_key(key_id))
    return key_id


def start(regions: Regions, key_id: str, **members: Any) -> "asyncio.Future[Any]":
    call = regions[US].call("ReplicateKey", key_id=key_id, replica_region=EU, **members)
    return asyncio.ensure_future(call)


async def until(regions: Regions, key_id: str, event: asyncio.Event) -> None:
    while not event.is_set():
        await settle(regions, key_id)
        await asyncio.sleep(0.002)


def through(regions: Regions, door: FatalDoor) -> FatalDoor:
    """A new worker, whose way to the agent is this door."""
    regions[US].__dict__.pop("_worker", None)
    regions[US].door = door
    return door


async def killed(regions: Regions, key_id: str) -> None:
    """A ReplicateKey call that takes effect, by a worker that dies before it writes its record."""
    door = through(regions, FatalDoor(regions[US]))
    call = start(regions, key_id, description="in Ireland")
    await until(regions, key_id, door.answered)
    with pytest.raises(BaseExceptionGroup):
        await call


def replicated(regions: Regions) -> list[dict[str, Any]]:
    return regions[US].sink.events("ReplicateKey")


def intents(regions: Regions) -> list[Intent]:
    store = regions[US].store
    assert isinstance(store, MemoryStore)
    return list(store.tables.intents.values())


async def test_a_worker_marks_its_intent_with_its_record(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    call = start(regions, key_id)
    while not call.done():
        await settle(regions, key_id)
        await asyncio.sleep(0.002)
    await call
    assert len(replicated(regions)) == 1
    assert [(one.state, one.recorded) for one in intents(regions)] == [(IntentState.DONE, True)]
    clock.advance(3 * (CALL_S + RECORD_AFTER_S))
    assert await MissingRecords(regions[US].ports).write() == 0
    assert len(replicated(regions)) == 1


async def test_a_killed_workers_record_is_as_it_would_have_written_it(
    regions: Regions, clock: FakeClock
) -> None:
    first, second = await primary(regions), await primary(regions)
    call = start(regions, first, description="in Ireland")
    while not call.done():
        await settle(regions, first)
        await asyncio.sleep(0.002)
    await call
    (by_worker,) = replicated(regions)
    await settle(regions, first)

    await killed(regions, second)
    assert len(replicated(regions)) == 1
    clock.advance(CALL_S + RECORD_AFTER_S + 1)
    assert await MissingRecords(regions[US].ports).write() == 1
    _, by_agent = replicated(regions)

    metadata = by_agent["responseElements"]["replicaKeyMetadata"]
    assert metadata["keyId"] == second
    state = by_worker["responseElements"]["replicaKeyMetadata"]["keyState"]
    assert {state, metadata["keyState"]} <= {"Creating", "Enabled"}
    metadata["keyState"], metadata["enabled"] = state, state == "Enabled"
    for record in (by_worker, by_agent):
        record.pop("eventID")
    text = repr(by_agent).replace(second, first)
    assert text == repr(by_worker)


async def test_the_agent_leaves_a_living_worker_time(regions: Regions, clock: FakeClock) -> None:
    key_id = await primary(regions)
    await killed(regions, key_id)
    clock.advance(CALL_S + RECORD_AFTER_S - 0.1)
    assert await MissingRecords(regions[US].ports).write() == 0
    assert replicated(regions) == []
    clock.advance(0.2)
    assert await MissingRecords(regions[US].ports).write() == 1
    assert await MissingRecords(regions[US].ports).write() == 0
    assert len(replicated(regions)) == 1


async def test_a_worker_that_comes_back_late_writes_no_second_record(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    door = through(regions, FatalDoor(regions[US], hangs=True))
    call = start(regions, key_id)
    await until(regions, key_id, door.answered)
    clock.advance(CALL_S + RECORD_AFTER_S + 1)
    assert await MissingRecords(regions[US].ports).write() == 1
    door.resume.set()
    response = await call
    assert response.replica_key_metadata.key_id == key_id
    assert len(replicated(regions)) == 1


async def test_a_call_that_was_told_an_error_and_took_effect_has_both_records(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    call = start(regions, key_id)
    await asyncio.sleep(0.02)
    await regions[US].visit(record_key(key_id))  # issues and proposes, nobody answers
    clock.advance(CALL_S + 1)
    with pytest.raises(KMSInternalException, match="may still take effect"):
        await call
    await regions[EU].visit(record_key(key_id))  # accepts, before US withdraws
    await settle(regions, key_id)
    assert [one.state for one in intents(regions)] == [IntentState.DONE]
    clock.advance(RECORD_AFTER_S + 1)
    assert await MissingRecords(regions[US].ports).write() == 1
    failure, success = replicated(regions)
    assert "errorCode" in failure
    assert "errorCode" not in success
    assert success["responseElements"]["replicaKeyMetadata"]["keyId"] == key_id
    assert failure["requestID"] == success["requestID"]
    assert failure["eventID"] != success["eventID"]
    assert failure["eventTime"] == success["eventTime"]


async def test_a_call_that_failed_has_only_its_failure(regions: Regions, clock: FakeClock) -> None:
    key_id = await primary(regions)
    call = start(regions, key_id)
    await asyncio.sleep(0.02)
    clock.advance(CALL_S + 1)
    with pytest.raises(KMSInternalException, match="Nothing was changed"):
        await call
    await settle(regions, key_id)
    clock.advance(RECORD_AFTER_S + 1)
    assert await MissingRecords(regions[US].ports).write() == 0
    (failure,) = replicated(regions)
    assert "errorCode" in failure


async def test_one_unreadable_row_keeps_no_other_call_from_its_record(
    regions: Regions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await primary(regions), await primary(regions)
    for key_id in (first, second):
        await killed(regions, key_id)
    clock.advance(CALL_S + RECORD_AFTER_S + 1)
    writer = MissingRecords(regions[US].ports)
    record = writer._record

    def tampered(tx: StoreTransaction, intent: Intent) -> Any:
        if intent.key_id == first:
            raise RowTampered("the row of a key is not as it was written")
        return record(tx, intent)

    monkeypatch.setattr(writer, "_record", tampered)
    assert await writer.write() == 1
    (stands,) = replicated(regions)
    assert stands["responseElements"]["replicaKeyMetadata"]["keyId"] == second
    assert [one.recorded for one in intents(regions)] == [False, True]


async def test_a_record_whose_transaction_fails_is_written_the_next_time(
    regions: Regions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_id = await primary(regions)
    await killed(regions, key_id)
    clock.advance(CALL_S + RECORD_AFTER_S + 1)
    writer, store = MissingRecords(regions[US].ports), regions[US].store
    write = store.write

    async def failing(_: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store, "write", failing)
    assert await writer.write() == 0
    assert replicated(regions) == []
    monkeypatch.setattr(store, "write", write)
    assert await writer.write() == 1


async def test_an_intent_is_forgotten_only_once_it_is_recorded(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    await killed(regions, key_id)
    clock.advance(10_000)
    await regions[US].agent._intents.prune()
    assert len(intents(regions)) == 1
    await MissingRecords(regions[US].ports).write()
    await regions[US].agent._intents.prune()
    assert intents(regions) == []


async def test_the_record_of_a_key_that_is_gone_has_no_response(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    await killed(regions, key_id)
    (intent,) = intents(regions)
    gone = replace(intent, key_id="mrk-" + "f" * 32)  # type: ignore[arg-type] # KeyId is a str
    await regions[US].store.write(lambda tx: tx.intents.put(gone))
    clock.advance(CALL_S + RECORD_AFTER_S + 1)
    assert await MissingRecords(regions[US].ports).write() == 1
    (record,) = replicated(regions)
    assert "replicaKeyMetadata" not in (record["responseElements"] or {})
    assert record["resources"][0]["ARN"].endswith(gone.key_id)
