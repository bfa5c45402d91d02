"""What a kill campaign does to a node: one row for each fault."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.support.node import RunningNode
from tests.support.processes import ChildProcess, children, send, wait_for_end

_ENDS_WITHIN_S: Final = 60.0
_APPEARS_WITHIN_S: Final = 60.0
_LONGEST_STOP_S: Final = 1.0
_POLL_S: Final = 0.01


class Victim:
    """The node of a campaign, which faults end and start again."""

    def __init__(self, start: Callable[[], RunningNode], rng: Random) -> None:
        self._start: Final = start
        self._rng: Final = rng
        self.node = start()

    def child(self, role: str) -> ChildProcess:
        """One of the children of a role, as soon as there is one."""
        deadline = time.monotonic() + _APPEARS_WITHIN_S
        while time.monotonic() < deadline:
            found = [one for one in children(self.node.process.pid) if one.role == role]
            if found:
                return self._rng.choice(found)
            time.sleep(_POLL_S)
        raise AssertionError(f"the supervisor starts no {role}:\n{self.node.log}")

    def kill_worker(self) -> None:
        send(self.child("worker").pid, signal.SIGKILL)

    def kill_agent(self) -> None:
        send(self.child("agent").pid, signal.SIGKILL)

    def kill_supervisor(self) -> None:
        """The children see that it is gone and end by themselves; the node is started again."""
        left = [one.pid for one in children(self.node.process.pid)]
        self.node.process.kill()
        self.node.process.wait(_ENDS_WITHIN_S)
        wait_for_end(left, within_s=_ENDS_WITHIN_S)
        self.node = self._start()

    def kill_everything(self) -> None:
        """As a power cut would, but that the kernel keeps what it was given."""
        left = [one.pid for one in children(self.node.process.pid)]
        self.node.process.kill()
        for pid in left:
            send(pid, signal.SIGKILL)
        self.node.process.wait(_ENDS_WITHIN_S)
        wait_for_end(left, within_s=_ENDS_WITHIN_S)
        self.node = self._start()

    def stop_worker(self) -> None:
        """SIGSTOP for a moment; it holds whatever locks it held."""
        victim = self.child("worker").pid
        send(victim, signal.SIGSTOP)
        time.sleep(self._rng.uniform(0.1, _LONGEST_STOP_S))
        send(victim, signal.SIGCONT)

    def kill_stopped_worker(self) -> None:
        """Killed while stopped: nothing it had in hand goes on."""
        victim = self.child("worker").pid
        send(victim, signal.SIGSTOP)
        time.sleep(self._rng.uniform(0.0, 0.2))
        send(victim, signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row: how often among others, whether it kills, and how it is done."""

    name: str
    weight: int
    kills: bool
    inject: Callable[[Victim], None]


FAULTS: Final = (
    Fault(name="worker killed", weight=10, kills=True, inject=Victim.kill_worker),
    Fault(name="agent killed", weight=4, kills=True, inject=Victim.kill_agent),
    Fault(name="stopped worker killed", weight=2, kills=True, inject=Victim.kill_stopped_worker),
    Fault(name="supervisor killed", weight=1, kills=True, inject=Victim.kill_supervisor),
    Fault(name="everything killed", weight=2, kills=True, inject=Victim.kill_everything),
    Fault(name="worker stopped", weight=2, kills=False, inject=Victim.stop_worker),
)
