from collections.abc import Iterator

import pytest

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import AreaLayout
from regionkms.counters.metrics import SharedMetrics
from regionkms.ports.metrics import (
    DURATION_BUCKETS,
    FIRST_BUCKET_NS,
    Metrics,
    MetricsSnapshot,
    Outcome,
    RequestSeries,
)
from tests.support.metrics import InMemoryMetrics

OPERATIONS = ("Encrypt", "Decrypt")
LAYOUT = AreaLayout(
    processes=3,
    operations=OPERATIONS,
    counters=("connections", "refused"),
    gauges=("keys",),
    quota_slots=1,
)


@pytest.fixture
def area() -> Iterator[SharedMemory]:
    area = SharedMemory.create(LAYOUT)
    yield area
    area.close()


@pytest.fixture(params=["twin", "shared memory"])
def metrics(request: pytest.FixtureRequest, area: SharedMemory) -> Metrics:
    if request.param == "twin":
        return InMemoryMetrics(OPERATIONS, LAYOUT.counters, LAYOUT.gauges)
    return SharedMetrics(area, 2)


def buckets(**counts: int) -> tuple[int, ...]:
    return tuple(counts.get(f"b{at}", 0) for at in range(DURATION_BUCKETS + 1))


def test_nothing_is_shown_before_something_happened(metrics: Metrics) -> None:
    metrics.flush()
    assert metrics.snapshot() == MetricsSnapshot(
        requests=[], counters={"connections": 0, "refused": 0}, gauges={"keys": 0}
    )


def test_requests_are_counted_by_operation_and_outcome(metrics: Metrics) -> None:
    metrics.observe("Decrypt", Outcome.SUCCESS, 25_000)
    metrics.observe("Decrypt", Outcome.SUCCESS, 30_000)
    metrics.observe("Decrypt", Outcome.DENIED, 25_000)
    metrics.observe("Explode", Outcome.CLIENT_ERROR, 10)
    metrics.flush()
    assert list(metrics.snapshot().requests) == [
        RequestSeries(
            operation="Decrypt",
            outcome=Outcome.SUCCESS,
            count=2,
            sum_ns=55_000,
            buckets=buckets(b5=2),
        ),
        RequestSeries(
            operation="Decrypt",
            outcome=Outcome.DENIED,
            count=1,
            sum_ns=25_000,
            buckets=buckets(b5=1),
        ),
        RequestSeries(
            operation="Unknown",
            outcome=Outcome.CLIENT_ERROR,
            count=1,
            sum_ns=10,
            buckets=buckets(b0=1),
        ),
    ]


@pytest.mark.parametrize(
    ("elapsed_ns", "bucket"),
    [
        (0, 0),
        (FIRST_BUCKET_NS - 1, 0),
        (FIRST_BUCKET_NS, 1),
        (2 * FIRST_BUCKET_NS - 1, 1),
        (2 * FIRST_BUCKET_NS, 2),
        ((FIRST_BUCKET_NS << 23) - 1, 23),
        (FIRST_BUCKET_NS << 23, 24),
        (10**15, 24),
    ],
)
def test_a_duration_lies_in_the_bucket_below_its_bound(
    metrics: Metrics, elapsed_ns: int, bucket: int
) -> None:
    metrics.observe("Encrypt", Outcome.SUCCESS, elapsed_ns)
    metrics.flush()
    (series,) = metrics.snapshot().requests
    assert series.buckets == buckets(**{f"b{bucket}": 1})


def test_counters_and_gauges_are_shown_by_name(metrics: Metrics) -> None:
    metrics.add("connections")
    metrics.add("connections", 4)
    metrics.set_gauge("keys", 9)
    metrics.set_gauge("keys", 7)
    metrics.flush()
    metrics.flush()
    snapshot = metrics.snapshot()
    assert dict(snapshot.counters) == {"connections": 5, "refused": 0}
    assert dict(snapshot.gauges) == {"keys": 7}


def test_a_series_that_nobody_declared_is_refused(metrics: Metrics) -> None:
    with pytest.raises(KeyError, match="nonsense"):
        metrics.add("nonsense")
    with pytest.raises(KeyError, match="nonsense"):
        metrics.set_gauge("nonsense", 1)


def test_any_process_shows_the_sum_over_all(area: SharedMemory) -> None:
    processes = [SharedMetrics(area, number) for number in range(3)]
    for number, one in enumerate(processes):
        one.observe("Encrypt", Outcome.SUCCESS, 1000 * (number + 1))
        one.add("refused", number)
        one.set_gauge("keys", 10)
        one.flush()
    snapshot = processes[0].snapshot()
    (series,) = snapshot.requests
    assert (series.count, series.sum_ns, sum(series.buckets)) == (3, 6000, 3)
    assert snapshot.counters["refused"] == 3
    assert snapshot.gauges["keys"] == 30


def test_what_is_not_flushed_is_not_shown(area: SharedMemory) -> None:
    one = SharedMetrics(area, 0)
    one.observe("Encrypt", Outcome.SUCCESS, 5)
    one.add("refused")
    assert not one.snapshot().requests
    assert one.snapshot().counters["refused"] == 0


def test_a_restarted_process_goes_on_counting_and_loses_its_gauges(area: SharedMemory) -> None:
    first = SharedMetrics(area, 1)
    first.observe("Encrypt", Outcome.SUCCESS, 5)
    first.set_gauge("keys", 5)
    first.flush()
    again = SharedMetrics(area, 1)
    again.observe("Encrypt", Outcome.SUCCESS, 5)
    again.flush()
    (series,) = again.snapshot().requests
    assert series.count == 2
    assert again.snapshot().gauges["keys"] == 0


def test_a_gauge_is_kept_in_its_word(area: SharedMemory) -> None:
    one = SharedMetrics(area, 1)
    one.set_gauge("keys", -3)
    assert one.snapshot().gauges["keys"] == 0
    one.set_gauge("keys", 1 << 80)
    assert one.snapshot().gauges["keys"] == (1 << 64) - 1
