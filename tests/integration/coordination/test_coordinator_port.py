"""The coordinator's port, run on etcd and on its twin in memory."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import pytest

from regionkms.coordination.etcd_coordinator import EtcdCoordinator
from regionkms.coordination.etcd_settings import EtcdSettings
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.record import ClusterName
from regionkms.ports.coordinator import (
    ABSENT,
    Changes,
    Coordinator,
    EntryLost,
    Guard,
    Lost,
    RecordKey,
    RecordWrite,
    Revision,
    Won,
)
from tests.support.etcd import Etcd
from tests.support.eventually import eventually
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd

US = RegionName("us-east-1")
EU = RegionName("eu-west-1")
KEY = RecordKey(account_id=AccountId("111122223333"), key_id=KeyId("mrk-" + "0" * 32))
Opened = Callable[[RegionName], Coordinator]

_numbers = itertools.count()


@pytest.fixture(params=["etcd", "twin"])
async def opened(
    request: pytest.FixtureRequest, shared_etcd: Etcd
) -> AsyncIterator[Callable[[RegionName], Coordinator]]:
    cluster = ClusterName(f"test-{next(_numbers):016x}")
    if request.param == "twin":
        twin = MemoryEtcd(cluster=cluster)
        yield lambda region: MemoryCoordinator(twin, region)
        return
    made: list[EtcdCoordinator] = []

    def of_region(region: RegionName) -> Coordinator:
        settings = EtcdSettings(endpoints=shared_etcd.endpoints, lease_s=2, page_size=3)
        made.append(EtcdCoordinator(settings, cluster, region))
        return made[-1]

    yield of_region
    for coordinator in made:
        await coordinator.close()


async def registered(coordinator: Coordinator) -> Guard:
    entry = await coordinator.put_entry(b"entry", replaces=ABSENT)
    assert isinstance(entry, Won)
    incarnation = await coordinator.put_incarnation(b"incarnation", replaces=ABSENT)
    current = incarnation.revision if isinstance(incarnation, Won) else None
    if isinstance(incarnation, EntryLost):
        current = incarnation.current.mod_revision
    assert current is not None
    return Guard(record=ABSENT, incarnation=current, own_entry=entry.revision)


async def is_alive(coordinator: Coordinator, region: RegionName) -> bool:
    return region in (await coordinator.read_directory()).alive


def key_number(number: int) -> RecordKey:
    return RecordKey(account_id=KEY.account_id, key_id=KeyId(f"mrk-{number:032x}"))


async def test_an_absent_record_reads_as_absent(opened: Opened) -> None:
    reading = await opened(EU).read_record(KEY)
    assert not reading.record.present
    assert reading.record.mod_revision == ABSENT
    assert reading.proposals == {}
    assert reading.alive == frozenset()


async def test_a_commit_creates_a_record_and_a_read_shows_it(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    won = await coordinator.commit(KEY, guard, RecordWrite(value=b"one"))
    assert isinstance(won, Won)
    reading = await opened(US).read_record(KEY)
    assert reading.record.value == b"one"
    assert reading.record.mod_revision == won.revision
    assert reading.incarnation.value == b"incarnation"
    assert not reading.own_entry.present, "us-east-1 is not registered"
    assert reading.place.revision >= won.revision


async def test_two_commits_on_one_revision_have_one_winner(opened: Opened) -> None:
    eu, us = opened(EU), opened(US)
    guard, other = await registered(eu), await registered(us)
    first = await eu.commit(KEY, guard, RecordWrite(value=b"eu"))
    second = await us.commit(KEY, other, RecordWrite(value=b"us"))
    assert isinstance(first, Won)
    assert isinstance(second, Lost)
    assert second.current.record.value == b"eu"
    assert second.current.record.mod_revision == first.revision
    assert (await us.read_record(KEY)).record.value == b"eu"


@pytest.mark.parametrize("moved", ["incarnation", "own entry", "record"])
async def test_a_commit_loses_when_a_part_of_its_guard_moved(opened: Opened, moved: str) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    if moved == "incarnation":
        await coordinator.put_incarnation(b"second", replaces=guard.incarnation)
    elif moved == "own entry":
        await coordinator.put_entry(b"replaced store", replaces=guard.own_entry)
    else:
        await coordinator.commit(KEY, guard, RecordWrite(value=b"first"))
    before = (await coordinator.read_record(KEY)).record
    lost = await coordinator.commit(KEY, guard, RecordWrite(value=b"late"))
    assert isinstance(lost, Lost)
    assert lost.current.record == before
    assert (await coordinator.read_record(KEY)).record == before


async def test_a_commit_without_an_own_entry_is_refused(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = Guard(record=ABSENT, incarnation=Revision(5), own_entry=ABSENT)
    with pytest.raises(ValueError, match="compares the incarnation and the writer's own"):
        await coordinator.commit(KEY, guard, RecordWrite(value=b"x"))


async def test_proposals_are_written_and_deleted_with_the_record(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    write = RecordWrite(value=b"one", put_proposals={US: b"policy"})
    won = await coordinator.commit(KEY, guard, write)
    assert isinstance(won, Won)
    reading = await coordinator.read_record(KEY)
    assert reading.proposals[US].value == b"policy"
    late = RecordWrite(value=b"late", delete_proposals=frozenset({US}))
    assert isinstance(await coordinator.commit(KEY, guard, late), Lost)
    assert (await coordinator.read_record(KEY)).proposals == reading.proposals
    after = Guard(record=won.revision, incarnation=guard.incarnation, own_entry=guard.own_entry)
    write = RecordWrite(value=b"two", delete_proposals=frozenset({US, EU}))
    assert isinstance(await coordinator.commit(KEY, after, write), Won)
    assert (await coordinator.read_record(KEY)).proposals == {}


async def test_a_commit_that_names_a_lease_loses_while_it_is_there(opened: Opened) -> None:
    eu, us = opened(EU), opened(US)
    guard, other = await registered(eu), await registered(us)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        lease = group.create_task(us.hold_lease(own_entry=other.own_entry))
        await eventually(lambda: is_alive(eu, US), within_s=5)
        promote = Guard(
            record=ABSENT,
            incarnation=guard.incarnation,
            own_entry=guard.own_entry,
            lease_absent=US,
        )
        lost = await eu.commit(KEY, promote, RecordWrite(value=b"promoted"))
        assert isinstance(lost, Lost)
        assert lost.current.alive == {US}
        free = Guard(
            record=ABSENT,
            incarnation=guard.incarnation,
            own_entry=guard.own_entry,
            lease_absent=RegionName("ap-southeast-2"),
        )
        assert isinstance(await eu.commit(KEY, free, RecordWrite(value=b"promoted")), Won)
        lease.cancel()


async def test_a_lease_ends_when_the_own_entry_has_moved(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        lease = group.create_task(coordinator.hold_lease(own_entry=guard.own_entry))
        await eventually(lambda: is_alive(coordinator, EU), within_s=5)
        await coordinator.put_entry(b"replaced store", replaces=guard.own_entry)
        await lease


async def test_registering_twice_gives_the_entry_that_is_there(opened: Opened) -> None:
    coordinator = opened(EU)
    first = await coordinator.put_entry(b"first", replaces=ABSENT)
    assert isinstance(first, Won)
    second = await coordinator.put_entry(b"second", replaces=ABSENT)
    assert isinstance(second, EntryLost)
    assert second.current.value == b"first"
    assert second.current.mod_revision == first.revision


async def test_the_directory_shows_all_regions(opened: Opened) -> None:
    await registered(opened(EU))
    await registered(opened(US))
    directory = await opened(EU).read_directory()
    assert sorted(directory.entries) == [EU, US]
    assert directory.entries[US].value == b"entry"
    assert directory.incarnation.value == b"incarnation"


async def test_audit_heads_are_kept_by_region_and_chain(opened: Opened) -> None:
    eu, us = opened(EU), opened(US)
    assert await eu.audit_heads() == {}
    won = await eu.put_audit_head("worker-2", b"one", replaces=ABSENT)
    assert isinstance(won, Won)
    assert isinstance(await eu.put_audit_head("agent", b"other", replaces=ABSENT), Won)
    assert isinstance(await us.put_audit_head("worker-2", b"us", replaces=ABSENT), Won)
    heads = await eu.audit_heads()
    assert {chain: item.value for chain, item in heads.items()} == {
        "agent": b"other",
        "worker-2": b"one",
    }
    assert heads["worker-2"].mod_revision == won.revision


async def test_an_audit_head_that_has_moved_is_not_overwritten(opened: Opened) -> None:
    coordinator = opened(EU)
    first = await coordinator.put_audit_head("agent", b"one", replaces=ABSENT)
    assert isinstance(first, Won)
    second = await coordinator.put_audit_head("agent", b"two", replaces=first.revision)
    assert isinstance(second, Won)
    lost = await coordinator.put_audit_head("agent", b"late", replaces=first.revision)
    assert isinstance(lost, EntryLost)
    assert lost.current.value == b"two"
    assert (await coordinator.audit_heads())["agent"].mod_revision == second.revision


async def test_audit_heads_are_no_news_of_records_or_directory(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    after = (await coordinator.read_directory()).place.revision
    await coordinator.put_audit_head("agent", b"one", replaces=ABSENT)
    won = await coordinator.commit(KEY, guard, RecordWrite(value=b"one"))
    assert isinstance(won, Won)
    pages = [page async for page in coordinator.scan(changed_after=after)]
    assert [key for page in pages for key, _ in page.records] == [KEY]
    async with asyncio.timeout(5):
        watch = coordinator.watch(after=after)
        assert await anext(watch) == Changes(revision=won.revision, records=frozenset({KEY}))
        await watch.aclose()  # type: ignore[attr-defined] # both adapters yield from generators


async def test_a_scan_pages_through_all_records_at_one_revision(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    for number in range(10):
        write = RecordWrite(value=b"%d" % number, put_proposals={US: b"p"})
        assert isinstance(await coordinator.commit(key_number(number), guard, write), Won)
    found = {}
    places = set()
    async for page in coordinator.scan(changed_after=Revision(0)):
        places.add(page.place)
        found.update({key: item.value for key, item in page.records})
    assert found == {key_number(number): b"%d" % number for number in range(10)}
    assert len(places) == 1


async def test_a_scan_of_what_moved_leaves_out_the_rest(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    for number in range(6):
        await coordinator.commit(key_number(number), guard, RecordWrite(value=b"old"))
    before = (await coordinator.read_directory()).place.revision
    pages = [page async for page in coordinator.scan(changed_after=before)]
    assert [page.records for page in pages] == [[]]
    for number in (6, 7):
        await coordinator.commit(key_number(number), guard, RecordWrite(value=b"new"))
    found = [
        key async for page in coordinator.scan(changed_after=before) for key, _ in page.records
    ]
    assert found == [key_number(6), key_number(7)]


async def test_a_watch_tells_which_keys_to_look_at(opened: Opened) -> None:
    coordinator = opened(EU)
    guard = await registered(coordinator)
    after = (await coordinator.read_directory()).place.revision
    won = await coordinator.commit(KEY, guard, RecordWrite(value=b"one"))
    assert isinstance(won, Won)
    async with asyncio.timeout(5):
        watch = coordinator.watch(after=after)
        seen = await anext(watch)
        assert seen == Changes(revision=won.revision, records=frozenset({KEY}))
        await coordinator.put_entry(b"again", replaces=guard.own_entry)
        assert (await anext(watch)).directory_changed
        await watch.aclose()  # type: ignore[attr-defined] # both adapters yield from generators
