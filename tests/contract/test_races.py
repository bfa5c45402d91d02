"""Clients that want the same thing at the same moment, through both workers."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import pytest

from tests.contract.calls import Scene
from tests.support.node import OWNER, Answer, RunningNode, fresh_alias

RUNNERS: Final = 8
WRITE_FOR_S: Final = 4.0


def at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Make all calls at the same moment, each on a connection of its own."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> Answer:
        start.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def codes(answers: Sequence[Answer]) -> Counter[str]:
    return Counter("ok" if answer.status == 200 else answer.code for answer in answers)


def test_one_of_many_creates_an_alias(node: RunningNode, kms: Any) -> None:
    scene = Scene(kms)
    for _ in range(5):
        name = fresh_alias()
        answers = at_once(
            [
                partial(node.call, "CreateAlias", {"AliasName": name, "TargetKeyId": target})
                for target in (scene.key_id, scene.other["KeyId"]) * (RUNNERS // 2)
            ]
        )
        assert codes(answers) == {"ok": 1, "AlreadyExistsException": RUNNERS - 1}
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] in {
            scene.key_id,
            scene.other["KeyId"],
        }


def test_one_of_many_deletes_an_alias(node: RunningNode, kms: Any) -> None:
    scene = Scene(kms)
    answers = at_once([lambda: node.call("DeleteAlias", {"AliasName": scene.alias})] * RUNNERS)
    assert codes(answers) == {"ok": 1, "NotFoundException": RUNNERS - 1}


def test_all_of_many_update_an_alias(node: RunningNode, kms: Any) -> None:
    """Each is authorized for the key that the others move away; the mutation campaign (seed 11)
    found such calls answered with 500."""
    scene = Scene(kms)
    for _ in range(10):
        answers = at_once(
            [
                partial(node.call, "UpdateAlias", {"AliasName": scene.alias, "TargetKeyId": target})
                for target in (scene.key_id, scene.other["KeyId"]) * (RUNNERS // 2)
            ]
        )
        assert codes(answers) == {"ok": RUNNERS}


def test_one_of_many_schedules_a_deletion(node: RunningNode, key: dict[str, Any]) -> None:
    answers = at_once(
        [
            partial(
                node.call,
                "ScheduleKeyDeletion",
                {"KeyId": key["KeyId"], "PendingWindowInDays": days},
            )
            for days in range(7, 7 + RUNNERS)
        ]
    )
    assert codes(answers) == {"ok": 1, "KMSInvalidStateException": RUNNERS - 1}
    (won,) = [answer for answer in answers if answer.status == 200]
    shown = node.call("DescribeKey", {"KeyId": key["KeyId"]}).json["KeyMetadata"]
    assert shown["DeletionDate"] == won.json["DeletionDate"]


@pytest.mark.feature("F07-26")
def test_the_alias_quota_holds_against_many_at_once(node: RunningNode, kms: Any) -> None:
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    for _ in range(46):
        kms.create_alias(AliasName=fresh_alias(), TargetKeyId=key_id)
    answers = at_once(
        [lambda: node.call("CreateAlias", {"AliasName": fresh_alias(), "TargetKeyId": key_id})]
        * RUNNERS
    )
    assert codes(answers) == {"ok": 4, "LimitExceededException": RUNNERS - 4}
    assert len(kms.list_aliases(KeyId=key_id)["Aliases"]) == 50


@pytest.mark.feature("F01-42")
def test_the_tag_limit_holds_against_many_at_once(node: RunningNode, kms: Any) -> None:
    tags = [{"TagKey": f"k{n:02}", "TagValue": ""} for n in range(47)]
    key_id = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    answers = at_once(
        [
            partial(
                node.call,
                "TagResource",
                {"KeyId": key_id, "Tags": [{"TagKey": f"new{n}", "TagValue": ""}]},
            )
            for n in range(RUNNERS)
        ]
    )
    assert codes(answers) == {"ok": 3, "LimitExceededException": RUNNERS - 3}
    assert len(kms.list_resource_tags(KeyId=key_id)["Tags"]) == 50


def test_calls_on_one_key_do_not_suffer_from_changes_of_others(node: RunningNode) -> None:
    """Each change makes every worker look at the change feed; nobody may starve over it."""
    clients = [node.client(OWNER).create_key()["KeyMetadata"]["KeyId"] for _ in range(RUNNERS)]
    until = time.monotonic() + WRITE_FOR_S

    def write(key_id: str) -> Counter[str]:
        connection, seen = node.connect(), Counter[str]()
        while time.monotonic() < until:
            body = b'{"KeyId":"%b","Description":"x"}' % key_id.encode()
            answer = node.send(node.signed("UpdateKeyDescription", body), connection)
            seen[str(answer.status)] += 1
        connection.close()
        return seen

    def use() -> Counter[str]:
        connection, seen = node.connect(), Counter[str]()
        while time.monotonic() < until:
            made = node.send(node.signed("CreateKey"), connection).json["KeyMetadata"]["KeyId"]
            body = b'{"KeyId":"%b","Plaintext":"eA=="}' % made.encode()
            for _ in range(3):
                answer = node.send(node.signed("Encrypt", body), connection)
                seen[str(answer.status)] += 1
        connection.close()
        return seen

    with ThreadPoolExecutor(RUNNERS + 2) as pool:
        writers = [pool.submit(write, key_id) for key_id in clients]
        users = [pool.submit(use) for _ in range(2)]
        written = sum((each.result() for each in writers), Counter[str]())
        used = sum((each.result() for each in users), Counter[str]())
    assert set(written) == {"200"}
    assert set(used) == {"200"}
    assert written["200"] > 50
    assert used["200"] > 20


def test_opposite_changes_of_one_key_leave_one_of_them(
    node: RunningNode, key: dict[str, Any]
) -> None:
    answers = at_once(
        [
            partial(node.call, name, {"KeyId": key["KeyId"]})
            for name in ("EnableKey", "DisableKey") * (RUNNERS // 2)
        ]
    )
    assert codes(answers) == {"ok": RUNNERS}
    shown = node.call("DescribeKey", {"KeyId": key["KeyId"]}).json["KeyMetadata"]
    assert shown["KeyState"] in {"Enabled", "Disabled"}
    assert shown["Enabled"] is (shown["KeyState"] == "Enabled")
    works = node.call("Encrypt", {"KeyId": key["KeyId"], "Plaintext": "eA=="}).status == 200
    assert works is shown["Enabled"]
