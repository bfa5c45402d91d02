"""A tenant of another account learns nothing of a key that he was not given, not even that it is.

Every operation that takes a key is called on a key that exists and on one that does not, by a
stranger, again and again: codes, messages and throttling must be the same.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Iterator

import pytest

from regionkms.operations import OPERATIONS
from regionkms.ports.operation import Resource
from regionkms.quota.table import HOT_KEY
from tests.support.node import OWNER, STRANGER, RunningNode, prepare_store, start_node

BURST = 8
"""Calls in a row: more than the hot-key limiter lets through, fewer than the request quotas."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node whose request quotas are far above, while a hot key is limited as ever."""
    folder = tmp_path_factory.mktemp("node")
    asyncio.run(prepare_store(folder, quotas={(None, HOT_KEY): 1.0}))
    running = start_node(folder, "--quotas=x100")
    yield running
    running.stop()


def requests_on(arn: str, blob: bytes, alias_arn: str) -> dict[str, dict[str, object]]:
    """A well-formed request of every operation that takes a key."""
    text = base64.b64encode(b"plaintext").decode()
    context = {"EncryptionContext": {"a": "b"}}
    sealed = base64.b64encode(blob).decode()
    more: dict[str, dict[str, object]] = {
        "Encrypt": {"Plaintext": text, **context},
        "Decrypt": {"CiphertextBlob": sealed},
        "GenerateDataKey": {"KeySpec": "AES_256"},
        "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
        "PutKeyPolicy": {"Policy": "{}"},
        "ReplicateKey": {"ReplicaRegion": "us-east-1"},
        "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
        "UntagResource": {"TagKeys": ["a"]},
        "UpdateKeyDescription": {"Description": "x"},
    }
    found: dict[str, dict[str, object]] = {
        name: {"KeyId": arn, **more.get(name, {})}
        for name, operation in OPERATIONS.items()
        if operation.resource in {Resource.KEY, Resource.KEY_OR_ALIAS, Resource.CIPHERTEXT}
    }
    found["CreateAlias"] = {"AliasName": "alias/of-a-stranger", "TargetKeyId": arn}
    found["ListAliases"] = {"KeyId": arn}
    found["ReEncrypt"] = {"CiphertextBlob": sealed, "DestinationKeyId": arn}
    found["Decrypt without a key"] = {"CiphertextBlob": sealed}
    found["Encrypt by an alias"] = {"KeyId": alias_arn, "Plaintext": text}
    return found


def anonymous(text: bytes, *names: str) -> str:
    """An answer without what the caller himself had sent."""
    shown = text.decode()
    for name in names:
        shown = shown.replace(name, "<name>")
    return shown


def test_a_stranger_cannot_tell_a_key_that_exists_from_one_that_does_not(
    node: RunningNode,
) -> None:
    owner = node.client(OWNER)
    real = owner.create_key()["KeyMetadata"]["Arn"]
    owner.create_alias(AliasName="alias/real", TargetKeyId=real)
    blob = owner.encrypt(KeyId=real, Plaintext=b"of the owner")["CiphertextBlob"]
    own_key_id = real.rpartition("/")[2].replace("-", "")
    ghost_id = secrets.token_hex(16)
    ghost_id = f"{ghost_id[:12]}4{ghost_id[13:16]}8{ghost_id[17:]}"
    ghost = (
        real.rpartition("/")[0]
        + "/"
        + "-".join((ghost_id[:8], ghost_id[8:12], ghost_id[12:16], ghost_id[16:20], ghost_id[20:]))
    )
    ghost_blob = blob.replace(bytes.fromhex(own_key_id), bytes.fromhex(ghost_id))
    assert ghost_blob != blob
    account_arn = real.partition(":key/")[0]
    aliases = [f"{account_arn}:alias/real", f"{account_arn}:alias/fake"]
    on_real = requests_on(real, blob, aliases[0])
    on_ghost = requests_on(ghost, ghost_blob, aliases[1])
    for name, request in on_real.items():
        operation = name.partition(" ")[0]
        answers = []
        for body, arn, alias in (
            (request, real, aliases[0]),
            (on_ghost[name], ghost, aliases[1]),
        ):
            burst = [
                node.call(operation, json.dumps(body).encode(), account=STRANGER)
                for _ in range(BURST)
            ]
            answers.append(
                [(one.status, anonymous(one.body, arn, alias, arn[-36:])) for one in burst]
            )
        assert answers[0] == answers[1], name
        assert {status for status, _ in answers[0]} == {400}, name


def test_a_stranger_leaves_no_mark_in_the_owners_log(node: RunningNode) -> None:
    key = node.client(OWNER).create_key()["KeyMetadata"]["Arn"]
    answer = node.call("DescribeKey", {"KeyId": key}, account=STRANGER)
    assert answer.code == "AccessDeniedException"
    deadline = time.monotonic() + 10
    while not (found := node.records_of(answer)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [record["recipientAccountId"] for record in found] == [STRANGER.account_id]


def test_an_owners_changes_of_one_key_are_limited_and_a_strangers_do_not_count(
    node: RunningNode,
) -> None:
    arn = node.client(OWNER).create_key()["KeyMetadata"]["Arn"]
    for _ in range(3 * BURST):
        node.call("DisableKey", {"KeyId": arn}, account=STRANGER)
    codes = [node.call("DisableKey", {"KeyId": arn}).status for _ in range(BURST)]
    assert codes[0] == 200
    assert 400 in codes, "the limiter of hot keys is off, so this file shows nothing"
