"""Key policies over the API: size, characters, lockout, elements, and what decides (spec 03 §4)."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.contract.calls import CONTEXT, POLICY, Scene
from tests.support.node import OWNER, STRANGER, RunningNode, refused

LOCKOUT: Final = "The new key policy will not allow you to update the key policy in the future."
OWN_ROOT: Final[dict[str, Any]] = {
    "Effect": "Allow",
    "Principal": {"AWS": OWNER.root_arn},
    "Action": "kms:*",
    "Resource": "*",
}


def document(*statements: Mapping[str, Any], **members: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **members})


def allow(principal: Any, action: Any, **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*", **members}


def deny(principal: Any, action: Any, **members: Any) -> dict[str, Any]:
    return allow(principal, action, **members) | {"Effect": "Deny"}


def policy_of(client: Any, key_id: str) -> str:
    return str(client.get_key_policy(KeyId=key_id)["Policy"])


ACCEPTED: Final = {
    "the smallest": document(OWN_ROOT),
    "an account by its number": document(allow({"AWS": OWNER.account_id}, "kms:*")),
    "with an Id": document(OWN_ROOT, Id="key-consolepolicy-3"),
    "a single statement that is no list": json.dumps(
        {"Version": "2012-10-17", "Statement": OWN_ROOT}
    ),
    "a Sid with spaces": document(OWN_ROOT | {"Sid": "Allow access for Key Administrators"}),
    "one Sid twice": document(OWN_ROOT | {"Sid": "same"}, OWN_ROOT | {"Sid": "same"}),
    "white space around it": "\n\t " + document(OWN_ROOT) + "\r\n ",
    "Latin-1 characters": document(OWN_ROOT, Id="é ÿ ¡ ~").encode().decode("unicode_escape"),
    "unknown actions": document(OWN_ROOT, allow({"AWS": OWNER.root_arn}, "kms:NoSuchOperation")),
    "users and roles": document(
        OWN_ROOT,
        allow({"AWS": [
            f"arn:aws:iam::{OWNER.account_id}:role/ExampleKeyUserRole",
            f"arn:aws:iam::{OWNER.account_id}:user/path/Alice",
            f"arn:aws:sts::{OWNER.account_id}:assumed-role/Role/session",
        ]}, ["kms:Encrypt*", "kms:GenerateDataKey*"]),
    ),
    "a service": document(OWN_ROOT, allow({"Service": "cloudtrail.amazonaws.com"}, "kms:Decrypt")),
    "everybody": document(OWN_ROOT, allow("*", "kms:Encrypt")),
    "a statement without Resource": document(
        OWN_ROOT, {"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt"}
    ),
    "a statement without Action": document(
        OWN_ROOT, {"Effect": "Allow", "Principal": "*", "Resource": "*"}
    ),
    "NotAction": document(OWN_ROOT, {
        "Effect": "Allow", "Principal": {"AWS": OWNER.root_arn}, "NotAction": "kms:Encrypt",
        "Resource": "*",
    }),
    "the older version": document(OWN_ROOT, Version="2008-10-17"),
    "JSON booleans in conditions": document(
        OWN_ROOT,
        allow({"AWS": OWNER.root_arn}, "kms:CreateGrant", Condition={
            "Bool": {"kms:GrantIsForAWSResource": True}
        }),
    ),
}  # fmt: skip


@pytest.mark.feature("F03-13", "F03-17", "F03-14")
@pytest.mark.parametrize("policy", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_policy_is_stored_and_given_back_to_the_byte(
    kms: Any, key: dict[str, Any], policy: str
) -> None:
    answer = kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    assert set(answer) == {"ResponseMetadata"}
    assert policy_of(kms, key["KeyId"]) == policy
    created = kms.create_key(Policy=policy)["KeyMetadata"]
    assert policy_of(kms, created["KeyId"]) == policy


MALFORMED: Final = "MalformedPolicyDocumentException"
REFUSED: Final[dict[str, tuple[str, str]]] = {
    "no JSON": ("{", MALFORMED),
    "no object": ("[]", MALFORMED),
    "no Version": (json.dumps({"Statement": [OWN_ROOT]}), MALFORMED),
    "an unknown Version": (document(OWN_ROOT, Version="2024-01-01"), MALFORMED),
    "no Statement": (json.dumps({"Version": "2012-10-17"}), MALFORMED),
    "an empty Statement": (document(), MALFORMED),
    "an unknown element": (document(OWN_ROOT, Extra="x"), MALFORMED),
    "a member twice": (
        document(OWN_ROOT).replace("{", '{"Version":"2012-10-17",', 1), MALFORMED,
    ),
    "an unknown Effect": (document(OWN_ROOT | {"Effect": "Maybe"}), MALFORMED),
    "no Effect": (document({"Principal": "*", "Action": "kms:*", "Resource": "*"}), MALFORMED),
    "no Principal": (
        document(OWN_ROOT, {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}), MALFORMED,
    ),
    "a group": (
        document(OWN_ROOT, allow({"AWS": f"arn:aws:iam::{OWNER.account_id}:group/G"}, "kms:*")),
        MALFORMED,
    ),
    "an unknown kind of principal": (document(OWN_ROOT, allow({"Robot": "x"}, "kms:*")), MALFORMED),
    "a principal that is no ARN": (document(OWN_ROOT, allow({"AWS": "Alice"}, "kms:*")), MALFORMED),
    "an unknown operator": (
        document(OWN_ROOT, allow("*", "kms:Encrypt", Condition={
            "StringMatches": {"kms:CallerAccount": "x"}
        })),
        MALFORMED,
    ),
    "tags as a condition": (
        document(OWN_ROOT, allow("*", "kms:Encrypt", Condition={
            "StringEquals": {"aws:ResourceTag/Project": "x"}
        })),
        MALFORMED,
    ),
    "characters beyond Latin-1": (
        json.dumps({"Version": "2012-10-17", "Id": "☂", "Statement": [OWN_ROOT]},
                   ensure_ascii=False),
        "ValidationException",
    ),
    "a control character": (document(OWN_ROOT) + "\x07", "ValidationException"),
}  # fmt: skip


@pytest.mark.feature("F03-13")
@pytest.mark.parametrize(("policy", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_policy_changes_nothing(
    kms: Any, key: dict[str, Any], policy: str, code: str
) -> None:
    with refused(code) as facts:
        kms.put_key_policy(KeyId=key["KeyId"], Policy=policy)
    assert facts["Error"]["Message"] not in {"", LOCKOUT}
    assert OWNER.root_arn in policy_of(kms, key["KeyId"])
    with refused(code, facts["Error"]["Message"]):
        kms.create_key(Policy=policy)


@pytest.mark.feature("F03-13", "F07-29")
def test_32768_bytes_are_the_longest_policy(kms: Any, key: dict[str, Any]) -> None:
    longest = document(OWN_ROOT, Id="é" * 8000).encode().decode("unicode_escape")
    longest += " " * (32_768 - len(longest.encode()))
    kms.put_key_policy(KeyId=key["KeyId"], Policy=longest)
    assert policy_of(kms, key["KeyId"]) == longest
    with refused(
        "LimitExceededException", "A key policy has at most 32768 bytes; this one has 32769."
    ):
        kms.put_key_policy(KeyId=key["KeyId"], Policy=longest + " ")
    assert policy_of(kms, key["KeyId"]) == longest


@pytest.mark.parametrize("length", [0, 131_073])
def test_a_policy_outside_of_the_models_length_names_the_member(
    unchecked: Any, key: dict[str, Any], length: int
) -> None:
    with refused("ValidationException") as facts:
        unchecked.put_key_policy(KeyId=key["KeyId"], Policy=" " * length)
    assert "at 'policy' failed to satisfy constraint" in facts["Error"]["Message"]


LOCKING: Final = {
    "another account alone": document(allow({"AWS": STRANGER.root_arn}, "kms:*")),
    "all but PutKeyPolicy": document(allow({"AWS": OWNER.root_arn}, "kms:Encrypt")),
    "a role alone": document(allow({"AWS": f"arn:aws:iam::{OWNER.account_id}:role/X"}, "kms:*")),
    "an explicit deny": document(OWN_ROOT, deny("*", "kms:PutKeyPolicy")),
    "a condition that is not met": document(
        allow({"AWS": OWNER.root_arn}, "kms:*", Condition={
            "StringEquals": {"kms:CallerAccount": STRANGER.account_id}
        })
    ),
    "a condition that can't be evaluated": document(
        allow({"AWS": OWNER.root_arn}, "kms:*", Condition={
            "IpAddress": {"aws:SourceIp": "0.0.0.0/0"}
        })
    ),
    "no Resource": document({
        "Effect": "Allow", "Principal": {"AWS": OWNER.root_arn}, "Action": "kms:*",
    }),
}  # fmt: skip


@pytest.mark.feature("F01-16", "F03-18")
@pytest.mark.parametrize("policy", LOCKING.values(), ids=LOCKING.keys())
def test_a_policy_that_locks_its_writer_out_needs_the_bypass(
    kms: Any, key: dict[str, Any], policy: str
) -> None:
    before = policy_of(kms, key["KeyId"])
    for bypass in ({}, {"BypassPolicyLockoutSafetyCheck": False}):
        with refused(MALFORMED, LOCKOUT):
            kms.put_key_policy(KeyId=key["KeyId"], Policy=policy, **bypass)
        with refused(MALFORMED, LOCKOUT):
            kms.create_key(Policy=policy, **bypass)
    assert policy_of(kms, key["KeyId"]) == before
    kms.create_key(Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy, BypassPolicyLockoutSafetyCheck=True)


@pytest.mark.feature("F01-18", "F03-06")
def test_the_creator_and_root_have_no_right_that_the_policy_does_not_give(kms: Any) -> None:
    key = kms.create_key(
        Policy=document(allow({"AWS": OWNER.root_arn}, "kms:Encrypt")),
        BypassPolicyLockoutSafetyCheck=True,
    )["KeyMetadata"]
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    refusal = (
        f"User: {OWNER.root_arn} is not authorized to perform: {{0}} on resource: {key['Arn']} "
        "because no resource-based policy allows the {0} action"
    )
    with refused("AccessDeniedException", refusal.format("kms:DescribeKey")):
        kms.describe_key(KeyId=key["KeyId"])
    with refused("AccessDeniedException", refusal.format("kms:PutKeyPolicy")):
        kms.put_key_policy(KeyId=key["KeyId"], Policy=POLICY)
    with refused("AccessDeniedException", refusal.format("kms:ScheduleKeyDeletion")):
        kms.schedule_key_deletion(KeyId=key["KeyId"])


@pytest.mark.feature("F03-07")
def test_an_explicit_deny_wins_over_every_allow(kms: Any, key: dict[str, Any]) -> None:
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.put_key_policy(
        KeyId=key["KeyId"],
        Policy=document(OWN_ROOT, deny({"AWS": OWNER.root_arn}, ["kms:Encrypt", "kms:ReEncrypt*"])),
    )
    refusal = (
        f"User: {OWNER.root_arn} is not authorized to perform: {{}} on resource: {key['Arn']} "
        "with an explicit deny in a resource-based policy"
    )
    with refused("AccessDeniedException", refusal.format("kms:Encrypt")):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with refused("AccessDeniedException", refusal.format("kms:ReEncryptTo")):
        other = kms.create_key()["KeyMetadata"]["KeyId"]
        theirs = kms.encrypt(KeyId=other, Plaintext=b"x")["CiphertextBlob"]
        kms.re_encrypt(CiphertextBlob=theirs, DestinationKeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.feature("F03-14")
def test_a_statement_without_resource_allows_nothing(kms: Any) -> None:
    key = kms.create_key(
        Policy=document(
            allow({"AWS": OWNER.root_arn}, ["kms:PutKeyPolicy", "kms:GetKeyPolicy"]),
            {"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt"},
        )
    )["KeyMetadata"]
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


@pytest.mark.feature("F01-09", "F03-29", "F04-11")
def test_an_encryption_context_in_a_condition_decides(kms: Any) -> None:
    scene = Scene(kms)
    department = {"kms:EncryptionContext:department": CONTEXT["department"]}
    kms.put_key_policy(
        KeyId=scene.key_id,
        Policy=document(
            allow({"AWS": OWNER.root_arn}, ["kms:PutKeyPolicy", "kms:Encrypt"]),
            allow(
                {"AWS": OWNER.root_arn},
                ["kms:Decrypt", "kms:DescribeKey"],
                Condition={"StringEquals": department},
            ),
        ),
    )
    opened = kms.decrypt(CiphertextBlob=scene.blob, EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == b"attack at dawn"
    other = kms.encrypt(KeyId=scene.key_id, Plaintext=b"x")["CiphertextBlob"]
    for context in ({}, {"department": "10103.1"}, {"department": ""}):
        with refused("AccessDeniedException"):
            kms.decrypt(CiphertextBlob=other, EncryptionContext=context)
    with refused("AccessDeniedException"):
        kms.describe_key(KeyId=scene.key_id)


def test_an_allow_that_cannot_be_evaluated_allows_nothing_and_such_a_deny_denies(
    kms: Any, key: dict[str, Any]
) -> None:
    unknown = {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}
    kms.put_key_policy(
        KeyId=key["KeyId"],
        Policy=document(
            allow({"AWS": OWNER.root_arn}, ["kms:PutKeyPolicy", "kms:DescribeKey"]),
            allow({"AWS": OWNER.root_arn}, "kms:Encrypt", **unknown),
            deny({"AWS": OWNER.root_arn}, "kms:DescribeKey", **unknown),
        ),
    )
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with refused("AccessDeniedException"):
        kms.describe_key(KeyId=key["KeyId"])


@pytest.mark.feature("F03-17")
def test_the_only_policy_is_called_default(kms: Any, key: dict[str, Any]) -> None:
    listed = kms.list_key_policies(KeyId=key["KeyId"])
    assert (listed["PolicyNames"], listed["Truncated"]) == (["default"], False)
    assert "NextMarker" not in listed
    assert kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["PolicyName"] == "default"
    message = "No such policy exists: the only policy name is default"
    with refused("NotFoundException", message):
        kms.get_key_policy(KeyId=key["KeyId"], PolicyName="Default")
    with refused("NotFoundException", message):
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="other", Policy=POLICY)


def test_a_policy_is_of_its_key_alone(kms: Any, key: dict[str, Any]) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    before = policy_of(kms, other)
    kms.put_key_policy(KeyId=key["KeyId"], Policy=POLICY)
    assert policy_of(kms, other) == before


@pytest.mark.feature("F03-23")
def test_a_key_policy_says_nothing_about_operations_without_a_key(
    node: RunningNode, kms: Any
) -> None:
    """A policy that names another account's root for ListKeys gives it none of the owner's."""
    key = kms.create_key(Policy=document(OWN_ROOT, allow({"AWS": STRANGER.root_arn}, "kms:*")))[
        "KeyMetadata"
    ]
    listed = [
        entry["KeyId"]
        for page in node.client(STRANGER).get_paginator("list_keys").paginate()
        for entry in page["Keys"]
    ]
    assert key["KeyId"] not in listed
