"""What a worker counts elsewhere, moved into the node's metrics now and then."""

from typing import Final

from regionkms.audit.log import SegmentLog
from regionkms.operations.key_cache import KeyCache
from regionkms.ports.metrics import Metrics
from regionkms.wire.http import Traffic


class WorkerMeters:
    """Reads the plain counters of one worker's parts and adds what is new to its metrics."""

    def __init__(
        self, *, metrics: Metrics, traffic: Traffic, keys: KeyCache, audit: SegmentLog
    ) -> None:
        self._metrics: Final = metrics
        self._traffic: Final = traffic
        self._keys: Final = keys
        self._audit: Final = audit
        self._known: Final[dict[str, int]] = {"audit_records": self._records()}

    def read(self) -> None:
        """Bring the metrics up to this moment; cheap enough for every look at `/metrics`."""
        traffic = self._traffic
        self._raise_to("http_connections", traffic.connections_opened)
        self._raise_to("http_requests", traffic.requests)
        self._raise_to("http_refused", sum(traffic.refused.values()))
        self._raise_to("audit_records", self._records())
        self._metrics.set_gauge("connections_open", len(traffic.connections))
        self._metrics.set_gauge("keys_loaded", self._keys.loaded)
        self._metrics.flush()

    def _records(self) -> int:
        head = self._audit.head()
        return 0 if head is None else head.n

    def _raise_to(self, counter: str, value: int) -> None:
        self._metrics.add(counter, value - self._known.get(counter, 0))
        self._known[counter] = value
