"""Servers under measurement, each a process on the servers' core, and what they use of it."""

import os
import shutil
import signal
import socket
import ssl as tls
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.certificate import Certificate
from bench.credentials import REGION, SECRET
from bench.store import make_store

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
CLIENT_CORE = CORES[-1]
"""The same one where the machine has only one core: figures are then worth little."""
START_LIMIT_S = 60.0
_CPUCLOCK_SCHED = 2
"""Of clock_getcpuclockid(3), which Python lacks: nanoseconds on a CPU, as in schedstat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        pids: The processes that answer requests; their CPU time is the server's.
        keys: Ids of its KMS keys; the floor takes any.
        certificate: None for plain HTTP.
        start_s: From its start until it listens, in seconds; a node does once it can answer.
    """

    name: str
    port: int
    pids: tuple[int, ...]
    keys: Sequence[str]
    certificate: Certificate | None = None
    start_s: float = 0.0

    def cpu_ns(self) -> int:
        """CPU time of all its processes so far, in nanoseconds."""
        return sum(_cpu_ns(pid) for pid in self.pids)

    def memory_mb(self) -> float:
        """Resident memory of its largest process, in megabytes (10^6 bytes)."""
        return max(_resident_bytes(pid) for pid in self.pids) / 1e6

    @property
    def client_context(self) -> tls.SSLContext | None:
        """What a client needs to trust it."""
        return None if self.certificate is None else self.certificate.client_context()


def _cpu_ns(pid: int) -> int:
    """CPU time of a process: its CPU clock, which counts threads that have ended as well."""
    return time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED)


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no resident memory")


def free_port() -> int:
    """A port of this machine that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pin(core: int | None) -> None:
    """Keep this process, and those that it starts from now on, on one core (None: on all)."""
    os.sched_setaffinity(0, CORES if core is None else {core})


@contextmanager
def server_process(
    arguments: Sequence[str], *, core: int | None, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on a core (None: on all), ended by SIGTERM when the block ends."""
    before = os.sched_getaffinity(0)
    pin(core)
    try:
        with log.open("wb") as file:
            process = subprocess.Popen(arguments, stdout=file, stderr=file)
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when a process listens on a port."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended before it answered:\n{log.read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"a server did not listen within {START_LIMIT_S:.0f} s")


@contextmanager
def floor_server(certificate: Certificate | None = None) -> Iterator[Server]:
    """The floor, on the servers' core."""
    port = free_port()
    arguments = [sys.executable, "-m", "bench.floor_server", "--port", str(port)]
    arguments += ["--secret", SECRET]
    if certificate is not None:
        arguments += ["--certificate", str(certificate.chain), "--key", str(certificate.key)]
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with server_process(arguments, core=SERVER_CORE, log=log) as process:
            await_port(process, port, log)
            yield Server(
                name="floor",
                port=port,
                pids=(process.pid,),
                keys=["1234abcd-12ab-34cd-56ef-1234567890ab"],
                certificate=certificate,
            )


@contextmanager
def node_server(
    *,
    keys: int = 20,
    workers: int = 1,
    core: int | None = SERVER_CORE,
    certificate: Certificate | None = None,
    quotas: str = "x1000",
) -> Iterator[Server]:
    """A node of one Region with a new store; everything that users have on is on.

    Args:
        keys: KMS keys in its store.
        workers: API workers.
        core: Where its processes run; None for all cores.
        certificate: Turns TLS on.
        quotas: As `--quotas`; the default counts every request and refuses none.
    """
    directory = Path(tempfile.mkdtemp(prefix="regionkms-bench-"))
    try:
        ids = make_store(directory, keys=keys)
        port = free_port()
        arguments = [
            *(sys.executable, "-m", "regionkms", "node", "--region", REGION),
            *("--data-dir", str(directory / "data")),
            *("--root-key-file", str(directory / "root.key")),
            *("--listen", f"127.0.0.1:{port}", "--workers", str(workers), "--quotas", quotas),
        ]
        if certificate is not None:
            arguments += ["--tls-certificate", str(certificate.chain)]
            arguments += ["--tls-key", str(certificate.key)]
        log = directory / "log"
        started = time.monotonic()
        with server_process(arguments, core=core, log=log) as process:
            await_port(process, port, log)
            yield Server(
                name="regionkms",
                port=port,
                pids=_workers_of(process.pid, workers),
                keys=ids,
                certificate=certificate,
                start_s=time.monotonic() - started,
            )
    finally:
        shutil.rmtree(directory)


def _workers_of(supervisor: int, count: int) -> tuple[int, ...]:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        found = tuple(pid for pid in _children(supervisor) if b"\0worker\0" in _command_line(pid))
        if len(found) == count:
            return found
        time.sleep(0.02)
    raise RuntimeError(f"the node has not the {count} workers that it was told to have")


def _children(parent: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(after_name[1]) == parent:
                yield int(entry.name)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
