"""The shared counter in every interleaving: announcements met, processes dead between two steps."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import AreaLayout
from regionkms.counters.quota_counter import SharedQuotaCounter, _Lease
from regionkms.model.ids import AccountId, RegionName
from regionkms.quota.settings import QuotaMode, QuotaSettings
from regionkms.quota.table import REQUEST_QUOTAS
from tests.support.clock import FakeClock

A = AccountId("111122223333")
REGION = RegionName("us-east-1")
CREATE_KEY = REQUEST_QUOTAS["CreateKey"]
ENCRYPT = REQUEST_QUOTAS["CryptographicOperationsSymmetric"]
HOT_KEY = REQUEST_QUOTAS["HotKey"]
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
PROCESSES = 3


class Killed(Exception):  # noqa: N818 - it is no error but an end
    """The process died here."""


class SteppedCounter(SharedQuotaCounter):
    """Lets a test act between a process's look at the others, its announcement, and its check."""

    before: Callable[[], None] | None = None
    between: Callable[[], None] | None = None

    def _words_of_others(self, lease: _Lease) -> list[int]:
        words = super()._words_of_others(lease)
        step, self.before = self.before, None
        if step is not None:
            step()
        return words

    def _pass_fence(self) -> None:
        super()._pass_fence()
        step, self.between = self.between, None
        if step is not None:
            step()


def die() -> None:
    raise Killed


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def area() -> Iterator[SharedMemory]:
    area = SharedMemory.create(AreaLayout(processes=PROCESSES, quota_slots=64))
    yield area
    area.close()


def process(
    area: SharedMemory, number: int, clock: FakeClock, in_force: QuotaSettings | None = None
) -> SteppedCounter:
    return SteppedCounter(
        area, number, region=REGION, settings=in_force or QuotaSettings(), clock=clock
    )


def test_processes_share_a_limit_exactly(area: SharedMemory, clock: FakeClock) -> None:
    counters = [process(area, number, clock) for number in range(PROCESSES)]
    admitted = [counters[turn % PROCESSES].admit(A, CREATE_KEY).admitted for turn in range(12)]
    assert admitted == [True] * 5 + [False] * 7


def test_a_flooding_process_gets_what_idle_ones_leave(area: SharedMemory, clock: FakeClock) -> None:
    counters = [process(area, number, clock) for number in range(PROCESSES)]
    for idle in counters[1:]:
        for _ in range(300):
            assert idle.admit(A, ENCRYPT).admitted
    admitted = 0
    while counters[0].admit(A, ENCRYPT).admitted:
        admitted += 1
    assert 0.99 * 50_000 <= admitted + 600 <= 50_000


@pytest.mark.parametrize("moment", ["before", "between"])
def test_two_calls_that_meet_at_the_edge_do_not_both_pass(
    area: SharedMemory, clock: FakeClock, moment: str
) -> None:
    one, other = process(area, 0, clock), process(area, 1, clock)
    for _ in range(4):
        assert one.admit(A, CREATE_KEY).admitted
    answers: list[bool] = []
    setattr(one, moment, lambda: answers.append(other.admit(A, CREATE_KEY).admitted))
    answers.append(one.admit(A, CREATE_KEY).admitted)
    assert sum(answers) == 1


def test_a_lease_that_was_taken_back_is_free_for_others(
    area: SharedMemory, clock: FakeClock
) -> None:
    one, two, three = (process(area, number, clock) for number in range(3))
    for _ in range(3):
        assert one.admit(A, CREATE_KEY).admitted
    admitted: list[bool] = []
    one.before = lambda: admitted.append(two.admit(A, CREATE_KEY).admitted)
    assert not one.admit(A, CREATE_KEY, cost=2).admitted
    assert admitted == [True]
    assert three.admit(A, CREATE_KEY).admitted
    assert not three.admit(A, CREATE_KEY).admitted


def test_a_process_killed_between_announcement_and_check_costs_one_lease(
    area: SharedMemory, clock: FakeClock
) -> None:
    one, other = process(area, 0, clock), process(area, 1, clock)
    one.between = die
    with pytest.raises(Killed):
        one.admit(A, CREATE_KEY)
    assert [other.admit(A, CREATE_KEY).admitted for _ in range(6)] == [True] * 4 + [False] * 2
    restarted = process(area, 0, clock)
    assert not restarted.admit(A, CREATE_KEY).admitted
    clock.advance(1)
    assert restarted.admit(A, CREATE_KEY).admitted


