"""The processes of a running node, for tests that stop, kill and weigh them.

Only processes below a supervisor that the test started are ever found, so none of anybody else's
is signalled.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildProcess:
    """A child of a node's supervisor; role and number as on its command line."""

    pid: int
    role: str


def children(supervisor: int) -> list[ChildProcess]:
    """The living children that a node's supervisor has just now."""
    found = []
    for pid in _children_of(supervisor):
        words = _command_line(pid).split(b"\0")
        if b"regionkms.node.child" in words:
            role = words[words.index(b"regionkms.node.child") + 1].decode()
            found.append(ChildProcess(pid=pid, role=role))
    return found


def send(pid: int, number: signal.Signals) -> bool:
    """Signal a process; False if it has ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(pids: list[int], *, within_s: float) -> None:
    """Wait until none of some processes is alive.

    Raises:
        TimeoutError: One still is.
    """
    deadline = time.monotonic() + within_s
    while any(map(is_alive, pids)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"of the processes {pids} some do not end in {within_s} s")
        time.sleep(_POLL_S)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    return _state(pid) not in {"", "Z", "X"}


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, in bytes; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _children_of(parent: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and is_alive(int(entry.name)):
            fields = _stat(int(entry.name))
            if fields and int(fields[1]) == parent:
                yield int(entry.name)


def _state(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat (proc(5)) after the program's name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
