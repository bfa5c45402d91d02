"""Metrics in shared memory: each process adds up its own, readers add up the processes.

`observe` appends to a list of this process (0.1 us); `flush` adds the lists up into words that only
this process writes, so a count is never lost or doubled, and a restarted process goes on from what
the one before left.
"""

from collections import Counter
from typing import Final

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import SERIES_WORDS, UNKNOWN_OPERATION
from regionkms.ports.metrics import (
    DURATION_BUCKETS,
    FIRST_BUCKET_NS,
    MetricsSnapshot,
    Outcome,
    RequestSeries,
)

_SHIFT: Final = FIRST_BUCKET_NS.bit_length() - 1
_FEW: Final = 4
_MAX_GAUGE: Final = (1 << 64) - 1


class SharedMetrics:
    """Metrics of one process, and the sum over the node.

    Args:
        area: The node's memory.
        process: The number of this process; its only writer.
    """

    def __init__(self, area: SharedMemory, process: int) -> None:
        layout = area.layout
        outcomes = len(Outcome)
        self._layout: Final = layout
        self._operations: Final = (*layout.operations, UNKNOWN_OPERATION)
        self._bases: Final = {
            operation: position * outcomes * SERIES_WORDS
            for position, operation in enumerate(self._operations)
        }
        self._pending: Final[dict[str, list[list[int]]]] = {
            operation: [[] for _ in Outcome] for operation in self._operations
        }
        self._counter_at: Final = {name: at for at, name in enumerate(layout.counters)}
        self._gauge_at: Final = {name: at for at, name in enumerate(layout.gauges)}
        everyone = range(layout.processes)
        self._series: Final = [area.block(layout.requests, number) for number in everyone]
        self._counters: Final = [area.block(layout.named_counters, number) for number in everyone]
        self._gauges: Final = [area.block(layout.named_gauges, number) for number in everyone]
        self._process: Final = process
        self._touched: Final[list[tuple[str, int]]] = []
        self._added: Final[dict[int, int]] = {}
        own = self._gauges[process]
        for at in range(len(own)):
            own[at] = 0

    def observe(self, operation: str, outcome: Outcome, elapsed_ns: int) -> None:
        """Count a request and its duration; an undeclared operation counts as `Unknown`."""
        try:
            durations = self._pending[operation][outcome]
        except KeyError:
            operation = UNKNOWN_OPERATION
            durations = self._pending[operation][outcome]
        if not durations:
            self._touched.append((operation, outcome))
        durations.append(elapsed_ns)

    def add(self, counter: str, amount: int = 1) -> None:
        """Raise a declared counter.

        Raises:
            KeyError: Nobody declared it.
        """
        at = self._counter_at[counter]
        self._added[at] = self._added.get(at, 0) + amount

    def set_gauge(self, gauge: str, value: int) -> None:
        """Set this process's part of a gauge; visible at once.

        Raises:
            KeyError: Nobody declared it.
        """
        self._gauges[self._process][self._gauge_at[gauge]] = min(max(value, 0), _MAX_GAUGE)

    def flush(self) -> None:
        """Move what was counted since the last flush to where readers see it."""
        if self._touched:
            self._flush_series()
        if self._added:
            words = self._counters[self._process]
            for at, amount in self._added.items():
                words[at] += amount
            self._added.clear()

    def _flush_series(self) -> None:
        words = self._series[self._process]
        for operation, outcome in self._touched:
            durations = self._pending[operation][outcome]
            base = self._bases[operation] + outcome * SERIES_WORDS
            words[base] += len(durations)
            words[base + 1] += sum(durations)
            bits = map(int.bit_length, durations)
            # A Counter costs as much as five additions.
            counts = (
                Counter(bits).items() if len(durations) > _FEW else ((each, 1) for each in bits)
            )
            for each, count in counts:
                bucket = min(max(each - _SHIFT, 0), DURATION_BUCKETS)
                words[base + 2 + bucket] += count
            durations.clear()
        self._touched.clear()

    def snapshot(self) -> MetricsSnapshot:
        """The sum over all processes of the node, as of their last flush."""
        counters = {
            name: sum(words[at] for words in self._counters)
            for name, at in self._counter_at.items()
        }
        gauges = {
            name: sum(words[at] for words in self._gauges) for name, at in self._gauge_at.items()
        }
        requests = [
            series
            for operation in self._operations
            for outcome in Outcome
            if (series := self._sum(operation, outcome)).count
        ]
        return MetricsSnapshot(requests=requests, counters=counters, gauges=gauges)

    def _sum(self, operation: str, outcome: Outcome) -> RequestSeries:
        base = self._bases[operation] + outcome * SERIES_WORDS
        parts = [words[base : base + SERIES_WORDS].tolist() for words in self._series]
        count, sum_ns, *buckets = (sum(column) for column in zip(*parts, strict=True))
        return RequestSeries(
            operation=operation,
            outcome=outcome,
            count=count,
            sum_ns=sum_ns,
            buckets=tuple(buckets),
        )
