"""Quotas over the API (spec 07 §4): who is charged, when it ends, what is said.

A window is one second of the machine's monotonic clock. A burst that began in one window and ended
in another says nothing, so it is tried again.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final

import pytest

from tests.contract.calls import CRYPTOGRAPHIC, MANAGEMENT
from tests.contract.conftest import KEYS_OF_LIMITED
from tests.contract.quota_table import OPERATION_WINDOWS, SYMMETRIC_RATES
from tests.contract.test_key_policies import OWN_ROOT, document
from tests.support.node import (
    CROWDED,
    EMPTY,
    LIMITED,
    OWNER,
    STRANGER,
    Account,
    Answer,
    RunningNode,
    fresh_alias,
    prepare_store,
    refused,
    start_node,
)
from tests.support.signing import RawRequest

MESSAGE: Final = (
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
)
UNKNOWN: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
DEADLINE_S: Final = 60.0
SMALL: Final = {
    (None, "CryptographicOperationsSymmetric"): 10.0,
    (None, "DescribeKey"): 5.0,
    (None, "ListKeys"): 4.0,
}


def node_with_quotas(
    factory: pytest.TempPathFactory, *options: str, quotas: Any = None
) -> Iterator[RunningNode]:
    folder = factory.mktemp("limited")
    asyncio.run(prepare_store(folder, quotas=quotas))
    running = start_node(folder, "--workers=2", *options)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with AWS's quotas, the largest of them set low."""
    yield from node_with_quotas(tmp_path_factory, quotas=SMALL)


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node with a hundredth of AWS's quotas."""
    yield from node_with_quotas(tmp_path_factory, "--quotas=x0.01")


