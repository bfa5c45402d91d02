"""What the coordinator does when etcd is killed, stopped, cut off, compacted or replaced."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from regionkms.coordination.etcd_coordinator import EtcdCoordinator
from regionkms.coordination.etcd_settings import EtcdSettings
from regionkms.model.errors import CoordinatorUnavailable, OutcomeUnknown
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.record import ClusterName
from regionkms.ports.coordinator import (
    ABSENT,
    Changes,
    Coordinator,
    Guard,
    Reading,
    RecordKey,
    RecordWrite,
    Revision,
    Won,
)
from tests.support.etcd import Etcd, make_etcd, make_tls
from tests.support.eventually import eventually
from tests.support.tcp_proxy import TcpProxy

CLUSTER = ClusterName("faults-0011223344556677")
REGION = RegionName("eu-west-1")
ACCOUNT = AccountId("111122223333")


def key_number(number: int) -> RecordKey:
    return RecordKey(account_id=ACCOUNT, key_id=KeyId(f"mrk-{number:032x}"))


KEY = key_number(0)


async def registered(coordinator: Coordinator) -> Guard:
    entry = await coordinator.put_entry(b"entry", replaces=ABSENT)
    incarnation = await coordinator.put_incarnation(b"incarnation", replaces=ABSENT)
    assert isinstance(entry, Won)
    assert isinstance(incarnation, Won)
    return Guard(record=ABSENT, incarnation=incarnation.revision, own_entry=entry.revision)


async def is_alive(coordinator: Coordinator) -> bool:
    try:
        return REGION in (await coordinator.read_directory()).alive
    except CoordinatorUnavailable:
        return False


@pytest.fixture
async def far(three_members: Etcd) -> AsyncIterator[EtcdCoordinator]:
    settings = EtcdSettings(endpoints=three_members.endpoints, lease_s=2)
    made = EtcdCoordinator(settings, CLUSTER, REGION)
    yield made
    await made.close()


async def test_without_etcd_a_read_and_a_commit_fail_definitely_and_in_time(
    coordinator: EtcdCoordinator, etcd: Etcd
) -> None:
    guard = await registered(coordinator)
    etcd.stop()
    await asyncio.sleep(0.2)
    started = time.monotonic()
    with pytest.raises(CoordinatorUnavailable, match="no connection to etcd"):
        await coordinator.read_record(KEY)
    assert time.monotonic() - started < 3.5
    started = time.monotonic()
    with pytest.raises(CoordinatorUnavailable, match="no connection to etcd"):
        await coordinator.commit(KEY, guard, RecordWrite(value=b"x"))
    assert time.monotonic() - started < 2.5
    await asyncio.to_thread(etcd.start)
    assert not (await coordinator.read_record(KEY)).record.present


async def test_a_commit_to_a_stopped_member_is_unknown_and_in_time(
    coordinator: EtcdCoordinator, etcd: Etcd
) -> None:
    guard = await registered(coordinator)
    etcd.members[0].pause()
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="DEADLINE_EXCEEDED"):
        await coordinator.commit(KEY, guard, RecordWrite(value=b"late"))
    assert time.monotonic() - started < 2.5
    with pytest.raises(CoordinatorUnavailable):
        await coordinator.read_record(KEY)
    etcd.members[0].resume()
    reading = await coordinator.read_record(KEY)
    # It may have landed or not; what counts is that nobody claimed either.
    assert reading.record.value in {b"late", b""}


async def test_a_commit_whose_answer_is_cut_off_is_unknown_and_has_landed(etcd: Etcd) -> None:
    async with TcpProxy(etcd.members[0].client_port) as proxy:
        settings = EtcdSettings(endpoints=(f"127.0.0.1:{proxy.port}",))
        coordinator = EtcdCoordinator(settings, CLUSTER, REGION)
        guard = await registered(coordinator)
        proxy.mute_server = True
        with pytest.raises(OutcomeUnknown):
            await coordinator.commit(KEY, guard, RecordWrite(value=b"landed"))
        proxy.mute_server = False
        proxy.cut()
        await eventually(lambda: shows(coordinator, b"landed"), within_s=5)
        await coordinator.close()


async def shows(coordinator: Coordinator, value: bytes) -> bool:
    try:
        return (await coordinator.read_record(KEY)).record.value == value
    except CoordinatorUnavailable:
        return False


async def test_reads_and_commits_go_on_when_members_are_killed_one_by_one(
    far: EtcdCoordinator, three_members: Etcd
) -> None:
    guard = await registered(far)
    for member in three_members.members:
        member.kill()
        reading = await patient_read(far)
        after = Guard(
            record=reading.record.mod_revision,
            incarnation=guard.incarnation,
            own_entry=guard.own_entry,
        )
        await patient_commit(far, after, member.name.encode())
        assert (await patient_read(far)).record.value == member.name.encode()
        member.start()
        await asyncio.to_thread(three_members.wait_healthy)


async def patient_read(coordinator: Coordinator) -> Reading:
    """Elections take a moment: a reconciler looks again, too."""
    for _ in range(5):
        try:
            return await coordinator.read_record(KEY)
        except CoordinatorUnavailable:
            await asyncio.sleep(0.2)
    return await coordinator.read_record(KEY)


async def patient_commit(coordinator: Coordinator, guard: Guard, value: bytes) -> None:
    for _ in range(8):
        try:
            assert isinstance(await coordinator.commit(KEY, guard, RecordWrite(value=value)), Won)
        except (CoordinatorUnavailable, OutcomeUnknown):
            await asyncio.sleep(0.2)
            if (await patient_read(coordinator)).record.value == value:
                return
        else:
            return
    raise AssertionError("no commit landed")


async def test_a_read_leaves_a_stopped_member_after_one_attempt(
    far: EtcdCoordinator, three_members: Etcd
) -> None:
    await registered(far)
    started = time.monotonic()
    for member in three_members.members:
        member.pause()
        await patient_read(far)
        member.resume()
    assert time.monotonic() - started < 9
    started = time.monotonic()
    await far.read_record(KEY)
    assert time.monotonic() - started < 1


async def test_a_member_without_quorum_refuses_definitely(
    far: EtcdCoordinator, three_members: Etcd
) -> None:
    guard = await registered(far)
    three_members.members[1].kill()
    three_members.members[2].kill()
    await asyncio.sleep(2)  # the election time-out of the one that is left
    with pytest.raises(CoordinatorUnavailable, match=r"no leader|no connection"):
        await far.commit(KEY, guard, RecordWrite(value=b"x"))
    with pytest.raises(CoordinatorUnavailable):
        await far.read_record(KEY)


async def test_a_watch_misses_nothing_over_kills_and_stops(
    far: EtcdCoordinator, three_members: Etcd
) -> None:
    guard = await registered(far)
    after = (await far.read_directory()).place.revision
    writer = EtcdCoordinator(EtcdSettings(endpoints=three_members.endpoints), CLUSTER, REGION)
    expected = {key_number(number) for number in range(60)}
    seen: set[RecordKey] = set()
    revisions: list[int] = []

    first, second, third = three_members.members
    faults = {
        10: first.kill,
        20: three_members.start,
        30: second.pause,
        40: second.resume,
        50: third.kill,
    }

    async def collect() -> None:
        async for changes in far.watch(after=after):
            seen.update(changes.records)
            if not changes.everything:
                revisions.append(changes.revision)
            if seen >= expected:
                return

    async def write() -> None:
        for number in range(60):
            if number in faults:
                await asyncio.to_thread(faults[number])
            await written(writer, guard, key_number(number))
            await asyncio.sleep(0.02)

    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        group.create_task(collect())
        group.create_task(write())
    assert seen == expected
    await writer.close()


async def written(coordinator: Coordinator, guard: Guard, key: RecordKey) -> None:
    while True:
        try:
            await coordinator.commit(key, guard, RecordWrite(value=b"x"))
        except (CoordinatorUnavailable, OutcomeUnknown):
            await asyncio.sleep(0.1)
        else:
            return


async def test_a_watch_behind_a_compaction_says_look_at_everything(
    coordinator: EtcdCoordinator, etcd: Etcd
) -> None:
    guard = await registered(coordinator)
    after = (await coordinator.read_directory()).place.revision
    for number in range(5):
        await coordinator.commit(key_number(number), guard, RecordWrite(value=b"x"))
    compacted = await asyncio.to_thread(etcd.compact)
    async with asyncio.timeout(10):
        watch = coordinator.watch(after=after)
        first = await anext(watch)
        assert first == Changes(
            revision=Revision(compacted - 1), directory_changed=True, everything=True
        )
        await coordinator.commit(key_number(9), guard, RecordWrite(value=b"x"))
        seen: frozenset[RecordKey] = frozenset()
        while key_number(9) not in seen:
            seen |= (await anext(watch)).records
        await watch.aclose()  # type: ignore[attr-defined] # it is a generator


async def test_a_watch_on_an_etcd_that_was_replaced_says_look_at_everything(
    coordinator: EtcdCoordinator, etcd: Etcd, tmp_path: Path
) -> None:
    await registered(coordinator)
    for number in range(5):
        guard = await fresh_guard(coordinator)
        await coordinator.commit(key_number(number), guard, RecordWrite(value=b"x"))
    directory = await coordinator.read_directory()
    async with asyncio.timeout(20):
        watch = coordinator.watch(after=directory.place.revision)
        # The watch has to be there before etcd goes: it reports a key that changes now.
        waiting = asyncio.ensure_future(anext(watch))
        await coordinator.commit(
            key_number(7), await fresh_guard(coordinator), RecordWrite(value=b"x")
        )
        assert (await waiting).records == {key_number(7)}
        waiting = asyncio.ensure_future(anext(watch))
        etcd.stop()
        await asyncio.to_thread(shutil.rmtree, tmp_path / "m0")
        await asyncio.to_thread(etcd.start)
        assert (await waiting).everything
        await watch.aclose()  # type: ignore[attr-defined] # it is a generator
    assert not (await coordinator.read_directory()).incarnation.present


async def fresh_guard(coordinator: Coordinator) -> Guard:
    reading = await coordinator.read_record(KEY)
    return Guard(
        record=ABSENT,
        incarnation=reading.incarnation.mod_revision,
        own_entry=reading.own_entry.mod_revision,
    )


async def test_a_scan_goes_on_at_its_revision_while_records_are_added(
    coordinator: EtcdCoordinator,
) -> None:
    guard = await registered(coordinator)
    for number in range(4):
        await coordinator.commit(key_number(number), guard, RecordWrite(value=b"x"))
    coordinator._settings = EtcdSettings(endpoints=("unused:1",), page_size=2)
    found = []
    async for page in coordinator.scan(changed_after=Revision(0)):
        found += [key for key, _ in page.records]
        await coordinator.commit(key_number(50 + len(found)), guard, RecordWrite(value=b"y"))
    assert found == [key_number(number) for number in range(4)]


async def test_a_scan_over_a_compaction_fails_and_can_start_anew(
    coordinator: EtcdCoordinator, etcd: Etcd
) -> None:
    guard = await registered(coordinator)
    for number in range(4):
        await coordinator.commit(key_number(number), guard, RecordWrite(value=b"x"))
    coordinator._settings = EtcdSettings(endpoints=("unused:1",), page_size=2)
    pages = coordinator.scan(changed_after=Revision(0))
    await anext(pages)
    await coordinator.commit(key_number(9), guard, RecordWrite(value=b"x"))
    await asyncio.to_thread(etcd.compact)
    with pytest.raises(CoordinatorUnavailable, match="compacted"):
        await anext(pages)
    found = [
        key async for page in coordinator.scan(changed_after=Revision(0)) for key, _ in page.records
    ]
    assert len(found) == 5


async def test_a_lease_is_regained_after_an_outage_longer_than_its_time(
    far: EtcdCoordinator, three_members: Etcd
) -> None:
    guard = await registered(far)
    async with asyncio.TaskGroup() as group:
        lease = group.create_task(far.hold_lease(own_entry=guard.own_entry))
        await eventually(lambda: is_alive(far), within_s=5)
        for member in three_members.members:
            member.kill()
        await asyncio.sleep(3)
        await asyncio.to_thread(three_members.start)
        await eventually(lambda: is_alive(far), within_s=10)
        lease.cancel()


async def test_a_lease_lapses_when_nobody_keeps_it_and_survives_a_dead_member(
    far: EtcdCoordinator, three_members: Etcd
) -> None:
    guard = await registered(far)
    async with asyncio.TaskGroup() as group:
        lease = group.create_task(far.hold_lease(own_entry=guard.own_entry))
        await eventually(lambda: is_alive(far), within_s=5)
        three_members.members[0].kill()
        for _ in range(16):
            await asyncio.sleep(0.25)
            alive = (await patient_read(far)).alive
            assert alive == {REGION}
        lease.cancel()

    async def lapsed() -> bool:
        return not await is_alive(far)

    await eventually(lapsed, within_s=8)


async def test_a_lease_key_that_was_taken_away_is_placed_again(
    coordinator: EtcdCoordinator, etcd: Etcd
) -> None:
    guard = await registered(coordinator)
    coordinator._endpoints.settings = EtcdSettings(endpoints=etcd.endpoints, lease_s=2)
    async with asyncio.TaskGroup() as group:
        lease = group.create_task(coordinator.hold_lease(own_entry=guard.own_entry))
        await eventually(lambda: is_alive(coordinator), within_s=5)
        await etcd.ctl_async("del", f"/regionkms/{CLUSTER}/alive/{REGION}")
        await eventually(lambda: is_alive(coordinator), within_s=5)
        lease.cancel()


async def test_etcd_with_tls_is_reached_with_a_certificate_only(tmp_path: Path) -> None:
    from regionkms.coordination.etcd_settings import EtcdTls  # noqa: PLC0415 - near its only use

    files = make_tls(tmp_path)
    etcd = make_etcd(tmp_path, tls=files)
    try:
        await asyncio.to_thread(etcd.start)
        tls = EtcdTls(
            authority=files.authority.read_bytes(),
            certificate=files.certificate.read_bytes(),
            private_key=files.private_key.read_bytes(),
        )
        settings = EtcdSettings(endpoints=etcd.endpoints, tls=tls)
        coordinator = EtcdCoordinator(settings, CLUSTER, REGION)
        await registered(coordinator)
        await coordinator.close()
        for refused in (
            EtcdTls(authority=tls.authority),
            EtcdTls(
                authority=tls.authority,
                certificate=tls.certificate,
                private_key=tls.private_key,
                server_name="another-etcd",
            ),
        ):
            settings = EtcdSettings(endpoints=etcd.endpoints, tls=refused, read_s=1)
            coordinator = EtcdCoordinator(settings, CLUSTER, REGION)
            with pytest.raises(CoordinatorUnavailable):
                await coordinator.read_record(KEY)
            await coordinator.close()
    finally:
        etcd.stop()
