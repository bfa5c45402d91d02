"""A worker's parts without its process: what the stages are measured on.

Everything is real (store, audit log, shared memory) but the transports, which only collect.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bench.credentials import REGION
from regionkms.audit.log import SegmentLog
from regionkms.audit.record import RecordEncoder
from regionkms.config import SettingsAsRead, check_settings
from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.counters.clock import SystemClock
from regionkms.counters.metrics import SharedMetrics
from regionkms.counters.quota_counter import SharedQuotaCounter
from regionkms.identity.directory import StoredAccessKeys
from regionkms.identity.sigv4 import SignatureVerifier, signing_scope
from regionkms.node.agent_door import StoreAgentDoor
from regionkms.node.handover import audit_directory
from regionkms.node.memory import node_layout
from regionkms.node.supervisor import open_or_create_store
from regionkms.operations import OPERATIONS
from regionkms.operations.decision_cache import DecisionCache
from regionkms.operations.key_cache import KeyCache
from regionkms.operations.key_loader import KeyLoader
from regionkms.operations.pipeline import Pipeline
from regionkms.operations.region import Region
from regionkms.store.random_pool import RandomPool
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault
from regionkms.wire.app import App
from regionkms.wire.client_address import ClientAddress
from regionkms.wire.http import HttpServer
from regionkms.wire.http_connection import PlainConnection
from regionkms.wire.pages import Pages

PROCESS = 2
PROCESSES = 3


class Collector:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        return ("127.0.0.1", 50_000) if name == "peername" else None

    def set_write_buffer_limits(self, *, high: int) -> None:
        """There is no buffer."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        """There is nothing to drop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a worker is made of."""

    region: Region
    app: App
    server: HttpServer
    verifier: SignatureVerifier
    audit: SegmentLog
    metrics: SharedMetrics

    def connection(self) -> tuple[PlainConnection, Collector]:
        """A connection of a client."""
        connection, transport = PlainConnection(self.server.traffic, "http"), Collector()
        connection.connection_made(cast("asyncio.Transport", transport))
        return connection, transport


@asynccontextmanager
async def worker_parts(directory: Path) -> AsyncIterator[Parts]:
    """Put a worker together over the store in a directory (store.make_store)."""
    settings = check_settings(
        SettingsAsRead(
            region=REGION,
            data_dir=str(directory / "data"),
            root_key_file=str(directory / "root.key"),
            quotas="x1000",
        )
    )
    domain_keys = open_or_create_store(settings)
    vault = DomainVault(domain_keys.materials, domain_keys.current)
    memory, clock = SharedMemory.create(node_layout(PROCESSES)), SystemClock()
    counter, metrics = SharedChangeCounter(memory, PROCESS), SharedMetrics(memory, PROCESS)
    store = open_store(settings.store_url, vault=vault, on_commit=counter.bump, lab=False)
    audit = SegmentLog(audit_directory(settings), process_name="worker-2", clock=clock)
    quotas = SharedQuotaCounter(
        memory, PROCESS, region=settings.region, settings=settings.quotas, clock=clock
    )
    keys_directory = StoredAccessKeys(store=store, vault=vault)
    keys = KeyCache(
        store=store,
        counter=counter,
        build=KeyLoader(region=settings.region, store_id=store.store_id, vault=vault),
        on_changes=keys_directory.refresh,
    )
    region = Region(
        name=settings.region,
        partition="aws",
        store=store,
        keys=keys,
        vault=vault,
        clock=clock,
        random_bytes=RandomPool().take,
        quotas=quotas,
        limits=lambda: settings.quotas,
        audit=audit,
        recorder=RecordEncoder(seed=audit.seed),
        decisions=DecisionCache(),
        agent=StoreAgentDoor(
            store=store,
            counter=counter,
            clock=clock,
            agent_socket=directory / "agent.sock",
            clustered=False,
        ),
    )
    await keys_directory.load()
    await keys.refresh()
    await audit.start()
    verifier = SignatureVerifier(scope=signing_scope(settings.region), directory=keys_directory)
    spawn = asyncio.get_running_loop().create_task
    app = App(
        region=region,
        operations=OPERATIONS,
        pipeline=Pipeline(spawn=spawn),
        verifier=verifier,
        metrics=metrics,
        pages=Pages(ready=lambda: None, metrics=lambda: b""),
        address=ClientAddress(()),
        date_line=lambda: server.traffic.date_line,
        spawn=spawn,
    )

    def before_answers() -> None:
        audit.flush()
        metrics.flush()
        quotas.flush()

    server = HttpServer(
        serve=app.serve,
        before_answers=before_answers,
        unix_time=clock.machine_now,
    )
    await server.start("127.0.0.1", 0)
    try:
        yield Parts(
            region=region,
            app=app,
            server=server,
            verifier=verifier,
            audit=audit,
            metrics=metrics,
        )
    finally:
        await server.drain(0.0)
        await audit.stop()
        await store.close()
