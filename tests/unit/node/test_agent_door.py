"""A worker's door to the agent: it wakes, waits, and expires before it tells an error (R11)."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regionkms.model.errors import StoreUnavailable
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.key import Intent, IntentState, Lock, LockKind, MultiRegionFacts
from regionkms.node.agent_door import WAKE, StoreAgentDoor
from regionkms.reconcile.directory import SETTING_DIRECTORY_PREFIX
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.clock import EPOCH, FakeClock
from tests.support.memory_store import MemoryStore

ACCOUNT = AccountId("111122223333")
KEY_ID = KeyId("mrk-" + "0" * 32)
INTENT = Intent(
    intent_id="a" * 32,
    kind="ReplicateKey",
    account_id=ACCOUNT,
    key_id=KEY_ID,
    request="{}",
    created_at=EPOCH,
    deadline=EPOCH + 5,
)
LOCK = Lock(kind=LockKind.REPLICATE, peer=RegionName("eu-west-1"), intent_id=INTENT.intent_id)


@pytest.fixture
def counter() -> InMemoryChangeCounter:
    return InMemoryChangeCounter()


@pytest.fixture
def store(counter: InMemoryChangeCounter) -> MemoryStore:
    return MemoryStore(on_commit=counter.bump)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def door(
    store: MemoryStore, counter: InMemoryChangeCounter, clock: FakeClock, tmp_path: Path
) -> Iterator[StoreAgentDoor]:
    made = StoreAgentDoor(
        store=store,
        counter=counter,
        clock=clock,
        agent_socket=tmp_path / "agent.sock",
        clustered=True,
    )
    yield made
    made.close()


async def stored(store: MemoryStore, lock: Lock | None = LOCK) -> None:
    await store.write(lambda tx: tx.intents.put(INTENT))
    await store.write(
        lambda tx: tx.multi_region.put(ACCOUNT, KEY_ID, MultiRegionFacts(life=1, lock=lock))
    )


async def ended(store: MemoryStore, state: IntentState, outcome: str = "{}") -> None:
    done = replace(INTENT, state=state, outcome=outcome)
    await store.write(lambda tx: tx.intents.put(done))


@pytest.mark.parametrize("state", [IntentState.DONE, IntentState.FAILED])
async def test_an_outcome_ends_the_wait(
    door: StoreAgentDoor, store: MemoryStore, state: IntentState
) -> None:
    await stored(store)
    waiting = asyncio.ensure_future(door.outcome(INTENT))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await ended(store, state, '{"life": 1}')
    found = await waiting
    assert (found.state, found.outcome) == (state, '{"life": 1}')


async def test_the_deadline_expires_intent_and_lock_durably(
    door: StoreAgentDoor, store: MemoryStore, clock: FakeClock
) -> None:
    await stored(store)
    clock.advance(5)
    found = await door.outcome(INTENT)
    assert found.state is IntentState.EXPIRED
    assert "Nothing was changed" in json.loads(found.outcome)["message"]
    assert store.tables.intents[INTENT.intent_id] == found
    lock = store.tables.facts[ACCOUNT, KEY_ID].lock
    assert lock == replace(LOCK, expired=True)


async def test_an_issued_intent_expires_with_an_unknown_outcome(
    door: StoreAgentDoor, store: MemoryStore, clock: FakeClock
) -> None:
    await stored(store, replace(LOCK, issued=True))
    clock.advance(5)
    found = await door.outcome(INTENT)
    assert "may still take effect" in json.loads(found.outcome)["message"]


async def test_an_outcome_that_was_first_is_not_expired(
    door: StoreAgentDoor, store: MemoryStore, clock: FakeClock
) -> None:
    await stored(store)
    await ended(store, IntentState.DONE)
    clock.advance(5)
    assert (await door.outcome(INTENT)).state is IntentState.DONE
    assert store.tables.facts[ACCOUNT, KEY_ID].lock == LOCK


async def test_another_intents_lock_is_left_alone(
    door: StoreAgentDoor, store: MemoryStore, clock: FakeClock
) -> None:
    other = replace(LOCK, intent_id="b" * 32)
    await stored(store, other)
    clock.advance(5)
    assert (await door.outcome(INTENT)).state is IntentState.EXPIRED
    assert store.tables.facts[ACCOUNT, KEY_ID].lock == other


async def test_a_forgotten_intent_is_a_fault(door: StoreAgentDoor, clock: FakeClock) -> None:
    clock.advance(5)
    with pytest.raises(StoreUnavailable, match="is gone"):
        await door.outcome(INTENT)


async def test_waking_reaches_the_agents_socket(door: StoreAgentDoor, tmp_path: Path) -> None:
    door.wake()  # nobody listens: no error
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as agent:
        agent.bind(str(tmp_path / "agent.sock"))
        agent.settimeout(2)
        door.wake()
        assert agent.recv(16) == WAKE


async def test_known_regions_are_those_of_the_durable_copy(
    door: StoreAgentDoor, store: MemoryStore
) -> None:
    assert door.clustered
    await store.write(lambda tx: tx.settings.put(SETTING_DIRECTORY_PREFIX + "eu-west-1", "x"))
    assert await door.known_regions() == ["eu-west-1"]
