"""In-memory twin of Metrics."""

from collections import Counter

from regionkms.ports.metrics import (
    DURATION_BUCKETS,
    FIRST_BUCKET_NS,
    MetricsSnapshot,
    Outcome,
    RequestSeries,
)


class InMemoryMetrics:
    """The metrics of one process, kept as they come."""

    def __init__(
        self,
        operations: tuple[str, ...] = (),
        counters: tuple[str, ...] = (),
        gauges: tuple[str, ...] = (),
    ) -> None:
        self._operations = (*operations, "Unknown")
        self._seen: dict[tuple[str, Outcome], list[int]] = {}
        self._counters = Counter(dict.fromkeys(counters, 0))
        self._gauges = dict.fromkeys(gauges, 0)

    def observe(self, operation: str, outcome: Outcome, elapsed_ns: int) -> None:
        name = operation if operation in self._operations else "Unknown"
        self._seen.setdefault((name, outcome), []).append(elapsed_ns)

    def add(self, counter: str, amount: int = 1) -> None:
        if counter not in self._counters:
            raise KeyError(counter)
        self._counters[counter] += amount

    def set_gauge(self, gauge: str, value: int) -> None:
        if gauge not in self._gauges:
            raise KeyError(gauge)
        self._gauges[gauge] = value

    def flush(self) -> None:
        """Nothing to do: what is counted is visible at once."""

    def snapshot(self) -> MetricsSnapshot:
        return MetricsSnapshot(
            requests=[
                _series(operation, outcome, self._seen[operation, outcome])
                for operation in self._operations
                for outcome in Outcome
                if (operation, outcome) in self._seen
            ],
            counters=dict(self._counters),
            gauges=dict(self._gauges),
        )


def _series(operation: str, outcome: Outcome, durations: list[int]) -> RequestSeries:
    buckets = [0] * (DURATION_BUCKETS + 1)
    for elapsed_ns in durations:
        bounds = (i for i in range(DURATION_BUCKETS) if elapsed_ns < FIRST_BUCKET_NS << i)
        buckets[next(bounds, DURATION_BUCKETS)] += 1
    return RequestSeries(
        operation=operation,
        outcome=outcome,
        count=len(durations),
        sum_ns=sum(durations),
        buckets=tuple(buckets),
    )
