"""The figures of a run: taken by the benchmarks, shown by report.py.

A figure is that of the round that took the least CPU time: whatever else the machine does can only
add to it. The median round is shown beside it.
"""

from dataclasses import dataclass, field
from statistics import median

from bench.measure import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One operation of a node against the floor, both measured in turn in one run.

    Attributes:
        floor: Its best round.
        node: Its best round.
        ratios: CPU of the floor by CPU of the node, for each round.
    """

    operation: str
    connections: int
    tls: bool
    floor: Sample
    node: Sample
    ratios: list[float]

    @property
    def ratio(self) -> float:
        """CPU of the floor by CPU of the node, each at its best."""
        return self.floor.cpu_us / self.node.cpu_us

    @property
    def median_ratio(self) -> float:
        """The median round's."""
        return median(self.ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What one stage of an Encrypt costs alone, in microseconds."""

    name: str
    cost_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A node with few keys against one with many, both measured in turn in one run.

    Attributes:
        few_sample: The best round with few keys.
        many_sample: The best round with many.
        ratios: CPU per request with few keys by CPU with many, for each round.
        start_s: From the start of the node with many keys until it listens.
        memory_mb: Resident memory of its worker after each key was used, in 10^6 bytes.
        first_use_us: CPU of the first use of a key, which reads the store.
    """

    few: int
    many: int
    few_sample: Sample
    many_sample: Sample
    ratios: list[float]
    start_s: float
    memory_mb: float
    first_use_us: float

    @property
    def ratio(self) -> float:
        """CPU with few keys by CPU with many, each at its best."""
        return self.few_sample.cpu_us / self.many_sample.cpu_us

    @property
    def median_ratio(self) -> float:
        """The median round's."""
        return median(self.ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Answers in a second with so many workers, all of the machine's cores shared by everybody."""

    workers: int
    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another server and a node with the same client, one after the other on the same core."""

    name: str
    per_second: float
    cpu_us: float
    node_per_second: float
    node_cpu_us: float


@dataclass(slots=True, kw_only=True)
class Figures:
    """Everything that a run took."""

    machine: str
    load: float
    seconds: float
    rounds: int
    comparisons: list[Comparison] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    workers: list[Workers] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)


def best(samples: list[Sample]) -> Sample:
    """The sample that took the least CPU time."""
    return min(samples, key=lambda sample: sample.cpu_us)
