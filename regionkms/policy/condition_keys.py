"""The table of condition keys: one row each, with the way to read it from a call.

Names are compared without regard to case (KP-14). A row without a reader is known and can't be
read yet: a statement that asks for it fails closed (compile.py). The readers stand in
condition_values.py.

Source: spec 04 §3 (master table), §3.31, §10; spec 03 §8 (global keys).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from regionkms.policy import condition_values as read
from regionkms.policy.operators import Values
from regionkms.policy.permissions import PERMISSIONS, ResourceKind
from regionkms.policy.request import AccessRequest

Read = Callable[[AccessRequest, str], Values]
"""The values of a key in a call; the second argument is the part of its name after the prefix."""


class ValueType(StrEnum):
    """The type of a key's values."""

    STRING = "String"
    BOOLEAN = "Boolean"
    NUMERIC = "Numeric"
    TIMESTAMP = "Timestamp"
    ARN = "ARN"
    IP_ADDRESS = "IP address"


class Valued(StrEnum):
    """How many values a key has in one call (spec 04 §2.3)."""

    SINGLE = "single"
    MULTI = "multi"


class Usable(StrEnum):
    """In which policy types a key may be used."""

    KEY_AND_IAM = "key policy and IAM policy"
    IAM_ONLY = "IAM policy"


class Source(StrEnum):
    """What the value belongs to; that of the caller is known before the call's other facts."""

    CALLER = "caller"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionKey:
    """One row.

    Attributes:
        name: As documented. One that ends in `:`, `/` or `PCR` is a prefix, what follows it in a
            policy is the name of an encryption-context key, tag or register.
        operations: The checks (action, kind of resource) that have the key; None means all.
            In others the key is absent, whatever the call says.
        read: None where the key can't be read from a call yet.
    """

    name: str
    value_type: ValueType = ValueType.STRING
    valued: Valued = Valued.SINGLE
    operations: frozenset[tuple[str, ResourceKind]] | None = None
    usable: Usable = Usable.KEY_AND_IAM
    source: Source = Source.CALL
    read: Read | None = None

    @property
    def supported(self) -> bool:
        """Whether conditions with this key can be evaluated."""
        return self.read is not None

    @property
    def takes_name(self) -> bool:
        """Whether the row's name is a prefix."""
        return self.name.endswith((":", "/", "PCR"))

    def applies_to(self, action: str, resource: ResourceKind) -> bool:
        """Whether a check of the action on such a resource has the key."""
        return self.operations is None or (action, resource) in self.operations


def _checks(
    operations: Iterable[str], resource: ResourceKind
) -> frozenset[tuple[str, ResourceKind]]:
    return frozenset(
        key
        for key, row in PERMISSIONS.items()
        if row.resource is resource and row.operation in set(operations)
    )


def _on_keys(*operations: str) -> frozenset[tuple[str, ResourceKind]]:
    return _checks(operations, ResourceKind.KEY)


_DATA_KEY_PAIRS: Final = ("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext")
_SYMMETRIC: Final = (
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    *_DATA_KEY_PAIRS,
    "ReEncrypt",
)
_MACS: Final = ("GenerateMac", "VerifyMac")
_SIGNATURES: Final = ("Sign", "Verify")
_KEY_AGREEMENT: Final = ("DeriveSharedSecret", "Encapsulate", "Decapsulate")
_CUSTOM_KEY_STORES: Final = (
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "DeleteCustomKeyStore",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "UpdateCustomKeyStore",
)

_RETIRE_GRANT: Final = _on_keys("RetireGrant")
_KEY_RESOURCE: Final = (
    frozenset(key for key, row in PERMISSIONS.items() if row.resource is ResourceKind.KEY)
    - _RETIRE_GRANT
)
_CREATE_KEY: Final = _checks(("CreateKey",), ResourceKind.NONE)
_CREATE_AND_USE: Final = _CREATE_KEY | _KEY_RESOURCE
_CREATE_GRANT: Final = _on_keys("CreateGrant")
_WITH_CONTEXT: Final = _on_keys("CreateGrant", *_SYMMETRIC)
_TAGGING: Final = _on_keys("TagResource", "UntagResource") | _CREATE_KEY
_ATTESTED: Final = _on_keys("Decrypt", "GenerateDataKey", "GenerateDataKeyPair") | _checks(
    ("GenerateRandom",), ResourceKind.NONE
)
_ATTESTED_BY_TPM: Final = _ATTESTED | _on_keys("DeriveSharedSecret")

