from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.counters.layout import AreaLayout
from regionkms.ports.change_counter import ChangeCounter
from tests.support.change_counter import InMemoryChangeCounter

LAYOUT = AreaLayout(processes=3, quota_slots=1)


@pytest.fixture
def area() -> Iterator[SharedMemory]:
    area = SharedMemory.create(LAYOUT)
    yield area
    area.close()


@pytest.fixture(params=["twin", "shared memory"])
def counter(request: pytest.FixtureRequest, area: SharedMemory) -> ChangeCounter:
    if request.param == "twin":
        return InMemoryChangeCounter()
    return SharedChangeCounter(area, 1)


def test_reading_moves_nothing(counter: ChangeCounter) -> None:
    assert counter.read() == counter.read()


def test_every_bump_is_seen(counter: ChangeCounter) -> None:
    seen = {counter.read()}
    for _ in range(100):
        counter.bump()
        assert counter.read() not in seen
        seen.add(counter.read())


def test_a_bump_of_one_process_is_seen_by_all(area: SharedMemory) -> None:
    counters = [SharedChangeCounter(area, number) for number in range(3)]
    before = counters[0].read()
    counters[2].bump()
    assert {counter.read() for counter in counters} != {before}
    assert len({counter.read() for counter in counters}) == 1


def test_a_restarted_process_goes_on_with_values_never_seen(area: SharedMemory) -> None:
    first = SharedChangeCounter(area, 1)
    first.bump()
    seen = first.read()
    again = SharedChangeCounter(area, 1)
    again.bump()
    assert again.read() != seen


@given(st.lists(st.integers(0, 2), max_size=60))
def test_no_value_comes_back_whoever_bumps(bumpers: list[int]) -> None:
    area = SharedMemory.create(LAYOUT)
    counters = [SharedChangeCounter(area, number) for number in range(3)]
    seen = [counters[0].read()]
    for number in bumpers:
        counters[number].bump()
        seen.append(counters[0].read())
    area.close()
    assert len(set(seen)) == len(seen)
