"""The agent: everything of a node that happens by itself (design §2).

It alone speaks to etcd and to other Regions. Without etcd the node is single-Region and the agent
runs timers and answers operators only.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import uvloop

from regionkms.audit.heads import HeadSigner
from regionkms.audit.log import SegmentLog
from regionkms.audit.record import RecordEncoder
from regionkms.audit.removed_slots import drain_removed_slots
from regionkms.config import NodeSettings
from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.counters.clock import LabClock, SharedClockOffset, SystemClock
from regionkms.counters.metrics import SharedMetrics
from regionkms.counters.quota_counter import SharedQuotaCounter
from regionkms.crypto.signing import chain_head_statement
from regionkms.model.ids import RegionName
from regionkms.model.key import KmsKey
from regionkms.model.key_state import KeyState
from regionkms.model.record import Record
from regionkms.model.shapes import CreateKeyResponse
from regionkms.node.audit_key import audit_key
from regionkms.node.cluster_agent import ClusterAgent, NodeParts
from regionkms.node.handover import (
    Handover,
    agent_socket,
    announce,
    audit_directory,
    operator_socket,
)
from regionkms.node.live_quotas import LiveQuotas
from regionkms.node.memory import AGENT_SLOT, node_layout, slot_names
from regionkms.node.operator import OperatorPorts, OperatorServer
from regionkms.node.operator_commands import OPERATOR_COMMANDS
from regionkms.node.socket_path import short_path
from regionkms.operations import OPERATIONS
from regionkms.operations.key_metadata import key_metadata
from regionkms.operations.multi_region import replicated
from regionkms.ports.clock import Clock
from regionkms.ports.store import Store
from regionkms.reconcile.ports import AgentAudit
from regionkms.reconcile.reaper import Reaper
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault

_log = logging.getLogger(__name__)

T = TypeVar("T")

UPKEEP_S: Final = 1.0
"""Signing of audit heads, quotas that an operator changed, outbox, reaper (design §5b)."""
PRUNE_EVERY: Final = 60
"""Upkeeps between two prunings of the change feed, and two looks for records left behind."""
KEPT_CHANGES: Final = 5000
"""Rows of the change feed; a process that falls further behind reads everything anew."""
_FEED_START: Final = -1


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
    metrics = SharedMetrics(memory, handover.process)
    log = SegmentLog(audit_directory(settings), process_name=AGENT_SLOT, clock=clock)
    await log.start()
    quotas = LiveQuotas(settings.quotas, store)
    await quotas.load()
    quota_counter = SharedQuotaCounter(
        memory, handover.process, region=settings.region, settings=quotas.current, clock=clock
    )
    quotas.listeners.append(quota_counter.use)
    recorder = RecordEncoder(seed=log.seed)
    audit = AgentAudit(
        sink=log,
        operation=OPERATIONS["CreateKey"],
        recorder=recorder,
        response=partial(_created, settings.region),
        replicate=OPERATIONS["ReplicateKey"],
        replicated=replicated,
    )
    cluster = None
    if settings.etcd:
        parts = NodeParts(
            settings=settings,
            store=store,
            vault=vault,
            clock=clock,
            metrics=metrics,
            quotas=quotas,
            quota_counter=quota_counter,
            audit=audit,
        )
        cluster = await ClusterAgent.start(parts)
    operators = OperatorServer(
        operator_socket(settings),
        OperatorPorts(
            region=settings.region,
            lab=settings.lab,
            store=store,
            vault=vault,
            clock=clock,
            audit=log,
            event_id=recorder.event_id,
            random_bytes=secrets.token_bytes,
            quotas=quotas,
            clock_offset=offset,
            agent_facts=lambda: {"etcd": "none"} if cluster is None else cluster.facts(),
            wake=(lambda: None) if cluster is None else cluster.agent.wake,
            audit_heads=None if cluster is None else cluster.witness.heads,
        ),
        OPERATOR_COMMANDS,
    )
    await operators.start()
    upkeep = Upkeep(
        settings=settings,
        store=store,
        clock=clock,
        log=log,
        quotas=quotas,
        reaper=Reaper(store=store, clock=clock, region=settings.region, audit=audit),
        heads=await _head_signer(settings, cluster, store, vault),
        flush=(metrics.flush, quota_counter.flush),
    )
    try:
        await _work(settings, channel, cluster, upkeep)
    finally:
        operators.close()
        if cluster is not None:
            await cluster.close()
        await log.stop()
        await store.close()


async def _work(
    settings: NodeSettings, channel: socket.socket, cluster: ClusterAgent | None, upkeep: "Upkeep"
) -> None:
    """Run the agent's tasks until it is told to end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    wake = WakeSocket(settings, (lambda: None) if cluster is None else cluster.agent.wake)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(upkeep.run())]
        if cluster is not None:
            running.append(tasks.create_task(cluster.agent.run()))
            running.append(tasks.create_task(cluster.witness.run()))
        announce(channel, stop)
        await stop.wait()
        for task in running:
            task.cancel()
    wake.close()


