"""The node's shared memory: which process has which number, and what is counted there."""

from typing import Final

from regionkms.counters.layout import AreaLayout
from regionkms.model.shapes import OPERATIONS as SHAPES

SUPERVISOR: Final = 0
AGENT: Final = 1
FIRST_WORKER: Final = 2

AGENT_SLOT: Final = "agent"
"""Name of the agent's audit chain."""

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


def worker_slot(process: int) -> str:
    """Name of a worker's audit chain, by its number: the same over restarts."""
    return f"worker-{process}"


def slot_names(workers: int) -> frozenset[str]:
    """Names of all audit chains that a node with so many workers writes."""
    numbers = range(FIRST_WORKER, FIRST_WORKER + workers)
    return frozenset({AGENT_SLOT, *map(worker_slot, numbers)})


def node_layout(processes: int) -> AreaLayout:
    """The layout of shared memory for a node of so many processes, supervisor included."""
    return AreaLayout(
        processes=processes,
        operations=(*SHAPES, QUERY_OPERATION, UNAUTHENTICATED),
        counters=COUNTERS,
        gauges=GAUGES,
    )
