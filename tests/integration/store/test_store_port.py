"""One suite for every adapter of the Store port: keys, material, names, tags."""

from dataclasses import replace

import pytest

from regionkms.model.errors import StoreUnavailable
from regionkms.model.key import Deletion, DeletionKind, KmsKey, MultiRegionFacts, Tag
from regionkms.model.key_spec import KeyManager
from regionkms.ports.store import Store, StoreTransaction
from tests.support.store_rows import (
    ACCOUNT,
    OTHER_ACCOUNT,
    alias,
    alias_name,
    generation,
    generation_id,
    key_id,
    kms_key,
    multi_region_key,
    multi_region_key_id,
)

pytestmark = pytest.mark.timeout(60)


async def test_key_comes_back_as_it_was_inserted(store: Store) -> None:
    key = kms_key(
        description="Ünïcode \0 and 'quotes'",
        deletion=Deletion(kind=DeletionKind.PENDING, window_days=7, date=1.1),
        custom_key_store_id="cks-1",
        enabled=False,
        version=3,
    )
    await store.write(lambda tx: tx.keys.insert(key))
    assert await store.read(lambda tx: tx.keys.get(ACCOUNT, key.key_id)) == key


async def test_key_without_current_generation_comes_back(store: Store) -> None:
    key = kms_key(current_generation=None)
    await store.write(lambda tx: tx.keys.insert(key))
    assert await store.read(lambda tx: tx.keys.get(ACCOUNT, key.key_id)) == key


async def test_key_is_found_only_in_its_own_account(store: Store) -> None:
    await store.write(lambda tx: tx.keys.insert(kms_key()))
    assert await store.read(lambda tx: tx.keys.get(OTHER_ACCOUNT, key_id(1))) is None
    assert await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(2))) is None


async def test_two_accounts_may_hold_the_same_key_id(store: Store) -> None:
    mine, theirs = kms_key(), kms_key(account_id=OTHER_ACCOUNT, description="theirs")

    def insert(tx: StoreTransaction) -> None:
        tx.keys.insert(mine)
        tx.keys.insert(theirs)

    await store.write(insert)
    assert await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1))) == mine
    assert await store.read(lambda tx: tx.keys.get(OTHER_ACCOUNT, key_id(1))) == theirs


async def test_key_id_is_inserted_once(store: Store) -> None:
    await store.write(lambda tx: tx.keys.insert(kms_key()))
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: tx.keys.insert(kms_key(description="second")))
    assert await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1))) == kms_key()
    assert await store.read(lambda tx: tx.keys.count(ACCOUNT)) == 1


async def test_update_replaces_the_key_and_raises_its_version(store: Store) -> None:
    await store.write(lambda tx: tx.keys.insert(kms_key()))
    changed = kms_key(enabled=False, policy='{"Version":"2012-10-17"}')
    await store.write(lambda tx: tx.keys.update(changed))
    stored = await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1)))
    assert stored == replace(changed, version=1)


async def test_update_of_a_stale_version_is_refused(store: Store) -> None:
    await store.write(lambda tx: tx.keys.insert(kms_key()))
    await store.write(lambda tx: tx.keys.update(kms_key(enabled=False)))
    with pytest.raises(StoreUnavailable, match="changed by somebody else"):
        await store.write(lambda tx: tx.keys.update(kms_key(description="stale")))
    stored = await store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1)))
    assert stored == kms_key(enabled=False, version=1)


async def test_update_of_an_absent_key_is_refused(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="changed by somebody else"):
        await store.write(lambda tx: tx.keys.update(kms_key()))


async def test_update_leaves_multi_region_facts_alone(store: Store) -> None:
    stale = multi_region_key()
    facts = MultiRegionFacts(life=2, mirror_seq=9)

    def insert(tx: StoreTransaction) -> None:
        tx.keys.insert(stale)
        tx.multi_region.put(ACCOUNT, stale.key_id, facts)
        tx.keys.update(replace(stale, description="changed"))

    await store.write(insert)
    stored = await store.read(lambda tx: tx.keys.get(ACCOUNT, stale.key_id))
    assert stored == replace(stale, description="changed", multi_region=facts, version=1)


async def test_deleted_key_takes_all_but_its_facts_along(store: Store) -> None:
    gone, other = multi_region_key(1), kms_key()

    def fill(tx: StoreTransaction) -> None:
        for key in (gone, other):
            tx.keys.insert(key)
            tx.generations.put(ACCOUNT, key.key_id, generation())
            tx.aliases.put(alias(key.key_id, key.key_id))
            tx.tags.put(ACCOUNT, key.key_id, [Tag(tag_key="a", tag_value="b")])

    await store.write(fill)
    await store.write(lambda tx: tx.keys.delete(ACCOUNT, gone.key_id))

    def look(tx: StoreTransaction) -> None:
        assert tx.keys.get(ACCOUNT, gone.key_id) is None
        assert tx.generations.of_key(ACCOUNT, gone.key_id) == []
        assert tx.tags.of_key(ACCOUNT, gone.key_id) == []
        assert tx.aliases.get(ACCOUNT, alias_name(gone.key_id)) is None
        assert tx.multi_region.get(ACCOUNT, gone.key_id) == MultiRegionFacts(life=1)
        assert tx.keys.get(ACCOUNT, other.key_id) == other
        assert tx.generations.of_key(ACCOUNT, other.key_id) == [generation()]
        assert len(tx.tags.of_key(ACCOUNT, other.key_id)) == 1
        assert tx.aliases.count(ACCOUNT, other.key_id) == 1
        assert tx.keys.count(ACCOUNT) == 1

    await store.read(look)


