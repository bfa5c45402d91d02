"""One suite for every adapter of the Store port: transactions and the change feed."""

import asyncio

import pytest

from regionkms.model.errors import StoreUnavailable
from regionkms.model.key import MultiRegionFacts, Tag
from regionkms.ports.store import Change, ChangeKind, OutboxRecord, Store, StoreTransaction
from tests.support.store_rows import (
    ACCOUNT,
    access_key,
    alias,
    alias_name,
    generation,
    intent,
    key_id,
    kms_key,
    multi_region_key_id,
)

pytestmark = pytest.mark.timeout(60)


async def head_of(store: Store) -> int:
    return await store.read(lambda tx: tx.commit_number)


async def test_raised_exception_leaves_nothing_behind(store: Store, bumps: list[int]) -> None:
    before = await head_of(store)

    def fail(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.settings.put("a", "b")
        tx.outbox.append(OutboxRecord(event_id="event", record=b"{}"))
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await store.write(fail)

    def look(tx: StoreTransaction) -> None:
        assert tx.keys.get(ACCOUNT, key_id(1)) is None
        assert tx.keys.count(ACCOUNT) == 0
        assert tx.settings.get("a") is None
        assert tx.outbox.waiting(limit=1) == []

    await store.read(look)
    assert await head_of(store) == before
    assert bumps == []
    assert list((await store.changes_since(before)).rows) == []


async def test_read_must_not_change_the_store(store: Store) -> None:
    with pytest.raises(ValueError, match="a transaction that reads must not change the store"):
        await store.read(lambda tx: tx.keys.insert(kms_key()))
    assert await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1))) is None


async def test_transaction_sees_its_own_changes(store: Store) -> None:
    def work(tx: StoreTransaction) -> int:
        tx.keys.insert(kms_key())
        assert tx.keys.get(ACCOUNT, key_id(1)) == kms_key()
        return tx.keys.count(ACCOUNT)

    assert await store.write(work) == 1


async def test_commit_number_grows_by_one(store: Store) -> None:
    before = await head_of(store)
    assert await store.write(lambda tx: tx.commit_number) == before + 1
    assert await head_of(store) == before + 1


async def test_change_counter_is_bumped_once_for_each_commit(
    store: Store, bumps: list[int]
) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.tags.put(ACCOUNT, key_id(1), [Tag(tag_key="a", tag_value="b")])

    await store.write(fill)
    assert bumps == [1]
    await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1)))
    assert bumps == [1]


async def test_change_counter_rests_when_nobody_can_have_cached_the_change(
    store: Store, bumps: list[int]
) -> None:
    record = OutboxRecord(event_id="event", record=b"{}")
    await store.write(lambda tx: tx.outbox.append(record))
    assert bumps == []
    assert await store.read(lambda tx: tx.outbox.waiting(limit=1)) == [record]


async def test_every_kind_of_change_is_in_the_feed(store: Store) -> None:
    before = await head_of(store)

    def fill(tx: StoreTransaction) -> int:
        tx.keys.insert(kms_key())
        tx.keys.update(kms_key())
        tx.generations.put(ACCOUNT, key_id(1), generation())
        tx.aliases.put(alias("a"))
        tx.tags.put(ACCOUNT, key_id(1), [Tag(tag_key="a", tag_value="b")])
        tx.multi_region.put(ACCOUNT, multi_region_key_id(1), MultiRegionFacts())
        tx.access_keys.put(access_key())
        tx.settings.put("a", "b")
        tx.intents.put(intent())
        return tx.commit_number

    number = await store.write(fill)
    changes = await store.changes_since(before)
    assert changes.complete
    assert changes.head == number == before + 1
    assert all(change.commit_number == number for change in changes.rows)
    assert {(change.kind, change.account_id, change.name) for change in changes.rows} == {
        (ChangeKind.KEY, ACCOUNT, key_id(1)),
        (ChangeKind.KEY, ACCOUNT, multi_region_key_id(1)),
        (ChangeKind.ALIAS, ACCOUNT, alias_name("a")),
        (ChangeKind.TAGS, ACCOUNT, key_id(1)),
        (ChangeKind.ACCESS_KEY, ACCOUNT, access_key().access_key_id),
        (ChangeKind.SETTING, "", "a"),
        (ChangeKind.INTENT, ACCOUNT, "intent-1"),
    }
    assert len(changes.rows) == 7


async def test_deleted_key_is_in_the_feed_with_its_names(store: Store) -> None:
    def fill(tx: StoreTransaction) -> int:
        tx.keys.insert(kms_key())
        tx.aliases.put(alias("a"))
        tx.tags.put(ACCOUNT, key_id(1), [Tag(tag_key="a", tag_value="b")])
        return tx.commit_number

    before = await store.write(fill)
    await store.write(lambda tx: tx.keys.delete(ACCOUNT, key_id(1)))
    rows = (await store.changes_since(before)).rows
    assert {(change.kind, change.name) for change in rows} == {
        (ChangeKind.KEY, key_id(1)),
        (ChangeKind.ALIAS, alias_name("a")),
        (ChangeKind.TAGS, key_id(1)),
    }


async def test_feed_is_empty_for_who_has_caught_up(store: Store) -> None:
    await store.write(lambda tx: tx.settings.put("a", "b"))
    head = await head_of(store)
    changes = await store.changes_since(head)
    assert (changes.head, changes.complete, list(changes.rows)) == (head, True, [])


async def test_pruned_feed_tells_who_comes_too_late(store: Store) -> None:
    numbers = [
        await store.write(lambda tx, n=n: (tx.settings.put("a", str(n)), tx.commit_number)[1])  # type: ignore[misc] # a lambda's default has no type
        for n in range(5)
    ]
    await store.prune_changes(keep=2)
    late = await store.changes_since(numbers[1])
    assert (late.complete, list(late.rows)) == (False, [])
    kept = await store.changes_since(numbers[2])
    assert kept.complete
    assert [change.commit_number for change in kept.rows] == numbers[3:]
    await store.prune_changes(keep=9)
    assert (await store.changes_since(numbers[2])).complete
    await store.prune_changes(keep=0)
    assert not (await store.changes_since(numbers[3])).complete
    assert (await store.changes_since(await head_of(store))).complete


async def test_pruning_keeps_the_rows_of_a_commit_together(store: Store) -> None:
    def two(tx: StoreTransaction) -> int:
        tx.settings.put("a", "1")
        tx.settings.put("b", "1")
        return tx.commit_number

    number = await store.write(two)
    await store.prune_changes(keep=1)
    changes = await store.changes_since(number - 1)
    assert changes.complete
    assert [change.name for change in changes.rows] == ["a", "b"]
    assert isinstance(changes.rows[0], Change)


async def test_commit_number_of_another_store_forgets_everything(store: Store) -> None:
    head = await head_of(store)
    assert not (await store.changes_since(head + 1)).complete


async def test_concurrent_writes_lose_no_update(store: Store) -> None:
    await store.write(lambda tx: tx.settings.put("count", "0"))

    def count(tx: StoreTransaction) -> None:
        tx.settings.put("count", str(int(tx.settings.get("count") or "") + 1))

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(store.write(count))
    assert await store.read(lambda tx: tx.settings.get("count")) == "20"


async def test_closed_store_says_so(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable, match="the store is closed"):
        await store.read(lambda tx: tx.commit_number)
    with pytest.raises(StoreUnavailable, match="the store is closed"):
        await store.write(lambda tx: tx.commit_number)
    await store.close()
