"""The table of permissions: which action is checked on which kind of resource, and by what.

One row for each (action, resource kind). An operation may need several rows: ReEncrypt has two
actions, the alias operations are checked on the alias and on the key. Which condition keys an
action has is said by condition_keys.py.

Source: spec 04 §10, §10.4 (newer operations); spec 03 §3.5.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ResourceKind(StrEnum):
    """What an action is checked on (spec 04 §10.2)."""

    KEY = "KMS key"
    ALIAS = "alias"
    NONE = "*"
    """Not tied to a key or alias."""


class PolicyType(StrEnum):
    """Where a permission may be given (spec 04 §1)."""

    KEY_POLICY = "key policy"
    """In the key policy; in identity policies where the key policy delegates to the account."""
    IAM_POLICY = "IAM policy"
    """In identity policies only; a key policy that gives it has no effect (AZ-18, AZ-19)."""


class CrossAccount(StrEnum):
    """Whether an action works on resources of other accounts (spec 04 §10.2)."""

    YES = "Yes"
    NO = "No"
    NOT_APPLICABLE = "N/A"
    LOCAL_PRINCIPAL = "local principal"
    """ListRetirableGrants: the principal is of the caller's account, grants may be of any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One row of the table.

    Attributes:
        action: With its prefix: `kms:ReEncryptFrom`.
        operation: Of the API: `ReEncrypt`.
    """

    action: str
    operation: str
    policy_type: PolicyType
    cross_account: CrossAccount
    resource: ResourceKind


def _on_key(operation: str, *, action: str = "", foreign: bool = False) -> Permission:
    return Permission(
        action=f"kms:{action or operation}",
        operation=operation,
        policy_type=PolicyType.KEY_POLICY,
        cross_account=CrossAccount.YES if foreign else CrossAccount.NO,
        resource=ResourceKind.KEY,
    )


def _by_identity(
    operation: str,
    resource: ResourceKind = ResourceKind.NONE,
    cross_account: CrossAccount = CrossAccount.NO,
) -> Permission:
    return Permission(
        action=f"kms:{operation}",
        operation=operation,
        policy_type=PolicyType.IAM_POLICY,
        cross_account=cross_account,
        resource=resource,
    )


_ROWS: Final = (
    _on_key("CancelKeyDeletion"),
    _by_identity("ConnectCustomKeyStore"),
    _by_identity("CreateAlias", ResourceKind.ALIAS),
    _on_key("CreateAlias"),
    _by_identity("CreateCustomKeyStore"),
    _on_key("CreateGrant", foreign=True),
    _by_identity("CreateKey"),
    _on_key("Decapsulate", foreign=True),
    _on_key("Decrypt", foreign=True),
    _by_identity("DeleteAlias", ResourceKind.ALIAS),
    _on_key("DeleteAlias"),
    _by_identity("DeleteCustomKeyStore"),
    _on_key("DeleteImportedKeyMaterial"),
    _on_key("DeriveSharedSecret", foreign=True),
    _by_identity("DescribeCustomKeyStores"),
    _on_key("DescribeKey", foreign=True),
    _on_key("DisableKey"),
    _on_key("DisableKeyRotation"),
    _by_identity("DisconnectCustomKeyStore"),
    _on_key("EnableKey"),
    _on_key("EnableKeyRotation"),
    _on_key("Encapsulate", foreign=True),
    _on_key("Encrypt", foreign=True),
    _on_key("GenerateDataKey", foreign=True),
    _on_key("GenerateDataKeyPair", foreign=True),
    _on_key("GenerateDataKeyPairWithoutPlaintext", foreign=True),
    _on_key("GenerateDataKeyWithoutPlaintext", foreign=True),
    _on_key("GenerateMac", foreign=True),
    _by_identity("GenerateRandom", cross_account=CrossAccount.NOT_APPLICABLE),
    _on_key("GetKeyLastUsage"),
    _on_key("GetKeyPolicy"),
    _on_key("GetKeyRotationStatus", foreign=True),
    _on_key("GetParametersForImport"),
    _on_key("GetPublicKey", foreign=True),
    _on_key("ImportKeyMaterial"),
    _by_identity("ListAliases"),
    _on_key("ListGrants", foreign=True),
    _on_key("ListKeyPolicies"),
    _on_key("ListKeyRotations"),
    _by_identity("ListKeys"),
    _on_key("ListResourceTags"),
    _by_identity("ListRetirableGrants", cross_account=CrossAccount.LOCAL_PRINCIPAL),
    _on_key("PutKeyPolicy"),
    _on_key("ReEncrypt", action="ReEncryptFrom", foreign=True),
    _on_key("ReEncrypt", action="ReEncryptTo", foreign=True),
    _on_key("ReplicateKey"),
    _by_identity("RetireGrant", ResourceKind.KEY, CrossAccount.YES),
    _on_key("RevokeGrant", foreign=True),
    _on_key("RotateKeyOnDemand"),
    _on_key("ScheduleKeyDeletion"),
    _on_key("Sign", foreign=True),
    _on_key("TagResource"),
    _on_key("UntagResource"),
    _by_identity("UpdateAlias", ResourceKind.ALIAS),
    _on_key("UpdateAlias"),
    _by_identity("UpdateCustomKeyStore"),
    _on_key("UpdateKeyDescription"),
    _on_key("UpdatePrimaryRegion"),
    _on_key("Verify", foreign=True),
    _on_key("VerifyMac", foreign=True),
)

PERMISSIONS: Final = MappingProxyType({(row.action, row.resource): row for row in _ROWS})
"""Every permission by its action and the kind of its resource."""

CROSS_ACCOUNT_ACTIONS: Final = frozenset(
    row.action for row in _ROWS if row.cross_account is CrossAccount.YES
)
"""Actions that a caller may be allowed on keys of another account (AZ-20)."""

IAM_ONLY_ACTIONS: Final = frozenset(row.action for row in _ROWS) - frozenset(
    row.action for row in _ROWS if row.policy_type is PolicyType.KEY_POLICY
)
"""Actions that have no effect in a key policy, on whatever resource (AZ-18, AZ-19)."""

KEY_ACTIONS: Final = frozenset(
    row.action for row in _ROWS if row.policy_type is PolicyType.KEY_POLICY
)
"""Actions that a key policy decides about: KMS key resource operations (spec 04 §1)."""


def permission_for(action: str, resource: ResourceKind) -> Permission:
    """The row of an action on a kind of resource.

    Raises:
        ValueError: The table has no such row; the operation that asks is declared wrongly.
    """
    row = PERMISSIONS.get((action, resource))
    if row is None:
        raise ValueError(f"{action} is not checked on a resource of kind {resource.value!r}")
    return row
