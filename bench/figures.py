"""The figures of a run: taken by the benchmarks, shown by report.py."""

from dataclasses import dataclass, field
from statistics import median

from bench.measure import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One operation of a node against the floor, both measured in turn in one run.

    Attributes:
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
        """The median round's ratio."""
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


def median_sample(samples: list[Sample]) -> Sample:
    """The median of each figure by itself."""
    return Sample(
        cpu_us=median(sample.cpu_us for sample in samples),
        per_second=median(sample.per_second for sample in samples),
        p50_us=median(sample.p50_us for sample in samples),
        p99_us=median(sample.p99_us for sample in samples),
    )