_KMS_ROWS: Final = (
    ConditionKey(
        name="kms:BypassPolicyLockoutSafetyCheck",
        value_type=ValueType.BOOLEAN,
        operations=_CREATE_KEY | _on_keys("PutKeyPolicy", "ReplicateKey"),
        read=read.bypass_policy_lockout_safety_check,
    ),
    ConditionKey(
        name="kms:CallerAccount",
        operations=_CREATE_AND_USE | _checks(_CUSTOM_KEY_STORES, ResourceKind.NONE),
        source=Source.CALLER,
        read=read.caller_account,
    ),
    ConditionKey(name="kms:CustomerMasterKeySpec", operations=_CREATE_AND_USE, read=read.key_spec),
    ConditionKey(
        name="kms:CustomerMasterKeyUsage", operations=_CREATE_AND_USE, read=read.key_usage
    ),
    ConditionKey(name="kms:DataKeyPairSpec", operations=_on_keys(*_DATA_KEY_PAIRS)),
    ConditionKey(
        name="kms:EncryptionAlgorithm",
        operations=_on_keys(*_SYMMETRIC),
        read=read.encryption_algorithm,
    ),
    ConditionKey(
        name="kms:EncryptionContext:", operations=_WITH_CONTEXT, read=read.encryption_context
    ),
    ConditionKey(
        name="kms:EncryptionContextKeys",
        valued=Valued.MULTI,
        operations=_WITH_CONTEXT,
        read=read.encryption_context_keys,
    ),
    ConditionKey(name="kms:ExpirationModel", operations=_on_keys("ImportKeyMaterial")),
    ConditionKey(name="kms:GrantConstraintType", operations=_CREATE_GRANT),
    ConditionKey(
        name="kms:GrantIsForAWSResource",
        value_type=ValueType.BOOLEAN,
        operations=_on_keys("CreateGrant", "ListGrants", "RevokeGrant"),
    ),
    ConditionKey(name="kms:GrantOperations", valued=Valued.MULTI, operations=_CREATE_GRANT),
    ConditionKey(name="kms:GranteePrincipal", operations=_CREATE_GRANT),
    ConditionKey(name="kms:KeyAgreementAlgorithm", operations=_on_keys("DeriveSharedSecret")),
    ConditionKey(name="kms:KeyOrigin", operations=_CREATE_AND_USE, read=read.key_origin),
    ConditionKey(name="kms:KeySpec", operations=_CREATE_AND_USE, read=read.key_spec),
    ConditionKey(name="kms:KeyUsage", operations=_CREATE_AND_USE, read=read.key_usage),
    ConditionKey(name="kms:MacAlgorithm", operations=_on_keys(*_MACS)),
    ConditionKey(name="kms:MessageType", operations=_on_keys(*_SIGNATURES)),
    ConditionKey(
        name="kms:MultiRegion",
        value_type=ValueType.BOOLEAN,
        operations=_CREATE_AND_USE,
        read=read.multi_region,
    ),
    ConditionKey(
        name="kms:MultiRegionKeyType",
        operations=_CREATE_AND_USE,
        read=read.multi_region_key_type,
    ),
    ConditionKey(name="kms:PolicyName", operations=_on_keys("GetKeyPolicy", "PutKeyPolicy")),
    ConditionKey(name="kms:PrimaryRegion", operations=_on_keys("UpdatePrimaryRegion")),
    ConditionKey(
        name="kms:ReEncryptOnSameKey",
        value_type=ValueType.BOOLEAN,
        operations=_on_keys("ReEncrypt"),
        read=read.reencrypt_on_same_key,
    ),
    ConditionKey(name="kms:RecipientAttestation:ImageSha384", operations=_ATTESTED),
    ConditionKey(name="kms:RecipientAttestation:NitroTPMPCR", operations=_ATTESTED_BY_TPM),
    ConditionKey(name="kms:RecipientAttestation:PCR", operations=_ATTESTED),
    ConditionKey(
        name="kms:ReplicaRegion", operations=_on_keys("ReplicateKey"), read=read.replica_region
    ),
    ConditionKey(
        name="kms:RequestAlias",
        operations=_on_keys(
            *_SYMMETRIC, *_MACS, *_SIGNATURES, *_KEY_AGREEMENT, "DescribeKey", "GetPublicKey"
        ),
        read=read.request_alias,
    ),
    ConditionKey(
        name="kms:ResourceAliases",
        valued=Valued.MULTI,
        operations=_KEY_RESOURCE | _RETIRE_GRANT,
        usable=Usable.IAM_ONLY,
    ),
    ConditionKey(name="kms:RetiringPrincipal", operations=_CREATE_GRANT),
    ConditionKey(
        name="kms:RotationPeriodInDays",
        value_type=ValueType.NUMERIC,
        operations=_on_keys("EnableKeyRotation"),
    ),
    ConditionKey(
        name="kms:ScheduleKeyDeletionPendingWindowInDays",
        value_type=ValueType.NUMERIC,
        operations=_on_keys("ScheduleKeyDeletion"),
    ),
    ConditionKey(name="kms:SigningAlgorithm", operations=_on_keys(*_SIGNATURES)),
    ConditionKey(
        name="kms:ValidTo",
        value_type=ValueType.TIMESTAMP,
        operations=_on_keys("ImportKeyMaterial"),
    ),
    ConditionKey(name="kms:ViaService", operations=_CREATE_AND_USE, read=read.via_service),
    ConditionKey(name="kms:WrappingAlgorithm", operations=_on_keys("GetParametersForImport")),
    ConditionKey(name="kms:WrappingKeySpec", operations=_on_keys("GetParametersForImport")),
)

