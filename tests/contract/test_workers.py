"""Several workers are one Region: what one commits, the next request on any other sees.

Source: design §2 (change counter); spec 07 §14 (eventual consistency is faster than promised).
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.support.node import OWNER, Answer, RunningNode, fresh_alias

ROUNDS: Final = 25
DEADLINE_S: Final = 30.0


class Worker:
    """One connection to one of the workers."""

    def __init__(self, node: RunningNode, connection: http.client.HTTPConnection) -> None:
        self._node = node
        self._connection = connection

    def call(self, operation: str, **members: Any) -> Answer:
        body = json.dumps(members).encode()
        return self._node.send(self._node.signed(operation, body), self._connection)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def workers(node: RunningNode) -> Iterator[tuple[Worker, Worker]]:
    """Connections to two workers, told apart by how their request ids begin."""
    found: dict[str, Worker] = {}
    deadline = time.monotonic() + DEADLINE_S
    while len(found) < 2 and time.monotonic() < deadline:
        worker = Worker(node, node.connect())
        name = worker.call("ListKeys", Limit=1).headers["x-amzn-requestid"][:23]
        if name in found:
            worker.close()
        else:
            found[name] = worker
    assert len(found) == 2, "one worker answers everything"
    first, second = found.values()
    yield first, second
    first.close()
    second.close()


def create(worker: Worker) -> str:
    return str(worker.call("CreateKey").json["KeyMetadata"]["KeyId"])


def test_a_key_made_by_one_worker_is_there_for_the_other(workers: tuple[Worker, Worker]) -> None:
    for n in range(ROUNDS):
        maker, user = workers if n % 2 else reversed(workers)
        key_id = create(maker)
        assert user.call("Encrypt", KeyId=key_id, Plaintext="eA==").status == 200


def test_disabling_and_enabling_holds_at_once_everywhere(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    key_id = create(one)
    for _ in range(ROUNDS):
        assert other.call("Encrypt", KeyId=key_id, Plaintext="eA==").status == 200
        assert one.call("DisableKey", KeyId=key_id).status == 200
        assert other.call("Encrypt", KeyId=key_id, Plaintext="eA==").code == "DisabledException"
        assert one.call("Encrypt", KeyId=key_id, Plaintext="eA==").code == "DisabledException"
        assert other.call("EnableKey", KeyId=key_id).status == 200
        assert one.call("Encrypt", KeyId=key_id, Plaintext="eA==").status == 200


def test_an_alias_that_was_not_there_is_found_once_it_is(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    first, second = create(one), create(other)
    for _ in range(ROUNDS):
        name = fresh_alias()
        assert other.call("DescribeKey", KeyId=name).code == "NotFoundException"
        one.call("CreateAlias", AliasName=name, TargetKeyId=first)
        assert other.call("DescribeKey", KeyId=name).json["KeyMetadata"]["KeyId"] == first
        one.call("UpdateAlias", AliasName=name, TargetKeyId=second)
        assert other.call("DescribeKey", KeyId=name).json["KeyMetadata"]["KeyId"] == second
        other.call("DeleteAlias", AliasName=name)
        assert one.call("DescribeKey", KeyId=name).code == "NotFoundException"


def test_a_policy_decides_at_once_everywhere(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    key_id = create(one)
    allowing = one.call("GetKeyPolicy", KeyId=key_id).json["Policy"]
    document = json.loads(allowing)
    document["Statement"].append(
        {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    )
    denying = json.dumps(document)
    for _ in range(ROUNDS):
        one.call("PutKeyPolicy", KeyId=key_id, Policy=denying)
        answer = other.call("Encrypt", KeyId=key_id, Plaintext="eA==")
        assert answer.code == "AccessDeniedException"
        other.call("PutKeyPolicy", KeyId=key_id, Policy=allowing)
        assert one.call("Encrypt", KeyId=key_id, Plaintext="eA==").status == 200


@pytest.mark.parametrize(
    ("change", "look", "expected"),
    [
        (
            lambda worker, key_id, n: worker.call(
                "TagResource", KeyId=key_id, Tags=[{"TagKey": "n", "TagValue": str(n)}]
            ),
            lambda worker, key_id: worker.call("ListResourceTags", KeyId=key_id).json["Tags"],
            lambda n: [{"TagKey": "n", "TagValue": str(n)}],
        ),
        (
            lambda worker, key_id, n: worker.call(
                "UpdateKeyDescription", KeyId=key_id, Description=str(n)
            ),
            lambda worker, key_id: worker.call("DescribeKey", KeyId=key_id).json["KeyMetadata"][
                "Description"
            ],
            str,
        ),
    ],
    ids=["tags", "description"],
)
def test_metadata_is_as_it_was_written_last(
    workers: tuple[Worker, Worker],
    change: Callable[[Worker, str, int], Answer],
    look: Callable[[Worker, str], Any],
    expected: Callable[[int], Any],
) -> None:
    key_id = create(workers[0])
    for n in range(ROUNDS):
        writer, reader = workers if n % 2 else reversed(workers)
        assert change(writer, key_id, n).status == 200
        assert look(reader, key_id) == expected(n)
        assert look(writer, key_id) == expected(n)


def test_a_scheduled_deletion_holds_at_once_everywhere(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    for _ in range(5):
        key_id = create(one)
        assert other.call("Encrypt", KeyId=key_id, Plaintext="eA==").status == 200
        one.call("ScheduleKeyDeletion", KeyId=key_id)
        answer = other.call("Encrypt", KeyId=key_id, Plaintext="eA==")
        assert answer.code == "KMSInvalidStateException"
        other.call("CancelKeyDeletion", KeyId=key_id)
        assert one.call("Encrypt", KeyId=key_id, Plaintext="eA==").code == "DisabledException"


def test_each_worker_keeps_a_chain_of_its_own(
    node: RunningNode, workers: tuple[Worker, Worker]
) -> None:
    for worker in workers:
        answer = worker.call("ListKeys", Limit=1)
        assert len(node.records(requestID=answer.headers["x-amzn-requestid"])) == 1
    assert len({file.name.split("-2")[0] for file in node.audit.folder.glob("*.jsonl")}) >= 1
    assert len(list(node.audit.folder.glob("worker-*.jsonl"))) >= 2


def test_many_clients_at_once_share_the_workers(node: RunningNode) -> None:
    connections = [node.connect() for _ in range(40)]
    try:
        ids = {
            node.send(node.signed("ListKeys", b'{"Limit":1}'), connection).headers[
                "x-amzn-requestid"
            ][:23]
            for connection in connections
        }
    finally:
        for connection in connections:
            connection.close()
    assert len(ids) == 2
    assert OWNER.account_id
