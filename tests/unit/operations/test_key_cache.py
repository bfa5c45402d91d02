"""What is in a worker's memory, and how it catches up."""

import asyncio

from regionkms.operations.key_cache import KeyCache
from regionkms.operations.loaded_key import KeyRows, LoadedKey
from regionkms.ports.store import Changes
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.memory_store import MemoryStore

_ENOUGH_TRIES = 10


def _never(rows: KeyRows) -> LoadedKey:
    raise AssertionError(f"nobody loads a key here: {rows}")


async def test_a_request_that_comes_as_a_refresh_ends_has_a_refresh_of_its_own() -> None:
    """A kill campaign found workers that spun for ever here.

    The refresh has ended, its callback has not run yet, and another commit has been made: the
    ended refresh must not be taken for one that is in the air, because it ends at once, and again.
    """
    counter = InMemoryChangeCounter()
    latecomers: list[asyncio.Task[int]] = []

    async def latecomer() -> int:
        counter.bump()
        arrival = cache.arrive()
        tries = 0
        while cache.behind(arrival) and tries < _ENOUGH_TRIES:
            tries += 1
            await cache.refresh()
        return tries

    async def on_changes(_: Changes) -> None:
        if not latecomers:
            # Its first step comes right after this refresh, before the callbacks of its end.
            latecomers.append(asyncio.ensure_future(latecomer()))

    cache = KeyCache(store=MemoryStore(), counter=counter, build=_never, on_changes=on_changes)

    await cache.refresh()

    assert await latecomers[0] == 1
