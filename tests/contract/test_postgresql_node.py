"""A node whose store is PostgreSQL does what one on SQLite does, over kills and restarts too.

The rest of the suite runs on SQLite, the store of a node that was given none; the port's own suite
runs on both. Here are the operations, through clients, that use each table of the store.
"""

import asyncio
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.node import (
    CROWDED,
    EMPTY,
    OWNER,
    STRANGER,
    RunningNode,
    fresh_alias,
    prepare_store,
    refused,
    start_node,
)
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.processes import ChildProcess, children, send

CONTEXT: Final = {"purpose": "test", "naïve": "\u2713"}
WAIT_S: Final = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as made:
        yield made


class PostgresNode:
    """A node with two workers on a database of its own; it can be started again."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        asyncio.run(prepare_store(folder, store_url=url))
        self.node = self.started()

    def started(self) -> RunningNode:
        options = ("--workers=2", "--quotas=x1000", f"--store-url={self.url}")
        self.node = start_node(self.folder, *options)
        return self.node

    def restart(self) -> RunningNode:
        self.node.stop()
        return self.started()

    def workers(self) -> list[ChildProcess]:
        found = children(self.node.process.pid)
        return [child for child in found if child.role == "worker"]

    def kill(self, child: ChildProcess) -> None:
        """SIGKILL; on return the supervisor knows, so that all of its sockets are closed."""
        send(child.pid, signal.SIGKILL)
        deadline = time.monotonic() + WAIT_S
        while Path(f"/proc/{child.pid}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def command(self, *arguments: str, root_key: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `regionkms` on this node's store, beside it."""
        options = [f"--data-dir={self.folder / 'data'}"]
        if root_key:
            options.append(f"--root-key-file={self.folder / 'root.key'}")
            options.append(f"--store-url={self.url}")
        return subprocess.run(
            [str(Path(sys.executable).parent / "regionkms"), *arguments, *options],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def region(
    server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresNode]:
    made = PostgresNode(tmp_path_factory.mktemp("postgresql"), server.new_database())
    try:
        yield made
    finally:
        made.node.stop()


@pytest.fixture
def node(region: PostgresNode) -> RunningNode:
    return region.node


@pytest.fixture
def kms(node: RunningNode) -> Any:
    return node.client(OWNER)


@pytest.fixture
def key_id(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["KeyId"])


class Worker:
    """One connection to one of the workers."""

    def __init__(self, node: RunningNode) -> None:
        self._node = node
        self._connection: http.client.HTTPConnection = node.connect()

    def call(self, operation: str, **members: Any) -> Any:
        request = self._node.signed(operation, json.dumps(members).encode())
        return self._node.send(request, self._connection)

    def name(self) -> str:
        """What the request ids of this worker begin with."""
        return str(self.call("ListKeys", Limit=1).headers["x-amzn-requestid"][:23])

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def workers(node: RunningNode) -> Iterator[tuple[Worker, Worker]]:
    found: dict[str, Worker] = {}
    deadline = time.monotonic() + WAIT_S
    while len(found) < 2 and time.monotonic() < deadline:
        worker = Worker(node)
        if found.setdefault(worker.name(), worker) is not worker:
            worker.close()
    first, second = found.values()
    yield first, second
    first.close()
    second.close()


@pytest.mark.feature("F01-14", "F01-33", "F01-35")
def test_a_key_is_made_described_and_described_anew(kms: Any) -> None:
    text = "for \u2713 tests\n\U0001f511"
    made = kms.create_key(Description=text, Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    assert made["Description"] == text
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"] == made
    kms.update_key_description(KeyId=made["KeyId"], Description="")
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"] == {**made, "Description": ""}


@pytest.mark.feature("F01-05", "F01-08")
def test_what_is_encrypted_opens_and_nothing_else_does(kms: Any, key_id: str) -> None:
    encrypted = kms.encrypt(KeyId=key_id, Plaintext=b"attack", EncryptionContext=CONTEXT)
    blob = encrypted["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"attack", encrypted["KeyId"])
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), EncryptionContext=CONTEXT)
    data_key = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")
    opened = kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])
    assert opened["Plaintext"] == data_key["Plaintext"]