def patiently(call: Callable[[], Any]) -> Any:
    """Call until it is not throttled, as the SDKs do."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return call()
        except Exception as error:  # botocore makes its classes at run time
            code = getattr(error, "response", {}).get("Error", {}).get("Code")
            if code != "ThrottlingException" or time.monotonic() > deadline:
                raise
            next_window()


def next_window() -> None:
    """Wait for the beginning of the next window."""
    time.sleep(1.0 - time.monotonic() % 1.0 + 0.005)


def in_one_window(
    node: RunningNode, burst: Callable[[], Sequence[RawRequest]], *, untouched: bool = False
) -> list[Answer]:
    """Send requests, made anew for each try, so that all fall into one window.

    Args:
        untouched: Nobody has charged these quotas yet, so the present window will do.
    """
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        requests = burst()
        with closing(node.connect()) as connection:
            connection.connect()
            if not untouched or time.monotonic() % 1.0 > 0.6:
                next_window()
            untouched = False
            window = int(time.monotonic())
            answers = [node.send(request, connection) for request in requests]
            if int(time.monotonic()) == window:
                return answers
    raise AssertionError(f"no burst fitted into a second within {DEADLINE_S} s")


def throttled(answers: Sequence[Answer]) -> list[bool]:
    return [answer.status == 400 and answer.code == "ThrottlingException" for answer in answers]


def requests_of(
    node: RunningNode,
    calls: Sequence[tuple[str, Mapping[str, Any]]],
    account: Account = OWNER,
) -> list[RawRequest]:
    return [
        node.signed(operation, json.dumps(members).encode(), account=account)
        for operation, members in calls
    ]


def key_of(node: RunningNode, account: Account = OWNER, **parameters: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = patiently(lambda: node.client(account).create_key(**parameters))[
        "KeyMetadata"
    ]
    return metadata


ENCRYPT: Final = {"Plaintext": "eA=="}


@pytest.mark.feature("F07-42", "F07-69")
def test_a_throttled_call_is_answered_and_recorded_as_documented(limited: RunningNode) -> None:
    key_id = key_of(limited)["KeyId"]
    answers = in_one_window(
        limited, lambda: requests_of(limited, [("DescribeKey", {"KeyId": key_id})] * 6)
    )
    assert [answer.status for answer in answers] == [200] * 5 + [400]
    answer = answers[-1]
    assert (
        answer.body
        == json.dumps(
            {"__type": "ThrottlingException", "message": MESSAGE}, separators=(",", ":")
        ).encode()
    )
    (record,) = limited.records(requestID=answer.headers["x-amzn-requestid"])
    assert (record["errorCode"], record["errorMessage"]) == ("ThrottlingException", MESSAGE)
    assert record["requestParameters"] == {"keyId": key_id}


def test_after_the_quota_everything_in_that_second_is_throttled_and_the_next_is_free(
    limited: RunningNode,
) -> None:
    """Q12."""
    key_id = key_of(limited)["KeyId"]

    def burst() -> list[RawRequest]:
        return requests_of(limited, [("DescribeKey", {"KeyId": key_id})] * 12)

    assert throttled(in_one_window(limited, burst)) == [False] * 5 + [True] * 7
    assert throttled(in_one_window(limited, burst)) == [False] * 5 + [True] * 7


@pytest.mark.feature("F07-32")
@pytest.mark.parametrize(("made", "opened", "over"), [(7, 2, 0), (9, 2, 1), (0, 10, 0), (5, 8, 3)])
def test_cryptographic_operations_share_one_quota(
    limited: RunningNode, made: int, opened: int, over: int
) -> None:
    """Q1 and Q2, in thousandths."""
    key_id = key_of(limited)["KeyId"]
    blob = patiently(lambda: limited.client().encrypt(KeyId=key_id, Plaintext=b"x"))[
        "CiphertextBlob"
    ]
    make = ("GenerateDataKey", {"KeyId": key_id, "KeySpec": "AES_256"})
    others = [
        ("Encrypt", {"KeyId": key_id, **ENCRYPT}),
        ("GenerateRandom", {"NumberOfBytes": 1}),
        ("GenerateDataKeyWithoutPlaintext", {"KeyId": key_id, "NumberOfBytes": 1}),
        ("ReEncrypt", {"CiphertextBlob": _text(blob), "DestinationKeyId": key_id}),
        ("Decrypt", {"CiphertextBlob": _text(blob)}),
    ]
    calls = [make] * made + [others[n % len(others)] for n in range(opened)]
    answers = in_one_window(limited, lambda: requests_of(limited, calls))
    assert throttled(answers) == [False] * (len(calls) - over) + [True] * over


def _text(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def test_cryptographic_and_management_quotas_are_apart(limited: RunningNode) -> None:
    """Q10, in thousandths."""
    keys = [key_of(limited)["KeyId"] for _ in range(5)]
    calls = [("Encrypt", {"KeyId": keys[0], **ENCRYPT})] * 10
    calls += [("EnableKey", {"KeyId": key_id}) for key_id in keys]
    answers = in_one_window(limited, lambda: requests_of(limited, calls))
    assert [answer.status for answer in answers] == [200] * 15


@pytest.mark.feature("F07-36")
def test_a_throttled_operation_does_not_throttle_another(limited: RunningNode) -> None:
    """Q11."""
    key_id = key_of(limited)["KeyId"]

    def burst() -> list[RawRequest]:
        aliases = [("CreateAlias", {"AliasName": fresh_alias(), "TargetKeyId": key_id})] * 6
        return requests_of(limited, [*aliases, ("CreateKey", {})])

    answers = in_one_window(limited, burst)
    assert throttled(answers) == [False] * 5 + [True, False]
    assert answers[-1].status == 200


@pytest.mark.feature("F07-37")
def test_the_caller_is_charged_and_not_the_owner_of_the_key(limited: RunningNode) -> None:
    """Q9."""
    shared = key_of(
        limited,
        Policy=document(OWN_ROOT, OWN_ROOT | {"Principal": {"AWS": STRANGER.root_arn}}),
    )
    calls = [("Encrypt", {"KeyId": shared["Arn"], **ENCRYPT})]

    def burst() -> list[RawRequest]:
        theirs = requests_of(limited, calls * 12, STRANGER)
        return theirs + requests_of(limited, calls * 10, OWNER)

    answers = in_one_window(limited, burst)
    assert throttled(answers) == [False] * 10 + [True] * 2 + [False] * 10


def test_a_stranger_is_throttled_alike_on_keys_that_exist_and_others(
    limited: RunningNode,
) -> None:
    key = key_of(limited)
    for arn in (key["Arn"], key["Arn"].replace(key["KeyId"], UNKNOWN)):
        calls = [("EnableKey", {"KeyId": arn})] * 7
        answers = in_one_window(limited, partial(requests_of, limited, calls, STRANGER))
        assert throttled(answers) == [False] * 5 + [True] * 2
        for answer in answers:
            records = limited.records(requestID=answer.headers["x-amzn-requestid"])
            assert [record["recipientAccountId"] for record in records] == [STRANGER.account_id]


@pytest.mark.feature("F07-66")
@pytest.mark.parametrize(
    "members",
    [
        {"KeyId": UNKNOWN, **ENCRYPT},
        {"KeyId": "no such key", **ENCRYPT},
        {"KeyId": "x", "Plaintext": 5},
        {},
        {"KeyId": UNKNOWN, **ENCRYPT, "DryRun": True},
    ],
    ids=["unknown key", "junk", "wrong type", "missing members", "DryRun"],
)
def test_calls_that_fail_are_charged_like_any_other(
    limited: RunningNode, members: dict[str, Any]
) -> None:
    answers = in_one_window(
        limited, lambda: requests_of(limited, [("Encrypt", members)] * 12, EMPTY)
    )
    assert throttled(answers) == [False] * 10 + [True] * 2


def test_a_dry_run_that_would_succeed_is_charged(limited: RunningNode) -> None:
    key_id = key_of(limited, CROWDED)["KeyId"]
    calls = [("Encrypt", {"KeyId": key_id, **ENCRYPT, "DryRun": True})] * 12
    answers = in_one_window(limited, lambda: requests_of(limited, calls, CROWDED))
    assert throttled(answers) == [False] * 10 + [True] * 2
    assert {answer.code for answer in answers[:10]} == {"DryRunOperationException"}


def test_nobody_is_charged_for_what_nobody_signed(limited: RunningNode) -> None:
    def burst() -> list[RawRequest]:
        good = requests_of(limited, [("ListKeys", {})] * 4, EMPTY)
        bad = good[0].with_header(b"x-amz-date", b"20200101T000000Z")
        return [bad] * 10 + good

    answers = in_one_window(limited, burst)
    assert throttled(answers) == [False] * 14
    assert [answer.status for answer in answers[10:]] == [200] * 4


def test_workers_count_in_one_place(limited: RunningNode) -> None:
    key_id = key_of(limited)["KeyId"]
    workers = connections_to_both_workers(limited)

    def try_once() -> list[bool] | None:
        requests = requests_of(limited, [("Encrypt", {"KeyId": key_id, **ENCRYPT})] * 16)
        next_window()
        window = int(time.monotonic())
        answers = [limited.send(request, workers[n % 2]) for n, request in enumerate(requests)]
        return throttled(answers) if int(time.monotonic()) == window else None

    deadline = time.monotonic() + DEADLINE_S
    verdicts = try_once()
    while verdicts is None and time.monotonic() < deadline:
        verdicts = try_once()
    for connection in workers:
        connection.close()
    assert verdicts is not None
    assert verdicts.count(False) <= 10
    assert verdicts.count(False) >= 8  # a worker may hold a small lease that the other lacks


def connections_to_both_workers(node: RunningNode) -> list[Any]:
    found: dict[str, Any] = {}
    deadline = time.monotonic() + DEADLINE_S
    while len(found) < 2 and time.monotonic() < deadline:
        connection = node.connect()
        answer = node.send(node.signed("Junk"), connection)
        worker = answer.headers["x-amzn-requestid"][:23]
        if worker in found:
            connection.close()
        else:
            found[worker] = connection
    assert len(found) == 2
    return list(found.values())


@pytest.mark.feature("F07-43")
def test_volleys_of_changes_of_one_key_are_throttled_below_the_operations_quota(
    limited: RunningNode,
) -> None:
    key_id = key_of(limited)["KeyId"]
    calls = [("DisableKey", {"KeyId": key_id}), ("EnableKey", {"KeyId": key_id})] * 2
    answers = in_one_window(limited, lambda: requests_of(limited, calls))
    assert throttled(answers)[0] is False
    assert throttled(answers)[-1] is True
    assert answers[-1].message == MESSAGE


OFFERED: Final = sorted(
    {row.operation for row in MANAGEMENT} | {"CreateKey", "DeleteAlias", "ListKeys"}
)


def failing_request(operation: str) -> dict[str, Any]:
    """A request that is charged and changes nothing."""
    if operation in {"CreateKey", "ListKeys"}:
        return {"KeySpec": "none", "Limit": 0}
    members: dict[str, Any] = {"KeyId": UNKNOWN, "AliasName": "alias/nobody", "TagKeys": ["a"]}
    return members | {
        "TargetKeyId": UNKNOWN, "Description": "", "Policy": "{}", "Tags": [],
    }  # fmt: skip


@pytest.mark.feature("F07-31")
@pytest.mark.parametrize("operation", OFFERED)
def test_each_operation_has_its_own_quota_of_the_table(
    limited: RunningNode, scaled: RunningNode, operation: str
) -> None:
    """Small quotas as they are; those from 100 a second in hundredths."""
    count, window_s = OPERATION_WINDOWS[operation]
    assert window_s == 1
    node = limited if count < 100 else scaled
    expected = count if count < 100 else count // 100
    calls = [(operation, failing_request(operation))] * (expected + 3)
    answers = in_one_window(node, lambda: requests_of(node, calls, LIMITED), untouched=True)
    assert throttled(answers) == [False] * expected + [True] * 3
    assert all(answer.status == 400 for answer in answers)


@pytest.mark.feature("F07-31", "F07-33")
def test_the_symmetric_quota_is_that_of_the_region(scaled: RunningNode) -> None:
    expected = SYMMETRIC_RATES[scaled.region] // 100
    calls = [("GenerateRandom", {"NumberOfBytes": 0})] * (expected + 20)
    answers = in_one_window(scaled, lambda: requests_of(scaled, calls, EMPTY))
    assert throttled(answers).count(False) == expected
    assert {row.operation for row in CRYPTOGRAPHIC} <= {
        "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
    }  # fmt: skip


@pytest.mark.feature("F07-25")
def test_an_account_has_as_many_keys_as_its_quota_in_any_state(node: RunningNode) -> None:
    client = node.client(LIMITED)
    keys = [client.create_key()["KeyMetadata"]["KeyId"] for _ in range(KEYS_OF_LIMITED)]
    client.disable_key(KeyId=keys[0])
    client.schedule_key_deletion(KeyId=keys[1], PendingWindowInDays=7)
    for parameters in ({}, {"MultiRegion": True}):
        with refused("LimitExceededException") as facts:
            client.create_key(**parameters)
        assert str(KEYS_OF_LIMITED) in facts["Error"]["Message"]
        (record,) = node.records_of(facts)
        assert record["errorCode"] == "LimitExceededException"
        assert record["resources"] == []
    assert sorted(entry["KeyId"] for entry in client.list_keys()["Keys"]) == sorted(keys)
    node.client(OWNER).create_key()
