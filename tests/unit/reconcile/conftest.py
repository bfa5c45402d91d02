"""Three enrolled Regions on twins: memory stores, a memory etcd, direct transport."""

import asyncio

import pytest

from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import RegionName
from tests.support.clock import FakeClock
from tests.support.enrolled import enrolled_cluster
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd
from tests.support.memory_store import MemoryStore
from tests.support.region_cluster import AP, EU, US, RegionUnderTest, twins


@pytest.fixture(scope="session")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[RegionName, RegionIdentity]:
    return enrolled_cluster(tmp_path_factory.mktemp("cluster"), US, EU, AP).regions


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def etcd(identities: dict[RegionName, RegionIdentity]) -> MemoryEtcd:
    return MemoryEtcd(cluster=identities[US].cluster)


@pytest.fixture
def regions(
    identities: dict[RegionName, RegionIdentity], etcd: MemoryEtcd, clock: FakeClock
) -> dict[RegionName, RegionUnderTest]:
    found = twins(
        identities,
        store=lambda number: MemoryStore(store_id=f"{number}" * 32),
        coordinator=lambda name: MemoryCoordinator(etcd, name),
        clock=clock,
    )

    async def join() -> None:
        for _ in range(2):  # a second time, so that each knows all
            for region in found.values():
                await region.rejoin()

    asyncio.run(join())
    return found
