"""Promise 1: a Region alone answers everything that concerns it, at once and without time limit.

Source: design §1 (promise 1); protocol §4.
"""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.lab import FIRST, SECOND, THIRD, RunningLab
from tests.support.quick_client import QuickClient
from tests.support.replicas import describe, primary_key, replicated_key

CALLS = 10_000
AGAIN = 500
"""After the restart: what needs memory to be filled anew shows at the first calls."""
MANAGEMENT_CALLS = 15
GIVES_UP_S = 6.0
"""Five seconds of the protocol, and one for a machine that has something else to do."""
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """A lab in which only the second Region lives, and what it knew before."""

    lab: RunningLab
    key_id: str
    primary: str
    blob: str


@pytest.fixture(scope="module")
def alone(lab: RunningLab) -> Iterator[Alone]:
    key_id = replicated_key(lab, SECOND)
    primary = replicated_key(lab, THIRD, source=SECOND)
    sealed = lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"from the others")
    for part in ("etcd", FIRST, THIRD):
        lab.kill(part)
    try:
        blob = b64encode(sealed["CiphertextBlob"]).decode()
        yield Alone(lab=lab, key_id=key_id, primary=primary, blob=blob)
    finally:
        lab.recover()


def cryptography(alone: Alone, calls: int) -> list[str]:
    """Make calls on the replicated key; the answers that are not what they should be."""
    client = QuickClient(alone.lab.endpoint(SECOND), alone.lab.owner, SECOND)
    wrong = []
    blob = alone.blob
    for number in range(calls):
        operation, members = _call(alone.key_id, blob, number)
        answer = client.call(operation, members)
        if answer.status != OK:
            wrong.append(f"{number} {operation}: {answer.status} {answer.body!r}")
        elif operation == "Encrypt":
            blob = answer.json["CiphertextBlob"]
    client.close()
    return wrong


def _call(key_id: str, blob: str, number: int) -> tuple[str, dict[str, Any]]:
    match number % 4:
        case 0:
            return "Encrypt", {"KeyId": key_id, "Plaintext": b64encode(b"x" * 64).decode()}
        case 1:
            return "Decrypt", {"CiphertextBlob": blob}
        case 2:
            return "GenerateDataKey", {"KeyId": key_id, "KeySpec": "AES_256"}
        case _:
            return "ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key_id}


def management(kms: Any, number: int) -> None:
    """Everything that one does with single-Region keys; any refusal is an error."""
    key_id = kms.create_key(Description=f"alone {number}")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/alone-{number}-{key_id}", TargetKeyId=key_id)
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "Number", "TagValue": str(number)}])
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    document = {**json.loads(policy), "Id": f"alone-{number}"}
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(document))
    kms.disable_key(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    blob = kms.encrypt(KeyId=f"alias/alone-{number}-{key_id}", Plaintext=b"y")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"y"
    kms.untag_resource(KeyId=key_id, TagKeys=["Number"])
    kms.delete_alias(AliasName=f"alias/alone-{number}-{key_id}")


@pytest.mark.timeout(600)
def test_ten_thousand_cryptographic_calls_on_a_replica_are_answered_alone(alone: Alone) -> None:
    assert cryptography(alone, CALLS) == []


def test_single_region_keys_are_made_and_managed_alone(alone: Alone) -> None:
    kms = alone.lab.client(SECOND)
    for number in range(MANAGEMENT_CALLS):
        management(kms, number)


def test_the_local_properties_of_a_replica_are_managed_alone(alone: Alone) -> None:
    kms, key_id = alone.lab.client(SECOND), alone.key_id
    kms.update_key_description(KeyId=key_id, Description="alone")
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.create_alias(AliasName=f"alias/{key_id}", TargetKeyId=key_id)
    kms.disable_key(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    found = describe(alone.lab, SECOND, key_id)
    assert (found["KeyState"], found["Description"]) == ("Enabled", "alone")
    assert found["MultiRegionConfiguration"]["PrimaryKey"]["Region"] == FIRST


def test_a_multi_region_key_is_made_alone(alone: Alone) -> None:
    key_id = primary_key(alone.lab, SECOND)
    assert describe(alone.lab, SECOND, key_id)["KeyState"] == "Enabled"


def test_a_replication_fails_within_five_seconds_alone_and_changes_nothing(alone: Alone) -> None:
    lab = alone.lab
    before = describe(lab, SECOND, alone.primary)
    started = time.monotonic()
    answer = _replicate(alone, FIRST)
    spent = time.monotonic() - started
    assert answer.status == 500
    assert answer.code in {"KMSInternalException", "DependencyTimeoutException"}
    assert spent < GIVES_UP_S, f"after {spent:.1f} s"
    assert describe(lab, SECOND, alone.primary) == before
    # The key's lock is no longer in the way of anything.
    lab.client(SECOND).disable_key(KeyId=alone.primary)
    lab.client(SECOND).enable_key(KeyId=alone.primary)


def _replicate(alone: Alone, target: str) -> Any:
    client = QuickClient(alone.lab.endpoint(SECOND), alone.lab.owner, SECOND)
    answer = client.call("ReplicateKey", {"KeyId": alone.primary, "ReplicaRegion": target})
    client.close()
    return answer


@pytest.mark.timeout(600)
def test_a_region_that_was_restarted_alone_answers_as_before(alone: Alone) -> None:
    alone.lab.kill(SECOND)
    alone.lab.start(SECOND)
    assert cryptography(alone, AGAIN) == []
    management(alone.lab.client(SECOND), 1000)
    assert _replicate(alone, FIRST).status == 500
