"""The audit log of a running node: one record per call, of exactly the members that are listed.

Against tests/contract/audit_table.py, which is spec 02 §3.4.
"""

import base64
import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.contract.audit_table import (
    ALIAS_THEN_KEY,
    AUDIT_TABLE,
    KEY,
    KEY_THEN_ALIAS,
    NONE,
    SOURCE_THEN_DESTINATION,
    Row,
)
from tests.contract.calls import CONTEXT, CRYPTOGRAPHIC, POLICY, Scene, put_into
from tests.contract.calls import Row as CallRow
from tests.contract.test_key_policies import OWN_ROOT, deny, document
from tests.support.node import OWNER, REGION, RunningNode, fresh_alias, refused, request_id

MEMBERS: Final = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "requestParameters",
    "responseElements",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
]
"""Spec 02 §3.2, in order, without those that are there in special cases only."""
Build = Callable[[Scene], Mapping[str, Any]]

FULL: Final[dict[str, Build]] = {
    "CancelKeyDeletion": lambda scene: {"KeyId": scene.arn},
    "CreateAlias": lambda scene: {"AliasName": fresh_alias(), "TargetKeyId": scene.key_id},
    "CreateKey": lambda _: {
        "Description": "d",
        "Origin": "AWS_KMS",
        "BypassPolicyLockoutSafetyCheck": True,
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Tags": [{"TagKey": "a", "TagValue": "b"}],
        "Policy": POLICY,
    },
    "Decrypt": lambda scene: {
        "CiphertextBlob": scene.blob,
        "EncryptionContext": CONTEXT,
        "KeyId": scene.alias,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "DeleteAlias": lambda scene: {"AliasName": scene.alias},
    "DescribeKey": lambda scene: {"KeyId": scene.alias_arn},
    "DisableKey": lambda scene: {"KeyId": scene.key_id},
    "EnableKey": lambda scene: {"KeyId": scene.arn},
    "Encrypt": lambda scene: {
        "KeyId": scene.alias,
        "Plaintext": b"secret words",
        "EncryptionContext": CONTEXT,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "GenerateDataKey": lambda scene: {
        "KeyId": scene.key_id, "KeySpec": "AES_256", "EncryptionContext": CONTEXT
    },
    "GenerateDataKeyWithoutPlaintext": lambda scene: {
        "KeyId": scene.key_id, "NumberOfBytes": 64, "EncryptionContext": CONTEXT
    },
    "GenerateRandom": lambda _: {"NumberOfBytes": 32},
    "GetKeyPolicy": lambda scene: {"KeyId": scene.key_id, "PolicyName": "default"},
    "ListAliases": lambda scene: {"KeyId": scene.key_id, "Limit": 10},
    "ListKeyPolicies": lambda scene: {"KeyId": scene.key_id, "Limit": 10},
    "ListKeys": lambda _: {"Limit": 10},
    "ListResourceTags": lambda scene: {"KeyId": scene.key_id, "Limit": 10},
    "PutKeyPolicy": lambda scene: {
        "KeyId": scene.key_id,
        "PolicyName": "default",
        "Policy": POLICY,
        "BypassPolicyLockoutSafetyCheck": True,
    },
    "ReEncrypt": lambda scene: {
        "CiphertextBlob": scene.blob,
        "SourceEncryptionContext": CONTEXT,
        "SourceKeyId": scene.alias,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationKeyId": scene.other["KeyId"],
        "DestinationEncryptionContext": {"new": "context"},
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "ScheduleKeyDeletion": lambda scene: {"KeyId": scene.key_id, "PendingWindowInDays": 8},
    "TagResource": lambda scene: {
        "KeyId": scene.key_id, "Tags": [{"TagKey": "a", "TagValue": "b"}]
    },
    "UntagResource": lambda scene: {"KeyId": scene.key_id, "TagKeys": ["Project"]},
    "UpdateAlias": lambda scene: {
        "AliasName": scene.other_alias, "TargetKeyId": scene.key_id
    },
    "UpdateKeyDescription": lambda scene: {"KeyId": scene.key_id, "Description": "words"},
}  # fmt: skip
"""A request with every member that this release takes."""
OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "CreateKey": tuple(FULL["CreateKey"](None)),  # type: ignore[arg-type] # builds without a scene
    "Decrypt": ("KeyId", "EncryptionAlgorithm"),
    "Encrypt": ("EncryptionContext", "EncryptionAlgorithm"),
    "GenerateDataKey": ("EncryptionContext",),
    "GenerateDataKeyWithoutPlaintext": ("EncryptionContext",),
    "GetKeyPolicy": ("PolicyName",),
    "ListAliases": ("KeyId", "Limit"),
    "ListKeyPolicies": ("Limit",),
    "ListKeys": ("Limit",),
    "ListResourceTags": ("Limit",),
    "PutKeyPolicy": ("PolicyName", "BypassPolicyLockoutSafetyCheck"),
    "ReEncrypt": (
        "SourceKeyId", "SourceEncryptionAlgorithm", "DestinationEncryptionContext",
        "DestinationEncryptionAlgorithm",
    ),
    "ScheduleKeyDeletion": ("PendingWindowInDays",),
}  # fmt: skip
NOT_SENT: Final = {
    "CreateKey": {"customKeyStoreId", "xksKeyId"},
    "GenerateDataKey": {"numberOfBytes"},
    "GenerateDataKeyWithoutPlaintext": {"keySpec"},
    "ListAliases": {"marker"},
    "ListKeyPolicies": {"marker"},
    "ListKeys": {"marker"},
    "ListResourceTags": {"marker"},
}
"""Members of the table that the samples above can't have."""
BY_OPERATION: Final = pytest.mark.parametrize("operation", FULL)


def wire_to_record(name: str) -> str:
    return "aws" + name[3:] if name.startswith("AWS") else name[0].lower() + name[1:]


def send(node: RunningNode, operation: str, members: Mapping[str, Any]) -> Any:
    return getattr(node.client(OWNER), xform_name(operation))(**members)


def scene_for(node: RunningNode, operation: str) -> Scene:
    scene = Scene(node.client(OWNER))
    if operation == "CancelKeyDeletion":
        put_into("PendingDeletion", scene)
    return scene


def expected_resources(
    row: Row, scene: Scene, members: Mapping[str, Any], answer: Any
) -> list[str]:
    alias = str(members.get("AliasName", ""))
    alias_arn = f"arn:aws:kms:{REGION}:{OWNER.account_id}:{alias}"
    key_arn = scene.arn if "KeyMetadata" not in answer else answer["KeyMetadata"]["Arn"]
    names = {
        KEY: [key_arn],
        NONE: [],
        KEY_THEN_ALIAS: [key_arn, alias_arn],
        ALIAS_THEN_KEY: [alias_arn, key_arn],
        SOURCE_THEN_DESTINATION: [scene.arn, scene.other["Arn"]],
    }
    return names[row.resources]


def test_the_samples_are_of_all_operations_of_the_table() -> None:
    assert FULL.keys() | {"ReplicateKey"} == AUDIT_TABLE.keys()


@pytest.mark.feature("F01-67", "F02-01", "F02-04", "F07-22", "F01-11", "F01-31")
@BY_OPERATION
def test_a_call_has_one_record_of_exactly_the_listed_members(
    node: RunningNode, operation: str
) -> None:
    row = AUDIT_TABLE[operation]
    scene = scene_for(node, operation)
    members = FULL[operation](scene)
    earliest = dt.datetime.now(dt.UTC).replace(microsecond=0)
    answer = send(node, operation, members)
    (record,) = node.records_of(answer)
    assert list(record) == MEMBERS
    assert record["eventVersion"] == "1.08"
    assert record["userIdentity"] == {
        "type": "Root",
        "principalId": OWNER.account_id,
        "arn": OWNER.root_arn,
        "accountId": OWNER.account_id,
        "accessKeyId": OWNER.access_key_id,
    }
    moment = dt.datetime.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%S%z")
    assert earliest <= moment <= dt.datetime.now(dt.UTC)
    assert record["eventSource"] == "kms.amazonaws.com"
    assert record["eventName"] == operation
    assert record["awsRegion"] == REGION
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert record["userAgent"].startswith("Boto3/")
    assert record["readOnly"] is row.read_only
    assert record["eventType"] == "AwsApiCall"
    assert record["managementEvent"] is True
    assert record["eventCategory"] == "Management"
    assert record["recipientAccountId"] == OWNER.account_id
    parameters = record["requestParameters"] or {}
    assert parameters.keys() == row.request - NOT_SENT.get(operation, set())
    for name, value in members.items():
        shown = parameters.get(wire_to_record(name))
        if shown is not None and name != "Tags":
            assert shown == value, name
    assert [resource["ARN"] for resource in record["resources"]] == expected_resources(
        row, scene, members, answer
    )
    for resource in record["resources"]:
        assert resource["accountId"] == OWNER.account_id
        assert resource["type"] == "AWS::KMS::Key"
    elements = record["responseElements"]
    assert (elements or {}).keys() == row.response
    if "keyId" in row.response:
        assert elements["keyId"] == scene.arn


@pytest.mark.feature("F02-01")
@BY_OPERATION
def test_members_that_were_not_sent_are_shown_by_their_defaults_or_not_at_all(
    node: RunningNode, operation: str
) -> None:
    row = AUDIT_TABLE[operation]
    scene = scene_for(node, operation)
    full = FULL[operation](scene)
    members = {
        name: value for name, value in full.items() if name not in OPTIONAL.get(operation, ())
    }
    (record,) = node.records_of(send(node, operation, members))
    sent = {wire_to_record(name) for name in members} & row.request
    assert (record["requestParameters"] or {}).keys() == sent | row.filled
    if not sent | row.filled:
        assert record["requestParameters"] is None


@pytest.mark.feature("F02-05", "F02-01")
@BY_OPERATION
def test_a_failed_call_has_one_record_with_its_error_and_no_response(
    node: RunningNode, operation: str
) -> None:
    scene = Scene(node.client(OWNER))
    members = dict(FULL[operation](scene))
    before = scene.snapshot()
    match operation:
        case "CreateKey":
            members["Tags"] = [{"TagKey": "aws:a", "TagValue": "b"}]
        case "GenerateRandom":
            members["CustomKeyStoreId"] = "cks-1234567890abcdef0"
        case "ListKeys":
            members["Marker"] = "junk"
        case "DeleteAlias":
            members["AliasName"] = "alias/nobody"
        case "UpdateAlias" | "CreateAlias":
            members["TargetKeyId"] = "alias/nobody"
        case "ReEncrypt":
            members["SourceEncryptionContext"] = {}
        case "CancelKeyDeletion":
            pass  # the key is not to be deleted: its state refuses the request as it is
        case _:
            members["KeyId"] = "no such key"
    with pytest.raises(ClientError) as caught:
        send(node, operation, members)
    error = caught.value.response["Error"]
    (record,) = node.records_of(caught.value)
    assert record["errorCode"] == error["Code"]
    assert record.get("errorMessage", "") == error.get("Message", "")
    assert record["responseElements"] is None
    assert record["readOnly"] is AUDIT_TABLE[operation].read_only
    assert list(record)[8] == "errorCode"
    assert scene.snapshot() == before


@pytest.mark.feature("F02-05")
@pytest.mark.parametrize("row", CRYPTOGRAPHIC, ids=lambda row: row.name)
def test_a_denied_call_names_the_callers_own_key(node: RunningNode, kms: Any, row: CallRow) -> None:
    scene = Scene(kms)
    request = row.request(scene)
    kms.put_key_policy(
        KeyId=scene.key_id,
        Policy=document(OWN_ROOT, deny({"AWS": OWNER.root_arn}, ["kms:*crypt*", "kms:Gen*"])),
    )
    with refused("AccessDeniedException") as facts:
        row.send(kms, request)
    (record,) = node.records_of(facts)
    assert record["errorCode"] == "AccessDenied"
    named = [resource["ARN"] for resource in record["resources"]]
    assert scene.arn in named
    assert set(named) <= {scene.arn, scene.other["Arn"]}


def test_dates_and_metadata_are_written_as_cloudtrail_writes_them(node: RunningNode) -> None:
    date = re.compile(
        r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{1,2}, \d{4}, "
        r"\d{1,2}:\d\d:\d\d [AP]M"
    )
    client = node.client(OWNER)
    answer = client.create_key(MultiRegion=True)
    (record,) = node.records_of(answer)
    metadata = record["responseElements"]["keyMetadata"]
    assert date.fullmatch(metadata["creationDate"])
    assert {wire_to_record(name) for name in answer["KeyMetadata"]} == metadata.keys()
    assert metadata["multiRegionConfiguration"] == {
        "multiRegionKeyType": "PRIMARY",
        "primaryKey": {"arn": answer["KeyMetadata"]["Arn"], "region": REGION},
        "replicaKeys": [],
    }
    key_id = client.create_key()["KeyMetadata"]["KeyId"]
    (record,) = node.records_of(client.schedule_key_deletion(KeyId=key_id))
    elements = record["responseElements"]
    assert date.fullmatch(elements["deletionDate"])
    assert (elements["keyState"], elements["pendingWindowInDays"]) == ("PendingDeletion", 30)


@pytest.mark.feature("F02-03", "F07-05")
def test_no_secret_of_a_call_is_in_any_file_of_the_node(node: RunningNode) -> None:
    client = node.client(OWNER)
    scene = Scene(client)
    plaintext = b"PLANTED-PLAINTEXT-9f2c4e71"
    made = client.encrypt(KeyId=scene.key_id, Plaintext=plaintext)
    opened = client.decrypt(CiphertextBlob=made["CiphertextBlob"])
    data_key = client.generate_data_key(KeyId=scene.key_id, KeySpec="AES_256")
    random = client.generate_random(NumberOfBytes=32)
    moved = client.re_encrypt(
        CiphertextBlob=made["CiphertextBlob"], DestinationKeyId=scene.other["KeyId"]
    )
    with refused("InvalidCiphertextException"):
        client.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == plaintext
    assert node.records_of(moved)
    secrets = [
        plaintext,
        data_key["Plaintext"],
        random["Plaintext"],
        made["CiphertextBlob"],
        data_key["CiphertextBlob"],
        moved["CiphertextBlob"],
        OWNER.secret_access_key.encode(),
    ]
    needles = [form for secret in secrets for form in forms_of(secret)]
    files = [path for path in node.folder.rglob("*") if path.is_file()]
    assert {"store.db", "node.log"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle in content], path


def forms_of(secret: bytes) -> list[bytes]:
    """A secret as it could be written: raw, base64 at each alignment, hexadecimal."""
    shifted = [base64.b64encode(bytes(n) + secret)[4 * ((n + 2) // 3) : -4] for n in range(3)]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *shifted]


def test_the_search_for_secrets_finds_a_planted_one() -> None:
    secret = b"PLANTED-PLAINTEXT-9f2c4e71"
    for written in (secret, base64.b64encode(b"ab" + secret + b"c"), secret.hex().encode()):
        assert [form for form in forms_of(secret) if form in b"x" + written + b"y"]


def test_event_ids_are_unique_and_request_ids_are_the_answers(node: RunningNode) -> None:
    records = node.records()
    assert len({record["eventID"] for record in records}) == len(records)
    answer = node.client(OWNER).list_keys(Limit=1)
    (record,) = node.records_of(answer)
    assert record["requestID"] == request_id(answer)


def test_control_characters_of_a_client_stay_escaped(node: RunningNode) -> None:
    context = {"a\u001b[31m": "\u202e\r\n\u0007"}
    key_id = node.client(OWNER).create_key()["KeyMetadata"]["KeyId"]
    answer = node.client(OWNER).encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext=context)
    (record,) = node.records_of(answer)
    assert record["requestParameters"]["encryptionContext"] == context
    for file in node.audit.folder.glob("*.jsonl"):
        assert not re.search(rb"[^ -~\n]", file.read_bytes())
