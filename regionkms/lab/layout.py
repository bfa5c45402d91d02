"""Where a lab's things are: ports and files, all following from a few numbers and names. Pure.

A lab of n Regions with m etcd members takes the ports from base-port - 1 (the front door) on:
n endpoints, 2 m of etcd, n m ways from a Region to a member, n transports, n (n - 1) ways from a
Region to another one's transport. Two labs live side by side if these spans do not meet; of the
default lab it is 8100 to 8117.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName, is_region_name
from regionkms.node.command_socket import OPERATOR_SOCKET_NAME

MAX_REGIONS: Final = 16
MAX_ETCD_MEMBERS: Final = 5
_MIN_BASE_PORT: Final = 1025
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way through the lab's network: a port of the lab's proxy and where it leads.

    Attributes:
        source: The Region that uses it.
        target: `etcd`, or the Region that it leads to.
        port: Where the source connects.
        target_port: Of the loopback address, where it leads.
    """

    source: RegionName
    target: str
    port: int
    target_port: int

    def of(self, region: str) -> bool:
        """Whether the way begins or ends in a Region."""
        return region in {self.source, self.target}


ETCD: Final = "etcd"
"""How etcd is named among the Regions."""
NETWORK: Final = "network"
"""Name of the process with the ways and the front door."""


def etcd_names(members: int) -> list[str]:
    """Names of the etcd members' processes."""
    return [f"{ETCD}-{member}" for member in range(members)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every port of a lab.

    Attributes:
        regions: The Regions in the order of their endpoints' ports.
        base_port: Of the first Region's endpoint.
        etcd_members: How many members etcd has.
    """

    regions: Sequence[RegionName]
    base_port: int
    etcd_members: int = 1

    def __post_init__(self) -> None:
        _check_regions(self.regions)
        if not 1 <= self.etcd_members <= MAX_ETCD_MEMBERS:
            raise ConfigurationError(f"a lab has 1 to {MAX_ETCD_MEMBERS} etcd members")
        if not _MIN_BASE_PORT <= self.base_port <= _MAX_PORT - self._span():
            raise ConfigurationError(
                f"base-port must be {_MIN_BASE_PORT} to {_MAX_PORT - self._span()} for this lab, "
                f"got {self.base_port}"
            )

    def _span(self) -> int:
        n, m = len(self.regions), self.etcd_members
        return n + 2 * m + n * m + n + n * (n - 1)

    @property
    def front_door(self) -> int:
        """Of the front door."""
        return self.base_port - 1

    def endpoint(self, region: RegionName) -> int:
        """Of a Region's API."""
        return self.base_port + self._number(region)

    def etcd_client(self, member: int) -> int:
        """Where an etcd member serves its clients."""
        return self.base_port + len(self.regions) + 2 * member

    def etcd_peer(self, member: int) -> int:
        """Where an etcd member serves its peers."""
        return self.etcd_client(member) + 1

    def transport(self, region: RegionName) -> int:
        """Where a Region's agent serves other Regions."""
        n, m = len(self.regions), self.etcd_members
        return self.base_port + n + 2 * m + n * m + self._number(region)

    def ways(self) -> Iterator[Way]:
        """Every way of the lab's network."""
        n, m = len(self.regions), self.etcd_members
        port = self.base_port + n + 2 * m
        for source in self.regions:
            for member in range(m):
                yield Way(
                    source=source, target=ETCD, port=port, target_port=self.etcd_client(member)
                )
                port += 1
        port += n
        for source in self.regions:
            for target in self.regions:
                if source != target:
                    yield Way(
                        source=source,
                        target=target,
                        port=port,
                        target_port=self.transport(target),
                    )
                    port += 1

    def all(self) -> list[int]:
        """Every port that the lab listens on."""
        return list(range(self.front_door, self.base_port + self._span()))

    def _number(self, region: RegionName) -> int:
        return list(self.regions).index(region)


def _check_regions(regions: Sequence[RegionName]) -> None:
    for region in regions:
        if not is_region_name(region):
            raise ConfigurationError(f"{region!r} is no Region's name such as eu-west-1")
    if not 1 <= len(regions) <= MAX_REGIONS:
        raise ConfigurationError(f"a lab has 1 to {MAX_REGIONS} Regions")
    if len(set(regions)) != len(regions):
        raise ConfigurationError("a Region is named twice")


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a lab, all below one directory that only its owner can enter."""

    root: Path
    lab_json: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lab_json", self.root / "lab.json")

    @property
    def aws_env(self) -> Path:
        """AWS_* variables for clients."""
        return self.root / "aws.env"

    @property
    def state(self) -> Path:
        """What the lab was made as, and the offset of its clock."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held by a verb that changes the lab."""
        return self.root / "lock"

    @property
    def authority(self) -> Path:
        """The cluster's certificate authority."""
        return self.root / "authority"

    @property
    def network_socket(self) -> Path:
        """Where the lab's network takes its orders."""
        return self.root / "network.sock"

    def log(self, name: str) -> Path:
        """What a process says."""
        return self.root / "logs" / f"{name}.log"

    def run(self, name: str) -> Path:
        """Which process something is."""
        return self.root / "run" / f"{name}.json"

    def etcd_data(self, member: int) -> Path:
        """The data directory of an etcd member."""
        return self.root / "etcd" / f"member-{member}"

    def region(self, region: RegionName) -> Path:
        """The folder of a Region: its settings, root key and enrolment."""
        return self.root / "regions" / region

    def data(self, region: RegionName) -> Path:
        """The data directory of a Region's node."""
        return self.region(region) / "data"

    def operator_socket(self, region: RegionName) -> Path:
        """Where a Region's agent answers operators."""
        return self.data(region) / OPERATOR_SOCKET_NAME

    def root_key(self, region: RegionName) -> Path:
        """The root key file of a Region, outside its data directory."""
        return self.region(region) / "root-key"

    def enrolment(self, region: RegionName) -> Path:
        """What enrolling the Region made."""
        return self.region(region) / "enrolment"

    def node_settings(self, region: RegionName) -> Path:
        """The TOML file of a Region's node."""
        return self.region(region) / "node.toml"
