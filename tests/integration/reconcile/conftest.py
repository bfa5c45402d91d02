"""Three Regions in one process on the real things: etcd, gRPC with mutual TLS, SQLite files.

Every way from a Region to etcd and to its peers leads through a proxy of its own, so that a test
can cut it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from regionkms.coordination.etcd_coordinator import EtcdCoordinator
from regionkms.coordination.etcd_settings import EtcdSettings
from regionkms.counters.clock import SystemClock
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import RegionName
from regionkms.ports.store import WrappedDomainKey
from regionkms.quota.settings import QuotaMode, QuotaSettings
from regionkms.reconcile.region_agent import Pace
from regionkms.store.bootstrap import create_store
from regionkms.store.engine import store_url
from regionkms.store.store import SqlStore, open_store
from regionkms.transport.client import GrpcKeyTransport
from regionkms.transport.server import KeyTransportServer
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.enrolled import DOMAIN_KEY, enrolled_cluster, vault
from tests.support.etcd import Etcd, make_etcd
from tests.support.eventually import eventually
from tests.support.region_cluster import AP, EU, US, RegionUnderTest, ServedBy
from tests.support.tcp_proxy import TcpProxy

UNLIMITED = QuotaSettings(mode=QuotaMode.OFF)


@dataclass
class RealRegion:
    """A Region, its connections, and the tasks of its agent."""

    under_test: RegionUnderTest
    etcd_way: TcpProxy
    served: ServedBy
    coordinator: EtcdCoordinator
    transport: GrpcKeyTransport
    server: KeyTransportServer
    store: SqlStore
    running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.ensure_future(self.under_test.agent.run())

    async def stop(self) -> None:
        """End the agent as a kill would: nothing is said, nothing is finished."""
        if self.running is not None:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.running
            self.running = None

    async def restart(self) -> None:
        await self.stop()
        self.under_test.crash()
        self.start()

    async def serve_again(self, address: str) -> None:
        """Listen where the stopped server was."""
        self.server = KeyTransportServer(self.under_test.identity, self.served, address)
        await self.server.start()

    def cut_from_etcd(self) -> None:
        self.etcd_way.refuse = True
        self.etcd_way.cut()

    def heal(self) -> None:
        self.etcd_way.refuse = False


@dataclass
class RealCluster:
    etcd: Etcd
    regions: dict[RegionName, RealRegion] = field(default_factory=dict)

    def __getitem__(self, region: RegionName) -> RegionUnderTest:
        return self.regions[region].under_test

    async def ready(self) -> None:
        for region in self.regions.values():
            await eventually(partial(self._knows_all, region.under_test), within_s=20)

    async def _knows_all(self, region: RegionUnderTest) -> bool:
        directory = region.agent.directory
        return not directory.stopped and len(directory.regions) == len(self.regions)


@pytest.fixture(scope="session")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[RegionName, RegionIdentity]:
    return enrolled_cluster(tmp_path_factory.mktemp("cluster"), US, EU, AP).regions


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    member = make_etcd(tmp_path)
    member.start()
    yield member
    member.stop()


@pytest.fixture
async def cluster(
    identities: dict[RegionName, RegionIdentity], etcd: Etcd, tmp_path: Path
) -> AsyncIterator[RealCluster]:
    made = RealCluster(etcd)
    async with contextlib.AsyncExitStack() as stack:
        for name, identity in identities.items():
            folder = tmp_path / name
            await asyncio.to_thread(folder.mkdir)
            region = await _region(stack, identity, etcd, folder)
            made.regions[name] = region
            region.start()
        try:
            await made.ready()
            yield made
        finally:
            for region in made.regions.values():
                await region.stop()
                await region.server.stop()


async def _region(
    stack: contextlib.AsyncExitStack, identity: RegionIdentity, etcd: Etcd, folder: Path
) -> RealRegion:
    counter = InMemoryChangeCounter()
    url = store_url(folder)
    row = WrappedDomainKey(
        domain_key_id=DOMAIN_KEY, wrapped=b"unused", created_at=0.0, current=True
    )
    create_store(url, lab=True, domain_key=row, vault=vault())
    store = open_store(url, vault=vault(), on_commit=counter.bump, lab=True)
    stack.push_async_callback(store.close)
    way = await stack.enter_async_context(TcpProxy(etcd.members[0].client_port))
    settings = EtcdSettings(
        endpoints=(f"127.0.0.1:{way.port}",), read_s=1.5, attempt_s=0.7, write_s=1.0, lease_s=3
    )
    coordinator = EtcdCoordinator(settings, identity.cluster, identity.region)
    stack.push_async_callback(coordinator.close)
    transport = GrpcKeyTransport(identity)
    stack.push_async_callback(transport.close)
    served = ServedBy()
    server = KeyTransportServer(identity, served, "127.0.0.1:0")
    port = await server.start()
    under_test = RegionUnderTest(
        identity=identity,
        store=store,
        coordinator=coordinator,
        transport=transport,
        clock=SystemClock(),
        settings=UNLIMITED,
        address=f"127.0.0.1:{port}",
        pace=Pace(pass_s=1.0, store_s=0.2, retry_s=0.2),
        counter=counter,
    )
    served.region = under_test
    return RealRegion(
        under_test=under_test,
        etcd_way=way,
        served=served,
        coordinator=coordinator,
        transport=transport,
        server=server,
        store=store,
    )
