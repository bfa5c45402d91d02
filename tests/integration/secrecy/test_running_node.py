"""A node under every operation, failures included, leaves no secret outside of its memory.

Everything is looked through that others may come to see: data directory with store, log and
sockets; the node's log at its most talkative; command lines, environments and shared memory of its
processes; the PostgreSQL database and its files.
"""

import asyncio
import base64
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import make_url

from regionkms.config import NodeSettings, SettingsAsRead, check_settings
from regionkms.model.errors import ConfigurationError
from regionkms.node.command_socket import ask
from regionkms.operations import OPERATIONS
from tests.support.leaks import LeakSearch, files_below, process_facts, processes_below
from tests.support.node import (
    EMPTY,
    OWNER,
    REGION,
    STRANGER,
    Account,
    RunningNode,
    start_node,
)
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.store_secrets import secrets_of, signing_keys_of

ACCOUNTS = (OWNER, STRANGER)


class Story:
    """What is done on a node, and what of it is secret."""

    def __init__(self, node: RunningNode, settings: NodeSettings) -> None:
        self.node = node
        self.settings = settings
        self.secrets: dict[str, bytes] = {}
        self.tried: set[str] = set()
        self.seen: list[tuple[str, bytes]] = []

    @property
    def operator_socket(self) -> Path:
        return self.settings.data_dir / "operator.sock"

    def keep(self, name: str, secret: bytes) -> bytes:
        """Take a secret down."""
        self.secrets[f"{name} {len(self.secrets)}"] = secret
        return secret

    def plaintext(self) -> bytes:
        """A plaintext of the client; every other one is text."""
        if len(self.secrets) % 2:
            return self.keep("plaintext in letters", f"card {secrets.token_hex(16)}".encode())
        return self.keep("plaintext", secrets.token_bytes(48))

    def call(self, operation: str, account: Account = OWNER, **request: Any) -> Any:
        """Call an operation; a plaintext in its answer is taken down."""
        self.tried.add(operation)
        answer = getattr(self.node.client(account, checked=False), xform_name(operation))(**request)
        if "Plaintext" in answer:
            self.keep(f"answer of {operation}", answer["Plaintext"])
        return answer

    def fails(self, operation: str, account: Account = OWNER, **request: Any) -> None:
        with pytest.raises(ClientError):
            self.call(operation, account, **request)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """A node that everything was done on, and that still runs."""
    folder = tmp_path_factory.mktemp("node")
    options = ["--workers=2", "--quotas=off", "--log-level=DEBUG"]
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
        options.append(f"--store-url={url}")
    node = start_node(folder, *options)
    settings = check_settings(
        SettingsAsRead(
            region=REGION,
            data_dir=str(folder / "data"),
            root_key_file=str(folder / "root.key"),
            store_url=url,
        )
    )
    told = Story(node, settings)
    try:
        import_accounts(told)
        use_keys(told)
        administer_keys(told)
        send_garbage(told)
        survive_a_kill(told)
        told.seen = list(visible(told))
        told.secrets |= asyncio.run(secrets_of(settings))
        day = time.strftime("%Y%m%d", time.gmtime())
        for account in ACCOUNTS:
            told.secrets |= signing_keys_of(account, day=day, region=REGION)
        yield told
    finally:
        node.process.send_signal(signal.SIGTERM)
        node.process.wait(30)


def import_accounts(story: Story) -> None:
    deadline = time.monotonic() + 20
    while not story.operator_socket.exists():
        assert time.monotonic() < deadline, story.node.log
        time.sleep(0.05)
    path = story.operator_socket
    for account in ACCOUNTS:
        credentials = {
            "access_key_id": account.access_key_id,
            "secret_access_key": account.secret_access_key,
        }
        ask(path, "account import", {"account_id": account.account_id, **credentials})
    made = ask(path, "account create", {"account_id": EMPTY.account_id})
    story.keep("secret of a new access key", made["secret_access_key"].encode())
    refused = story.keep("a refused secret", secrets.token_hex(20).encode()).decode()
    for wrong in (
        {"account_id": OWNER.account_id, "access_key_id": OWNER.access_key_id},
        {"account_id": "1", "access_key_id": OWNER.access_key_id},
        {"account_id": OWNER.account_id, "access_key_id": ["a list"]},
        {"account_id": OWNER.account_id, "access_key_id": "AKIANEW000000000NEW", "more": refused},
    ):
        with pytest.raises(ConfigurationError):
            ask(path, "account import", {**wrong, "secret_access_key": refused})
    for command, arguments in (
        ("status", {}),
        ("account list", {}),
        ("account disable-key", {"access_key_id": made["access_key_id"]}),
        ("quota list", {}),
    ):
        ask(path, command, arguments)


