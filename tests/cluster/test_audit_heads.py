"""What etcd's copy of the audit heads is for: files and store of a Region go back together."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.etcd_content import EtcdContent
from tests.support.lab import SECOND, RunningLab, regionkms, running_lab

PUBLISHED_S = 30.0


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RunningLab]:
    """A lab of one Region, for nobody else's Region may lose its store."""
    with running_lab(tmp_path / "lab", "--regions", SECOND) as made:
        yield made


def verify(lab: RunningLab) -> subprocess.CompletedProcess[str]:
    return regionkms("audit", "verify", "--config", str(lab.settings(SECOND)))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PUBLISHED_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def worker_head(lab: RunningLab) -> int:
    """Number of the last record of a worker's chain that etcd knows of; -1 without one."""
    found = EtcdContent(lab.etcd[0]).below(f"/audit/{SECOND}/worker-")
    heads = [json.loads(json.loads(value)["head"])["n"] for value in found.values()]
    return max(heads, default=-1)


def test_files_and_store_rolled_back_together_are_found_by_etcd(
    alone: RunningLab, tmp_path: Path
) -> None:
    kms = alone.client(SECOND)
    kms.create_key()
    wait_until(lambda: worker_head(alone) >= 1)
    sound = verify(alone)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "heads in etcd were looked at." in sound.stdout

    alone.kill(SECOND)
    stopped = verify(alone)
    assert stopped.returncode == 0, stopped.stdout
    assert "Heads in etcd were not looked at: nobody listens on" in stopped.stdout
    shutil.copytree(alone.data(SECOND), tmp_path / "backup", ignore=_no_sockets)

    alone.start(SECOND)
    before = worker_head(alone)
    for _ in range(5):
        kms.create_key()
    wait_until(lambda: worker_head(alone) >= before + 5)
    alone.kill(SECOND)
    shutil.rmtree(alone.data(SECOND))
    shutil.copytree(tmp_path / "backup", alone.data(SECOND))
    assert verify(alone).returncode == 0, "files and store alone agree with one another"

    witness = worker_head(alone)
    alone.start(SECOND)
    kms.list_keys()
    found = verify(alone)
    assert found.returncode == 3, found.stdout + found.stderr
    assert "in etcd: the store was rolled back" in found.stdout
    wait_until(lambda: "whose signed head is in etcd" in alone.log(SECOND))
    assert worker_head(alone) == witness, "the node that went back leaves the evidence alone"


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket()]
