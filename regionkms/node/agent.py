"""The agent: everything of a node that happens by itself (design §2).

It alone speaks to etcd and to other Regions. Without etcd the node is single-Region and the agent
runs timers and answers operators only.
"""

import asyncio
import secrets
import signal
import socket

import uvloop

from regionkms.audit.log import SegmentLog
from regionkms.audit.record import RecordEncoder
from regionkms.config import NodeSettings
from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.counters.clock import LabClock, SharedClockOffset, SystemClock
from regionkms.node.handover import Handover, announce, audit_directory, operator_socket
from regionkms.node.live_quotas import LiveQuotas
from regionkms.node.memory import node_layout
from regionkms.node.operator import OperatorPorts, OperatorServer
from regionkms.node.operator_commands import OPERATOR_COMMANDS
from regionkms.ports.clock import Clock
from regionkms.store.store import SqlStore, open_store
from regionkms.store.vault import DomainVault


def run_agent(handover: Handover, channel: socket.socket) -> None:
    """Run until SIGTERM, or until the supervisor is gone."""
    uvloop.run(_run(handover, channel))


async def _run(handover: Handover, channel: socket.socket) -> None:
    settings = handover.checked
    memory = SharedMemory.attach(handover.memory_fd, node_layout(handover.processes))
    counter = SharedChangeCounter(memory, handover.process)
    vault = DomainVault(handover.domain_keys.materials, handover.domain_keys.current)
    store = open_store(settings.store_url, vault=vault, on_commit=counter.bump, lab=settings.lab)
    offset = SharedClockOffset(memory)
    clock: Clock = LabClock(offset) if settings.lab else SystemClock()
    audit = SegmentLog(audit_directory(settings), process_name="agent", clock=clock)
    await audit.start()
    quotas = LiveQuotas(settings.quotas, store)
    await quotas.load()
    ports = OperatorPorts(
        region=settings.region,
        lab=settings.lab,
        store=store,
        vault=vault,
        clock=clock,
        audit=audit,
        event_id=RecordEncoder(seed=audit.seed).event_id,
        random_bytes=secrets.token_bytes,
        quotas=quotas,
        clock_offset=offset,
        agent_facts=lambda: _facts(settings),
    )
    operators = OperatorServer(operator_socket(settings), ports, OPERATOR_COMMANDS)
    await operators.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    announce(channel, stop)
    await stop.wait()
    operators.close()
    await _close(audit, store)


def _facts(settings: NodeSettings) -> dict[str, object]:
    """What `status` shows of the agent itself."""
    return {"etcd": "configured" if settings.etcd else "none"}


async def _close(audit: SegmentLog, store: SqlStore) -> None:
    await audit.stop()
    await store.close()
