"""What gets in: everything malformed is a 4xx that names the member, and nothing has changed."""

import base64
import json
import os
import random
from typing import Any, Final

import pytest

from regionkms.model.shapes import OPERATIONS as SHAPES
from regionkms.operations import OPERATIONS
from tests.contract.calls import Scene
from tests.support.node import OWNER, Answer, RunningNode

SERIALIZATION: Final = "SerializationException"
VALIDATION: Final = "ValidationException"
DEEP: Final = 60_000


@pytest.fixture(scope="module")
def scene(node: RunningNode) -> Scene:
    return Scene(node.client(OWNER))


def check_refusal(answer: Answer) -> None:
    """An AWS-shaped client error that gives nothing of ours away."""
    assert 400 <= answer.status < 500, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"]
    assert answer.json.keys() <= {"__type", "message"}
    assert answer.code.endswith("Exception")
    for leak in ("Traceback", "regionkms", "msgspec", ".py", "sqlite"):
        assert leak not in answer.message


BODIES: Final[dict[str, bytes]] = {
    "no JSON": b"no json",
    "half of an object": b'{"Plaintext":',
    "a list": b"[]",
    "a string": b'"x"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "two objects": b"{}{}",
    "white space": b" \t\r\n",
    "a comment": b"{/* x */}",
    "single quotes": b"{'KeyId': 'x'}",
    "a trailing comma": b'{"KeyId": "x",}',
    "NaN": b'{"KeyId": NaN}',
    "invalid UTF-8": b'{"KeyId": "\xff\xfe"}',
    "overlong UTF-8": b'{"KeyId": "\xc0\xaf"}',
    "UTF-16": '{"KeyId": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"KeyId": "x"}',
    "a lone surrogate": b'{"KeyId": "\\ud800"}',
    "a control character": b'{"KeyId": "a\x01b"}',
    "an unknown escape": b'{"KeyId": "\\x41"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a deep unknown member": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a huge number": b'{"Limit": 1' + b"0" * 5000 + b"}",
    "a huge exponent": b'{"Limit": 1e999999999}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("operation", ["Encrypt", "CreateKey", "ListKeys", "TagResource"])
def test_a_body_that_is_no_request_is_refused(
    node: RunningNode, operation: str, body: bytes
) -> None:
    answer = node.call(operation, body)
    check_refusal(answer)
    assert answer.code in {SERIALIZATION, VALIDATION, "NotFoundException"}


def test_a_body_beyond_the_limit_is_too_large(node: RunningNode) -> None:
    answer = node.call("Encrypt", b'{"KeyId":"' + b"x" * (2 << 20) + b'"}')
    assert answer.status == 413
    assert answer.code == "RequestEntityTooLargeException"


TWICE: Final = [
    ("Encrypt", '{"KeyId":"a","KeyId":"b","Plaintext":"eA=="}', "KeyId"),
    ("Encrypt", '{"KeyId":"a","Plaintext":"eA==","EncryptionContext":{"k":"1","k":"2"}}', "name"),
    (
        "Encrypt",
        '{"KeyId":"a","Plaintext":"eA==","EncryptionContext":{"k":"1","\\u006b":"2"}}',
        "name",
    ),
    ("CreateKey", '{"Tags":[{"TagKey":"a","TagKey":"b","TagValue":""}]}', "TagKey"),
    ("ListKeys", '{"Limit":1,"Limit":1}', "Limit"),
]


@pytest.mark.feature("F01-08")
@pytest.mark.parametrize(("operation", "body", "member"), TWICE)
def test_a_member_that_is_there_twice_is_refused(
    node: RunningNode, operation: str, body: str, member: str
) -> None:
    answer = node.call(operation, body)
    check_refusal(answer)
    assert answer.code == SERIALIZATION
    what = "name" if member == "name" else f"member '{member}'"
    assert answer.message == f"An object in the request body has the same {what} twice"


WRONG_TYPES: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("Encrypt", {"KeyId": 1, "Plaintext": "eA=="}, "keyId"),
    ("Encrypt", {"KeyId": ["x"], "Plaintext": "eA=="}, "keyId"),
    ("Encrypt", {"KeyId": {"x": 1}, "Plaintext": "eA=="}, "keyId"),
    ("Encrypt", {"KeyId": True, "Plaintext": "eA=="}, "keyId"),
    ("Encrypt", {"KeyId": "x", "Plaintext": 5}, "plaintext"),
    ("Encrypt", {"KeyId": "x", "Plaintext": ["eA=="]}, "plaintext"),
    ("Encrypt", {"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": []}, "encryptionContext"),
    ("Encrypt", {"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": "a=b"}, "encryptionCon"),
    ("Encrypt", {"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": {"a": 1}}, "encryptionC"),
    ("Encrypt", {"KeyId": "x", "Plaintext": "eA==", "DryRun": "true"}, "dryRun"),
    ("Encrypt", {"KeyId": "x", "Plaintext": "eA==", "GrantTokens": "x"}, "grantTokens"),
    ("CreateKey", {"MultiRegion": "yes"}, "multiRegion"),
    ("CreateKey", {"MultiRegion": 1}, "multiRegion"),
    ("CreateKey", {"Tags": {"TagKey": "a", "TagValue": "b"}}, "tags"),
    ("CreateKey", {"Tags": ["a"]}, "tags"),
    ("CreateKey", {"Description": 5}, "description"),
    ("ListKeys", {"Limit": "10"}, "limit"),
    ("ListKeys", {"Limit": 1.5}, "limit"),
    ("ListKeys", {"Limit": [1]}, "limit"),
    ("ScheduleKeyDeletion", {"KeyId": "x", "PendingWindowInDays": "7"}, "pendingWindowInDays"),
]


@pytest.mark.parametrize(("operation", "members", "path"), WRONG_TYPES, ids=str)
def test_a_member_of_the_wrong_type_is_named(
    node: RunningNode, operation: str, members: dict[str, Any], path: str
) -> None:
    answer = node.call(operation, members)
    check_refusal(answer)
    assert answer.code == SERIALIZATION
    assert f"'{path}" in answer.message


BAD_BASE64: Final = ("e", "eA=", "eA", "e A==", "eA==\n", "eA==eA==", "e-_=", "=", "é")


@pytest.mark.parametrize("text", BAD_BASE64)
def test_base64_that_is_not_exact_is_refused(node: RunningNode, scene: Scene, text: str) -> None:
    answer = node.call("Encrypt", {"KeyId": scene.key_id, "Plaintext": text})
    check_refusal(answer)
    assert answer.code == SERIALIZATION
    assert answer.message == "Invalid base64 (member 'plaintext')"


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_missing_member_is_named_at_once(node: RunningNode, operation: str) -> None:
    required = [
        name
        for name, default in zip(
            SHAPES[operation].input.__struct_encode_fields__,
            _defaults(SHAPES[operation].input),
            strict=True,
        )
        if default is _REQUIRED
    ]
    if not required:
        return
    answer = node.call(operation)
    check_refusal(answer)
    assert answer.code == VALIDATION
    for name in required:
        member = name[0].lower() + name[1:]
        assert (
            f"Value null at '{member}' failed to satisfy constraint: Member must not be null"
            in (answer.message)
        )


_REQUIRED: Final = object()


def _defaults(shape: Any) -> list[object]:
    fields = len(shape.__struct_fields__)
    defaults = list(shape.__struct_defaults__)
    padded = [_REQUIRED] * (fields - len(defaults)) + defaults
    return [_REQUIRED if repr(default) == "NODEFAULT" else default for default in padded]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_null_member_is_a_member_that_was_not_sent(node: RunningNode, operation: str) -> None:
    members = dict.fromkeys(SHAPES[operation].input.__struct_encode_fields__)
    empty, null = node.call(operation), node.call(operation, members)
    assert null.status == empty.status
    if empty.status != 200:
        assert (null.code, null.message) == (empty.code, empty.message)


def test_unknown_members_are_ignored(node: RunningNode, scene: Scene) -> None:
    answer = node.call(
        "DescribeKey", {"KeyId": scene.key_id, "Grantee": "x", "Deep": {"a": [1, {"b": None}]}}
    )
    assert answer.status == 200
    answer = node.call("DescribeKey", {"KeyId": scene.key_id, "DryRun": True})
    assert answer.status == 200


@pytest.mark.parametrize(
    "target",
    [
        "TrentService.NoSuchOperation",
        "TrentService.",
        "TrentService",
        "TrentService.encrypt",
        "TrentService.SynchronizeMultiRegionKey",
        "TrentService.RotateKey",
        "TrentService.DeleteKey",
        "TrentService.ExportKey",
        "trentservice.Encrypt",
        "Encrypt",
        "DynamoDB_20120810.ListTables",
        "TrentService.Encrypt\u00ff",
        "TrentService.Encrypt.Encrypt",
    ],
)
@pytest.mark.feature("F07-06")
def test_a_target_that_names_no_operation_is_unknown(node: RunningNode, target: str) -> None:
    answer = node.send(node.signed("", target=target))
    check_refusal(answer)
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


@pytest.mark.parametrize("operation", sorted(set(SHAPES) - set(OPERATIONS)))
def test_an_operation_of_the_model_that_is_not_built_is_not_offered(
    node: RunningNode, operation: str
) -> None:
    answer = node.call(operation, b"not even json")
    check_refusal(answer)
    assert answer.code == "UnknownOperationException"
    assert answer.message == f"This Region does not offer the operation {operation}."


def test_random_bytes_are_refused_and_leave_no_trace_but_their_record(
    node: RunningNode, scene: Scene
) -> None:
    before = scene.snapshot()
    source = random.Random(8)  # noqa: S311 - bytes that repeat
    for _ in range(200):
        operation = source.choice(sorted(OPERATIONS))
        answer = node.call(operation, source.randbytes(source.randrange(1, 2000)))
        check_refusal(answer)
        (record,) = node.records(requestID=answer.headers["x-amzn-requestid"])
        assert record["errorCode"] == answer.code
        assert record["requestParameters"] is None
    assert scene.snapshot() == before


def test_mutated_requests_never_are_a_fault_of_ours(node: RunningNode, scene: Scene) -> None:
    """A short campaign: good bodies with bytes changed, cut, doubled and moved."""
    blob = base64.b64encode(scene.blob).decode()
    good = [
        ("Encrypt", {"KeyId": scene.alias, "Plaintext": "eA==", "EncryptionContext": {"a": "b"}}),
        ("Decrypt", {"CiphertextBlob": blob, "EncryptionContext": {"department": "10103.0"}}),
        ("GenerateDataKey", {"KeyId": scene.arn, "KeySpec": "AES_256"}),
        ("CreateKey", {"Description": "mutant", "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("TagResource", {"KeyId": scene.key_id, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("ListAliases", {"KeyId": scene.key_id, "Limit": 10}),
    ]
    source = random.Random(2026)  # noqa: S311 - bytes that repeat
    for _ in range(600):
        operation, members = source.choice(good)
        body = bytearray(json.dumps(members, separators=(",", ":")).encode())
        for _ in range(source.randrange(1, 4)):
            position = source.randrange(len(body))
            match source.randrange(4):
                case 0:
                    body[position] = source.randrange(256)
                case 1:
                    del body[position : position + source.randrange(1, 8)]
                case 2:
                    body[position:position] = body[position : position + 10]
                case _:
                    body[position:position] = source.choice(
                        [b'"', b"\\u0000", b"null", b"{", b"\xff", b"1e9", b"[]"]
                    )
            if not body:
                break
        answer = node.call(operation, bytes(body))
        assert answer.status < 500, (operation, bytes(body), answer.body)
        if answer.status != 200:
            check_refusal(answer)


def test_memory_does_not_grow_with_bad_input(node: RunningNode) -> None:
    def rss_bytes() -> int:
        total = 0
        for entry in os.listdir("/proc"):  # noqa: PTH208 - /proc is no ordinary folder
            if entry.isdigit() and _parent(int(entry)) == node.process.pid:
                total += _rss_bytes(int(entry))
        return total

    bodies = [BODIES["deep objects"], BODIES["a huge number"], b'{"x":"' + b"y" * 500_000 + b'"}']

    def storm() -> None:
        for _ in range(40):
            for body in bodies:
                assert node.call("Encrypt", body).status == 400

    storm()
    before = rss_bytes()
    storm()
    assert rss_bytes() - before < 16 << 20


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - as above
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def _rss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - as above
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