_GLOBAL_ROWS: Final = (
    ConditionKey(name="aws:CalledVia", valued=Valued.MULTI),
    ConditionKey(name="aws:CalledViaFirst"),
    ConditionKey(name="aws:CalledViaLast"),
    ConditionKey(name="aws:CurrentTime", value_type=ValueType.TIMESTAMP),
    ConditionKey(name="aws:EpochTime", value_type=ValueType.TIMESTAMP),
    ConditionKey(name="aws:FederatedProvider"),
    ConditionKey(name="aws:MultiFactorAuthAge", value_type=ValueType.NUMERIC),
    ConditionKey(name="aws:MultiFactorAuthPresent", value_type=ValueType.BOOLEAN),
    ConditionKey(name="aws:PrincipalAccount", source=Source.CALLER, read=read.caller_account),
    ConditionKey(
        name="aws:PrincipalArn",
        value_type=ValueType.ARN,
        source=Source.CALLER,
        read=read.principal_arn,
    ),
    ConditionKey(
        name="aws:PrincipalIsAWSService",
        value_type=ValueType.BOOLEAN,
        source=Source.CALLER,
        read=read.principal_is_aws_service,
    ),
    ConditionKey(name="aws:PrincipalOrgID"),
    ConditionKey(name="aws:PrincipalOrgPaths", valued=Valued.MULTI),
    ConditionKey(name="aws:PrincipalServiceName"),
    ConditionKey(name="aws:PrincipalServiceNamesList", valued=Valued.MULTI),
    ConditionKey(name="aws:PrincipalTag/"),
    ConditionKey(name="aws:PrincipalType", source=Source.CALLER, read=read.principal_type),
    ConditionKey(name="aws:Referer"),
    ConditionKey(name="aws:RequestTag/", operations=_TAGGING),
    ConditionKey(name="aws:RequestedRegion"),
    ConditionKey(name="aws:ResourceAccount", read=read.resource_account),
    ConditionKey(name="aws:ResourceOrgID"),
    ConditionKey(name="aws:ResourceOrgPaths", valued=Valued.MULTI),
    ConditionKey(
        name="aws:ResourceTag/",
        operations=_CREATE_AND_USE | _RETIRE_GRANT,
        usable=Usable.IAM_ONLY,
    ),
    ConditionKey(
        name="aws:SecureTransport", value_type=ValueType.BOOLEAN, read=read.secure_transport
    ),
    ConditionKey(name="aws:SourceAccount"),
    ConditionKey(name="aws:SourceArn", value_type=ValueType.ARN),
    ConditionKey(name="aws:SourceIdentity"),
    ConditionKey(name="aws:SourceIp", value_type=ValueType.IP_ADDRESS),
    ConditionKey(name="aws:SourceOrgID"),
    ConditionKey(name="aws:SourceOrgPaths", valued=Valued.MULTI),
    ConditionKey(name="aws:SourceVpc"),
    ConditionKey(name="aws:SourceVpce"),
    ConditionKey(name="aws:TagKeys", valued=Valued.MULTI, operations=_TAGGING),
    ConditionKey(name="aws:TokenIssueTime", value_type=ValueType.TIMESTAMP),
    ConditionKey(name="aws:UserAgent"),
    ConditionKey(name="aws:ViaAWSService", value_type=ValueType.BOOLEAN, read=read.via_aws_service),
    ConditionKey(name="aws:VpcSourceIp", value_type=ValueType.IP_ADDRESS),
    ConditionKey(name="aws:userid", source=Source.CALLER, read=read.user_id),
    ConditionKey(name="aws:username", source=Source.CALLER),
)

CONDITION_KEYS: Final = MappingProxyType(
    {row.name.lower(): row for row in (*_KMS_ROWS, *_GLOBAL_ROWS)}
)
"""Every condition key by its name in lower case."""

_PREFIXES: Final = tuple((name, row) for name, row in CONDITION_KEYS.items() if row.takes_name)


def find_condition_key(name: str) -> tuple[ConditionKey, str] | None:
    """The row of a condition key, and the lower-case rest of its name after a prefix row's.

    Returns:
        None for a key that the table does not have. The rest is empty where the row is no prefix.
    """
    lowered = name.lower()
    row = CONDITION_KEYS.get(lowered)
    if row is not None and not row.takes_name:
        return row, ""
    for prefix, prefix_row in _PREFIXES:
        if lowered.startswith(prefix) and lowered != prefix:
            return prefix_row, lowered[len(prefix) :]
    return None
