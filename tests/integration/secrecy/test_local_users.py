"""Other users of the machine: what they can enter, read, or have our processes run."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from regionkms.config import SettingsAsRead, check_settings
from regionkms.model.errors import ConfigurationError, RowTampered
from regionkms.node.lab_clock import MAX_OFFSET_NS, SETTING_OFFSET_NS, stored_offset_ns
from regionkms.node.supervisor import open_or_create_store
from regionkms.ports.store import StoreTransaction
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault
from tests.support.eventually import eventually
from tests.support.node import RunningNode, prepare_store, start_node

PROGRAMS = Path(sys.executable).parent


def settings_in(folder: Path, **changed: str) -> SettingsAsRead:
    return SettingsAsRead(
        region="eu-west-1",
        data_dir=str(folder / "data"),
        root_key_file=str(folder / "root.key"),
        **changed,
    )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node that was started in a folder where somebody has left a module of our name."""
    folder = tmp_path_factory.mktemp("node")
    asyncio.run(prepare_store(folder))
    for planted in ("ctypes.py", "uvloop.py"):
        (folder / planted).write_text(f"open({str(folder / 'planted-ran')!r}, 'w')\n")
    running = start_node(folder)
    yield running
    running.stop()


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def test_a_module_in_the_working_directory_is_not_run_by_processes_with_keys(
    node: RunningNode,
) -> None:
    assert len(children_of(node.process.pid)) == 2
    assert not (node.folder / "planted-ran").exists()


def test_no_process_of_a_node_dumps_its_memory_or_lets_itself_be_traced(node: RunningNode) -> None:
    for pid in (node.process.pid, *children_of(node.process.pid)):
        limits = Path(f"/proc/{pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        # Of a process that can't be dumped these belong to root, whoever runs it.
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
        assert Path(f"/proc/{pid}/mem").stat().st_uid == 0


async def test_whatever_a_node_makes_is_closed_to_others(node: RunningNode) -> None:
    data = node.folder / "data"

    async def serves_operators() -> bool:
        return (data / "operator.sock").exists()

    await eventually(serves_operators, within_s=20)
    made = [node.folder / "root.key", *data.rglob("*")]
    assert {path.name for path in made} >= {"store.db", "operator.sock", "audit", "root.key"}
    for path in (data, *made):
        assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, path


def test_a_data_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o750)
    with pytest.raises(
        ConfigurationError,
        match=rf"^The data directory {data} is open to others \(mode 0750\)\. Run: chmod 700 ",
    ):
        open_or_create_store(check_settings(settings_in(tmp_path)))
    assert list(data.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_data_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    os.chown(data, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to user 65534, and this node runs as"):
        open_or_create_store(check_settings(settings_in(tmp_path)))


@pytest.mark.parametrize("command", [["node", "--region=eu-west-1"], ["keys", "verify"]])
def test_a_password_on_the_command_line_is_refused(tmp_path: Path, command: list[str]) -> None:
    ran = subprocess.run(
        [
            str(PROGRAMS / "regionkms"),
            *command,
            f"--data-dir={tmp_path / 'data'}",
            "--store-url=postgresql://user:THE-PASSWORD@db.example/kms",
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "--store-url has a password" in ran.stderr
    assert "REGIONKMS_STORE_URL" in ran.stderr
    assert "THE-PASSWORD" not in ran.stderr + ran.stdout


async def test_who_can_only_write_the_database_does_not_move_the_lab_clock(tmp_path: Path) -> None:
    settings = check_settings(settings_in(tmp_path, lab="true"))
    keys = open_or_create_store(settings)
    url = settings.store_url
    assert stored_offset_ns(url, keys) == 0

    def put(tx: StoreTransaction, value: str) -> None:
        tx.settings.put(SETTING_OFFSET_NS, value)

    vault = DomainVault(keys.materials, keys.current)
    store = open_store(url, vault=vault, on_commit=lambda: None, lab=True)
    await store.write(partial(put, value=str(MAX_OFFSET_NS)))
    await store.close()
    assert stored_offset_ns(url, keys) == MAX_OFFSET_NS

    with sqlite3.connect(settings.data_dir / "store.db") as attacker:
        attacker.execute(
            "UPDATE settings SET value = ? WHERE name = ?", (b"7776000000000000", SETTING_OFFSET_NS)
        )
    attacker.close()
    with pytest.raises(RowTampered, match=r"row \(lab/clock-offset-ns\) of table settings"):
        stored_offset_ns(url, keys)