def use_keys(story: Story) -> None:
    for multi_region in (False, True):
        key = story.call("CreateKey", MultiRegion=multi_region, Description="a key")["KeyMetadata"]
        use_key(story, key["Arn"])


def use_key(story: Story, arn: str) -> None:
    context = {"purpose": "a test"}
    keyed: dict[str, Any] = {"KeyId": arn, "EncryptionContext": context}
    blob = story.call("Encrypt", Plaintext=story.plaintext(), **keyed)["CiphertextBlob"]
    story.call("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    story.call("Decrypt", CiphertextBlob=blob, **keyed)
    story.call("GenerateDataKey", KeySpec="AES_256", **keyed)
    story.call("GenerateDataKey", NumberOfBytes=64, **keyed)
    hidden = story.call("GenerateDataKeyWithoutPlaintext", KeySpec="AES_256", **keyed)
    story.call("Decrypt", CiphertextBlob=hidden["CiphertextBlob"], EncryptionContext=context)
    story.call("GenerateRandom", NumberOfBytes=40)
    again = story.call(
        "ReEncrypt",
        CiphertextBlob=blob,
        SourceEncryptionContext=context,
        DestinationKeyId=arn,
        DestinationEncryptionContext={"purpose": "another"},
    )
    story.fails("Encrypt", DryRun=True, Plaintext=story.plaintext(), **keyed)
    story.fails("Encrypt", STRANGER, Plaintext=story.plaintext(), **keyed)
    story.fails("Encrypt", Plaintext=secrets.token_bytes(5000), **keyed)
    story.fails("Encrypt", KeyId=arn, Plaintext=story.plaintext(), EncryptionAlgorithm="NONE")
    story.fails("Decrypt", CiphertextBlob=blob)
    story.fails("Decrypt", CiphertextBlob=story.plaintext())
    story.fails("Decrypt", CiphertextBlob=again["CiphertextBlob"], **keyed)
    story.fails("Decrypt", CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), **keyed)
    story.call("DisableKey", KeyId=arn)
    story.fails("Encrypt", Plaintext=story.plaintext(), **keyed)
    story.call("EnableKey", KeyId=arn)


