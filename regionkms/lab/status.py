"""What a lab is like at this moment: asked of all its parts at once, each for a second at most."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from regionkms.lab.front_door import HEALTH_PATH
from regionkms.lab.layout import NETWORK, Folder, etcd_names
from regionkms.lab.pipe import LOOPBACK
from regionkms.lab.processes import Processes
from regionkms.lab.readiness import answers_http, node_status
from regionkms.lab.state import LabState
from regionkms.model.ids import RegionName

_NS_PER_S: Final = 1_000_000_000


class PartState(StrEnum):
    """How a process of a lab is."""

    READY = "ready"
    STARTING = "starting"
    """Alive, and does not serve (yet, or at the moment)."""
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """An etcd member, or the network."""

    name: str
    state: PartState
    pid: int | None
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionStatus:
    """One Region.

    Attributes:
        partitioned: Cut off from etcd and the other Regions.
        facts: What its agent tells: numbers of keys, mirror lag, clock; empty if it does not.
    """

    region: RegionName
    endpoint: str
    state: PartState
    partitioned: bool
    pid: int | None
    workers: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """A lab."""

    folder: str
    gateway: str
    clock_offset_s: float
    accounts: tuple[str, ...]
    regions: tuple[RegionStatus, ...]
    parts: tuple[PartStatus, ...]

    @property
    def ready(self) -> bool:
        """Whether everything serves."""
        states = [each.state for each in self.regions] + [each.state for each in self.parts]
        return all(state is PartState.READY for state in states)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"ready": self.ready}


def look(folder: Folder, state: LabState, processes: Processes) -> LabStatus:
    """Ask every part of a lab how it is."""
    with ThreadPoolExecutor(max_workers=16) as threads:
        regions = [
            threads.submit(look_at_region, folder, state, processes, region)
            for region in state.regions
        ]
        parts = [
            threads.submit(look_at_part, state, processes, name)
            for name in (NETWORK, *etcd_names(state.etcd_members))
        ]
        return LabStatus(
            folder=str(folder.root),
            gateway=state.gateway,
            clock_offset_s=state.clock_offset_ns / _NS_PER_S,
            accounts=tuple(account.account_id for account in state.accounts),
            regions=tuple(each.result() for each in regions),
            parts=tuple(each.result() for each in parts),
        )


def look_at_region(
    folder: Folder, state: LabState, processes: Processes, region: RegionName
) -> RegionStatus:
    """Ask one Region how it is."""
    running = processes.find(region)
    answers = running is not None and answers_http(
        state.shown_host, state.ports.endpoint(region), "/readyz"
    )
    facts = None if running is None else node_status(folder.operator_socket(region))
    return RegionStatus(
        region=region,
        endpoint=state.endpoint(region),
        state=_state(alive=running is not None, serves=answers and facts is not None),
        partitioned=region in state.partitioned,
        pid=None if running is None else running.pid,
        workers=state.workers,
        facts=facts or {},
    )


def look_at_part(state: LabState, processes: Processes, name: str) -> PartStatus:
    """Ask an etcd member or the network how it is."""
    running = processes.find(name)
    if name == NETWORK:
        port, path = state.ports.front_door, HEALTH_PATH
    else:
        port, path = state.ports.etcd_client(int(name.rpartition("-")[2])), "/health"
    host = state.shown_host if name == NETWORK else LOOPBACK
    return PartStatus(
        name=name,
        state=_state(
            alive=running is not None,
            serves=running is not None and answers_http(host, port, path),
        ),
        pid=None if running is None else running.pid,
        address=f"http://{host}:{port}",
    )


def _state(*, alive: bool, serves: bool) -> PartState:
    if serves:
        return PartState.READY
    return PartState.STARTING if alive else PartState.DOWN
