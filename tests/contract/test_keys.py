"""CreateKey, DescribeKey, ListKeys and UpdateKeyDescription (spec 01 §3, §6, §8, §9)."""

import datetime as dt
import json
import re
import time
from typing import Any, Final

import pytest

from regionkms.model.shapes import OPERATIONS as SHAPES
from tests.contract.calls import POLICY
from tests.support.node import OWNER, REGION, RunningNode, fresh_name, refused

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FIELDS: Final[dict[str, Any]] = {
    "AWSAccountId": OWNER.account_id,
    "KeyId": UUID,
    "Arn": re.compile(rf"arn:aws:kms:{REGION}:{OWNER.account_id}:key/{UUID.pattern}"),
    "CreationDate": dt.datetime,
    "Enabled": True,
    "Description": "",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "KeyState": "Enabled",
    "Origin": "AWS_KMS",
    "KeyManager": "CUSTOMER",
    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
    "MultiRegion": False,
}
"""Spec 01 §3.1 for a key made with no parameter; nothing else is shown."""
DEFAULT_POLICY: Final = """{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : { "AWS" : "arn:aws:iam::111122223333:root" },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}"""
"""Spec 01 §6.5, spec 03 §4.4: to the byte."""


def check_fields(metadata: dict[str, Any], expected: dict[str, Any]) -> None:
    assert metadata.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, re.Pattern):
            assert value.fullmatch(metadata[name]), name
        elif isinstance(value, type):
            assert isinstance(metadata[name], value), name
        else:
            assert metadata[name] == value, name


@pytest.mark.feature("F01-01", "F01-02", "F01-14", "F01-32", "F01-33", "F07-10")
def test_create_key_without_parameters_makes_the_documented_key(kms: Any) -> None:
    earliest = time.time()
    metadata = kms.create_key()["KeyMetadata"]
    check_fields(metadata, FIELDS)
    assert metadata["Arn"].endswith(f"key/{metadata['KeyId']}")
    assert earliest - 1 <= metadata["CreationDate"].timestamp() <= time.time() + 1
    assert kms.describe_key(KeyId=metadata["KeyId"])["KeyMetadata"] == metadata
    assert kms.list_aliases(KeyId=metadata["KeyId"])["Aliases"] == []
    assert kms.list_resource_tags(KeyId=metadata["KeyId"])["Tags"] == []


@pytest.mark.feature("F01-17", "F01-34", "F03-15")
def test_a_key_without_a_policy_gets_the_default_one_to_the_byte(kms: Any) -> None:
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    answer = kms.get_key_policy(KeyId=key_id)
    assert answer["Policy"] == DEFAULT_POLICY
    assert answer["PolicyName"] == "default"


@pytest.mark.feature("F01-02", "F01-32")
def test_dates_are_numbers_of_seconds_and_truncated_is_always_there(node: RunningNode) -> None:
    answer = node.call("CreateKey")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert isinstance(answer.json["KeyMetadata"]["CreationDate"], float)
    assert re.fullmatch(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["x-amzn-requestid"]
    )
    listed = node.call("ListResourceTags", {"KeyId": answer.json["KeyMetadata"]["KeyId"]}).json
    assert listed == {"Tags": [], "Truncated": False}


@pytest.mark.feature("F05-15", "F05-23")
def test_a_multi_region_key_is_a_primary_without_replicas(kms: Any) -> None:
    metadata = kms.create_key(MultiRegion=True)["KeyMetadata"]
    multi_region = re.compile("mrk-[0-9a-f]{32}")
    check_fields(
        metadata,
        FIELDS
        | {
            "KeyId": multi_region,
            "Arn": re.compile(rf"arn:aws:kms:{REGION}:{OWNER.account_id}:key/mrk-[0-9a-f]{{32}}"),
            "MultiRegion": True,
            "MultiRegionConfiguration": {
                "MultiRegionKeyType": "PRIMARY",
                "PrimaryKey": {"Arn": metadata["Arn"], "Region": REGION},
                "ReplicaKeys": [],
            },
        },
    )


@pytest.mark.feature("F01-14", "F05-01", "F05-02")
@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        (
            {"Description": "Key for protecting critical data"},
            {"Description": "Key for protecting critical data"},
        ),
        ({"Description": ""}, {}),
        ({"Description": "é" * 8192}, {"Description": "é" * 8192}),
        ({"KeySpec": "SYMMETRIC_DEFAULT"}, {}),
        ({"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}, {}),
        ({"KeyUsage": "ENCRYPT_DECRYPT"}, {}),
        ({"Origin": "AWS_KMS"}, {}),
        ({"MultiRegion": False}, {}),
        ({"Tags": []}, {}),
        ({"Tags": [{"TagKey": "Project", "TagValue": "Alpha"}]}, {}),
        ({"Policy": POLICY}, {}),
        ({"BypassPolicyLockoutSafetyCheck": True}, {}),
    ],
    ids=lambda value: next(iter(value), "-") if isinstance(value, dict) else "",
)
def test_each_parameter_of_create_key_is_taken(
    kms: Any, parameters: dict[str, Any], shown: dict[str, Any]
) -> None:
    check_fields(kms.create_key(**parameters)["KeyMetadata"], FIELDS | shown)


