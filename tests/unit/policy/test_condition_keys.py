"""The table of condition keys (spec 04 §3, §3.31; spec 03 §8)."""

import pytest

from regionkms.policy.condition_keys import (
    CONDITION_KEYS,
    Usable,
    Valued,
    ValueType,
    find_condition_key,
)

_GLOBAL = """
PrincipalArn PrincipalAccount ResourceTag/ SourceArn SourceAccount SourceIp SourceVpc SourceVpce
RequestTag/ TagKeys PrincipalTag/ PrincipalOrgID PrincipalOrgPaths PrincipalType
PrincipalIsAWSService PrincipalServiceName PrincipalServiceNamesList userid username
MultiFactorAuthPresent MultiFactorAuthAge TokenIssueTime FederatedProvider SourceIdentity
CurrentTime EpochTime SecureTransport UserAgent Referer RequestedRegion ResourceAccount
ResourceOrgID ResourceOrgPaths SourceOrgID SourceOrgPaths CalledVia CalledViaFirst CalledViaLast
ViaAWSService VpcSourceIp
"""
_OF_KMS = """
BypassPolicyLockoutSafetyCheck CallerAccount CustomerMasterKeySpec CustomerMasterKeyUsage
DataKeyPairSpec EncryptionAlgorithm EncryptionContext: EncryptionContextKeys ExpirationModel
GrantConstraintType GrantIsForAWSResource GrantOperations GranteePrincipal KeyOrigin KeySpec
KeyUsage MacAlgorithm MessageType MultiRegion MultiRegionKeyType PrimaryRegion ReEncryptOnSameKey
RequestAlias ResourceAliases ReplicaRegion RetiringPrincipal ScheduleKeyDeletionPendingWindowInDays
SigningAlgorithm ValidTo ViaService WrappingAlgorithm WrappingKeySpec
RecipientAttestation:ImageSha384 RecipientAttestation:PCR PolicyName RotationPeriodInDays
KeyAgreementAlgorithm RecipientAttestation:NitroTPMPCR
"""


def test_every_key_of_the_specification_has_a_row() -> None:
    names = {row.name for row in CONDITION_KEYS.values()}
    assert names == {f"aws:{n}" for n in _GLOBAL.split()} | {f"kms:{n}" for n in _OF_KMS.split()}


def test_multi_valued_keys_are_those_of_the_specification() -> None:
    multi = {row.name for row in CONDITION_KEYS.values() if row.valued is Valued.MULTI}
    assert {name for name in multi if name.startswith("kms:")} == {
        "kms:EncryptionContextKeys",
        "kms:GrantOperations",
        "kms:ResourceAliases",
    }
    assert "aws:TagKeys" in multi


def test_types_of_kms_keys_are_those_of_the_specification() -> None:
    by_type = {
        kind: {
            r.name[4:] for r in CONDITION_KEYS.values() if r.value_type is kind and r.name[0] == "k"
        }
        for kind in ValueType
    }
    assert by_type[ValueType.BOOLEAN] == {
        "BypassPolicyLockoutSafetyCheck",
        "GrantIsForAWSResource",
        "MultiRegion",
        "ReEncryptOnSameKey",
    }
    assert by_type[ValueType.NUMERIC] == {
        "ScheduleKeyDeletionPendingWindowInDays",
        "RotationPeriodInDays",
    }
    assert by_type[ValueType.TIMESTAMP] == {"ValidTo"}


def test_keys_for_identity_policies_only_are_marked() -> None:
    iam_only = {row.name for row in CONDITION_KEYS.values() if row.usable is Usable.IAM_ONLY}
    assert iam_only == {"aws:ResourceTag/", "kms:ResourceAliases"}


def test_supported_keys_are_those_that_a_call_can_answer() -> None:
    supported = {row.name for row in CONDITION_KEYS.values() if row.supported}
    assert supported >= {
        "kms:CallerAccount", "kms:EncryptionContext:", "kms:EncryptionContextKeys",
        "kms:ViaService", "kms:KeySpec", "kms:KeyUsage", "kms:KeyOrigin", "kms:MultiRegion",
        "kms:MultiRegionKeyType", "kms:RequestAlias", "kms:EncryptionAlgorithm",
        "kms:ReplicaRegion", "kms:BypassPolicyLockoutSafetyCheck", "kms:ReEncryptOnSameKey",
        "aws:PrincipalArn", "aws:PrincipalAccount", "aws:SecureTransport",
    }  # fmt: skip
    assert "aws:SourceIp" not in supported
    assert "kms:ResourceAliases" not in supported


@pytest.mark.parametrize(
    ("name", "row", "rest"),
    [
        ("KMS:calleraccount", "kms:CallerAccount", ""),
        ("aws:sourceVpce", "aws:SourceVpce", ""),
        ("kms:EncryptionContext:AppName", "kms:EncryptionContext:", "appname"),
        ("kms:encryptioncontext:aws:geo:arn", "kms:EncryptionContext:", "aws:geo:arn"),
        ("kms:EncryptionContextKeys", "kms:EncryptionContextKeys", ""),
        ("kms:RecipientAttestation:PCR4", "kms:RecipientAttestation:PCR", "4"),
        ("kms:RecipientAttestation:NitroTPMPCR4", "kms:RecipientAttestation:NitroTPMPCR", "4"),
        ("aws:RequestTag/Cost:Center", "aws:RequestTag/", "cost:center"),
    ],
)
def test_a_name_finds_its_row_without_regard_to_case(name: str, row: str, rest: str) -> None:
    found = find_condition_key(name)
    assert found is not None
    assert (found[0].name, found[1]) == (row, rest)


@pytest.mark.parametrize(
    "name", ["", "kms:", "kms:NoSuchKey", "kms:EncryptionContext:", "aws:RequestTag/", "KeySpec"]
)
def test_other_names_find_nothing(name: str) -> None:
    assert find_condition_key(name) is None
