import pytest

from regionkms.quota.limit import Limit
from regionkms.quota.window import (
    THROTTLING_MESSAGE,
    Verdict,
    Window,
    decide,
    decide_bucket,
    lease_size,
    spend,
    spend_bucket,
    window_number,
)

FIVE = Limit(count=5)
HOT = Limit(count=1, window_s=1, burst=3)


def test_the_throttling_message_is_that_of_aws() -> None:
    assert THROTTLING_MESSAGE == (
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    )


def test_the_first_request_of_a_window_leaves_the_rest() -> None:
    assert decide(now=7.25, limit=FIVE, stored=None) == Verdict(admitted=True, left=4)


def test_the_last_request_of_a_window_leaves_none() -> None:
    stored = Window(number=7, taken=4)
    assert decide(now=7.25, limit=FIVE, stored=stored) == Verdict(admitted=True, left=0)


def test_a_full_window_says_when_the_next_begins() -> None:
    stored = Window(number=7, taken=5)
    verdict = decide(now=7.25, limit=FIVE, stored=stored)
    assert verdict == Verdict(admitted=False, left=0, retry_after_s=0.75)


def test_the_next_window_is_free_again() -> None:
    stored = Window(number=7, taken=5)
    assert decide(now=8.0, limit=FIVE, stored=stored).admitted
    assert spend(now=8.0, limit=FIVE, stored=stored) == Window(number=8, taken=1)


def test_a_call_of_several_requests_is_admitted_whole_or_not_at_all() -> None:
    stored = Window(number=7, taken=4)
    verdict = decide(now=7.0, limit=FIVE, stored=stored, cost=2)
    assert verdict == Verdict(admitted=False, left=1, retry_after_s=1.0)
    assert spend(now=7.0, limit=FIVE, stored=Window(number=7, taken=3), cost=2) == Window(
        number=7, taken=5
    )


def test_a_limit_that_was_lowered_leaves_nothing_rather_than_less() -> None:
    stored = Window(number=7, taken=50)
    assert decide(now=7.0, limit=FIVE, stored=stored).left == 0


@pytest.mark.parametrize("window_s", [2, 4, 10])
def test_a_fractional_rate_is_one_request_in_its_window(window_s: int) -> None:
    limit = Limit(count=1, window_s=window_s)
    stored = spend(now=40.0, limit=limit, stored=None)
    assert stored == Window(number=window_number(40.0, window_s), taken=1)
    late = decide(now=40.0 + window_s - 0.5, limit=limit, stored=stored)
    assert late == Verdict(admitted=False, left=0, retry_after_s=0.5)
    assert decide(now=40.0 + window_s, limit=limit, stored=stored).admitted


def test_a_bucket_takes_its_burst_and_then_its_refill() -> None:
    full_at = 0.0
    for left in (2, 1, 0):
        assert decide_bucket(now=100.1, limit=HOT, full_at=full_at) == Verdict(
            admitted=True, left=left
        )
        full_at = spend_bucket(now=100.1, limit=HOT, full_at=full_at)
    refused = decide_bucket(now=100.1, limit=HOT, full_at=full_at)
    assert not refused.admitted
    assert refused.left == 0
    assert refused.retry_after_s == pytest.approx(1.0)
    assert decide_bucket(now=101.1, limit=HOT, full_at=full_at).admitted
    assert not decide_bucket(now=101.0, limit=HOT, full_at=full_at).admitted


def test_a_bucket_is_never_fuller_than_its_burst() -> None:
    assert decide_bucket(now=1e6, limit=HOT, full_at=5.0) == Verdict(admitted=True, left=2)
    assert not decide_bucket(now=1e6, limit=HOT, full_at=5.0, cost=4).admitted


def test_a_refused_bucket_says_what_is_left_for_cheaper_calls() -> None:
    full_at = spend_bucket(now=10.0, limit=HOT, full_at=0.0)
    refused = decide_bucket(now=10.0, limit=HOT, full_at=full_at, cost=3)
    assert refused.left == 2
    assert refused.retry_after_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("limit", "rest", "used", "processes", "size"),
    [
        (50_000, 50_000, 0, 3, 1),
        (50_000, 50_000, 10, 3, 10),
        (50_000, 50_000, 5000, 3, 250),
        (50_000, 50_000, 5000, 10, 75),
        (50_000, 600, 5000, 3, 50),
        (50_000, 3, 5000, 3, 1),
        (5, 5, 3, 3, 1),
        (199, 199, 100, 1, 1),
    ],
)
def test_a_lease_is_small_for_the_limit_the_rest_and_the_need(
    limit: int, rest: int, used: int, processes: int, size: int
) -> None:
    assert lease_size(limit=limit, rest=rest, used=used, processes=processes) == size


@pytest.mark.parametrize("processes", [1, 2, 4, 8, 64])
def test_unused_leases_of_all_processes_stay_within_two_percent(processes: int) -> None:
    lease = lease_size(limit=50_000, rest=50_000, used=50_000, processes=processes)
    assert lease * processes <= 0.015 * 50_000