def test_a_restarted_process_does_not_forget_what_it_took(
    area: SharedMemory, clock: FakeClock
) -> None:
    for _ in range(5):
        assert process(area, 0, clock).admit(A, CREATE_KEY).admitted
    assert not process(area, 0, clock).admit(A, CREATE_KEY).admitted


def test_a_process_that_wakes_in_a_later_window_counts_there(
    area: SharedMemory, clock: FakeClock
) -> None:
    one, other = process(area, 0, clock), process(area, 1, clock)

    def sleep_past_the_window() -> None:
        clock.advance(1)
        for _ in range(5):
            assert other.admit(A, CREATE_KEY).admitted

    one.between = sleep_past_the_window
    assert not one.admit(A, CREATE_KEY).admitted


def test_changes_of_a_key_that_meet_never_take_more_tokens_than_there_are(
    area: SharedMemory, clock: FakeClock
) -> None:
    one, other = process(area, 0, clock), process(area, 1, clock)
    assert one.admit(A, HOT_KEY, scope=KEY).admitted
    met: list[bool] = []
    one.between = lambda: met.append(other.admit(A, HOT_KEY, scope=KEY).admitted)
    first = one.admit(A, HOT_KEY, scope=KEY).admitted
    assert met == [True]
    assert not first
    assert not one.admit(A, HOT_KEY, scope=KEY).admitted
    clock.advance(1)
    assert one.admit(A, HOT_KEY, scope=KEY).admitted
    assert not other.admit(A, HOT_KEY, scope=KEY).admitted


def test_a_count_without_a_slot_is_refused_rather_than_admitted(clock: FakeClock) -> None:
    area = SharedMemory.create(AreaLayout(processes=1, quota_slots=2))
    counter = process(area, 0, clock)
    assert counter.admit(AccountId("000000000001"), CREATE_KEY).admitted
    assert counter.admit(AccountId("000000000002"), CREATE_KEY).admitted
    assert not counter.admit(AccountId("000000000003"), CREATE_KEY).admitted
    assert not counter.admit(A, HOT_KEY, scope=KEY).admitted
    clock.advance(1)
    assert counter.admit(AccountId("000000000003"), CREATE_KEY).admitted
    assert counter.admit(A, HOT_KEY, scope=KEY).admitted
    area.close()


def test_a_quota_is_counted_for_its_owner_only(area: SharedMemory, clock: FakeClock) -> None:
    counter = process(area, 0, clock)
    with pytest.raises(ValueError, match="HotKey is counted for a KMS key"):
        counter.admit(A, HOT_KEY)
    with pytest.raises(ValueError, match="CreateKey is counted for the caller's account"):
        counter.admit(A, CREATE_KEY, scope=KEY)


def test_a_call_that_costs_nothing_is_a_mistake(area: SharedMemory, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="costs at least 1, not 0"):
        process(area, 0, clock).admit(A, CREATE_KEY, cost=0)


def test_without_quotas_everything_is_admitted_and_counted(
    area: SharedMemory, clock: FakeClock
) -> None:
    counter = process(area, 0, clock, QuotaSettings(mode=QuotaMode.OFF))
    assert all(counter.admit(A, CREATE_KEY).admitted for _ in range(100))
    assert all(counter.admit(A, HOT_KEY, scope=KEY).admitted for _ in range(100))
    counter.flush()
    usage = {row.code: row.admitted for row in process(area, 1, clock).usage()}
    assert (usage["CreateKey"], usage["HotKey"]) == (100, 100)


def test_the_memory_of_a_process_is_bounded(clock: FakeClock) -> None:
    area = SharedMemory.create(AreaLayout(processes=1, quota_slots=65_536))
    counter = process(area, 0, clock)
    for second in range(3):
        for number in range(16_000):
            assert counter.admit(AccountId(f"{second}{number:011}"), CREATE_KEY).admitted
        clock.advance(1)
    assert sum(map(len, counter._leases)) <= 16_384
    assert counter.admit(A, CREATE_KEY).admitted
    area.close()