def _created(region: RegionName, key: KmsKey, record: Record) -> CreateKeyResponse:
    """What CreateKey would have answered for a replica that has just been made."""
    metadata = key_metadata(key, region=region, state=KeyState.CREATING, mirror=record)
    return CreateKeyResponse(key_metadata=metadata)


async def _head_signer(
    settings: NodeSettings, cluster: ClusterAgent | None, store: Store, vault: DomainVault
) -> HeadSigner:
    """Signs by the Region's record key; a node that is alone has a key of its own for it."""
    key = await audit_key(store, vault) if cluster is None else cluster.identity.record_key

    def sign(head: bytes) -> bytes:
        return key.sign(chain_head_statement(head))

    return HeadSigner(
        audit_directory(settings),
        sign=sign,
        store=store,
        publish=None if cluster is None else cluster.witness.publish,
    )


class WakeSocket:
    """The datagram socket on which workers say that the store has something for the agent."""

    def __init__(self, settings: NodeSettings, wake: Callable[[], None]) -> None:
        self._path = agent_socket(settings)
        self._wake = wake
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        former = os.umask(0o177)
        try:
            with short_path(self._path) as text:
                self._socket.bind(text)
        finally:
            os.umask(former)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        with suppress(BlockingIOError):
            while self._socket.recv(16):
                pass
        self._wake()

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What the agent does once a second, with etcd or without.

    Attributes:
        heads: Signs the heads of audit chains.
        flush: Moves counts of this process into shared memory.
    """

    settings: NodeSettings
    store: Store
    clock: Clock
    log: SegmentLog
    quotas: LiveQuotas
    reaper: Reaper
    heads: HeadSigner
    flush: tuple[Callable[[], None], ...]

    async def run(self) -> None:
        """Work until cancelled; each part fails by itself and is tried again."""
        head, rounds = _FEED_START, 0
        while True:
            for flush in self.flush:
                flush()
            head = await self._follow_quotas(head)
            await _safely("audit log", self._keep_log)
            await _safely("reaper", self.reaper.reap)
            await _safely("signing of audit heads", self.heads.step)
            if rounds % PRUNE_EVERY == 0:
                await _safely("records of former processes", self._drain)
                await _safely("change feed", lambda: self.store.prune_changes(keep=KEPT_CHANGES))
            rounds += 1
            await asyncio.sleep(UPKEEP_S)

    async def _drain(self) -> None:
        """Chain what former agents, and workers of slots that are no more, left in the outbox."""
        await self.log.drain(self.store)
        await drain_removed_slots(
            audit_directory(self.settings),
            in_use=slot_names(self.settings.workers),
            store=self.store,
            clock=self.clock,
        )

    async def _keep_log(self) -> None:
        self.log.flush()
        await self.log.clear_outbox(self.store)

    async def _follow_quotas(self, head: int) -> int:
        async def follow() -> int:
            changes = await self.store.changes_since(max(head, 0))
            if head != _FEED_START:
                await self.quotas.refresh(changes)
            return changes.head

        found = await _safely("quotas", follow)
        return head if found is None else found


async def _safely(part: str, work: Callable[[], Awaitable[T]]) -> T | None:
    """Do a part of the upkeep; what fails is logged and comes again."""
    try:
        return await work()
    except Exception as fault:  # noqa: BLE001 - a task root: one part must not end the others
        _log.warning("upkeep (%s) failed: %s: %s", part, type(fault).__name__, fault)
        return None
