"""An API worker: one event loop that answers requests and does nothing else (design §2)."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

import uvloop

from regionkms.audit.log import SegmentLog
from regionkms.audit.record import RecordEncoder
from regionkms.config import NodeSettings
from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.counters.clock import LabClock, SharedClockOffset, SystemClock
from regionkms.counters.metrics import SharedMetrics
from regionkms.counters.quota_counter import SharedQuotaCounter
from regionkms.identity.directory import StoredAccessKeys
from regionkms.identity.sigv4 import SignatureVerifier, signing_scope
from regionkms.model.errors import Fault
from regionkms.model.ids import partition_of
from regionkms.node.agent_door import StoreAgentDoor
from regionkms.node.handover import Handover, agent_socket, announce, audit_directory
from regionkms.node.live_quotas import LiveQuotas
from regionkms.node.memory import node_layout, worker_slot
from regionkms.node.worker_meters import WorkerMeters
from regionkms.operations import OPERATIONS
from regionkms.operations.decision_cache import DecisionCache
from regionkms.operations.key_cache import KeyCache
from regionkms.operations.key_loader import KeyLoader
from regionkms.operations.pipeline import Pipeline
from regionkms.operations.region import Region
from regionkms.ports.clock import Clock
from regionkms.ports.store import Changes
from regionkms.store.random_pool import RandomPool
from regionkms.store.store import SqlStore, open_store
from regionkms.store.vault import DomainVault
from regionkms.telemetry.prometheus import exposition
from regionkms.wire.app import App
from regionkms.wire.client_address import ClientAddress
from regionkms.wire.http import HttpServer
from regionkms.wire.http_exchange import log_failure
from regionkms.wire.pages import Pages
from regionkms.wire.tls import server_context

_log = logging.getLogger(__name__)

HOUSEKEEPING_S: Final = 2.0
"""How often sealed records leave the outbox and quota usage is shared (both bounded, both lazy)."""
METRICS_TICKS: Final = 64
"""Ticks with answers between two moves of metrics to shared memory: moving costs 3 us."""


def clock_of(settings: NodeSettings, memory: SharedMemory) -> Clock:
    """The node's clock: the machine's, or in a lab one that runs ahead of it."""
    return LabClock(SharedClockOffset(memory)) if settings.lab else SystemClock()


def run_worker(handover: Handover, channel: socket.socket) -> None:
    """Serve until SIGTERM, or until the supervisor is gone."""
    uvloop.run(_serve(handover, channel))


async def _serve(handover: Handover, channel: socket.socket) -> None:
    settings = handover.checked
    memory = SharedMemory.attach(handover.memory_fd, node_layout(handover.processes))
    counter = SharedChangeCounter(memory, handover.process)
    metrics = SharedMetrics(memory, handover.process)
    clock = clock_of(settings, memory)
    vault = DomainVault(handover.domain_keys.materials, handover.domain_keys.current)
    store = open_store(settings.store_url, vault=vault, on_commit=counter.bump, lab=settings.lab)
    audit = SegmentLog(
        audit_directory(settings), process_name=worker_slot(handover.process), clock=clock
    )
    quotas = LiveQuotas(settings.quotas, store)
    await quotas.load()
    quota_counter = SharedQuotaCounter(
        memory,
        handover.process,
        region=settings.region,
        settings=quotas.current,
        clock=clock,
    )
    quotas.listeners.append(quota_counter.use)
    directory = StoredAccessKeys(store=store, vault=vault)

    async def on_changes(changes: Changes) -> None:
        await directory.refresh(changes)
        await quotas.refresh(changes)

    keys = KeyCache(
        store=store,
        counter=counter,
        build=KeyLoader(region=settings.region, store_id=store.store_id, vault=vault),
        on_changes=on_changes,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        door = StoreAgentDoor(
            store=store,
            counter=counter,
            clock=clock,
            agent_socket=agent_socket(settings),
            clustered=bool(settings.etcd),
        )
        region = Region(
            name=settings.region,
            partition=partition_of(settings.region),
            store=store,
            keys=keys,
            vault=vault,
            clock=clock,
            random_bytes=RandomPool().take,
            quotas=quota_counter,
            limits=lambda: quotas.current,
            audit=audit,
            recorder=RecordEncoder(seed=audit.seed),
            decisions=DecisionCache(),
            agent=door,
        )
        await directory.load()
        await keys.refresh()
        await audit.start()
        await audit.drain(store)
        spawn = partial(_spawn, tasks)
        app = App(
            region=region,
            operations=OPERATIONS,
            pipeline=Pipeline(spawn=spawn),
            verifier=SignatureVerifier(scope=signing_scope(settings.region), directory=directory),
            metrics=metrics,
            pages=Pages(
                ready=lambda: "draining" if stop.is_set() else None,
                metrics=lambda: _metrics_page(settings, meters, metrics, quota_counter),
            ),
            address=ClientAddress(settings.trusted_proxies),
            date_line=lambda: server.traffic.date_line,
            spawn=spawn,
        )

        def before_answers() -> None:
            audit.flush()
            if not server.traffic.ticks % METRICS_TICKS:  # the housekeeper moves the rest
                metrics.flush()

        server = HttpServer(
            serve=app.serve,
            before_answers=before_answers,
            unix_time=clock.machine_now,
        )
        meters = WorkerMeters(metrics=metrics, traffic=server.traffic, keys=keys, audit=audit)
        tls = (
            server_context(settings.tls_certificate, settings.tls_key)
            if settings.tls_certificate is not None and settings.tls_key is not None
            else None
        )
        await server.start(settings.listen_host, settings.listen_port, ssl=tls)
        gc.collect()
        gc.freeze()
        announce(channel, stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        housekeeper = tasks.create_task(_keep_house(audit, store, quota_counter, meters))
        await stop.wait()
        housekeeper.cancel()
        dropped = await server.drain(settings.drain_s)
        if dropped:
            _log.warning("%d connections were dropped at the end of the drain", dropped)
    await _close(audit, store)


def _spawn(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a request's task: whatever it raises, the requests of others go on."""
    return tasks.create_task(_contained(work))


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as fault:  # noqa: BLE001 - in a TaskGroup it would end the whole worker
        log_failure("the task of a request failed", fault)


def _metrics_page(
    settings: NodeSettings,
    meters: WorkerMeters,
    metrics: SharedMetrics,
    quotas: SharedQuotaCounter,
) -> bytes:
    meters.read()
    quotas.flush()
    return exposition(settings.region, metrics.snapshot(), quotas.usage())


async def _keep_house(
    audit: SegmentLog, store: SqlStore, quotas: SharedQuotaCounter, meters: WorkerMeters
) -> None:
    """What a worker does now and then beside its requests; nothing waits for it."""
    while True:
        await asyncio.sleep(HOUSEKEEPING_S)
        quotas.flush()
        meters.read()
        try:
            audit.flush()
            await audit.clear_outbox(store)
        except Fault as fault:
            # The records stay where they are and are taken out at the next round.
            _log.warning("the outbox could not be cleared", extra={"fault": type(fault).__name__})


async def _close(audit: SegmentLog, store: SqlStore) -> None:
    await audit.stop()
    await store.close()
