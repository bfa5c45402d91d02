"""`regionkms node`: starts the processes of one Region's node and keeps them running.

The supervisor alone opens the root key. It starts children by exec, never by fork of itself (gRPC
and thread pools do not survive that), hands them the domain keys over an inherited socket pair, and
restarts one that dies. It serves nobody.
"""

import asyncio
import logging
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regionkms.config import NodeSettings, SettingsAsRead, check_settings
from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.counters.clock import SharedClockOffset
from regionkms.counters.metrics import SharedMetrics
from regionkms.crypto.material import Material
from regionkms.model.errors import ConfigurationError
from regionkms.node.handover import READY, Handover, audit_directory, send
from regionkms.node.lab_clock import stored_offset_ns
from regionkms.node.memory import AGENT, FIRST_WORKER, SUPERVISOR, node_layout
from regionkms.store.bootstrap import (
    check_identity,
    create_store,
    read_bootstrap,
    store_exists,
)
from regionkms.store.database import Database
from regionkms.store.domain_keys import DomainKeys, create_domain_key, open_domain_keys
from regionkms.store.root_key import RootKeyFile
from regionkms.store.vault import DomainVault
from regionkms.telemetry.hardening import harden_process
from regionkms.telemetry.logging import JsonFormatter, log_to_standard_error

_log = logging.getLogger(__name__)

RESTART_DELAYS_S: Final = (0.05, 0.2, 1.0, 5.0)
"""Waits before the restarts of a child that dies again and again; the last one repeats."""
STABLE_S: Final = 30.0
"""A child that has run this long starts with the first delay again."""
HANDOVER_TIMEOUT_S: Final = 10.0
_KILL_AFTER_S: Final = 5.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(slots=True)
class Child:
    """One child process: its role, its number in shared memory, and how it fares."""

    role: str
    process: int
    running: asyncio.subprocess.Process | None = None
    channel: socket.socket | None = None
    started_at: float = 0.0
    deaths: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)


