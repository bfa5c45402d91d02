import time
from collections.abc import Iterator

import pytest

from regionkms.counters.area import SharedMemory
from regionkms.counters.clock import MAX_OFFSET_NS, LabClock, SharedClockOffset, SystemClock
from regionkms.counters.layout import AreaLayout
from regionkms.model.errors import ConfigurationError
from regionkms.ports.clock import Clock
from tests.support.clock import FakeClock

DAY_NS = 86_400 * 1_000_000_000


@pytest.fixture
def offset() -> Iterator[SharedClockOffset]:
    area = SharedMemory.create(AreaLayout(processes=1, quota_slots=1))
    yield SharedClockOffset(area)
    area.close()


def test_the_system_clock_is_the_machines() -> None:
    clock: Clock = SystemClock()
    assert clock.now() == pytest.approx(time.time(), abs=1)
    assert clock.machine_now() == pytest.approx(time.time(), abs=1)
    assert clock.monotonic() == pytest.approx(time.monotonic(), abs=1)


def test_a_lab_clock_moves_the_time_of_kms_and_nothing_else(offset: SharedClockOffset) -> None:
    clock: Clock = LabClock(offset)
    offset.set(30 * DAY_NS)
    assert offset.ns == 30 * DAY_NS
    assert clock.now() == pytest.approx(time.time() + 30 * 86_400, abs=1)
    assert clock.machine_now() == pytest.approx(time.time(), abs=1)
    assert clock.monotonic() == pytest.approx(time.monotonic(), abs=1)


def test_a_lab_clock_does_not_go_back(offset: SharedClockOffset) -> None:
    offset.set(2 * DAY_NS)
    with pytest.raises(ConfigurationError, match="moves forward only"):
        offset.set(DAY_NS)
    assert offset.ns == 2 * DAY_NS


def test_a_lab_clock_stays_within_dates_that_clients_read(offset: SharedClockOffset) -> None:
    with pytest.raises(ConfigurationError, match="at most 200 years"):
        offset.set(MAX_OFFSET_NS + 1)
    assert offset.ns == 0


def test_the_fake_clock_moves_as_told() -> None:
    clock = FakeClock(machine_now=100.0)
    before = clock.monotonic()
    clock.advance(5)
    clock.advance_lab(10)
    clock.step_wall(100)
    assert clock.now() == 215.0
    assert clock.machine_now() == 205.0
    assert clock.monotonic() == before + 5
