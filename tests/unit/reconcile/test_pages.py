"""A Region that was away: plain cases are levelled by the page, the rest are visited."""

import asyncio

from regionkms.model.ids import KeyId, RegionName
from regionkms.ports.coordinator import Changes, RecordKey, Revision
from regionkms.reconcile.records import MANY
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd
from tests.support.region_cluster import AP, EU, US, RegionUnderTest, record_key

Regions = dict[RegionName, RegionUnderTest]


async def replicated(regions: Regions, key: RecordKey, target: RegionName) -> None:
    """Replicate while only the primary and the target work."""
    call = asyncio.ensure_future(
        regions[US].call("ReplicateKey", key_id=key.key_id, replica_region=target)
    )
    while not call.done():
        for name in (US, target):
            await regions[name].visit(key)
        await asyncio.sleep(0.001)
    await call
    for name in (US, target, US):
        await regions[name].visit(key)


async def shared(regions: Regions) -> RecordKey:
    created = await regions[US].call("CreateKey", multi_region=True)
    key = record_key(created.key_metadata.key_id)
    await regions[US].visit(key)
    await replicated(regions, key, EU)
    return key


async def mirror_seq(region: RegionUnderTest, key: RecordKey) -> int:
    mirror = await region.mirror(key)
    assert mirror is not None
    return mirror.seq


async def test_newer_records_become_mirrors_without_a_visit(regions: Regions) -> None:
    eu, us = regions[EU], regions[US]
    keys = [await shared(regions) for _ in range(2)]
    for key in keys:
        await replicated(regions, key, AP)
        assert await mirror_seq(eu, key) < await mirror_seq(us, key)
    looks = eu.metrics.snapshot().counters["looks"]
    assert await eu.agent._finder.pass_once()
    assert eu.agent.is_idle
    for key in keys:
        assert await mirror_seq(eu, key) == await mirror_seq(us, key)
    assert eu.metrics.snapshot().counters["looks"] == looks


async def test_a_proposal_is_left_to_a_visit_and_other_regions_keys_to_nobody(
    regions: Regions,
) -> None:
    key = await shared(regions)
    ap = regions[AP]
    assert await ap.agent._finder.pass_once()
    assert ap.agent.is_idle
    call = asyncio.ensure_future(
        regions[US].call("ReplicateKey", key_id=key.key_id, replica_region=AP)
    )
    await asyncio.sleep(0.01)
    await regions[US].visit(key)
    await ap.agent._finder.pass_once()
    assert list(ap.agent._queue._ready) == [key]
    for name in (AP, US):
        await regions[name].visit(key)
    await call


async def test_a_forged_page_moves_no_mirror(regions: Regions, etcd: MemoryEtcd) -> None:
    key = await shared(regions)
    eu = regions[EU]
    before = await mirror_seq(eu, key)
    name = eu.ports.names.record(key.account_id, key.key_id)
    value = bytearray(etcd.get(name).value)
    value[-1] ^= 1
    await etcd.apply({name: bytes(value)}, frozenset())
    assert await eu.agent._finder.pass_once()
    assert await mirror_seq(eu, key) == before
    assert not eu.agent.is_idle


async def test_an_unreadable_record_of_others_stops_nobody(
    regions: Regions, etcd: MemoryEtcd
) -> None:
    key = await shared(regions)
    ap = regions[AP]
    name = ap.ports.names.record(key.account_id, KeyId("mrk-" + "e" * 32))
    await etcd.apply({name: b"garbage"}, frozenset())
    await ap.visit(record_key("mrk-" + "e" * 32))
    assert ap.agent.stop_reasons == []


async def test_much_that_a_watch_names_is_levelled_by_a_pass(regions: Regions) -> None:
    eu, us = regions[EU], regions[US]
    key = await shared(regions)
    assert await eu.agent._finder.pass_once()
    await replicated(regions, key, AP)
    looks = eu.metrics.snapshot().counters["looks"]
    others = [record_key(f"mrk-{number:032x}") for number in range(MANY)]
    changes = Changes(revision=Revision(1), records=frozenset({key, *others}))
    await eu.agent._finder.take(changes)
    assert eu.agent.is_idle
    assert eu.metrics.snapshot().counters["looks"] == looks
    assert await mirror_seq(eu, key) == await mirror_seq(us, key)


async def test_little_that_a_watch_names_is_visited(regions: Regions) -> None:
    key = await shared(regions)
    finder = regions[EU].agent._finder
    await finder.take(Changes(revision=Revision(1), records=frozenset({key})))
    assert list(regions[EU].agent._queue._ready) == [key]


async def test_a_pass_that_fails_leaves_what_the_watch_named_to_the_next(
    regions: Regions,
) -> None:
    eu, us = regions[EU], regions[US]
    key = await shared(regions)
    await replicated(regions, key, AP)
    coordinator = eu.coordinator
    assert isinstance(coordinator, MemoryCoordinator)
    coordinator.cut = True
    others = [record_key(f"mrk-{number:032x}") for number in range(MANY)]
    changes = Changes(revision=Revision(1), records=frozenset({key, *others}))
    await eu.agent._finder.take(changes)
    assert await mirror_seq(eu, key) < await mirror_seq(us, key)
    coordinator.cut = False
    assert await eu.agent._finder.pass_once()
    assert await mirror_seq(eu, key) == await mirror_seq(us, key)
