"""Counters and durations of a node, written by each process and read as a sum over all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Protocol

DURATION_BUCKETS: Final = 24
"""Buckets of a duration with an upper bound; one more has none."""
FIRST_BUCKET_NS: Final = 1 << 10
"""Upper bound of the first bucket; each next one is twice as wide (the last: 8.6 s)."""


class Outcome(IntEnum):
    """How a request ended, as metrics tell it. The label is the name in lower case."""

    SUCCESS = 0
    DENIED = 1
    THROTTLED = 2
    CLIENT_ERROR = 3
    SERVER_ERROR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSeries:
    """Requests of one operation with one outcome.

    Attributes:
        count: Requests.
        sum_ns: Their durations together, in nanoseconds.
        buckets: Requests by duration: DURATION_BUCKETS with an upper bound of
            FIRST_BUCKET_NS << i, and one without; not cumulative.
    """

    operation: str
    outcome: Outcome
    count: int
    sum_ns: int
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSnapshot:
    """Everything that was counted, summed over the processes of the node.

    Attributes:
        requests: Series with at least one request.
        counters: By declared name; they only grow, over restarts of a process too.
        gauges: By declared name.
    """

    requests: Sequence[RequestSeries] = ()
    counters: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    gauges: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


class Metrics(Protocol):
    """What one process counts. Called from one thread; no method but `snapshot` may be slow."""

    def observe(self, operation: str, outcome: Outcome, elapsed_ns: int) -> None:
        """Count a request and its duration. An operation nobody declared counts as `Unknown`."""

    def add(self, counter: str, amount: int = 1) -> None:
        """Raise a declared counter.

        Raises:
            KeyError: Nobody declared it.
        """

    def set_gauge(self, gauge: str, value: int) -> None:
        """Set this process's part of a declared gauge; not negative.

        Raises:
            KeyError: Nobody declared it.
        """

    def flush(self) -> None:
        """Move what was counted since the last flush to where `snapshot` reads (once per tick)."""

    def snapshot(self) -> MetricsSnapshot:
        """The sum over all processes of the node, as of their last flush."""
