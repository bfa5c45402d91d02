from prometheus_client.parser import text_string_to_metric_families

from regionkms.model.ids import RegionName
from regionkms.ports.metrics import MetricsSnapshot, Outcome
from regionkms.ports.quota_counter import QuotaUsage
from regionkms.telemetry.prometheus import CONTENT_TYPE, exposition
from tests.support.metrics import InMemoryMetrics

REGION = RegionName("eu-west-1")


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def snapshot() -> MetricsSnapshot:
    metrics = InMemoryMetrics(("Encrypt",), ("connections",), ("keys",))
    metrics.observe("Encrypt", Outcome.SUCCESS, 1000)
    metrics.observe("Encrypt", Outcome.SUCCESS, 25_000)
    metrics.observe("Encrypt", Outcome.THROTTLED, 20_000_000_000)
    metrics.add("connections", 3)
    metrics.set_gauge("keys", 12)
    return metrics.snapshot()


def test_durations_are_cumulative_histograms_by_operation_and_outcome() -> None:
    shown = samples(exposition(REGION, snapshot(), []))
    name = "regionkms_request_duration_seconds"
    success = (("operation", "Encrypt"), ("outcome", "success"), ("region", "eu-west-1"))
    throttled = (("operation", "Encrypt"), ("outcome", "throttled"), ("region", "eu-west-1"))
    assert shown[f"{name}_count", success] == 2
    assert shown[f"{name}_sum", success] == 26e-6
    assert shown[f"{name}_bucket", tuple(sorted((*success, ("le", "1.024e-06"))))] == 1
    assert shown[f"{name}_bucket", tuple(sorted((*success, ("le", "3.2768e-05"))))] == 2
    assert shown[f"{name}_bucket", tuple(sorted((*success, ("le", "+Inf"))))] == 2
    assert shown[f"{name}_bucket", tuple(sorted((*throttled, ("le", "8.589934592"))))] == 0
    assert shown[f"{name}_bucket", tuple(sorted((*throttled, ("le", "+Inf"))))] == 1


def test_quotas_show_allowed_and_throttled_requests_where_there_were_any() -> None:
    usage = [
        QuotaUsage(code="CreateKey", admitted=5, throttled=2),
        QuotaUsage(code="CreateAlias", admitted=0, throttled=0),
    ]
    shown = samples(exposition(REGION, MetricsSnapshot(), usage))
    labels = (("quota", "CreateKey"), ("region", "eu-west-1"))
    allowed, throttled = (*labels, ("verdict", "allowed")), (*labels, ("verdict", "throttled"))
    assert shown == {
        ("regionkms_quota_requests_total", allowed): 5,
        ("regionkms_quota_requests_total", throttled): 2,
    }


def test_declared_counters_and_gauges_are_shown_with_the_region() -> None:
    shown = samples(exposition(REGION, snapshot(), []))
    assert shown["regionkms_connections_total", (("region", "eu-west-1"),)] == 3
    assert shown["regionkms_keys", (("region", "eu-west-1"),)] == 12


def test_the_content_type_is_that_of_the_text_format() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert exposition(REGION, MetricsSnapshot(), []).endswith(b"\n")