@pytest.mark.feature("F01-21", "F01-22", "F01-23", "F01-24")
def test_an_alias_is_made_moved_and_removed(kms: Any, key_id: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    name = fresh_alias()
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key_id
    with refused("AlreadyExistsException"):
        kms.create_alias(AliasName=name, TargetKeyId=other)
    kms.update_alias(AliasName=name, TargetKeyId=other)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == other
    assert [entry["AliasName"] for entry in kms.list_aliases(KeyId=other)["Aliases"]] == [name]
    assert kms.list_aliases(KeyId=key_id)["Aliases"] == []
    kms.delete_alias(AliasName=name)
    with refused("NotFoundException"):
        kms.describe_key(KeyId=name)


@pytest.mark.feature("F01-43")
def test_tags_are_set_changed_and_taken_off(kms: Any, key_id: str) -> None:
    tags = [{"TagKey": f"k{n}", "TagValue": f"\u00e4{n}"} for n in range(3)]
    kms.tag_resource(KeyId=key_id, Tags=tags)
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "k1", "TagValue": "new"}])
    kms.untag_resource(KeyId=key_id, TagKeys=["k2"])
    expected = [tags[0], {"TagKey": "k1", "TagValue": "new"}]
    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == expected


@pytest.mark.feature("F01-34", "F03-13")
def test_a_policy_is_kept_to_the_byte_and_decides(node: RunningNode, kms: Any, key_id: str) -> None:
    stranger = node.client(STRANGER)
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    with refused("AccessDeniedException"):
        stranger.encrypt(KeyId=arn, Plaintext=b"x")
    document = json.loads(kms.get_key_policy(KeyId=key_id)["Policy"])
    document["Statement"].append(
        {
            "Sid": "f\u00fcr andere",
            "Effect": "Allow",
            "Principal": {"AWS": STRANGER.root_arn},
            "Action": "kms:Encrypt",
            "Resource": "*",
        }
    )
    text = json.dumps(document, indent=3, ensure_ascii=False)
    kms.put_key_policy(KeyId=key_id, Policy=text)
    assert kms.get_key_policy(KeyId=key_id)["Policy"] == text
    assert stranger.encrypt(KeyId=arn, Plaintext=b"x")["KeyId"] == arn
    with refused("AccessDeniedException"):
        stranger.describe_key(KeyId=arn)


@pytest.mark.feature("F01-48")
def test_a_disabled_key_rests_until_it_is_enabled(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key_id)
    with refused("DisabledException"):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(KeyId=key_id)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.feature("F02-17")
