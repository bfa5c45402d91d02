"""Multi-Region keys in a running lab: made, awaited, and looked at through clients."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from regionkms.audit.chain import Kind, parse_line
from tests.support.lab import FIRST, RunningLab
from tests.support.node import Account

WITHIN_S: Final = 30.0
"""Longest wait for what takes a fraction of a second where the machine is idle."""
_POLL_S: Final = 0.01


def until(holds: Callable[[], Any], what: str, *, within_s: float = WITHIN_S) -> Any:
    """Wait until a call gives something true, and return it; a refusal means: not yet."""
    deadline = time.monotonic() + within_s
    last: object = None
    while True:
        try:
            last = holds()
        except (ClientError, BotoCoreError) as error:
            last = error
        else:
            if last:
                return last
        assert time.monotonic() < deadline, f"{what}: not in {within_s:.0f} s, but {last!r}"
        time.sleep(_POLL_S)


def describe(
    lab: RunningLab, region: str, key_id: str, account: Account | None = None
) -> dict[str, Any]:
    """KeyMetadata of a key in a Region."""
    found: dict[str, Any] = lab.client(region, account).describe_key(KeyId=key_id)["KeyMetadata"]
    return found


def exists(lab: RunningLab, region: str, key_id: str) -> bool:
    """Whether a Region has a key."""
    client = lab.client(region)
    try:
        client.describe_key(KeyId=key_id)
    except client.exceptions.NotFoundException:
        return False
    return True


def await_enabled(
    lab: RunningLab, region: str, key_id: str, account: Account | None = None
) -> dict[str, Any]:
    """Wait until a Region's key is Enabled; its metadata."""

    def enabled() -> dict[str, Any] | None:
        found = describe(lab, region, key_id, account)
        return found if found["KeyState"] == "Enabled" else None

    found: dict[str, Any] = until(enabled, f"{key_id} in {region} is Enabled")
    return found


def primary_key(lab: RunningLab, region: str = FIRST, account: Account | None = None) -> str:
    """The id of a new primary key without replicas."""
    made = lab.client(region, account).create_key(MultiRegion=True)
    return str(made["KeyMetadata"]["KeyId"])


def replicated_key(
    lab: RunningLab, *targets: str, source: str = FIRST, account: Account | None = None
) -> str:
    """The id of a new primary key with Enabled replicas."""
    key_id = primary_key(lab, source, account)
    for target in targets:
        lab.client(source, account).replicate_key(KeyId=key_id, ReplicaRegion=target)
    for target in targets:
        await_enabled(lab, target, key_id, account)
    return key_id


def records(lab: RunningLab, region: str, **members: object) -> list[dict[str, Any]]:
    """The audit records of a Region that have these members."""
    return [
        record
        for record in _all_records(lab, region)
        if all(record.get(name) == value for name, value in members.items())
    ]


def _all_records(lab: RunningLab, region: str) -> Iterator[dict[str, Any]]:
    for file in sorted(lab.audit(region).glob("*.jsonl")):
        for text in file.read_bytes().splitlines(keepends=True):
            line = parse_line(text)
            # A line that is being written just now has no form yet.
            if line is not None and line.kind is Kind.RECORD:
                yield json.loads(line.body)


@contextmanager
def refused(code: str, message: str | None = None) -> Iterator[dict[str, Any]]:
    """Expect an error of this code and, if given, exactly this message."""
    facts: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield facts
    facts.update(caught.value.response)
    found = caught.value.response["Error"]
    assert found["Code"] == code, found
    assert message is None or found.get("Message", "") == message, found
