"""What a lab is made of before anything runs: accounts, authority, enrolments, node settings."""

import datetime as dt
import json
import os
from pathlib import Path
from typing import Final

from regionkms.coordination.authority import ClusterAuthority
from regionkms.counters.clock import SystemClock
from regionkms.identity.access_keys import RANDOM_BYTES, new_access_key
from regionkms.lab.layout import ETCD, Folder
from regionkms.lab.pipe import LOOPBACK
from regionkms.lab.processes import write_private
from regionkms.lab.state import Account, LabState
from regionkms.model.ids import RegionName

DEFAULT_ACCOUNTS: Final = ("111122223333", "444455556666")
"""The second one is for trials across accounts."""
DRAIN_S: Final = 2
_CLUSTER_NAME: Final = "lab"


def new_account(account_id: str) -> Account:
    """An account with fresh credentials of its root user."""
    credentials = new_access_key(os.urandom(RANDOM_BYTES))
    return Account(
        account_id=account_id,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret.reveal().decode(),
    )


def make_cluster(folder: Folder, regions: tuple[RegionName, ...]) -> None:
    """Make the authority and enrol every Region that has no enrolment yet."""
    now = dt.datetime.fromtimestamp(SystemClock().machine_now(), tz=dt.UTC)
    if not folder.authority.exists():
        folder.authority.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ClusterAuthority.create(folder.authority, _CLUSTER_NAME, lab=True, now=now)
    authority = ClusterAuthority(folder.authority)
    for region in regions:
        if not folder.enrolment(region).exists():
            folder.region(region).mkdir(mode=0o700, parents=True, exist_ok=True)
            authority.enrol(region, folder.enrolment(region), now=now)


def write_node_settings(folder: Folder, state: LabState, region: RegionName) -> Path:
    """Write the TOML file that a Region's node is started with."""
    ports = state.ports
    ways = [way for way in ports.ways() if way.source == region]
    etcd = [f"http://{LOOPBACK}:{way.port}" for way in ways if way.target == ETCD]
    peers = [f"{way.target}={LOOPBACK}:{way.port}" for way in ways if way.target != ETCD]
    transport = f"{LOOPBACK}:{ports.transport(region)}"
    values: dict[str, object] = {
        "region": region,
        "data_dir": str(folder.data(region)),
        "root_key_file": str(folder.root_key(region)),
        "listen": f"{state.host}:{ports.endpoint(region)}",
        "workers": state.workers,
        "etcd": etcd,
        "enrolment": str(folder.enrolment(region)),
        "transport_listen": transport,
        "transport_address": transport,
        "peer_addresses": peers,
        "quotas": state.quotas,
        "lab": True,
        "drain_s": DRAIN_S,
    }
    path = folder.node_settings(region)
    # JSON's strings, numbers, booleans and lists of strings are TOML's too.
    write_private(path, "".join(f"{name} = {json.dumps(values[name])}\n" for name in values))
    return path
