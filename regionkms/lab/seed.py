"""Seeds: accounts and keys with given ids and material, made once (design §7).

A seed file is YAML::

    accounts:
      - id: "111122223333"            # credentials are made up where they are not given
        access_key_id: AKIA...
        secret_access_key: ...
    keys:
      - id: 1234abcd-12ab-34cd-56ef-1234567890ab    # or mrk-..., a multi-Region primary
        region: us-east-1
        account: "111122223333"       # the lab's first account by default
        material: <base64>            # random where it is not given
        description: ...
        policy: {Version: ..., Statement: [...]}    # or its JSON text
        tags: {team: blue}
        aliases: [alias/blue]
        enabled: true
        replicas:                     # of multi-Region keys, made by ReplicateKey
          - region: eu-west-1
            description: ...
            policy: ...
            tags: {...}
            aliases: [...]

Keys that are there already are left as they are.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any, Final

import msgspec
import yaml

from regionkms.counters.clock import SystemClock
from regionkms.lab.client import KmsClient, RefusedError
from regionkms.lab.cluster_files import new_account
from regionkms.lab.lab import Lab
from regionkms.lab.state import Account, LabState
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName, is_multi_region_key_id

_REPLICA_WITHIN_S: Final = 15.0
_POLL_S: Final = 0.05
_CREATING: Final = "Creating"
_NOT_FOUND: Final = "NotFoundException"

Tell = Callable[[str], None]


class SeedAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account of a seed file."""

    id: str
    access_key_id: str = ""
    secret_access_key: str = ""

    def __repr__(self) -> str:
        return f"<seed of account {self.id}>"


class SeedReplica(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A replica of a multi-Region key."""

    region: str
    description: str = ""
    policy: dict[str, Any] | str = ""
    tags: dict[str, str] = {}
    aliases: list[str] = []


class SeedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key of a seed file."""

    id: str
    region: str
    account: str = ""
    material: str = ""
    description: str = ""
    policy: dict[str, Any] | str = ""
    tags: dict[str, str] = {}
    aliases: list[str] = []
    enabled: bool = True
    replicas: list[SeedReplica] = []

    def __repr__(self) -> str:
        return f"<seed of key {self.id}>"


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seed file."""

    accounts: list[SeedAccount] = []
    keys: list[SeedKey] = []


def read_seed(path: Path) -> Seed:
    """Read and check a seed file.

    Raises:
        ConfigurationError: It can't be read; the message tells where.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert(values or {}, type=Seed)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        # Not chained: a parser's error may quote the file, and the file has secrets.
        where = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else error
        raise ConfigurationError(f"{path} is no seed file: {where}") from None


def sow(lab: Lab, state: LabState, seed: Seed, *, tell: Tell) -> LabState:
    """Make what a seed file names, in a lab that serves.

    Returns:
        The lab with the accounts of the seed.

    Raises:
        ConfigurationError: Something can't be made; what was made before stays.
    """
    state = _sow_accounts(lab, state, seed.accounts)
    for key in seed.keys:
        _sow_key(lab, state, key, tell=tell)
        for replica in key.replicas:
            _sow_replica(state, key, replica, tell=tell)
    return state


def _sow_accounts(lab: Lab, state: LabState, seeds: list[SeedAccount]) -> LabState:
    accounts = {account.account_id: account for account in state.accounts}
    for seed in seeds:
        if bool(seed.access_key_id) != bool(seed.secret_access_key):
            raise ConfigurationError(
                f"account {seed.id} needs access_key_id and secret_access_key, or neither"
            )
        if seed.access_key_id:
            accounts[seed.id] = Account(
                account_id=seed.id,
                access_key_id=seed.access_key_id,
                secret_access_key=seed.secret_access_key,
            )
        elif seed.id not in accounts:
            accounts[seed.id] = new_account(seed.id)
    changed = replace(state, accounts=tuple(accounts.values()))
    if changed != state:
        lab.add_accounts(changed)
    return changed


def _account(state: LabState, key: SeedKey) -> Account:
    wanted = key.account or state.accounts[0].account_id
    for account in state.accounts:
        if account.account_id == wanted:
            return account
    raise ConfigurationError(f"key {key.id} is of account {wanted}, which the lab does not have")


def _sow_key(lab: Lab, state: LabState, key: SeedKey, *, tell: Tell) -> None:
    if key.replicas and not is_multi_region_key_id(key.id):
        raise ConfigurationError(f"key {key.id} can't have replicas: its id has no mrk-")
    arguments = {
        "account_id": _account(state, key).account_id,
        "key_id": key.id,
        "material": key.material,
        "description": key.description,
        "policy": _policy_text(key.policy),
        "tags": key.tags,
        "aliases": key.aliases,
        "enabled": key.enabled,
    }
    answer = lab.command(state.require(key.region), "seed key", arguments)
    made = isinstance(answer, dict) and answer["made"]
    tell(f"  {key.id} in {key.region}: {'made' if made else 'was there'}")


def _sow_replica(state: LabState, key: SeedKey, replica: SeedReplica, *, tell: Tell) -> None:
    region = state.require(replica.region)
    account = _account(state, key)
    source = _client(state, state.require(key.region), account)
    target = _client(state, region, account)
    members: dict[str, object] = {"KeyId": key.id, "ReplicaRegion": region}
    if replica.description:
        members["Description"] = replica.description
    if replica.policy:
        members["Policy"] = _policy_text(replica.policy)
    if replica.tags:
        members["Tags"] = [{"TagKey": k, "TagValue": v} for k, v in replica.tags.items()]
    made = _unless_there(lambda: source.call("ReplicateKey", members))
    _await_replica(target, key.id, region)
    for alias in replica.aliases:
        _unless_there(
            lambda alias=alias: target.call(  # type: ignore[misc] # a lambda's default has no type
                "CreateAlias", {"AliasName": alias, "TargetKeyId": key.id}
            )
        )
    tell(f"  {key.id} in {region}: {'replicated' if made else 'was there'}")


def _client(state: LabState, region: RegionName, account: Account) -> KmsClient:
    return KmsClient(
        host=state.shown_host, port=state.ports.endpoint(region), region=region, account=account
    )


def _unless_there(call: Callable[[], Any]) -> bool:
    """Call; False if what it was to make exists."""
    try:
        call()
    except RefusedError as error:
        if error.code != "AlreadyExistsException":
            raise
        return False
    return True


def _await_replica(target: KmsClient, key_id: str, region: RegionName) -> None:
    """Wait for a replica, which shows up a moment after the call that made it was answered."""
    clock = SystemClock()
    deadline = clock.monotonic() + _REPLICA_WITHIN_S
    while _is_coming(target, key_id):
        if clock.monotonic() > deadline:
            raise ConfigurationError(f"the replica of {key_id} in {region} is still being created")
        sleep(_POLL_S)


def _is_coming(target: KmsClient, key_id: str) -> bool:
    try:
        metadata = target.call("DescribeKey", {"KeyId": key_id})["KeyMetadata"]
    except RefusedError as error:
        if error.code != _NOT_FOUND:
            raise
        return True
    return bool(metadata["KeyState"] == _CREATING)


def _policy_text(policy: dict[str, Any] | str) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy, indent=2)
