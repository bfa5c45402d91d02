"""The lab's processes: started apart from the command, found again, ended.

Each is the leader of a session of its own, so that one signal reaches it and all its children. Its
file in run/ names pid and start time; a pid that the system has given to another process since is
never signalled.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import sleep
from typing import Final

from regionkms.counters.clock import SystemClock
from regionkms.lab.layout import Folder
from regionkms.model.errors import ConfigurationError

_POLL_S: Final = 0.02
_START_TIME_FIELD: Final = 22
"""Of /proc/PID/stat (proc(5)), counted from 1."""
_STATE_FIELD: Final = 3
_KILLED_WITHIN_S: Final = 5.0
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process as its file in run/ names it.

    Attributes:
        start_time: When the system started it, in the system's own words; with the pid it names
            one process for good.
    """

    pid: int
    start_time: str


def start_time_of(pid: int) -> str | None:
    """When a living process was started; None if there is none, or only its corpse."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _start_time_by_ps(pid)
    try:
        text = stat.read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may hold anything.
    fields = text.rpartition(")")[2].split()
    if fields[_STATE_FIELD - 3] in {"Z", "X"}:
        return None
    return fields[_START_TIME_FIELD - 3]


def _start_time_by_ps(pid: int) -> str | None:
    """The same where there is no /proc."""
    done = subprocess.run(  # noqa: S603 - a fixed program with a number
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
        capture_output=True,
        check=False,
        text=True,
    )
    return done.stdout.strip() or None


class Processes:
    """The processes of one lab, by name: `network`, `etcd-0`, and the Regions."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._clock = SystemClock()
        self._children: list[subprocess.Popen[bytes]] = []

    def start(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Start a process that outlives this command; its output goes to its log.

        Raises:
            ConfigurationError: The program can't be started.
        """
        log = self._folder.log(name)
        for path in (log.parent, self._folder.run(name).parent):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - the lab's own programs
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                env=None if environment is None else dict(environment),
            )
        except OSError as error:
            raise ConfigurationError(f"{command[0]} can't be started: {error.strerror}") from error
        finally:
            os.close(descriptor)
        self._children.append(process)
        running = Running(pid=process.pid, start_time=start_time_of(process.pid) or "")
        write_private(self._folder.run(name), json.dumps(asdict(running)) + "\n")
        return running

    def find(self, name: str) -> Running | None:
        """The process of that name if it is alive."""
        try:
            values = json.loads(self._folder.run(name).read_text())
            running = Running(pid=int(values["pid"]), start_time=str(values["start_time"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        self._reap()
        return running if start_time_of(running.pid) == running.start_time else None

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a process and all its children; False if it is not alive."""
        running = self.find(name)
        if running is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, number)
        return True

    def kill(self, name: str) -> bool:
        """End a process and its children at once, as a power cut would; False if none was."""
        if not self.signal(name, signal.SIGKILL):
            return False
        self.wait_for_end([name], within_s=_KILLED_WITHIN_S)
        return True

    def end(self, names: Sequence[str], *, within_s: float) -> None:
        """Ask processes to end, all at once, and kill those that take too long."""
        for name in names:
            self.signal(name, signal.SIGTERM)
        for name in self.wait_for_end(names, within_s=within_s):
            self.kill(name)

    def wait_for_end(self, names: Sequence[str], *, within_s: float) -> list[str]:
        """Wait until none of the processes is alive; those that still are at the end."""
        self.wait_until(lambda: not any(map(self.find, names)), within_s=within_s)
        return [name for name in names if self.find(name)]

    def wait_until(
        self, holds: Callable[[], bool], *, within_s: float, every_s: float = _POLL_S
    ) -> bool:
        """Wait for a fact; False if it does not hold in time."""
        deadline = self._clock.monotonic() + within_s
        while not holds():
            if self._clock.monotonic() > deadline:
                return False
            sleep(every_s)
        return True

    def _reap(self) -> None:
        """Bury what this very command had started and what has ended."""
        self._children = [child for child in self._children if child.poll() is None]


def python_command(*arguments: str) -> list[str]:
    """A command line that runs a part of regionkms by the Python that runs this."""
    # -P: a file in the working directory must not be run as one of our modules.
    return [sys.executable, "-P", "-m", *arguments]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, _NEW_FILE, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
        file.write(text)
    new.replace(path)
