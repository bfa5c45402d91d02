"""What a lab remembers of itself: how it was made, its accounts, its cuts and its clock.

`state.json` is the lab's own; `lab.json` and `aws.env` are for clients, and their form is fixed
(design §7). All three can be read by their owner only.
"""

import json
import shlex
from dataclasses import dataclass, field
from typing import Any

import msgspec

from regionkms.lab.layout import Folder, Ports
from regionkms.lab.processes import write_private
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the lab with its root user's credentials, the same in every Region."""

    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabState:
    """A lab as it was made and as it is meant to be now.

    Attributes:
        host: Address that endpoints and front door listen on.
        quotas: As the setting of the node: aws, off or xN.
        accounts: The first one is that of lab.json and aws.env.
        partitioned: Regions that are cut off.
        clock_offset_ns: How far the lab clock runs ahead of the machine's.
    """

    regions: tuple[RegionName, ...]
    base_port: int
    host: str = "127.0.0.1"
    workers: int = 1
    etcd_members: int = 1
    quotas: str = "aws"
    accounts: tuple[Account, ...] = ()
    partitioned: tuple[RegionName, ...] = ()
    clock_offset_ns: int = 0

    @property
    def ports(self) -> Ports:
        """Every port of the lab."""
        return Ports(regions=self.regions, base_port=self.base_port, etcd_members=self.etcd_members)

    @property
    def shown_host(self) -> str:
        """The address in URLs: a wildcard is reached by loopback."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host

    def endpoint(self, region: RegionName) -> str:
        """URL of a Region's API."""
        return f"http://{self.shown_host}:{self.ports.endpoint(region)}"

    @property
    def gateway(self) -> str:
        """URL of the front door."""
        return f"http://{self.shown_host}:{self.ports.front_door}"

    def require(self, region: str) -> RegionName:
        """One of the lab's Regions.

        Raises:
            ConfigurationError: It has no such Region.
        """
        if region not in self.regions:
            raise ConfigurationError(
                f"This lab has no Region {region!r}. It has {', '.join(self.regions)}."
            )
        return RegionName(region)


def load_state(folder: Folder) -> LabState | None:
    """The lab in a folder, or None if none was made there.

    Raises:
        ConfigurationError: The file can't be read.
    """
    try:
        return msgspec.json.decode(folder.state.read_bytes(), type=LabState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"{folder.state} is not readable as the state of a lab ({error}). "
            f"Remove {folder.root} to begin anew."
        ) from error


def require_state(folder: Folder) -> LabState:
    """The lab in a folder.

    Raises:
        ConfigurationError: There is none.
    """
    state = load_state(folder)
    if state is None:
        raise ConfigurationError(f"There is no lab in {folder.root}. Make one: regionkms lab up")
    return state


def save_state(folder: Folder, state: LabState) -> None:
    """Keep the lab's state."""
    write_private(folder.state, json.dumps(msgspec.to_builtins(state), indent=2) + "\n")


def save_client_files(folder: Folder, state: LabState) -> None:
    """Write lab.json and aws.env, for clients and tests."""
    write_private(folder.lab_json, json.dumps(lab_json(state), indent=2) + "\n")
    write_private(folder.aws_env, aws_env(state))


def lab_json(state: LabState) -> dict[str, Any]:
    """What lab.json holds."""
    first = state.accounts[0]
    ports = state.ports
    return {
        "account": first.account_id,
        "access_key_id": first.access_key_id,
        "secret_access_key": first.secret_access_key,
        "gateway": state.gateway,
        "regions": {region: {"endpoint": state.endpoint(region)} for region in state.regions},
        "etcd": [
            f"http://127.0.0.1:{ports.etcd_client(member)}" for member in range(state.etcd_members)
        ],
        "accounts": {
            account.account_id: {
                "access_key_id": account.access_key_id,
                "secret_access_key": account.secret_access_key,
            }
            for account in state.accounts
        },
    }


def aws_env(state: LabState) -> str:
    """What aws.env holds: lines for `set -a; . .lab/aws.env`, and for env files."""
    first = state.accounts[0]
    values = {
        "AWS_ACCESS_KEY_ID": first.access_key_id,
        "AWS_SECRET_ACCESS_KEY": first.secret_access_key,
        "AWS_REGION": state.regions[0],
        "AWS_DEFAULT_REGION": state.regions[0],
        "AWS_ENDPOINT_URL": state.gateway,
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
