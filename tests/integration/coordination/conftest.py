from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from regionkms.coordination.etcd_coordinator import EtcdCoordinator
from regionkms.coordination.etcd_settings import EtcdSettings
from regionkms.model.ids import RegionName
from regionkms.model.record import ClusterName
from tests.support.etcd import Etcd, make_etcd

CLUSTER = ClusterName("test-0011223344556677")
REGION = RegionName("eu-west-1")


@pytest.fixture(scope="module")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """One member for tests that do it no harm; each uses a cluster name of its own."""
    etcd = make_etcd(tmp_path_factory.mktemp("shared-etcd"))
    etcd.start()
    yield etcd
    etcd.stop()


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """One member that a test may harm."""
    etcd = make_etcd(tmp_path)
    etcd.start()
    yield etcd
    etcd.stop()


@pytest.fixture
def three_members(tmp_path: Path) -> Iterator[Etcd]:
    etcd = make_etcd(tmp_path, members=3)
    etcd.start()
    yield etcd
    etcd.stop()


@pytest.fixture
async def coordinator(etcd: Etcd) -> AsyncIterator[EtcdCoordinator]:
    settings = EtcdSettings(endpoints=etcd.endpoints, read_s=1.5, attempt_s=0.6, write_s=1.0)
    made = EtcdCoordinator(settings, CLUSTER, REGION)
    yield made
    await made.close()
