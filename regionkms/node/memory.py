"""The node's shared memory: which process has which number, and what is counted there."""

from typing import Final

from regionkms.counters.layout import AreaLayout
from regionkms.model.shapes import OPERATIONS as SHAPES

SUPERVISOR: Final = 0
AGENT: Final = 1
FIRST_WORKER: Final = 2

QUERY_OPERATION: Final = "GetCallerIdentity"
UNAUTHENTICATED: Final = "Unauthenticated"

COUNTERS: Final = (
    "http_connections",
    "http_requests",
    "http_refused",
    "audit_records",
    "restarts",
    "looks",
    "cas_won",
    "cas_lost",
    "cas_unknown",
)
GAUGES: Final = ("keys_loaded", "connections_open", "record_queue", "mirror_lag_ms", "stopped")


def node_layout(processes: int) -> AreaLayout:
    """The layout of shared memory for a node of so many processes, supervisor included."""
    return AreaLayout(
        processes=processes,
        operations=(*SHAPES, QUERY_OPERATION, UNAUTHENTICATED),
        counters=COUNTERS,
        gauges=GAUGES,
    )
