"""A real lab for tests: three Regions and etcd on free ports, handled by the command line."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from regionkms.lab.lab import Lab
from regionkms.lab.layout import Ports
from regionkms.lab.readiness import is_free
from regionkms.lab.state import load_state
from regionkms.model.ids import RegionName
from tests.support.node import Account

REGIONS: Final = ("us-east-1", "eu-west-1", "ap-southeast-2")
FIRST, SECOND, THIRD = REGIONS
VERB_S: Final = 90.0
"""Longest wait for a verb; they take a second or two where the machine is idle."""
_LOWEST_PORT: Final = 20_000
_HIGHEST_PORT: Final = 31_000
"""Below the ports that Linux gives to outgoing connections."""


def free_base_port(regions: tuple[str, ...] = REGIONS, etcd_members: int = 1) -> int:
    """A base port whose whole span is free just now."""
    names = tuple(RegionName(region) for region in regions)
    while True:
        base = _LOWEST_PORT + secrets.randbelow(_HIGHEST_PORT - _LOWEST_PORT)
        ports = Ports(regions=names, base_port=base, etcd_members=etcd_members)
        if all(is_free("127.0.0.1", port) for port in ports.all()):
            return base


@dataclass(slots=True, kw_only=True)
class RunningLab:
    """A lab that `lab up` has made."""

    folder: Path
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def regions(self) -> list[str]:
        return list(self.values["regions"])

    @property
    def gateway(self) -> str:
        return str(self.values["gateway"])

    @property
    def etcd(self) -> list[str]:
        """Addresses of etcd itself, beside the lab's ways."""
        return list(self.values["etcd"])

    @property
    def accounts(self) -> list[Account]:
        return [
            Account(account_id=account_id, **credentials)
            for account_id, credentials in self.values["accounts"].items()
        ]

    @property
    def owner(self) -> Account:
        return self.accounts[0]

    @property
    def stranger(self) -> Account:
        return self.accounts[1]

    def endpoint(self, region: str) -> str:
        return str(self.values["regions"][region]["endpoint"])

    def data(self, region: str) -> Path:
        return self.folder / "regions" / region / "data"

    def audit(self, region: str) -> Path:
        return self.data(region) / "audit"

    def settings(self, region: str) -> Path:
        """The TOML file of the Region's node."""
        return self.folder / "regions" / region / "node.toml"

    def log(self, name: str) -> str:
        """What a Region (or network, etcd-0) has logged."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    def client(
        self,
        region: str = FIRST,
        account: Account | None = None,
        service: str = "kms",
        *,
        by_front_door: bool = False,
        attempts: int = 1,
    ) -> Any:
        """A boto3 client of a Region's endpoint, or of the front door."""
        return _client(
            self.gateway if by_front_door else self.endpoint(region),
            account or self.owner,
            service,
            region,
            attempts,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `regionkms lab VERB ...` on this lab."""
        return regionkms("lab", *arguments, "--dir", str(self.folder))

    def verb(self, *arguments: str) -> str:
        """Run a verb that must succeed; what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def kill(self, part: str) -> None:
        self.verb("kill", part)

    def start(self, part: str) -> None:
        self.verb("start", part)

    def partition(self, region: str) -> None:
        self.verb("partition", region)

    def heal(self) -> None:
        self.verb("heal")

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.verb("status", "--json"))
        return found

    def region_status(self, region: str) -> dict[str, Any]:
        return next(each for each in self.status()["regions"] if each["region"] == region)

    def recover(self) -> None:
        """Bring everything back that a test has broken."""
        self.heal()
        self.verb("up", "--detach")

    def reload(self) -> None:
        self.values = json.loads((self.folder / "lab.json").read_text())


@lru_cache(maxsize=128)
def _client(url: str, account: Account, service: str, region: str, attempts: int) -> Any:
    """Making a client takes longer than most calls, so each is made once."""
    session = boto3.session.Session(
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        region_name=region,
    )
    return session.client(  # type: ignore[call-overload] # the service is chosen by the test
        service,
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": attempts}, connect_timeout=5, read_timeout=20),
    )


def regionkms(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command; the environment of the tests' own settings stays outside."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("REGIONKMS_")
    }
    return subprocess.run(
        [sys.executable, "-m", "regionkms", *arguments],
        env={**environment, **variables},
        capture_output=True,
        check=False,
        text=True,
        timeout=VERB_S,
    )


@contextmanager
def running_lab(folder: Path, *options: str) -> Iterator[RunningLab]:
    """Make a lab, and leave nothing of its processes behind."""
    lab = RunningLab(folder=folder)
    try:
        lab.verb("up", "--detach", "--base-port", str(free_base_port()), *options)
        lab.reload()
        yield lab
    finally:
        end_lab(folder)


def end_lab(folder: Path) -> None:
    """Leave nothing running: in this process, for the command may be what a test found broken."""
    lab = Lab(folder, tell=lambda _: None)
    if load_state(lab.folder) is not None:
        lab.down()