PATTERN_ERROR: Final = "1 validation error detected: Value "
REFUSALS: Final[list[tuple[str, dict[str, Any], str, str]]] = [
    (
        "description too long",
        {"Description": "x" * 8193},
        "ValidationException",
        (
            f"{PATTERN_ERROR}'{'x' * 256}...' at 'description' failed to satisfy constraint: "
            "Member must have length less than or equal to 8192"
        ),
    ),
    (
        "description with U+0000",
        {"Description": "a\0b"},
        "ValidationException",
        "Descriptions and tags must not contain the character U+0000.",
    ),
    (
        "unknown key spec",
        {"KeySpec": "AES_512"},
        "ValidationException",
        (
            f"{PATTERN_ERROR}'AES_512' at 'keySpec' failed to satisfy constraint: Member must "
            "satisfy enum value set: ["
        ),
    ),
    (
        "unknown key usage",
        {"KeyUsage": "EVERYTHING"},
        "ValidationException",
        (
            f"{PATTERN_ERROR}'EVERYTHING' at 'keyUsage' failed to satisfy constraint: Member must "
            "satisfy enum value set: ["
        ),
    ),
    (
        "unknown origin",
        {"Origin": "ELSEWHERE"},
        "ValidationException",
        (
            f"{PATTERN_ERROR}'ELSEWHERE' at 'origin' failed to satisfy constraint: Member must "
            "satisfy enum value set: ["
        ),
    ),
    (
        "usage that does not fit the spec",
        {"KeyUsage": "SIGN_VERIFY"},
        "ValidationException",
        "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT",
    ),
    (
        "both names of the spec",
        {"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
        "ValidationException",
        (
            "You cannot specify both KeySpec and CustomerMasterKeySpec. CustomerMasterKeySpec is "
            "deprecated; use KeySpec."
        ),
    ),
    (
        "a spec that this release does not offer",
        {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"},
        "UnsupportedOperationException",
        "KeySpec RSA_2048 is not offered in this Region. Offered: SYMMETRIC_DEFAULT.",
    ),
    (
        "an origin that this release does not offer",
        {"Origin": "EXTERNAL"},
        "UnsupportedOperationException",
        "Origin EXTERNAL is not offered in this Region. Offered: AWS_KMS.",
    ),
    (
        "a custom key store",
        {"CustomKeyStoreId": "cks-1234567890abcdef0"},
        "UnsupportedOperationException",
        "Origin AWS_KMS is not offered",
    ),
    (
        "a tag twice",
        {"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]},
        "TagException",
        "Duplicate tag keys",
    ),
    (
        "too many tags",
        {"Tags": [{"TagKey": f"k{n}", "TagValue": ""} for n in range(51)]},
        "TagException",
        "Too many tags",
    ),
    (
        "a reserved tag",
        {"Tags": [{"TagKey": "AWS:x", "TagValue": ""}]},
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    (
        "a policy that locks its writer out",
        {"Policy": POLICY.replace("111122223333", "444455556666")},
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    ),
    (
        "a policy that is no JSON",
        {"Policy": "{"},
        "MalformedPolicyDocumentException",
        "",
    ),
    (
        "a policy longer than 32,768 bytes",
        {"Policy": POLICY.ljust(32_769)},
        "LimitExceededException",
        "A key policy has at most 32768 bytes; this one has 32769.",
    ),
]


@pytest.mark.feature("F01-03", "F01-14")
@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [pytest.param(*rest, id=name) for name, *rest in REFUSALS],
)
def test_a_refused_create_key_makes_no_key(
    node: RunningNode, parameters: dict[str, Any], code: str, message: str
) -> None:
    client = node.client(OWNER, checked=False)
    mark = fresh_name("refused")
    if "Description" not in parameters:
        parameters = parameters | {"Description": mark}
    with refused(code) as facts:
        client.create_key(**parameters)
    assert facts["Error"].get("Message", "").startswith(message)
    assert facts["ResponseMetadata"]["HTTPStatusCode"] == 400
    records = node.records(eventName="CreateKey", errorCode=code)
    assert any(mark in json.dumps(record) for record in records) or "Description" in parameters
    assert not [
        record
        for record in node.records(eventName="CreateKey")
        if "errorCode" not in record and mark in json.dumps(record)
    ]


def test_a_refused_create_key_is_not_listed(empty: Any) -> None:
    before = empty.list_keys()["Keys"]
    with refused("UnsupportedOperationException"):
        empty.create_key(Origin="EXTERNAL")
    with refused("TagException"):
        empty.create_key(Tags=[{"TagKey": "aws:x", "TagValue": ""}])
    assert empty.list_keys()["Keys"] == before


@pytest.mark.feature("F01-35")
@pytest.mark.parametrize("text", ["new words", "", "ü ☂ \U0001f512", "x" * 8192])
def test_a_description_is_set_changed_and_emptied(kms: Any, key: dict[str, Any], text: str) -> None:
    answer = kms.update_key_description(KeyId=key["KeyId"], Description=text)
    assert set(answer) == {"ResponseMetadata"}
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key | {"Description": text}


@pytest.mark.feature("F01-03")
def test_what_is_fixed_at_creation_has_no_operation_that_changes_it() -> None:
    fixed = {"key_spec", "key_usage", "origin", "multi_region"}
    changing = {
        name
        for name, shape in SHAPES.items()
        if name.startswith(("Update", "Put")) and fixed & set(shape.input.__struct_fields__)
    }
    assert changing == set()


@pytest.mark.feature("F01-33")
def test_metadata_shows_neither_tags_nor_aliases_nor_policy(kms: Any) -> None:
    key = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{fresh_name()}", TargetKeyId=key["KeyId"])
    check_fields(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"], FIELDS)