def administer_keys(story: Story) -> None:
    arn = story.call("CreateKey", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["Arn"]
    story.call("DescribeKey", KeyId=arn)
    story.call("ListKeys")
    story.call("UpdateKeyDescription", KeyId=arn, Description="another")
    policy = story.call("GetKeyPolicy", KeyId=arn)["Policy"]
    story.call("PutKeyPolicy", KeyId=arn, Policy=policy)
    story.call("ListKeyPolicies", KeyId=arn)
    story.call("TagResource", KeyId=arn, Tags=[{"TagKey": "c", "TagValue": "d"}])
    story.call("ListResourceTags", KeyId=arn)
    story.call("UntagResource", KeyId=arn, TagKeys=["a"])
    story.call("CreateAlias", AliasName="alias/of-a-key", TargetKeyId=arn)
    story.call("UpdateAlias", AliasName="alias/of-a-key", TargetKeyId=arn)
    story.call("ListAliases")
    story.call("Encrypt", KeyId="alias/of-a-key", Plaintext=story.plaintext())
    story.call("DeleteAlias", AliasName="alias/of-a-key")
    story.fails("ReplicateKey", KeyId=arn, ReplicaRegion="us-east-1")
    story.call("ScheduleKeyDeletion", KeyId=arn, PendingWindowInDays=7)
    story.call("CancelKeyDeletion", KeyId=arn)
    account_id, key_id = arn.split(":")[4], arn.rpartition("/")[2]
    ask(story.operator_socket, "key show", {"account_id": account_id, "key_id": key_id})
    story.node.client(service="sts").get_caller_identity()


def send_garbage(story: Story) -> None:
    """Requests that are wrong in a place where a secret stands, or beside one."""
    node, secret = story.node, story.keep("secret in garbage", secrets.token_hex(24).encode())
    encoded = base64.b64encode(secret)
    for operation in sorted(OPERATIONS):
        for body in (
            b'{"Plaintext":"%b"' % encoded,
            b'{"Plaintext":"%b","KeyId":5}' % encoded,
            b'{"Plaintext":"%b!","KeyId":"x"}' % encoded,
            b'{"Plaintext":["%b"],"KeyId":"x"}' % encoded,
            b'{"Plaintext":"%b","Plaintext":"%b"}' % (encoded, encoded),
            b'{"KeyId":"x","%b":{"%b":1}}' % (secret, secret),
            b'{"CiphertextBlob":"%b","Plaintext":"%b"}' % (encoded, encoded),
            b'{"Plaintext":"%b\xff"}' % encoded,
            b'"%b"' % secret,
            secret,
        ):
            # Members that an operation does not have are passed over, as in AWS.
            assert node.call(operation, body).status < 500, body
    spoilt = node.signed("Encrypt", b'{"KeyId":"x","Plaintext":"%b"}' % encoded)
    node.send(replace(spoilt, body=spoilt.body + b" "))
    node.send(replace(spoilt, target=b"/" + secret))
    node.send(replace(spoilt, headers={**spoilt.headers, b"X-Amz-Date": secret}))
    node.send(node.signed("Encrypt", secret, target=f"TrentService.{secret.decode()}"))


def survive_a_kill(story: Story) -> None:
    """Crashes write nothing down that lived in memory."""
    for pid in processes_below(story.node.process.pid)[1:]:
        os.kill(pid, signal.SIGSEGV)
    deadline = time.monotonic() + 30
    while True:
        try:
            story.call("Encrypt", KeyId=make_key(story), Plaintext=story.plaintext())
        except (BotoCoreError, ClientError):
            assert time.monotonic() < deadline, story.node.log
            time.sleep(0.1)
        else:
            return


def make_key(story: Story) -> str:
    return str(story.call("CreateKey")["KeyMetadata"]["KeyId"])


def visible(story: Story) -> Iterator[tuple[str, bytes]]:
    """Whatever others may come to see, while the node runs."""
    folder = story.node.folder
    yield from files_below(folder, but=[folder / "root.key"])
    for pid in processes_below(story.node.process.pid):
        yield from process_facts(pid)
    url = make_url(story.settings.store_url)
    if url.get_backend_name() == "postgresql":
        yield "dump", dump_of(story.settings.store_url)


def dump_of(url: str) -> bytes:
    """Everything in a PostgreSQL database, as its own tool writes it."""
    done = subprocess.run(
        ["pg_dump", "--dbname", url, "--inserts"], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_operation_was_tried(story: Story) -> None:
    assert story.tried == OPERATIONS.keys()


def test_it_was_looked_where_the_data_are(story: Story) -> None:
    """What is no secret is found by the same search, in each kind of place."""
    known = {
        "access key id": OWNER.access_key_id.encode(),
        "operation": b"GenerateDataKeyWithoutPlaintext",
        "module": b"regionkms.node.child",
        "message": b"starting it again in",
    }
    found = {
        (leak.secret, place)
        for leak in LeakSearch(known).find(story.seen)
        for place in ("audit", "store", "dump", "node.log", "cmdline")
        if place in leak.place
    }
    url = make_url(story.settings.store_url)
    database = "store" if url.get_backend_name() == "sqlite" else "dump"
    assert found >= {
        ("access key id", "audit"),
        ("operation", "audit"),
        ("access key id", database),
        ("module", "cmdline"),
        ("message", "node.log"),
    }


def test_no_secret_is_found_outside_of_memory(story: Story) -> None:
    names = set(story.secrets)
    assert len(names) >= 60
    leaks = LeakSearch(story.secrets).find(story.seen)
    assert not leaks, "\n".join(map(str, leaks[:20]))


def test_nothing_of_the_story_was_an_internal_error(story: Story) -> None:
    assert "Traceback" not in story.node.log
    assert not [line for line in story.node.log.splitlines() if "internal" in line.lower()]
