"""What happens to a lab under traffic: one row for each fault, with how it is mended."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from regionkms.lab.layout import Folder
from regionkms.lab.processes import Processes
from tests.support.lab import FIRST, SECOND, THIRD, RunningLab
from tests.support.processes import children, send

ETCD: Final = "etcd-0"


def _nothing(_: RunningLab) -> None:
    """It mends itself."""


def signal_etcd(lab: RunningLab, number: signal.Signals) -> None:
    """Signal the lab's etcd, which must be alive."""
    assert Processes(Folder(lab.folder)).signal(ETCD, number), "etcd does not run"


def supervisor(lab: RunningLab, region: str) -> int:
    """Pid of a Region's supervisor."""
    found = Processes(Folder(lab.folder)).find(region)
    assert found is not None, f"{region} does not run"
    return found.pid


def kill_child(lab: RunningLab, region: str, role: str) -> None:
    """SIGKILL a Region's agent, or all its workers, if there are any just now."""
    for child in children(supervisor(lab, region)):
        if child.role == role:
            send(child.pid, signal.SIGKILL)


def signal_child(lab: RunningLab, region: str, role: str, number: signal.Signals) -> None:
    """Signal a Region's agent, or all its workers."""
    for child in children(supervisor(lab, region)):
        if child.role == role:
            send(child.pid, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row.

    Attributes:
        replicates: Whether ReplicateKey can succeed while it lasts.
    """

    name: str
    inject: Callable[[RunningLab], None]
    heal: Callable[[RunningLab], None] = _nothing
    replicates: bool


FAULTS: Final = (
    Fault(
        name="etcd killed and started",
        inject=lambda lab: lab.kill("etcd"),
        heal=lambda lab: lab.start("etcd"),
        replicates=False,
    ),
    Fault(
        name="etcd stopped and continued",
        inject=lambda lab: signal_etcd(lab, signal.SIGSTOP),
        heal=lambda lab: signal_etcd(lab, signal.SIGCONT),
        replicates=False,
    ),
    Fault(
        name="the primary's Region cut off",
        inject=lambda lab: lab.partition(FIRST),
        heal=RunningLab.heal,
        replicates=False,
    ),
    Fault(
        name="a target's Region cut off",
        inject=lambda lab: lab.partition(SECOND),
        heal=RunningLab.heal,
        replicates=True,
    ),
    Fault(
        name="the primary's agent killed",
        inject=lambda lab: kill_child(lab, FIRST, "agent"),
        replicates=True,
    ),
    Fault(
        name="a target's agent killed",
        inject=lambda lab: kill_child(lab, SECOND, "agent"),
        replicates=True,
    ),
    Fault(
        name="a target's agent stopped and continued",
        inject=lambda lab: signal_child(lab, SECOND, "agent", signal.SIGSTOP),
        heal=lambda lab: signal_child(lab, SECOND, "agent", signal.SIGCONT),
        replicates=True,
    ),
    Fault(
        name="the primary's workers killed",
        inject=lambda lab: kill_child(lab, FIRST, "worker"),
        replicates=True,
    ),
    Fault(
        name="a target's Region killed and started",
        inject=lambda lab: lab.kill(THIRD),
        heal=lambda lab: lab.start(THIRD),
        replicates=True,
    ),
    Fault(
        name="the primary's Region killed and started",
        inject=lambda lab: lab.kill(FIRST),
        heal=lambda lab: lab.start(FIRST),
        replicates=False,
    ),
)
