"""One suite for every adapter of the Store port: facts, intents, credentials, settings, outbox."""

from dataclasses import replace

import pytest

from regionkms.model.errors import StoreUnavailable
from regionkms.model.ids import RegionName, StoreId
from regionkms.model.key import IntentState, Lock, LockKind, MultiRegionFacts, Phase
from regionkms.ports.store import OutboxRecord, Store, StoreTransaction
from tests.support.store_rows import (
    ACCOUNT,
    OTHER_ACCOUNT,
    access_key,
    domain_key,
    generation_id,
    intent,
    multi_region_key_id,
)

pytestmark = pytest.mark.timeout(60)
MRK = multi_region_key_id(1)


@pytest.mark.parametrize("kind", LockKind)
async def test_facts_come_back_with_their_lock(store: Store, kind: LockKind) -> None:
    lock = Lock(
        kind=kind,
        peer=RegionName("eu-west-1"),
        intent_id="intent-1",
        base_seq=41,
        issued=True,
        expired=True,
    )
    facts = MultiRegionFacts(
        life=3,
        phase=Phase.CREATING,
        lock=lock,
        mirror=b"\0record\xff",
        mirror_seq=42,
        mirror_revision=2**40,
        ever_acked=frozenset({generation_id(1), generation_id(2**100)}),
        opened_by=StoreId("5" * 32),
    )
    await store.write(lambda tx: tx.multi_region.put(ACCOUNT, MRK, facts))
    assert await store.read(lambda tx: tx.multi_region.get(ACCOUNT, MRK)) == facts
    for phase in Phase:
        unlocked = replace(facts, lock=None, phase=phase)
        await store.write(lambda tx, facts=unlocked: tx.multi_region.put(ACCOUNT, MRK, facts))  # type: ignore[misc] # a lambda's default has no type
        assert await store.read(lambda tx: tx.multi_region.get(ACCOUNT, MRK)) == unlocked


async def test_facts_of_an_unknown_key_are_none(store: Store) -> None:
    assert await store.read(lambda tx: tx.multi_region.get(ACCOUNT, MRK)) is None


async def test_mirror_never_goes_back(store: Store) -> None:
    facts = MultiRegionFacts(mirror=b"new", mirror_seq=7)
    await store.write(lambda tx: tx.multi_region.put(ACCOUNT, MRK, facts))
    older = MultiRegionFacts(mirror=b"old", mirror_seq=6)
    with pytest.raises(StoreUnavailable, match="must not go back from seq 7 to 6"):
        await store.write(lambda tx: tx.multi_region.put(ACCOUNT, MRK, older))
    assert await store.read(lambda tx: tx.multi_region.get(ACCOUNT, MRK)) == facts
    same = replace(facts, life=1)
    await store.write(lambda tx: tx.multi_region.put(ACCOUNT, MRK, same))
    assert await store.read(lambda tx: tx.multi_region.get(ACCOUNT, MRK)) == same


async def test_facts_come_in_pages_and_locked_ones_are_found(store: Store) -> None:
    locked = MultiRegionFacts(lock=Lock(kind=LockKind.DELETE))
    free = MultiRegionFacts(life=1)
    facts = [
        (ACCOUNT, multi_region_key_id(1), free),
        (ACCOUNT, multi_region_key_id(2), locked),
        (OTHER_ACCOUNT, multi_region_key_id(1), locked),
        (OTHER_ACCOUNT, multi_region_key_id(3), free),
    ]

    def fill(tx: StoreTransaction) -> None:
        for row in reversed(facts):
            tx.multi_region.put(*row)

    await store.write(fill)
    first = await store.read(lambda tx: tx.multi_region.page(after=("", ""), limit=3))
    rest = await store.read(lambda tx: tx.multi_region.page(after=first[-1][:2], limit=3))
    assert [*first, *rest] == facts
    assert await store.read(lambda tx: tx.multi_region.locked(limit=9)) == facts[1:3]
    assert await store.read(lambda tx: tx.multi_region.locked(limit=1)) == facts[1:2]


async def test_intent_comes_back_and_finishes(store: Store) -> None:
    await store.write(lambda tx: tx.intents.put(intent()))
    assert await store.read(lambda tx: tx.intents.get("intent-1")) == intent()
    done = intent(state=IntentState.DONE, outcome='{"ok":true}')
    await store.write(lambda tx: tx.intents.put(done))
    assert await store.read(lambda tx: tx.intents.get("intent-1")) == done
    assert await store.read(lambda tx: tx.intents.get("intent-2")) is None


async def test_only_unfinished_intents_are_listed_oldest_first(store: Store) -> None:
    intents = [
        intent("c", created_at=1.0),
        intent("b", created_at=2.0, state=IntentState.EXPIRED),
        intent("a", created_at=2.5, key_id=multi_region_key_id(2)),
    ]
    finished = [intent("d", state=IntentState.DONE), intent("e", state=IntentState.FAILED)]

    def fill(tx: StoreTransaction) -> None:
        for item in (*reversed(intents), *finished):
            tx.intents.put(item)

    await store.write(fill)
    assert await store.read(lambda tx: tx.intents.open(limit=9)) == intents
    assert await store.read(lambda tx: tx.intents.open(limit=1)) == intents[:1]
    assert await store.read(lambda tx: tx.intents.of_key(ACCOUNT, MRK)) == intents[:2]
    assert await store.read(lambda tx: tx.intents.of_key(OTHER_ACCOUNT, MRK)) == []


