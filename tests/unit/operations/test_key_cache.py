"""What is in a worker's memory, and how it catches up."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from regionkms.model.ids import KeyId
from regionkms.operations.key_cache import KeyCache, Miss
from regionkms.operations.loaded_key import KeyRows, LoadedKey
from regionkms.ports.store import Changes, StoreTransaction
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.memory_store import MemoryStore
from tests.support.store_rows import ACCOUNT, alias, alias_name, kms_key

T = TypeVar("T")
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


class _SlowStore(MemoryStore):
    """A store whose answers to reads are held until they are let go."""

    def __init__(self, counter: InMemoryChangeCounter) -> None:
        super().__init__(on_commit=counter.bump)
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        answer = await super().read(work)
        self.asked.set()
        await self.let_go.wait()
        return answer


async def _read_while(changed: str) -> KeyId | None:
    """Read an alias that is not there; make another, or the same one, while the answer is held."""
    counter = InMemoryChangeCounter()
    store = _SlowStore(counter)
    await store.write(lambda tx: tx.keys.insert(kms_key()))

    async def on_changes(_: Changes) -> None: ...

    cache = KeyCache(store=store, counter=counter, build=_never, on_changes=on_changes)
    await cache.refresh()
    with pytest.raises(Miss) as missing:
        cache.alias((ACCOUNT, alias_name("wanted")))
    reading = asyncio.ensure_future(missing.value.resolve())
    await store.asked.wait()
    await store.write(lambda tx: tx.aliases.put(alias(changed)))
    await cache.refresh()
    store.let_go.set()
    await reading
    return cache.alias((ACCOUNT, alias_name("wanted")))


async def test_a_read_that_a_change_of_the_same_name_overtook_is_not_remembered() -> None:
    with pytest.raises(Miss):
        await _read_while("wanted")


async def test_a_read_is_remembered_however_much_else_changes_meanwhile() -> None:
    """Otherwise a call starves, and fails, while others write."""
    assert await _read_while("another") is None
