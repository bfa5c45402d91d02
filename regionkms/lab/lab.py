"""The verbs of `regionkms lab`: up, down, kill, start, partition, heal, clock, status.

A lab is a folder (layout.py) and processes that outlive the command that started them. Verbs that
change it hold a lock, so that two terminals do not work against each other. Being a lab is written
into each store and into the cluster when they are made; nodes and labs refuse each other's.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from regionkms.lab.cluster_files import (
    DEFAULT_ACCOUNTS,
    DRAIN_S,
    make_cluster,
    new_account,
    write_node_settings,
)
from regionkms.lab.etcd import etcd_command, require_etcd
from regionkms.lab.layout import ETCD, NETWORK, Folder, etcd_names
from regionkms.lab.pipe import LOOPBACK
from regionkms.lab.processes import Processes, python_command
from regionkms.lab.readiness import is_free
from regionkms.lab.state import (
    LabState,
    load_state,
    require_state,
    save_client_files,
    save_state,
)
from regionkms.lab.status import LabStatus, PartState, look, look_at_part, look_at_region
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName
from regionkms.node.command_socket import ask
from regionkms.node.socket_path import fits

DEFAULT_REGIONS: Final = ("us-east-1", "eu-west-1", "ap-southeast-2")
DEFAULT_BASE_PORT: Final = 8101
READY_WITHIN_S: Final = 60.0
_END_WITHIN_S: Final = DRAIN_S + 8.0
_NS_PER_S: Final = 1_000_000_000
_NS_PER_YEAR: Final = 365 * 86_400 * _NS_PER_S
_MAX_AHEAD_YEARS: Final = 100
"""Nodes take a little more; a Region that is down must not be left behind what it refuses."""
_DIRECTORY_WITHIN_S: Final = 15.0
_PROBE_EVERY_S: Final = 0.1
_LOG_TAIL_LINES: Final = 5

Tell = Callable[[str], None]
"""Takes a line about what goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What `lab up` was given; None leaves it to the lab that is there, or to the default."""

    regions: Sequence[str] | None = None
    base_port: int | None = None
    host: str | None = None
    workers: int | None = None
    etcd_members: int | None = None
    quotas: str | None = None


class Lab:
    """One lab, in one folder."""

    def __init__(self, root: Path, *, tell: Tell) -> None:
        self.folder: Final = Folder(root.absolute())
        self.processes: Final = Processes(self.folder)
        self._tell: Final = tell

    def up(self, wishes: Wishes) -> LabState:
        """Make the lab if there is none, start what does not run, and wait until all serves.

        Raises:
            ConfigurationError: It can't be; the message tells the fix.
        """
        with self._locked(make=True):
            state = self._made(wishes)
            program = require_etcd()
            make_cluster(self.folder, state.regions)
            started = self._start_all(state, program)
            self._await(state, _all_names(state), started)
            self._settle(state, state.regions)
            self._await_directory(state)
            save_client_files(self.folder, state)
            return state

    def down(self, *, purge: bool = False) -> None:
        """End every process of the lab; its data stay unless they are purged.

        Raises:
            ConfigurationError: There is no lab, or a process does not end.
        """
        with self._locked():
            state = require_state(self.folder)
            # Regions first, so that they do not spend their drain on a lost etcd.
            self.processes.end(state.regions, within_s=_END_WITHIN_S)
            others = [NETWORK, *etcd_names(state.etcd_members)]
            self.processes.end(others, within_s=_END_WITHIN_S)
            left = [name for name in (*state.regions, *others) if self.processes.find(name)]
            if left:
                raise ConfigurationError(f"{', '.join(left)} can't be ended; end it by hand")
        if purge:
            self._purge()

    def kill(self, name: str) -> bool:
        """End a Region or etcd at once (SIGKILL); False if it was down already.

        Raises:
            ConfigurationError: There is no such part.
        """
        with self._locked():
            state = require_state(self.folder)
            killed = [self.processes.kill(each) for each in self._names(state, name)]
            return any(killed)

    def start(self, name: str) -> bool:
        """Start a Region or etcd, and wait until it serves; False if it ran already.

        Raises:
            ConfigurationError: There is no such part, or it does not come up.
        """
        with self._locked():
            state = require_state(self.folder)
            names = self._names(state, name)
            started = [each for each in names if not self.processes.find(each)]
            program = require_etcd() if name == ETCD else None
            for each in started:
                self._start_one(state, each, program)
            self._await(state, names, started)
            if name != ETCD:
                self._settle(state, [state.require(name)])
            return bool(started)

    def partition(self, region: str) -> LabState:
        """Cut a Region off from etcd and from all other Regions.

        Raises:
            ConfigurationError: There is no such Region, or the network does not run.
        """
        with self._locked():
            state = require_state(self.folder)
            wanted = {*state.partitioned, state.require(region)}
            return self._cut(state, tuple(each for each in state.regions if each in wanted))

    def heal(self) -> LabState:
        """Make every way whole again.

        Raises:
            ConfigurationError: There is no lab, or its network does not run.
        """
        with self._locked():
            return self._cut(require_state(self.folder), ())

    def advance_clock(self, seconds: int) -> LabState:
        """Move the lab clock of every Region forward; Regions that are down follow at start.

        Raises:
            ConfigurationError: A Region refuses, or would go beyond what a date can show.
        """
        with self._locked():
            state = require_state(self.folder)
            offset_ns = state.clock_offset_ns + seconds * _NS_PER_S
            if offset_ns > _MAX_AHEAD_YEARS * _NS_PER_YEAR:
                raise ConfigurationError(
                    f"the lab clock moves at most {_MAX_AHEAD_YEARS} years ahead"
                )
            moved = replace(state, clock_offset_ns=offset_ns)
            for region in state.regions:
                if self.processes.find(region):
                    self._set_clock(moved, region)
            save_state(self.folder, moved)
            return moved

    def state(self) -> LabState:
        """The lab as it is meant to be.

        Raises:
            ConfigurationError: There is no lab.
        """
        return require_state(self.folder)

    def status(self) -> LabStatus:
        """How everything is.

        Raises:
            ConfigurationError: There is no lab.
        """
        return look(self.folder, require_state(self.folder), self.processes)

    def add_accounts(self, state: LabState) -> None:
        """Keep a state with further accounts, and make them known in every Region.

        Raises:
            ConfigurationError: A Region refuses.
        """
        save_state(self.folder, state)
        self._settle(state, state.regions)
        save_client_files(self.folder, state)

    def command(self, region: RegionName, name: str, arguments: Mapping[str, object]) -> object:
        """Carry out an operator command in a Region.

        Raises:
            ConfigurationError: The Region refuses, or does not run.
        """
        return ask(self.folder.operator_socket(region), name, arguments)

    def _made(self, wishes: Wishes) -> LabState:
        state = load_state(self.folder)
        if state is None:
            state = _new_state(wishes)
            _check_paths(self.folder, state)
            _check_ports(state)
            save_state(self.folder, state)
            self._tell(f"Making a lab in {self.folder.root}: {', '.join(state.regions)}")
            return state
        return self._changed(state, wishes)

    def _changed(self, state: LabState, wishes: Wishes) -> LabState:
        """The lab that is there, with what may be changed of it."""
        fixed = {
            "regions": (state.regions, wishes.regions and tuple(wishes.regions)),
            "base-port": (state.base_port, wishes.base_port),
            "etcd-members": (state.etcd_members, wishes.etcd_members),
        }
        for name, (made, wished) in fixed.items():
            if wished and wished != made:
                shown = ",".join(made) if isinstance(made, tuple) else made
                raise ConfigurationError(
                    f"The lab in {self.folder.root} was made with --{name} {shown}. Take another "
                    "--dir, or end this one for good: regionkms lab down --purge"
                )
        wanted = replace(
            state,
            host=wishes.host or state.host,
            workers=wishes.workers or state.workers,
            quotas=wishes.quotas or state.quotas,
        )
        if wanted != state and any(map(self.processes.find, state.regions)):
            raise ConfigurationError(
                "The lab runs with other settings. To change them: regionkms lab down, then up."
            )
        save_state(self.folder, wanted)
        return wanted

    def _start_all(self, state: LabState, program: Path) -> list[str]:
        """Start what does not run; its names."""
        missing = [name for name in _all_names(state) if not self.processes.find(name)]
        self._tell(f"Starting {', '.join(missing)} ..." if missing else "The lab runs already.")
        for name in missing:
            self._start_one(state, name, program)
        return missing

    def _start_one(self, state: LabState, name: str, program: Path | None) -> None:
        if name == NETWORK:
            command = python_command("regionkms.lab.network", str(self.folder.root))
        elif name.startswith(f"{ETCD}-") and program is not None:
            member = int(name.rpartition("-")[2])
            self.folder.etcd_data(member).mkdir(mode=0o700, parents=True, exist_ok=True)
            command = etcd_command(program, self.folder, state.ports, member)
        else:
            settings = write_node_settings(self.folder, state, state.require(name))
            command = python_command("regionkms", "node", "--config", str(settings))
        self.processes.start(name, command, environment=_clean_environment())

    def _await_directory(self, state: LabState) -> None:
        """Wait until Regions know each other, if it is to be had: it needs all of them and etcd."""
        if state.partitioned:
            return

        def all_known() -> bool:
            shown = [
                look_at_region(self.folder, state, self.processes, region).facts.get("regions", ())
                for region in state.regions
            ]
            return all(set(state.regions) <= set(regions) for regions in shown)

        if not self.processes.wait_until(
            all_known, within_s=_DIRECTORY_WITHIN_S, every_s=_PROBE_EVERY_S
        ):
            self._tell("Not all Regions know each other yet; `regionkms lab status` tells more.")

    def _await(self, state: LabState, names: Sequence[str], started: Collection[str]) -> None:
        """Wait until parts serve, and tell it of those that were started.

        Raises:
            ConfigurationError: One ended, or takes too long; its log's end is shown.
        """
        waiting = list(names)

        def all_serve() -> bool:
            for name in list(waiting):
                if not self.processes.find(name):
                    raise ConfigurationError(f"{name} ended as it started. {self._log_end(name)}")
                if self._serves(state, name):
                    waiting.remove(name)
                    if name in started:
                        self._tell(f"  {name} is ready")
            return not waiting

        if not self.processes.wait_until(
            all_serve, within_s=READY_WITHIN_S, every_s=_PROBE_EVERY_S
        ):
            raise ConfigurationError(
                f"{', '.join(waiting)} did not come up in {READY_WITHIN_S:.0f} s. "
                f"{self._log_end(waiting[0])}"
            )

    def _serves(self, state: LabState, name: str) -> bool:
        if name in state.regions:
            found = look_at_region(self.folder, state, self.processes, state.require(name))
            return found.state is PartState.READY
        return look_at_part(state, self.processes, name).state is PartState.READY

    def _settle(self, state: LabState, regions: Sequence[RegionName]) -> None:
        """Bring Regions that serve to what the lab remembers: accounts and clock."""
        for region in regions:
            for account in state.accounts:
                self.command(
                    region,
                    "account import",
                    {
                        "account_id": account.account_id,
                        "access_key_id": account.access_key_id,
                        "secret_access_key": account.secret_access_key,
                    },
                )
            if state.clock_offset_ns:
                self._set_clock(state, region)

    def _set_clock(self, state: LabState, region: RegionName) -> None:
        self.command(region, "clock set", {"offset_ns": state.clock_offset_ns})

    def _cut(self, state: LabState, regions: tuple[RegionName, ...]) -> LabState:
        ask(self.folder.network_socket, "cut", {"regions": list(regions)})
        state = replace(state, partitioned=regions)
        save_state(self.folder, state)
        return state

    def _names(self, state: LabState, name: str) -> list[str]:
        if name == ETCD:
            return etcd_names(state.etcd_members)
        if name not in state.regions:
            raise ConfigurationError(
                f"This lab has no {name!r}. Its parts: {', '.join((*state.regions, ETCD))}."
            )
        return [name]

    def _log_end(self, name: str) -> str:
        log = self.folder.log(name)
        try:
            lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        except OSError:
            lines = []
        return f"The end of {log}: {' | '.join(lines) or '(empty)'}"

    def _purge(self) -> None:
        """Remove the folder, file by file of what a lab makes."""
        for path, folders, files in os.walk(self.folder.root, topdown=False):
            for file in files:
                (Path(path) / file).unlink()
            for folder in folders:
                (Path(path) / folder).rmdir()
        self.folder.root.rmdir()

    @contextmanager
    def _locked(self, *, make: bool = False) -> Iterator[None]:
        if make:
            self.folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            require_state(self.folder)
        descriptor = os.open(self.folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("Waiting for another command on this lab ...")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _new_state(wishes: Wishes) -> LabState:
    state = LabState(
        regions=tuple(RegionName(name) for name in wishes.regions or DEFAULT_REGIONS),
        base_port=wishes.base_port or DEFAULT_BASE_PORT,
        host=wishes.host or LOOPBACK,
        workers=wishes.workers or 1,
        etcd_members=wishes.etcd_members or 1,
        quotas=wishes.quotas or "aws",
        accounts=tuple(map(new_account, DEFAULT_ACCOUNTS)),
    )
    # Building the ports checks names and numbers.
    state.ports.all()
    return state


def _check_paths(folder: Folder, state: LabState) -> None:
    """Refuse a folder whose sockets no address can name, where no /proc helps."""
    sockets = [folder.operator_socket(region) for region in state.regions]
    if not Path("/proc/self/fd").exists() and not all(map(fits, sockets)):
        raise ConfigurationError(
            f"{folder.root} is too long for the sockets in it. Give the lab a --dir with a "
            "shorter path."
        )


def _all_names(state: LabState) -> list[str]:
    return [NETWORK, *etcd_names(state.etcd_members), *state.regions]


def _check_ports(state: LabState) -> None:
    taken = [port for port in state.ports.all() if not is_free(LOOPBACK, port)]
    if taken:
        raise ConfigurationError(
            f"Ports {', '.join(map(str, taken))} are taken; this lab needs "
            f"{state.ports.all()[0]} to {state.ports.all()[-1]}. Is another lab running? Give this "
            "one another --base-port and --dir."
        )


def _clean_environment() -> dict[str, str]:
    """The environment of the lab's processes: settings come from their files alone."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REGIONKMS_", "ETCD_", "AWS_"))
    }