async def test_pruning_intents_spares_unfinished_and_recent_ones(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.intents.put(intent("open", deadline=1.0))
        tx.intents.put(intent("expired", deadline=1.0, state=IntentState.EXPIRED))
        tx.intents.put(intent("done", deadline=1.0, state=IntentState.DONE, recorded=True))
        tx.intents.put(intent("unrecorded", deadline=1.0, state=IntentState.DONE))
        tx.intents.put(intent("failed", deadline=1.0, state=IntentState.FAILED))
        tx.intents.put(intent("recent", deadline=2.0, state=IntentState.DONE, recorded=True))
        tx.intents.prune(before=2.0)

    await store.write(fill)
    left = [
        name
        for name in ("open", "expired", "done", "unrecorded", "failed", "recent")
        if await store.read(lambda tx, name=name: tx.intents.get(name)) is not None  # type: ignore[misc] # a lambda's default has no type
    ]
    assert left == ["open", "expired", "unrecorded", "recent"]


async def test_done_intents_without_a_record_are_listed_oldest_first(store: Store) -> None:
    second = intent("a", created_at=2.0, state=IntentState.DONE)
    first = intent("b", created_at=1.0, state=IntentState.DONE)
    others = [
        intent("c"),
        intent("d", state=IntentState.EXPIRED),
        intent("e", state=IntentState.FAILED),
        intent("f", state=IntentState.DONE, recorded=True),
        intent("g", state=IntentState.DONE, deadline=16.0),
    ]

    def fill(tx: StoreTransaction) -> None:
        for item in (second, first, *others):
            tx.intents.put(item)

    await store.write(fill)
    assert await store.read(lambda tx: tx.intents.unrecorded(before=16.0, limit=9)) == [
        first,
        second,
    ]
    assert await store.read(lambda tx: tx.intents.unrecorded(before=16.0, limit=1)) == [first]
    await store.write(lambda tx: tx.intents.put(replace(first, recorded=True)))
    assert await store.read(lambda tx: tx.intents.unrecorded(before=16.0, limit=9)) == [second]


async def test_access_keys_come_back_and_change(store: Store) -> None:
    second = access_key("AKIAEXAMPLE000000002", account_id=OTHER_ACCOUNT)

    def fill(tx: StoreTransaction) -> None:
        tx.access_keys.put(second)
        tx.access_keys.put(access_key())
        tx.access_keys.put(access_key(active=False))

    await store.write(fill)
    changed = access_key(active=False, version=1)
    assert await store.read(lambda tx: tx.access_keys.get(changed.access_key_id)) == changed
    assert await store.read(lambda tx: tx.access_keys.get("AKIAABSENT")) is None
    assert await store.read(lambda tx: tx.access_keys.all()) == [changed, second]


async def test_settings_are_found_by_name_and_prefix(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.settings.put("pin/revision", "1")
        tx.settings.put("pin/revision", "2")
        tx.settings.put("pin/cluster", "é\0")
        tx.settings.put("pinned", "x")
        tx.settings.put("pin", "y")

    await store.write(fill)
    assert await store.read(lambda tx: tx.settings.get("pin/revision")) == "2"
    assert await store.read(lambda tx: tx.settings.get("pin/absent")) is None
    found = await store.read(lambda tx: tx.settings.prefixed("pin/"))
    assert found == {"pin/cluster": "é\0", "pin/revision": "2"}


async def test_newest_domain_key_takes_the_current_mark(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.domain_keys.put(domain_key(1))
        tx.domain_keys.put(domain_key(2))
        tx.domain_keys.put(domain_key(3, current=False))

    await store.write(fill)
    stored = await store.read(lambda tx: tx.domain_keys.all())
    assert stored[-3:] == [
        domain_key(1, current=False),
        domain_key(2),
        domain_key(3, current=False),
    ]
    assert sum(key.current for key in stored) == 1


async def test_outbox_keeps_order_until_records_are_taken_out(store: Store) -> None:
    records = [OutboxRecord(event_id=f"event-{9 - n}", record=b"{%d}" % n) for n in range(4)]

    def fill(tx: StoreTransaction) -> None:
        for record in records:
            tx.outbox.append(record)

    await store.write(fill)
    assert await store.read(lambda tx: tx.outbox.waiting(limit=3)) == records[:3]
    await store.write(lambda tx: tx.outbox.remove([records[0].event_id, records[2].event_id]))
    await store.write(lambda tx: tx.outbox.remove([records[0].event_id]))
    assert await store.read(lambda tx: tx.outbox.waiting(limit=9)) == [records[1], records[3]]


async def test_event_enters_the_outbox_once(store: Store) -> None:
    record = OutboxRecord(event_id="event", record=b"{}")
    await store.write(lambda tx: tx.outbox.append(record))
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: tx.outbox.append(record))
    assert await store.read(lambda tx: tx.outbox.waiting(limit=9)) == [record]


async def test_chain_heads_are_kept_by_chain(store: Store) -> None:
    def fill(tx: StoreTransaction) -> None:
        tx.outbox.put_chain_head("worker-2", "{2}")
        tx.outbox.put_chain_head("worker-1", "{1}")
        tx.outbox.put_chain_head("worker-1", "{3}")

    await store.write(fill)
    heads = await store.read(lambda tx: tx.outbox.chain_heads())
    assert heads == {"worker-1": "{3}", "worker-2": "{2}"}