def test_a_deletion_is_scheduled_and_cancelled(kms: Any, key_id: str) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    found = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (found["KeyState"], found["Enabled"]) == ("PendingDeletion", False)
    with refused("KMSInvalidStateException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.cancel_key_deletion(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"


@pytest.mark.feature("F01-22", "F01-32")
def test_pages_show_every_row_once_and_in_the_order_of_bytes(node: RunningNode) -> None:
    client = node.client(CROWDED)
    made = sorted(client.create_key()["KeyMetadata"]["KeyId"] for _ in range(11))
    stem = fresh_alias()
    names = [f"{stem}{end}" for end in ("/b", "-a", "_A", "B", "a", "Z", "0")]
    for name in names:
        client.create_alias(AliasName=name, TargetKeyId=made[0])
    for limit in (1, 4, 11):
        pages = client.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": limit})
        assert [entry["KeyId"] for page in pages for entry in page["Keys"]] == made
        pages = client.get_paginator("list_aliases").paginate(
            KeyId=made[0], PaginationConfig={"PageSize": limit}
        )
        shown = [entry["AliasName"] for page in pages for entry in page["Aliases"]]
        assert shown == sorted(names)


def test_accounts_see_their_own_keys_alone(node: RunningNode, key_id: str) -> None:
    assert node.client(EMPTY).list_keys()["Keys"] == []
    with refused("NotFoundException"):
        node.client(EMPTY).describe_key(KeyId=key_id)


def test_what_one_worker_commits_the_other_sees_at_once(workers: tuple[Worker, Worker]) -> None:
    for round_ in range(10):
        one, other = workers if round_ % 2 else workers[::-1]
        key_id = one.call("CreateKey").json["KeyMetadata"]["KeyId"]
        name = fresh_alias()
        assert other.call("CreateAlias", AliasName=name, TargetKeyId=key_id).status == 200
        assert one.call("Encrypt", KeyId=name, Plaintext="eA==").status == 200
        assert other.call("DisableKey", KeyId=key_id).status == 200
        assert one.call("Encrypt", KeyId=name, Plaintext="eA==").code == "DisabledException"
        assert one.call("EnableKey", KeyId=key_id).status == 200
        assert other.call("Encrypt", KeyId=name, Plaintext="eA==").status == 200
        assert one.call("DeleteAlias", AliasName=name).status == 200
        assert other.call("DescribeKey", KeyId=name).code == "NotFoundException"


def test_the_database_may_end_every_connection(
    server: PostgresServer, node: RunningNode, kms: Any, key_id: str
) -> None:
    server.end_connections()
    change = json.dumps({"KeyId": key_id, "Description": "after"})
    deadline = time.monotonic() + WAIT_S
    while (answer := node.call("UpdateKeyDescription", change)).status != 200:
        # Until the pools have noticed, calls may fail, as ones that may be tried again.
        assert answer.status >= 500, answer
        assert time.monotonic() < deadline
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["Description"] == "after"


@pytest.mark.feature("F02-01")
def test_a_killed_worker_loses_no_change_and_no_record(region: PostgresNode, kms: Any) -> None:
    made = [kms.create_key() for _ in range(6)]
    before = region.workers()
    region.kill(before[0])
    made += [kms.create_key() for _ in range(6)]
    deadline = time.monotonic() + WAIT_S
    while len(region.workers()) < 2:
        assert time.monotonic() < deadline, region.node.log
        time.sleep(0.05)
    for response in made:
        key_id = response["KeyMetadata"]["KeyId"]
        assert kms.describe_key(KeyId=key_id)["KeyMetadata"] == response["KeyMetadata"]
        assert len(region.node.records_of(response)) == 1


def test_a_restart_keeps_everything(region: PostgresNode) -> None:
    kms = region.node.client(OWNER)
    made = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    key_id, name = made["KeyId"], fresh_alias()
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    disabled = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=disabled)
    pending = kms.create_key()["KeyMetadata"]["KeyId"]
    date = kms.schedule_key_deletion(KeyId=pending)["DeletionDate"]

    kms = region.restart().client(OWNER)
    assert kms.describe_key(KeyId=name)["KeyMetadata"] == made
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert kms.get_key_policy(KeyId=key_id)["Policy"] == policy
    tags = kms.list_resource_tags(KeyId=key_id)["Tags"]
    assert tags == [{"TagKey": "a", "TagValue": "b"}]
    assert kms.describe_key(KeyId=disabled)["KeyMetadata"]["KeyState"] == "Disabled"
    found = kms.describe_key(KeyId=pending)["KeyMetadata"]
    assert (found["KeyState"], found["DeletionDate"]) == ("PendingDeletion", date)


@pytest.mark.feature("F07-07")
def test_keys_verify_opens_everything_and_names_what_was_changed(
    server: PostgresServer, region: PostgresNode, kms: Any, key_id: str
) -> None:
    kms.describe_key(KeyId=key_id)
    sound = region.command("keys", "verify")
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.rstrip().endswith(" 0 problems.")
    database = region.url.partition("@/")[2].partition("?")[0]
    swap = "UPDATE keys SET description = %s WHERE key_id = %s RETURNING description"
    with server.connect(database) as connection:
        connection.execute(swap, (b"changed", key_id))
    spoilt = region.command("keys", "verify")
    with server.connect(database) as connection:
        connection.execute(swap, (b"", key_id))
    assert spoilt.returncode == 3
    assert f"{OWNER.account_id} {key_id} row: row (" in spoilt.stdout
    assert spoilt.stdout.rstrip().endswith(" 1 problems.")
    assert region.command("keys", "verify").returncode == 0


@pytest.mark.feature("F02-01")
def test_audit_verify_finds_every_chain_whole(region: PostgresNode, kms: Any) -> None:
    kms.list_keys()
    found = region.command("audit", "verify")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all whole and in order." in found.stdout
    assert "This node is in no cluster" in found.stdout


def test_status_shows_the_node_by_its_socket(region: PostgresNode, kms: Any) -> None:
    kms.create_key()
    table = region.command("status", root_key=False)
    assert table.returncode == 0, table.stderr
    assert table.stdout.startswith(f"Node of {region.node.region}")
    shown = json.loads(region.command("status", "--json", root_key=False).stdout)
    assert (shown["region"], shown["etcd"], shown["lab"]) == (region.node.region, "none", False)
    assert shown["keys"] >= 1
