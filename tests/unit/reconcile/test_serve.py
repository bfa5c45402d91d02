"""Who gets material from a Region, and everybody who does not."""

import asyncio
from dataclasses import replace

import pytest

from regionkms.crypto.sealing import TransportKey
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.ids import GenerationId, RegionName
from regionkms.model.record import Epoch, Record
from regionkms.ports.coordinator import RecordKey
from regionkms.ports.key_transport import FetchRefused, FetchRequest, RefusalCode
from regionkms.reconcile.fetching import seal_info
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd
from tests.support.memory_store import MemoryStore
from tests.support.region_cluster import AP, EU, US, RegionUnderTest, record_key

Regions = dict[RegionName, RegionUnderTest]


@pytest.fixture
async def shared(regions: Regions) -> RecordKey:
    """A key of us-east-1 with a complete replica in eu-west-1."""
    created = await regions[US].call("CreateKey", multi_region=True)
    key = record_key(created.key_metadata.key_id)
    call = asyncio.ensure_future(
        regions[US].call("ReplicateKey", key_id=key.key_id, replica_region=EU)
    )
    while not call.done():
        for region in regions.values():
            await region.visit(key)
        await asyncio.sleep(0.001)
    await call
    for name in (US, EU, US):
        await regions[name].visit(key)
    return key


async def record_of(regions: Regions, key: RecordKey) -> Record:
    mirror = await regions[US].mirror(key)
    assert mirror is not None
    return mirror


async def request(regions: Regions, key: RecordKey) -> FetchRequest:
    record = await record_of(regions, key)
    return FetchRequest(
        account_id=key.account_id,
        key_id=key.key_id,
        generation_id=record.generations[0].generation_id,
        life=1,
        epoch=record.epoch,
        transport_key_id=regions[EU].identity.transport_key.key_id,
    )


async def refused(
    regions: Regions, asked: FetchRequest, *, target: RegionName = EU, source: RegionName = US
) -> RefusalCode:
    with pytest.raises(FetchRefused) as caught:
        await regions[source].agent.server.serve(target, asked)
    return caught.value.code


async def test_a_member_gets_what_only_it_can_open(regions: Regions, shared: RecordKey) -> None:
    asked = await request(regions, shared)
    sealed = await regions[US].agent.server.serve(EU, asked)
    record = await record_of(regions, shared)
    info = seal_info(
        record,
        record.generations[0],
        source=US,
        target=EU,
        life=1,
        transport_key_id=asked.transport_key_id,
    )
    assert len(regions[EU].identity.transport_key.open(sealed, info)) == 32
    with pytest.raises(MaterialUnreadable):
        TransportKey.generate().open(sealed, info)
    with pytest.raises(MaterialUnreadable):
        regions[EU].identity.transport_key.open(sealed, replace(info, life=2))


async def test_a_region_that_is_no_member_gets_nothing(regions: Regions, shared: RecordKey) -> None:
    asked = await request(regions, shared)
    assert await refused(regions, asked, target=AP) is RefusalCode.NOT_GRANTED
    assert await refused(regions, replace(asked, life=2)) is RefusalCode.NOT_GRANTED


async def test_the_epoch_must_be_that_of_the_record(regions: Regions, shared: RecordKey) -> None:
    asked = await request(regions, shared)
    earlier = Epoch(incarnation=asked.epoch.incarnation, number=0)
    later = Epoch(incarnation=asked.epoch.incarnation, number=9)
    assert await refused(regions, replace(asked, epoch=earlier)) is RefusalCode.STALE_EPOCH
    assert await refused(regions, replace(asked, epoch=later)) is RefusalCode.UNVERIFIED


async def test_only_listed_generations_are_sealed(regions: Regions, shared: RecordKey) -> None:
    asked = replace(await request(regions, shared), generation_id=GenerationId(bytes(16)))
    assert await refused(regions, asked) is RefusalCode.NOT_GRANTED


async def test_what_is_not_held_is_not_served(regions: Regions, shared: RecordKey) -> None:
    asked = await request(regions, shared)
    store = regions[US].store
    assert isinstance(store, MemoryStore)
    store.tables.generations.clear()
    assert await refused(regions, asked) is RefusalCode.NOT_HELD
    assert asked.generation_id is not None


async def test_another_transport_key_than_the_directorys_is_refused(
    regions: Regions, shared: RecordKey
) -> None:
    asked = replace(await request(regions, shared), transport_key_id="0" * 32)
    assert await refused(regions, asked) is RefusalCode.WRONG_TRANSPORT_KEY


async def test_nothing_is_sealed_without_a_fresh_reading(
    regions: Regions, shared: RecordKey
) -> None:
    asked = await request(regions, shared)
    coordinator = regions[US].coordinator
    assert isinstance(coordinator, MemoryCoordinator)
    coordinator.cut = True
    assert await refused(regions, asked) is RefusalCode.UNVERIFIED


async def test_nothing_is_sealed_on_a_forged_record(
    regions: Regions, shared: RecordKey, etcd: MemoryEtcd
) -> None:
    asked = await request(regions, shared)
    name = regions[US].ports.names.record(shared.account_id, shared.key_id)
    value = bytearray(etcd.get(name).value)
    value[-1] ^= 1
    await etcd.apply({name: bytes(value)}, frozenset())
    assert await refused(regions, asked) is RefusalCode.UNVERIFIED


async def test_an_unknown_key_is_not_granted(regions: Regions, shared: RecordKey) -> None:
    asked = await request(regions, shared)
    other = record_key("mrk-" + "f" * 32)
    assert await refused(regions, replace(asked, key_id=other.key_id)) is RefusalCode.NOT_GRANTED