def test_forgetting_living_counts_admits_nothing_more(clock: FakeClock) -> None:
    area = SharedMemory.create(AreaLayout(processes=1, quota_slots=65_536))
    counter = process(area, 0, clock)
    assert all(counter.admit(A, CREATE_KEY).admitted for _ in range(5))
    for number in range(17_000):
        counter.admit(AccountId(f"{number:012}"), CREATE_KEY)
    assert not counter.admit(A, CREATE_KEY).admitted
    area.close()


@dataclass(frozen=True)
class Step:
    """One call, and what happens before its announcement, and between that and its check."""

    process: int
    cost: int
    advance_s: float
    dies: bool
    earlier: tuple["Step", ...]
    meets: tuple["Step", ...]


def steps(depth: int = 2) -> st.SearchStrategy[Step]:
    meets: st.SearchStrategy[tuple[Step, ...]] = st.just(())
    if depth:
        meets = st.lists(steps(depth - 1), max_size=2).map(tuple)
    return st.builds(
        Step,
        process=st.integers(0, PROCESSES - 1),
        cost=st.sampled_from([1, 1, 1, 2]),
        advance_s=st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.3, 1.0]),
        dies=st.sampled_from([False] * 9 + [True]),
        earlier=meets,
        meets=meets,
    )


class Model:
    """Runs steps and keeps what was admitted, by window."""

    def __init__(self, rate: float) -> None:
        self.area = SharedMemory.create(AreaLayout(processes=PROCESSES, quota_slots=64))
        self.clock = FakeClock()
        self.settings = QuotaSettings().with_override("CreateKey", rate)
        self.counters = [self.start(number) for number in range(PROCESSES)]
        self.busy: set[int] = set()
        self.by_window: Counter[int] = Counter()
        self.asked: Counter[int] = Counter()
        self.calls = 0

    def start(self, number: int) -> SteppedCounter:
        return process(self.area, number, self.clock, self.settings)

    def run(self, step: Step, call: Callable[[SteppedCounter, int], bool]) -> None:
        if step.process in self.busy:
            return  # it is in the middle of another call
        counter = self.counters[step.process]
        self.busy.add(step.process)

        def between() -> None:
            for met in step.meets:
                self.run(met, call)
            self.clock.advance(step.advance_s)
            if step.dies:
                raise Killed

        def before() -> None:
            for met in step.earlier:
                self.run(met, call)

        counter.before, counter.between = before, between
        try:
            admitted = call(counter, step.cost)
        except Killed:
            self.counters[step.process] = self.start(step.process)
            admitted = False
        counter.before = counter.between = None
        self.busy.discard(step.process)
        window = int(self.clock.monotonic())
        self.asked[window] += step.cost
        if admitted:
            self.by_window[window] += step.cost
            self.calls += 1


@given(st.lists(steps(), max_size=40), st.sampled_from([1, 2, 5, 300]))
@settings(max_examples=150, deadline=None)
def test_no_interleaving_admits_more_than_the_limit(script: list[Step], rate: int) -> None:
    model = Model(rate)
    for step in script:
        model.run(step, lambda counter, cost: counter.admit(A, CREATE_KEY, cost=cost).admitted)
    model.area.close()
    assert all(admitted <= rate for admitted in model.by_window.values())


@given(st.lists(steps(), max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_interleaving_takes_tokens_that_are_not_there(script: list[Step]) -> None:
    model = Model(5)
    begun_at = model.clock.monotonic()
    for step in script:
        model.run(step, lambda counter, _: counter.admit(A, HOT_KEY, scope=KEY).admitted)
        elapsed_s = model.clock.monotonic() - begun_at
        assert model.calls <= 3 + elapsed_s + 1e-6
    model.area.close()


@given(st.lists(steps(depth=0), max_size=60), st.sampled_from([1, 2, 5]))
@settings(max_examples=150, deadline=None)
def test_calls_one_after_the_other_are_admitted_to_the_last_request(
    script: list[Step], rate: int
) -> None:
    model = Model(rate)
    for step in script:
        plain = Step(step.process, 1, 0.0, dies=False, earlier=(), meets=())
        model.run(plain, lambda counter, cost: counter.admit(A, CREATE_KEY, cost=cost).admitted)
        model.clock.advance(step.advance_s)
    model.area.close()
    for window, asked in model.asked.items():
        assert model.by_window[window] == min(asked, rate)
