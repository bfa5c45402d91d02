"""The permission table against the specification's, transcribed apart (spec 04 §10, §10.4)."""

import pytest

from regionkms.policy.condition_keys import CONDITION_KEYS
from regionkms.policy.permissions import (
    CROSS_ACCOUNT_ACTIONS,
    IAM_ONLY_ACTIONS,
    KEY_ACTIONS,
    PERMISSIONS,
    CrossAccount,
    PolicyType,
    ResourceKind,
    permission_for,
)

# action | K(ey policy) or I(AM policy) | Y(es), N(o), - or L(ocal principal) | K(ey), A(lias) or *
# | names of condition keys besides the global ones; the sets are those of spec 04 §10
_TABLE = """
CancelKeyDeletion | K | N | K | KEYOPS
ConnectCustomKeyStore | I | N | * | CallerAccount
CreateAlias | I | N | A |
CreateAlias | K | N | K | KEYOPS
CreateCustomKeyStore | I | N | * | CallerAccount
CreateGrant | K | Y | K | ENCCTX GRANT KEYOPS
CreateKey | I | N | * | BypassPolicyLockoutSafetyCheck CREATION ViaService TAG
Decapsulate | K | Y | K | KEYOPS RequestAlias
Decrypt | K | Y | K | CRYPTO ENCCTX KEYOPS ATTEST
DeleteAlias | I | N | A |
DeleteAlias | K | N | K | KEYOPS
DeleteCustomKeyStore | I | N | * | CallerAccount
DeleteImportedKeyMaterial | K | N | K | KEYOPS
DeriveSharedSecret | K | Y | K | KEYOPS KeyAgreementAlgorithm RequestAlias NitroTPMPCR
DescribeCustomKeyStores | I | N | * | CallerAccount
DescribeKey | K | Y | K | KEYOPS RequestAlias
DisableKey | K | N | K | KEYOPS
DisableKeyRotation | K | N | K | KEYOPS
DisconnectCustomKeyStore | I | N | * | CallerAccount
EnableKey | K | N | K | KEYOPS
EnableKeyRotation | K | N | K | KEYOPS RotationPeriodInDays
Encapsulate | K | Y | K | KEYOPS RequestAlias
Encrypt | K | Y | K | CRYPTO ENCCTX KEYOPS
GenerateDataKey | K | Y | K | CRYPTO ENCCTX KEYOPS ATTEST
GenerateDataKeyPair | K | Y | K | DataKeyPairSpec CRYPTO ENCCTX KEYOPS ATTEST
GenerateDataKeyPairWithoutPlaintext | K | Y | K | DataKeyPairSpec CRYPTO ENCCTX KEYOPS
GenerateDataKeyWithoutPlaintext | K | Y | K | CRYPTO ENCCTX KEYOPS
GenerateMac | K | Y | K | KEYOPS MacAlgorithm RequestAlias
GenerateRandom | I | - | * | ATTEST
GetKeyLastUsage | K | N | K | KEYOPS
GetKeyPolicy | K | N | K | KEYOPS PolicyName
GetKeyRotationStatus | K | Y | K | KEYOPS
GetParametersForImport | K | N | K | WrappingAlgorithm WrappingKeySpec KEYOPS
GetPublicKey | K | Y | K | KEYOPS RequestAlias
ImportKeyMaterial | K | N | K | KEYOPS ExpirationModel ValidTo
ListAliases | I | N | * |
ListGrants | K | Y | K | KEYOPS GrantIsForAWSResource
ListKeyPolicies | K | N | K | KEYOPS
ListKeyRotations | K | N | K | KEYOPS
ListKeys | I | N | * |
ListResourceTags | K | N | K | KEYOPS
ListRetirableGrants | I | L | * |
PutKeyPolicy | K | N | K | KEYOPS BypassPolicyLockoutSafetyCheck PolicyName
ReEncryptFrom | K | Y | K | CRYPTO ENCCTX KEYOPS ReEncryptOnSameKey
ReEncryptTo | K | Y | K | CRYPTO ENCCTX KEYOPS ReEncryptOnSameKey
ReplicateKey | K | N | K | KEYOPS ReplicaRegion BypassPolicyLockoutSafetyCheck
RetireGrant | I | Y | K | ResourceAliases ResourceTag
RevokeGrant | K | Y | K | KEYOPS GrantIsForAWSResource
RotateKeyOnDemand | K | N | K | KEYOPS
ScheduleKeyDeletion | K | N | K | KEYOPS ScheduleKeyDeletionPendingWindowInDays
Sign | K | Y | K | SIGN KEYOPS
TagResource | K | N | K | KEYOPS TAG
UntagResource | K | N | K | KEYOPS TAG
UpdateAlias | I | N | A |
UpdateAlias | K | N | K | KEYOPS
UpdateCustomKeyStore | I | N | * | CallerAccount
UpdateKeyDescription | K | N | K | KEYOPS
UpdatePrimaryRegion | K | N | K | KEYOPS PrimaryRegion
Verify | K | Y | K | SIGN KEYOPS
VerifyMac | K | Y | K | KEYOPS MacAlgorithm RequestAlias
"""
_KEYSPEC = "KeySpec KeyUsage KeyOrigin CustomerMasterKeySpec CustomerMasterKeyUsage"
_MRK = "MultiRegion MultiRegionKeyType"
_SETS = {
    "CREATION": f"CallerAccount {_KEYSPEC} {_MRK} ResourceTag",
    "KEYOPS": f"CallerAccount {_KEYSPEC} {_MRK} ResourceAliases ResourceTag ViaService",
    "CRYPTO": "EncryptionAlgorithm RequestAlias",
    "ENCCTX": "EncryptionContext EncryptionContextKeys",
    "GRANT": (
        "GrantConstraintType GranteePrincipal GrantIsForAWSResource GrantOperations "
        "RetiringPrincipal"
    ),
    "SIGN": "MessageType RequestAlias SigningAlgorithm",
    "TAG": "RequestTag TagKeys",
    "ATTEST": "ImageSha384 PCR NitroTPMPCR",
}
_TYPES = {"K": PolicyType.KEY_POLICY, "I": PolicyType.IAM_POLICY}
_ACROSS = {
    "Y": CrossAccount.YES,
    "N": CrossAccount.NO,
    "-": CrossAccount.NOT_APPLICABLE,
    "L": CrossAccount.LOCAL_PRINCIPAL,
}
_KINDS = {"K": ResourceKind.KEY, "A": ResourceKind.ALIAS, "*": ResourceKind.NONE}
_ROWS = [[cell.strip() for cell in line.split("|")] for line in _TABLE.strip().splitlines()]