def open_or_create_store(settings: NodeSettings) -> DomainKeys:
    """Open the Region's domain keys; a first start makes root key file and store.

    Raises:
        ConfigurationError: The root key is missing or another store's, or the store was made for
            a lab and the node is none (or the other way round); tells the fix.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(settings.data_dir)
    audit_directory(settings).mkdir(mode=0o700, exist_ok=True)
    provider = RootKeyFile(settings.root_key_file, data_directory=settings.data_dir)
    if store_exists(settings.store_url):
        rows = read_bootstrap(settings.store_url).domain_keys
        keys = open_domain_keys(provider.root_key(), rows)
        _check_kind(settings, keys)
        return keys
    return _create(settings, provider.root_key() if provider.exists() else provider.create())


def _check_kind(settings: NodeSettings, keys: DomainKeys) -> None:
    """Refuse a store of the other kind here, where it is said once: children would start again."""
    database = Database(settings.store_url, DomainVault(keys.materials, keys.current))
    try:
        check_identity(database, settings.store_url, lab=settings.lab)
    finally:
        database.close()


def _check_private(data_dir: Path) -> None:
    """Refuse a data directory that others may enter: sockets and the audit log are in it."""
    found = data_dir.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"The data directory {data_dir} belongs to user {found.st_uid}, and this node runs as "
            f"user {os.geteuid()}. Run: chown {os.geteuid()} {data_dir}"
        )
    if mode & _OTHERS:
        raise ConfigurationError(
            f"The data directory {data_dir} is open to others (mode {mode:04o}). "
            f"Run: chmod 700 {data_dir}"
        )


def _create(settings: NodeSettings, root_key: Material) -> DomainKeys:
    domain_key, row = create_domain_key(root_key, created_at=_now())
    keys = DomainKeys(materials={row.domain_key_id: domain_key}, current=row.domain_key_id)
    vault = DomainVault(keys.materials, keys.current)
    create_store(settings.store_url, lab=settings.lab, domain_key=row, vault=vault)
    return keys


def _now() -> float:
    return time.time()  # noqa: TID251 - a row of the store tells when it was made


class Supervisor:
    """Runs the children of one node until it is told to stop."""

    def __init__(self, read: SettingsAsRead, settings: NodeSettings, keys: DomainKeys) -> None:
        self._read = read
        self._settings = settings
        self._keys = keys
        self._processes = FIRST_WORKER + settings.workers
        self._memory = SharedMemory.create(node_layout(self._processes))
        self._counter = SharedChangeCounter(self._memory, SUPERVISOR)
        self._metrics = SharedMetrics(self._memory, SUPERVISOR)
        self._stop = asyncio.Event()
        self._children = [
            Child("agent", AGENT),
            *(Child("worker", FIRST_WORKER + n) for n in range(settings.workers)),
        ]
        if settings.lab:
            SharedClockOffset(self._memory).set(stored_offset_ns(settings.store_url, keys))

    async def run(self) -> None:
        """Start everything, keep it running, and end it on SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(self._keep(child)) for child in self._children]
            keepers.append(tasks.create_task(self._tell_when_ready()))
            await self._stop.wait()
            await self._end_children()
            for keeper in keepers:
                keeper.cancel()

    async def _tell_when_ready(self) -> None:
        for child in self._children:
            await child.ready.wait()
        _log.info(
            "%s serves on %s:%d",
            self._settings.region,
            self._settings.listen_host,
            self._settings.listen_port,
        )

    async def _keep(self, child: Child) -> None:
        """Start a child, and again whenever it ends."""
        while not self._stop.is_set():
            await self._start(child)
            if child.running is None:
                raise ConfigurationError(f"the {child.role} could not be started")
            code = await child.running.wait()
            if self._stop.is_set():
                return
            await self._after_death(child, code)

    async def _start(self, child: Child) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(HANDOVER_TIMEOUT_S)
        child.running = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a file in the working directory must not run in a process with domain keys
            "-m",
            "regionkms.node.child",
            child.role,
            str(theirs.fileno()),
            pass_fds=(theirs.fileno(), self._memory.fd),
            start_new_session=False,
        )
        theirs.close()
        if child.channel is not None:
            child.channel.close()
        child.channel = ours
        child.started_at = time.monotonic()  # noqa: TID251 - restart delays are machine time
        child.ready.clear()
        handover = Handover(
            settings=self._read,
            process=child.process,
            processes=self._processes,
            memory_fd=self._memory.fd,
            domain_keys=self._keys,
        )
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, _send_quietly, ours, handover)
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        asyncio.ensure_future(self._await_ready(child, ours)).add_done_callback(_consume)

    async def _await_ready(self, child: Child, channel: socket.socket) -> None:
        answer = await asyncio.get_running_loop().sock_recv(channel, 1)
        if answer == READY:
            child.ready.set()

    async def _after_death(self, child: Child, code: int) -> None:
        # The dead child may have committed and not yet said so: everybody looks again.
        self._counter.bump()
        self._metrics.add("restarts")
        self._metrics.flush()
        ran_s = time.monotonic() - child.started_at  # noqa: TID251 - as above
        child.deaths = 0 if ran_s > STABLE_S else child.deaths + 1
        delay_s = RESTART_DELAYS_S[min(child.deaths, len(RESTART_DELAYS_S) - 1)]
        _log.warning(
            "%s %d ended with code %d after %.1f s; starting it again in %.2f s",
            child.role,
            child.process,
            code,
            ran_s,
            delay_s,
        )
        await asyncio.sleep(delay_s)

    async def _end_children(self) -> None:
        """Let workers drain, then the agent end; kill what does not."""
        workers = [child for child in self._children if child.role == "worker"]
        agents = [child for child in self._children if child.role != "worker"]
        await _end(workers, within_s=self._settings.drain_s + _KILL_AFTER_S)
        await _end(agents, within_s=_KILL_AFTER_S)


async def _end(children: Sequence[Child], *, within_s: float) -> None:
    running = [child.running for child in children if child.running is not None]
    for process in running:
        if process.returncode is None:
            process.terminate()
    waits = [asyncio.ensure_future(process.wait()) for process in running]
    if waits:
        await asyncio.wait(waits, timeout=within_s)
    for process in running:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _send_quietly(channel: socket.socket, handover: Handover) -> None:
    """Hand over; a child that died meanwhile is dealt with where its end is seen."""
    try:
        send(channel, handover)
    except OSError:
        _log.warning("a child ended before it took its handover")


def _consume(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.debug("a child's channel closed before it was ready")


def run_node(read: SettingsAsRead) -> None:
    """Run a node in the foreground until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: A setting makes no sense, or store and root key do not fit.
    """
    harden_process()
    settings = check_settings(read)
    formatter = JsonFormatter(region=settings.region, process="supervisor")
    log_to_standard_error(settings.log_level, formatter)
    keys = open_or_create_store(settings)
    supervisor = Supervisor(read, settings, keys)
    asyncio.run(supervisor.run())
