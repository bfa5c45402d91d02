"""Keys are destroyed when they must be, and no wrong clock destroys one."""

from dataclasses import replace

import pytest

from regionkms.model.errors import KMSInvalidStateException, NotFoundException, StoreUnavailable
from regionkms.model.ids import RegionName
from regionkms.model.key import DeletionKind
from regionkms.reconcile.reaper import GRACE_S, Reaper
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore
from tests.support.region_cluster import ACCOUNT, US, RegionUnderTest

DAY_S = 86_400.0
Regions = dict[RegionName, RegionUnderTest]


@pytest.fixture
def us(regions: Regions) -> RegionUnderTest:
    return regions[US]


def reaper_of(us: RegionUnderTest) -> Reaper:
    return Reaper(store=us.store, clock=us.clock, region=US, audit=us.ports.audit)


async def scheduled(us: RegionUnderTest) -> str:
    key_id: str = (await us.call("CreateKey")).key_metadata.key_id
    await us.call("CreateAlias", alias_name="alias/gone", target_key_id=key_id)
    await us.call("ScheduleKeyDeletion", key_id=key_id, pending_window_in_days=7)
    return key_id


async def pass_time(clock: FakeClock, reaper: Reaper, seconds: float) -> int:
    """Let time pass with a look every ten minutes, as an agent that runs would."""
    destroyed = 0
    while seconds > 0:
        step = min(seconds, 600.0)
        clock.advance(step)
        seconds -= step
        destroyed += await reaper.reap()
    return destroyed


async def test_a_key_goes_an_hour_after_its_date_and_not_before(
    us: RegionUnderTest, clock: FakeClock
) -> None:
    reaper = reaper_of(us)
    key_id = await scheduled(us)
    assert await pass_time(clock, reaper, 7 * DAY_S + GRACE_S - 1) == 0
    with pytest.raises(KMSInvalidStateException, match="is pending deletion"):
        await us.call("Encrypt", key_id=key_id, plaintext=b"x")
    assert await pass_time(clock, reaper, 2) == 1
    with pytest.raises(NotFoundException):
        await us.call("DescribeKey", key_id=key_id)
    assert isinstance(us.store, MemoryStore)
    assert not us.store.tables.generations
    assert not us.store.tables.aliases
    (record,) = us.sink.events("DeleteKey")
    assert record["eventType"] == "AwsServiceEvent"
    assert record["userIdentity"]["invokedBy"] == "AWS Internal"
    assert record["resources"][0]["ARN"].endswith(key_id)


async def test_a_cancelled_deletion_destroys_nothing(us: RegionUnderTest, clock: FakeClock) -> None:
    reaper = reaper_of(us)
    key_id = await scheduled(us)
    await pass_time(clock, reaper, 7 * DAY_S - 1)
    await us.call("CancelKeyDeletion", key_id=key_id)
    assert await pass_time(clock, reaper, 3 * DAY_S) == 0
    assert (await us.call("DescribeKey", key_id=key_id)).key_metadata.key_state == "Disabled"


async def test_an_agent_that_just_started_waits_its_hour(
    us: RegionUnderTest, clock: FakeClock
) -> None:
    await scheduled(us)
    clock.advance(30 * DAY_S)
    reaper = reaper_of(us)
    assert await reaper.reap() == 0
    assert await pass_time(clock, reaper, GRACE_S - 1) == 0
    assert await pass_time(clock, reaper, 2) == 1


async def test_a_wall_clock_that_jumps_destroys_nothing(
    us: RegionUnderTest, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    reaper = reaper_of(us)
    await scheduled(us)
    clock.advance(GRACE_S)
    clock.step_wall(365 * DAY_S)
    assert await reaper.reap() == 0
    assert "the wall clock jumped by" in caplog.text
    clock.step_wall(-365 * DAY_S)
    assert await pass_time(clock, reaper, 2 * GRACE_S) == 0


async def test_in_a_lab_the_hour_is_one_of_lab_time(us: RegionUnderTest, clock: FakeClock) -> None:
    reaper = reaper_of(us)
    await scheduled(us)
    clock.advance_lab(7 * DAY_S)
    assert await reaper.reap() == 0
    clock.advance_lab(GRACE_S + 1)
    assert await reaper.reap() == 1


async def test_multi_region_keys_are_left_to_their_own_rules(
    us: RegionUnderTest, clock: FakeClock
) -> None:
    key_id = (await us.call("CreateKey", multi_region=True)).key_metadata.key_id
    assert isinstance(us.store, MemoryStore)
    row = us.store.tables.keys[ACCOUNT, key_id]
    deletion = replace(row.deletion, kind=DeletionKind.PENDING, window_days=7, date=clock.now())
    us.store.tables.keys[ACCOUNT, key_id] = replace(row, deletion=deletion)
    assert await pass_time(clock, reaper_of(us), 10 * DAY_S) == 0
    assert (ACCOUNT, key_id) in us.store.tables.keys


async def test_a_store_that_fails_keeps_its_keys(us: RegionUnderTest, clock: FakeClock) -> None:
    reaper = reaper_of(us)
    await scheduled(us)
    await pass_time(clock, reaper, 7 * DAY_S)
    clock.advance(GRACE_S + 1)
    assert isinstance(us.store, MemoryStore)
    us.store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await reaper.reap()
    us.store.unavailable = False
    assert await reaper.reap() == 1