def _short(name: str) -> str:
    return name.rstrip(":/").rpartition(":")[2]


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: f"{row[0]}-{row[3]}")
def test_a_row_is_that_of_the_specification(row: list[str]) -> None:
    action, policy_type, across, kind, keys = row
    permission = PERMISSIONS[f"kms:{action}", _KINDS[kind]]
    assert permission.policy_type is _TYPES[policy_type]
    assert permission.cross_account is _ACROSS[across]
    expected: set[str] = set()
    for name in keys.split():
        expected |= set(_SETS.get(name, name).split())
    applying = {
        _short(key.name)
        for key in CONDITION_KEYS.values()
        if key.operations is not None and key.applies_to(permission.action, permission.resource)
    }
    assert applying == expected


def test_the_table_has_no_other_rows() -> None:
    assert set(PERMISSIONS) == {(f"kms:{row[0]}", _KINDS[row[3]]) for row in _ROWS}


def test_the_fifty_operations_and_the_six_newer_ones_are_there() -> None:
    assert len({row.operation for row in PERMISSIONS.values()}) == 56


def test_reencrypt_has_two_actions() -> None:
    actions = {row.action for row in PERMISSIONS.values() if row.operation == "ReEncrypt"}
    assert actions == {"kms:ReEncryptFrom", "kms:ReEncryptTo"}


def test_the_sets_of_actions_follow_the_table() -> None:
    assert {f"kms:{row[0]}" for row in _ROWS if row[2] == "Y"} == CROSS_ACCOUNT_ACTIONS
    assert {f"kms:{row[0]}" for row in _ROWS if row[1] == "K"} == KEY_ACTIONS
    assert "kms:RetireGrant" in IAM_ONLY_ACTIONS
    assert "kms:CreateKey" in IAM_ONLY_ACTIONS
    assert "kms:CreateAlias" not in IAM_ONLY_ACTIONS
    assert not IAM_ONLY_ACTIONS & KEY_ACTIONS


def test_an_action_on_a_wrong_kind_of_resource_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="kms:CreateKey is not checked on a resource of kind"):
        permission_for("kms:CreateKey", ResourceKind.KEY)
    with pytest.raises(ValueError, match="kms:decrypt is not checked"):
        permission_for("kms:decrypt", ResourceKind.KEY)