async def test_deleting_an_absent_key_changes_nothing(store: Store, bumps: list[int]) -> None:
    await store.write(lambda tx: tx.keys.delete(ACCOUNT, key_id(1)))
    assert await store.read(lambda tx: tx.keys.count(ACCOUNT)) == 0
    assert bumps == []


async def test_key_ids_come_in_pages(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        for number in (3, 1, 5, 2, 4):
            tx.keys.insert(kms_key(key_id(number)))
        tx.keys.insert(kms_key(key_id(9), account_id=OTHER_ACCOUNT))

    await store.write(fill)
    first = await store.read(lambda tx: tx.keys.page(ACCOUNT, after="", limit=2))
    second = await store.read(lambda tx: tx.keys.page(ACCOUNT, after=first[-1], limit=9))
    assert first == [key_id(1), key_id(2)]
    assert second == [key_id(3), key_id(4), key_id(5)]


async def test_only_customer_managed_keys_are_counted(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key(key_id(1)))
        tx.keys.insert(kms_key(key_id(2)))
        tx.keys.insert(kms_key(key_id(3), key_manager=KeyManager.AWS))
        tx.keys.insert(kms_key(key_id(4), account_id=OTHER_ACCOUNT))

    await store.write(fill)
    assert await store.read(lambda tx: tx.keys.count(ACCOUNT)) == 2

    def remove(tx: StoreTransaction) -> None:
        tx.keys.delete(ACCOUNT, key_id(2))
        tx.keys.delete(ACCOUNT, key_id(3))

    await store.write(remove)
    assert await store.read(lambda tx: tx.keys.count(ACCOUNT)) == 1


async def test_keys_due_for_deletion_come_oldest_first(store: Store) -> None:
    def pending(number: int, date: float) -> KmsKey:
        deletion = Deletion(kind=DeletionKind.PENDING, window_days=7, date=date)
        return kms_key(key_id(number), deletion=deletion)

    replica_exists = Deletion(kind=DeletionKind.PENDING_REPLICA, window_days=7)
    keys = [
        kms_key(key_id(8), deletion=replica_exists),
        kms_key(key_id(9)),
        pending(1, 30.0),
        pending(2, 10.0),
        pending(3, 20.0),
        pending(4, 40.0),
    ]

    def fill(tx: StoreTransaction) -> None:
        for key in keys:
            tx.keys.insert(key)

    await store.write(fill)
    due = await store.read(lambda tx: tx.keys.due(before=40.0, limit=10))
    assert [key.key_id for key in due] == [key_id(2), key_id(3), key_id(1)]
    first = await store.read(lambda tx: tx.keys.due(before=40.0, limit=1))
    assert first == due[:1]


async def test_all_keys_come_in_pages_across_accounts(store: Store) -> None:
    keys = [
        kms_key(key_id(1)),
        multi_region_key(7),
        kms_key(key_id(0), account_id=OTHER_ACCOUNT),
        kms_key(key_id(5), account_id=OTHER_ACCOUNT),
    ]

    def fill(tx: StoreTransaction) -> None:
        for key in reversed(keys):
            tx.keys.insert(key)

    await store.write(fill)
    first = await store.read(lambda tx: tx.keys.all(after=("", ""), limit=2))
    last = (first[-1].account_id, first[-1].key_id)
    second = await store.read(lambda tx: tx.keys.all(after=last, limit=10))
    assert [*first, *second] == keys


async def test_generations_come_oldest_first(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        for number in (2, 3, 1):
            tx.generations.put(ACCOUNT, key_id(1), generation(number))

    await store.write(fill)
    held = await store.read(lambda tx: tx.generations.of_key(ACCOUNT, key_id(1)))
    assert held == [generation(1), generation(2), generation(3)]


async def test_generation_can_be_wrapped_anew(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.generations.put(ACCOUNT, key_id(1), generation(1))
        tx.generations.put(ACCOUNT, key_id(1), generation(2))

    await store.write(fill)
    anew = generation(1, wrapped=b"wrapped anew", domain_key_id="e0" * 16)
    await store.write(lambda tx: tx.generations.put(ACCOUNT, key_id(1), anew))
    held = await store.read(lambda tx: tx.generations.of_key(ACCOUNT, key_id(1)))
    assert held == [anew, generation(2)]


async def test_one_generation_is_destroyed_alone(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.generations.put(ACCOUNT, key_id(1), generation(1))
        tx.generations.put(ACCOUNT, key_id(1), generation(2))

    await store.write(fill)
    await store.write(lambda tx: tx.generations.delete(ACCOUNT, key_id(1), generation_id(1)))
    await store.write(lambda tx: tx.generations.delete(ACCOUNT, key_id(1), generation_id(9)))
    held = await store.read(lambda tx: tx.generations.of_key(ACCOUNT, key_id(1)))
    assert held == [generation(2)]


async def test_generation_of_an_absent_key_is_refused(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: tx.generations.put(ACCOUNT, key_id(1), generation()))
    assert await store.read(lambda tx: tx.generations.of_key(ACCOUNT, key_id(1))) == []


async def test_alias_comes_back_and_moves(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key(key_id(1)))
        tx.keys.insert(kms_key(key_id(2)))
        tx.aliases.put(alias("a"))

    await store.write(fill)
    assert await store.read(lambda tx: tx.aliases.get(ACCOUNT, alias_name("a"))) == alias("a")
    await store.write(lambda tx: tx.aliases.put(alias("a", key_id(2), updated_at=9.0)))
    moved = await store.read(lambda tx: tx.aliases.get(ACCOUNT, alias_name("a")))
    assert moved == alias("a", key_id(2), updated_at=9.0, version=1)
    assert await store.read(lambda tx: tx.aliases.count(ACCOUNT, key_id(1))) == 0
    assert await store.read(lambda tx: tx.aliases.count(ACCOUNT, key_id(2))) == 1


async def test_alias_of_an_absent_key_is_refused(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: tx.aliases.put(alias("a")))
    assert await store.read(lambda tx: tx.aliases.get(ACCOUNT, alias_name("a"))) is None


async def test_alias_is_removed_alone(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.aliases.put(alias("a"))
        tx.aliases.put(alias("b"))

    await store.write(fill)
    await store.write(lambda tx: tx.aliases.delete(ACCOUNT, alias_name("a")))
    await store.write(lambda tx: tx.aliases.delete(ACCOUNT, alias_name("absent")))
    page = await store.read(lambda tx: tx.aliases.page(ACCOUNT, key_id=None, after="", limit=9))
    assert page == [alias("b")]


async def test_aliases_come_in_pages_sorted_by_bytes(store: Store) -> None:
    names = ["B", "_", "a", "a/b", "a0", "b"]
    second = key_id(2)

    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key(key_id(1)))
        tx.keys.insert(kms_key(second))
        for name in reversed(names):
            tx.aliases.put(alias(name, second if "a" in name else key_id(1)))

    await store.write(fill)
    page = await store.read(lambda tx: tx.aliases.page(ACCOUNT, key_id=None, after="", limit=4))
    assert [item.alias_name for item in page] == [alias_name(name) for name in names[:4]]
    rest = await store.read(
        lambda tx: tx.aliases.page(ACCOUNT, key_id=None, after=page[-1].alias_name, limit=4)
    )
    assert [item.alias_name for item in rest] == [alias_name(name) for name in names[4:]]
    of_key = await store.read(
        lambda tx: tx.aliases.page(ACCOUNT, key_id=second, after=alias_name("a"), limit=4)
    )
    assert [item.alias_name for item in of_key] == [alias_name("a/b"), alias_name("a0")]


async def test_tags_keep_any_character_and_replace_values(store: Store) -> None:
    tags = [Tag(tag_key="", tag_value=""), Tag(tag_key="K\0\U0001f511", tag_value="\0")]

    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.tags.put(ACCOUNT, key_id(1), [*reversed(tags), Tag(tag_key="z", tag_value="1")])
        tx.tags.put(ACCOUNT, key_id(1), [Tag(tag_key="z", tag_value="2")])

    await store.write(fill)
    stored = await store.read(lambda tx: tx.tags.of_key(ACCOUNT, key_id(1)))
    assert stored == [*tags, Tag(tag_key="z", tag_value="2")]


async def test_tags_are_removed_by_key(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.tags.put(
            ACCOUNT, key_id(1), [Tag(tag_key=name, tag_value="v") for name in ("a", "b", "c")]
        )
        tx.tags.delete(ACCOUNT, key_id(1), ["a", "c", "absent"])

    await store.write(fill)
    stored = await store.read(lambda tx: tx.tags.of_key(ACCOUNT, key_id(1)))
    assert stored == [Tag(tag_key="b", tag_value="v")]


async def test_key_shows_its_newest_facts(store: Store) -> None:
    key = multi_region_key()
    await store.write(lambda tx: tx.keys.insert(key))
    facts = MultiRegionFacts(life=4, mirror=b"record", mirror_seq=2)
    await store.write(lambda tx: tx.multi_region.put(ACCOUNT, multi_region_key_id(1), facts))
    stored = await store.read(lambda tx: tx.keys.get(ACCOUNT, multi_region_key_id(1)))
    assert stored == replace(key, multi_region=facts)
