"""Metrics in the text format of Prometheus, from a snapshot; `/metrics` of any worker serves it.

The numbers are sums over the processes of the node (ports/metrics.py), so a scrape may reach any
worker. The format itself is prometheus_client's.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from regionkms.model.ids import RegionName
from regionkms.ports.metrics import DURATION_BUCKETS, FIRST_BUCKET_NS, MetricsSnapshot
from regionkms.ports.quota_counter import QuotaUsage

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_NS_PER_S: Final = 1e9
_BOUNDS: Final = (
    *(str((FIRST_BUCKET_NS << at) / _NS_PER_S) for at in range(DURATION_BUCKETS)),
    "+Inf",
)


def exposition(
    region: RegionName, snapshot: MetricsSnapshot, quotas: Sequence[QuotaUsage]
) -> bytes:
    """The body of an answer to `GET /metrics`.

    Args:
        region: Value of the label `region` of every series.
        snapshot: Summed over the node's processes.
        quotas: Summed likewise; quotas that nobody used are left out.

    Returns:
        UTF-8 text in the format that CONTENT_TYPE names.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families([*_requests(region, snapshot), *_quotas(region, quotas)]))
    registry.register(_Families(_named(region, snapshot)))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families: Final = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _requests(region: RegionName, snapshot: MetricsSnapshot) -> Iterable[Metric]:
    durations = HistogramMetricFamily(
        "regionkms_request_duration_seconds",
        "Requests by operation and outcome, and how long they took in the worker.",
        labels=("region", "operation", "outcome"),
    )
    for series in snapshot.requests:
        below, buckets = 0, []
        for bound, count in zip(_BOUNDS, series.buckets, strict=True):
            below += count
            buckets.append((bound, float(below)))
        labels = (region, series.operation, series.outcome.name.lower())
        durations.add_metric(labels, buckets, series.sum_ns / _NS_PER_S)
    yield durations


def _quotas(region: RegionName, quotas: Sequence[QuotaUsage]) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "regionkms_quota_requests",
        "Requests counted against a request quota, by verdict.",
        labels=("region", "quota", "verdict"),
    )
    for usage in quotas:
        if usage.admitted or usage.throttled:
            requests.add_metric((region, usage.code, "allowed"), usage.admitted)
            requests.add_metric((region, usage.code, "throttled"), usage.throttled)
    yield requests


def _named(region: RegionName, snapshot: MetricsSnapshot) -> Iterable[Metric]:
    for name, value in snapshot.counters.items():
        counter = CounterMetricFamily(f"regionkms_{name}", _words(name), labels=("region",))
        counter.add_metric((region,), value)
        yield counter
    for name, value in snapshot.gauges.items():
        gauge = GaugeMetricFamily(f"regionkms_{name}", _words(name), labels=("region",))
        gauge.add_metric((region,), value)
        yield gauge


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."
