"""Registering, pinning, and everything that stops a Region's protocol work (R12, protocol §6)."""

from dataclasses import replace

from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import RegionName
from regionkms.ports.coordinator import RecordKey
from regionkms.reconcile.directory import SETTING_DIRECTORY_PREFIX, SETTING_PINS, Pins
from tests.support.clock import FakeClock
from tests.support.enrolled import signed_entry_of
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd
from tests.support.memory_store import MemoryStore
from tests.support.region_cluster import EU, US, RegionUnderTest, record_key, twins

Regions = dict[RegionName, RegionUnderTest]


def stopped(region: RegionUnderTest) -> str:
    return region.agent.directory.stopped


async def founded(region: RegionUnderTest) -> RecordKey:
    created = await region.call("CreateKey", multi_region=True)
    key = record_key(created.key_metadata.key_id)
    await region.visit(key)
    assert (await region.mirror(key)) is not None
    return key


async def test_a_region_registers_once_and_knows_the_others(regions: Regions) -> None:
    directory = regions[US].agent.directory
    assert set(directory.regions) == set(regions)
    entry = directory.entry(US)
    assert entry is not None
    assert entry.store_id == regions[US].store.store_id
    before = entry.serial
    await directory.join()
    again = directory.entry(US)
    assert again is not None
    assert again.serial == before


async def test_the_copy_of_the_directory_outlives_a_restart_without_etcd(regions: Regions) -> None:
    us = regions[US]
    us.crash()
    await us.agent.directory.load()
    assert set(us.agent.directory.regions) == set(regions)
    assert set(us.agent.directory.keys) == set(regions)


async def test_a_tampered_copy_is_not_believed(regions: Regions) -> None:
    us = regions[US]
    assert isinstance(us.store, MemoryStore)
    us.store.tables.settings[SETTING_DIRECTORY_PREFIX + EU] = "AAAA"
    us.crash()
    await us.agent.directory.load()
    assert EU not in us.agent.directory.regions


async def test_another_store_is_not_this_region(
    regions: Regions, identities: dict[RegionName, RegionIdentity], etcd: MemoryEtcd
) -> None:
    other = twins(
        {US: identities[US]},
        store=lambda _: MemoryStore(store_id="9" * 32),
        coordinator=lambda name: MemoryCoordinator(etcd, name),
        clock=FakeClock(),
    )[US]
    await other.rejoin()
    assert "region replace-store" in stopped(other)
    created = await other.call("CreateKey", multi_region=True)
    key = record_key(created.key_metadata.key_id)
    writes = other.coordinator.writes if isinstance(other.coordinator, MemoryCoordinator) else -1
    visit = await other.visit(key)
    assert visit.again
    assert isinstance(other.coordinator, MemoryCoordinator)
    assert other.coordinator.writes == writes
    assert await other.mirror(key) is None


async def test_an_older_copy_of_the_store_is_noticed(regions: Regions) -> None:
    us = regions[US]
    assert isinstance(us.store, MemoryStore)
    us.crash()
    await us.rejoin()
    assert stopped(us) == ""
    us.store._commit_number -= 5
    await us.agent.directory.join()
    assert "older copy" in stopped(us)


async def test_another_etcd_stops_all_writes_and_no_key(regions: Regions, etcd: MemoryEtcd) -> None:
    us = regions[US]
    key = await founded(us)
    etcd.cluster_id = 77
    await us.agent.directory.join()
    assert "cluster id is 4d" in stopped(us)
    await us.call("Encrypt", key_id=key.key_id, plaintext=b"goes on")


async def test_a_rolled_back_revision_stops(regions: Regions, etcd: MemoryEtcd) -> None:
    us = regions[US]
    await founded(us)
    etcd.revision -= 2
    await us.agent.directory.join()
    assert "rolled back" in stopped(us)


async def test_lost_etcd_data_is_not_begun_anew(regions: Regions, etcd: MemoryEtcd) -> None:
    us = regions[US]
    etcd.items.clear()
    await us.agent.directory.join()
    assert "etcd's data is gone" in stopped(us)
    assert etcd.items == {}


async def test_an_entry_signed_by_nobody_is_not_taken(regions: Regions, etcd: MemoryEtcd) -> None:
    us = regions[US]
    name = us.ports.names.entry(EU)
    true = us.agent.directory.entry(EU)
    await etcd.apply({name: b"\x0a\x01x"}, frozenset())
    await us.agent.directory.join()
    assert stopped(us) == ""
    assert us.agent.directory.entry(EU) == true


async def test_an_entry_that_went_back_is_not_taken(
    regions: Regions, etcd: MemoryEtcd, identities: dict[RegionName, RegionIdentity]
) -> None:
    us = regions[US]
    true = us.agent.directory.entry(EU)
    value = signed_entry_of(identities[EU], store_id="8" * 32, serial=99)
    await etcd.apply({us.ports.names.entry(EU): value}, frozenset())
    await us.agent.directory.join()
    assert us.agent.directory.entry(EU) == true


async def test_a_missing_record_stops_every_write(regions: Regions, etcd: MemoryEtcd) -> None:
    us = regions[US]
    key, other = await founded(us), await us.call("CreateKey", multi_region=True)
    await etcd.apply({}, frozenset({us.ports.names.record(key.account_id, key.key_id)}))
    assert (await us.visit(key)).again
    assert us.agent.stop_reasons == ["the record is missing"]
    second = record_key(other.key_metadata.key_id)
    await us.visit(second)
    assert await us.mirror(second) is None
    await us.call("Encrypt", key_id=key.key_id, plaintext=b"goes on")


async def test_an_older_record_stops_until_the_newer_is_back(
    regions: Regions, etcd: MemoryEtcd
) -> None:
    us = regions[US]
    key = await founded(us)
    name = us.ports.names.record(key.account_id, key.key_id)
    newest = etcd.get(name)
    assert isinstance(us.store, MemoryStore)
    facts = us.store.tables.facts[key.account_id, key.key_id]
    forged = replace(facts, mirror_seq=facts.mirror_seq)
    await etcd.apply({name: newest.value[:-1] + bytes([newest.value[-1] ^ 1])}, frozenset())
    await us.visit(key)
    assert "not believed" in us.agent.stop_reasons[0]
    assert us.store.tables.facts[key.account_id, key.key_id] == forged
    await etcd.apply({name: newest.value}, frozenset())
    await us.visit(key)
    assert us.agent.stop_reasons == []


async def test_pins_move_with_the_revision(regions: Regions, etcd: MemoryEtcd) -> None:
    us = regions[US]
    await founded(us)
    await us.agent.directory.keep_pins()
    stored = await us.store.read(lambda tx: tx.settings.get(SETTING_PINS))
    assert stored is not None
    assert Pins.decode(stored).revision == us.agent.directory.floor
