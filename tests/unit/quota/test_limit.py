import pytest

from regionkms.quota.limit import MAX_COUNT, MAX_WINDOW_S, Limit, limit_of_rate


@pytest.mark.parametrize(
    ("rate", "count", "window_s"),
    [
        (50_000, 50_000, 1),
        (1, 1, 1),
        (0.5, 1, 2),
        (0.25, 1, 4),
        (0.1, 1, 10),
        (0.3, 1, 4),
        (0.75, 1, 2),
        (2.9, 2, 1),
        (1 / 3600, 1, 3600),
    ],
)
def test_a_rate_becomes_whole_requests_in_whole_seconds(
    rate: float, count: int, window_s: int
) -> None:
    assert limit_of_rate(rate) == Limit(count=count, window_s=window_s)


@pytest.mark.parametrize("rate", [0, -1, 1e-9, float("nan")])
def test_a_rate_that_is_not_positive_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"rate is positive|NaN"):
        limit_of_rate(rate)


def test_a_rate_slower_than_one_an_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 3600 seconds"):
        limit_of_rate(1 / 7200)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"count": 0}, "1 to 1000000000 requests"),
        ({"count": MAX_COUNT + 1}, "1 to 1000000000 requests"),
        ({"count": 1, "window_s": 0}, "1 to 3600 seconds"),
        ({"count": 1, "window_s": MAX_WINDOW_S + 1}, "1 to 3600 seconds"),
        ({"count": 1, "burst": -1}, "not negative"),
    ],
)
def test_a_limit_out_of_bounds_is_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Limit(**fields)


def test_a_limit_at_another_rate_keeps_to_its_bounds() -> None:
    slow = Limit(count=1, window_s=10)
    assert slow.times(10) == Limit(count=1)
    assert slow.times(100) == Limit(count=10)
    assert slow.times(1e-6) == Limit(count=1, window_s=MAX_WINDOW_S)
    assert Limit(count=50_000).times(1e6) == Limit(count=MAX_COUNT)
    assert Limit(count=1, burst=3).times(2) == Limit(count=2, burst=6)
    assert Limit(count=1, burst=3).times(0.1) == Limit(count=1, window_s=10, burst=1)


def test_a_limit_is_shown_in_requests_a_second() -> None:
    assert Limit(count=1, window_s=4).per_second == 0.25
