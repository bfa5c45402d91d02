"""The operator socket's commands on in-memory twins: no process, no socket."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from regionkms.counters.area import SharedMemory
from regionkms.counters.clock import SharedClockOffset
from regionkms.crypto.material import Material
from regionkms.model.errors import AuditUnavailable
from regionkms.model.ids import DomainKeyId, RegionName
from regionkms.node.command_socket import Asker
from regionkms.node.live_quotas import LiveQuotas
from regionkms.node.memory import node_layout
from regionkms.node.operator import OperatorPorts, OperatorServer
from regionkms.node.operator_commands import OPERATOR_COMMANDS
from regionkms.ports.store import OutboxRecord
from regionkms.quota.settings import QuotaSettings
from regionkms.store.vault import DomainVault
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore

DOMAIN_KEY = DomainKeyId("d0" * 16)
ASKER = Asker(uid=1000, pid=4711)


@dataclass(slots=True)
class KeptRecords:
    """An audit sink that keeps records, or fails."""

    records: list[bytes] = field(default_factory=list)
    pending: list[bytes] = field(default_factory=list)
    broken: bool = False

    def append(self, record: bytes) -> None:
        self.pending.append(record)

    def flush(self) -> None:
        pending, self.pending = self.pending, []
        if self.broken:
            raise AuditUnavailable("the disk is full")
        self.records += pending

    async def seal(self, records: Sequence[OutboxRecord]) -> None:
        if self.broken:
            raise AuditUnavailable("the disk is full")
        self.records += [record.record for record in records]

    def sealed(self) -> Sequence[str]:
        return ()


@dataclass(slots=True)
class OperatedNode:
    """A node as operators see it."""

    server: OperatorServer
    ports: OperatorPorts
    store: MemoryStore
    audit: KeptRecords
    memory: SharedMemory
    woken: list[bool]

    async def do(self, command: str, **arguments: object) -> Any:
        return await self.server.handle(command, arguments, ASKER)


def operated_node(
    folder: Any, *, lab: bool = True, facts: Mapping[str, object] | None = None
) -> OperatedNode:
    """A node on twins; the caller closes `memory`."""
    store, audit = MemoryStore(), KeptRecords()
    memory = SharedMemory.create(node_layout(3))
    numbers = itertools.count(1)
    randoms = itertools.count(1)
    woken: list[bool] = []
    ports = OperatorPorts(
        region=RegionName("eu-west-1"),
        lab=lab,
        store=store,
        vault=DomainVault({DOMAIN_KEY: Material(b"d" * 32)}, DOMAIN_KEY),
        clock=FakeClock(),
        audit=audit,
        event_id=lambda: f"event-{next(numbers)}",
        random_bytes=lambda count: bytes([next(randoms)]) * count,
        quotas=LiveQuotas(QuotaSettings(), store),
        clock_offset=SharedClockOffset(memory),
        agent_facts=lambda: facts or {"etcd": "none"},
        wake=lambda: woken.append(True),
    )
    server = OperatorServer(folder / "operator.sock", ports, OPERATOR_COMMANDS)
    return OperatedNode(
        server=server, ports=ports, store=store, audit=audit, memory=memory, woken=woken
    )
