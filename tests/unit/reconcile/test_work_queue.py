"""The queue of keys: nothing lost, one visit of a key at a time, failures later and later."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from regionkms.reconcile.key_reconciler import Visit
from regionkms.reconcile.work_queue import LONGEST_WAIT_S, WorkQueue


def queue_of(
    visit: Callable[[str], Awaitable[Visit]], *, parallel: int = 2, monotonic: list[float]
) -> WorkQueue[str]:
    return WorkQueue(
        visit=visit,
        parallel=parallel,
        monotonic=lambda: monotonic[0],
        machine_now=lambda: monotonic[0],
        jitter=lambda: 0.0,
    )


async def while_running(queue: WorkQueue[str], story: Callable[[], Awaitable[None]]) -> None:
    running = asyncio.ensure_future(queue.run())
    try:
        await story()
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_key_added_during_its_visit_is_visited_once_more() -> None:
    visits: list[str] = []
    gate = asyncio.Event()
    at_once = {"now": 0, "most": 0}

    async def visit(key: str) -> Visit:
        at_once["now"] += 1
        at_once["most"] = max(at_once["most"], at_once["now"])
        visits.append(key)
        await gate.wait()
        at_once["now"] -= 1
        return Visit()

    queue = queue_of(visit, monotonic=[0.0])

    async def story() -> None:
        queue.add("a")
        await turns()
        for _ in range(5):
            queue.add("a")
        await turns()
        assert visits == ["a"]
        gate.set()
        await turns()
        assert visits == ["a", "a"]
        assert at_once["most"] == 1
        assert len(queue) == 0

    await while_running(queue, story)


async def test_different_keys_are_visited_side_by_side() -> None:
    gate = asyncio.Event()
    visits: list[str] = []

    async def visit(key: str) -> Visit:
        visits.append(key)
        await gate.wait()
        return Visit()

    queue = queue_of(visit, parallel=2, monotonic=[0.0])

    async def story() -> None:
        for key in "abc":
            queue.add(key)
        await turns()
        assert visits == ["a", "b"]
        gate.set()
        await turns()
        assert visits == ["a", "b", "c"]

    await while_running(queue, story)


async def test_failures_wait_longer_up_to_a_bound_and_end_with_a_success() -> None:
    now = [0.0]
    waits: list[float] = []
    ends = [False]

    async def visit(key: str) -> Visit:
        waits.append(now[0])
        if len(waits) % 2:
            raise ConnectionError(key)
        return Visit(again=not ends[0])

    queue = queue_of(visit, monotonic=now)

    async def story() -> None:
        queue.add("a")
        await turns()
        for _ in range(10):
            now[0] += LONGEST_WAIT_S
            queue._changed.set()
            await turns()
        assert queue.failing == 1
        ends[0] = True
        for _ in range(2):
            now[0] += LONGEST_WAIT_S
            queue._changed.set()
            await turns()
        assert queue.failing == 0
        assert queue._later == []

    await while_running(queue, story)
    assert len(waits) == 12


async def test_a_wake_time_brings_a_visit() -> None:
    now = [0.0]
    visits: list[float] = []

    async def visit(_: str) -> Visit:
        visits.append(now[0])
        return Visit(wake_at=5.0 if len(visits) == 1 else None)

    queue = queue_of(visit, monotonic=now)

    async def story() -> None:
        queue.add("a")
        await turns()
        now[0] = 4.9
        queue._changed.set()
        await turns()
        assert visits == [0.0]
        now[0] = 5.0
        queue._changed.set()
        await turns()
        assert visits == [0.0, 5.0]

    await while_running(queue, story)


async def test_what_failed_is_visited_when_all_is_well_again() -> None:
    visits: list[str] = []

    async def visit(key: str) -> Visit:
        visits.append(key)
        return Visit(again=len(visits) < 2)

    queue = queue_of(visit, monotonic=[0.0])

    async def story() -> None:
        queue.add("a")
        await turns()
        queue.add_failing()
        await turns()
        assert visits == ["a", "a"]
        assert queue.failing == 0

    await while_running(queue, story)
