"""What each operation's record shows: spec 02 §3.4, transcribed for the operations offered.

`resources`: KEY is the one affected key, NONE an empty array, anything else says itself.
"""

from dataclasses import dataclass
from typing import Final

KEY: Final = ("key",)
NONE: Final[tuple[str, ...]] = ()
ALIAS_THEN_KEY: Final = ("alias", "key")
KEY_THEN_ALIAS: Final = ("key", "alias")
SOURCE_THEN_DESTINATION: Final = ("source key", "destination key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        request: Members of requestParameters when every member is sent.
        filled: Those that are there even if they are not sent.
        response: Members of responseElements after success; empty means null.
    """

    read_only: bool
    request: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()
    response: frozenset[str] = frozenset()
    resources: tuple[str, ...] = KEY


def _members(text: str) -> frozenset[str]:
    return frozenset(text.split())


AUDIT_TABLE: Final[dict[str, Row]] = {
    "CancelKeyDeletion": Row(
        read_only=False, request=_members("keyId"), response=_members("keyId")
    ),
    "CreateAlias": Row(
        read_only=False,
        request=_members("aliasName targetKeyId"),
        response=_members("keyId"),
        resources=KEY_THEN_ALIAS,
    ),
    "CreateKey": Row(
        read_only=False,
        request=_members(
            "description origin bypassPolicyLockoutSafetyCheck customerMasterKeySpec keySpec "
            "keyUsage multiRegion tags customKeyStoreId xksKeyId"
        ),
        filled=_members(
            "description origin bypassPolicyLockoutSafetyCheck customerMasterKeySpec keySpec "
            "keyUsage multiRegion"
        ),
        response=_members("keyMetadata"),
    ),
    "Decrypt": Row(
        read_only=True,
        request=_members("encryptionAlgorithm keyId encryptionContext"),
        filled=_members("encryptionAlgorithm"),
    ),
    "DeleteAlias": Row(
        read_only=False,
        request=_members("aliasName"),
        response=_members("keyId"),
        resources=ALIAS_THEN_KEY,
    ),
    "DescribeKey": Row(read_only=True, request=_members("keyId")),
    "DisableKey": Row(read_only=False, request=_members("keyId"), response=_members("keyId")),
    "EnableKey": Row(read_only=False, request=_members("keyId"), response=_members("keyId")),
    "Encrypt": Row(
        read_only=True,
        request=_members("keyId encryptionContext encryptionAlgorithm"),
        filled=_members("encryptionAlgorithm"),
    ),
    "GenerateDataKey": Row(
        read_only=True, request=_members("keyId keySpec numberOfBytes encryptionContext")
    ),
    "GenerateDataKeyWithoutPlaintext": Row(
        read_only=True, request=_members("keyId keySpec numberOfBytes encryptionContext")
    ),
    "GenerateRandom": Row(read_only=True, resources=NONE),
    "GetKeyPolicy": Row(
        read_only=True, request=_members("keyId policyName"), filled=_members("policyName")
    ),
    "ListAliases": Row(read_only=True, request=_members("limit marker keyId"), resources=NONE),
    "ListKeyPolicies": Row(read_only=True, request=_members("keyId limit marker")),
    "ListKeys": Row(read_only=True, request=_members("limit marker"), resources=NONE),
    "ListResourceTags": Row(read_only=True, request=_members("keyId limit marker")),
    "PutKeyPolicy": Row(
        read_only=False,
        request=_members("keyId policyName policy bypassPolicyLockoutSafetyCheck"),
        filled=_members("policyName bypassPolicyLockoutSafetyCheck"),
    ),
    "ReEncrypt": Row(
        read_only=True,
        request=_members(
            "sourceEncryptionAlgorithm sourceEncryptionContext sourceKeyId destinationKeyId "
            "destinationEncryptionAlgorithm destinationEncryptionContext"
        ),
        filled=_members("sourceEncryptionAlgorithm destinationEncryptionAlgorithm"),
        resources=SOURCE_THEN_DESTINATION,
    ),
    "ReplicateKey": Row(
        read_only=False,
        request=_members("keyId replicaRegion bypassPolicyLockoutSafetyCheck description"),
        filled=_members("bypassPolicyLockoutSafetyCheck description"),
        response=_members("replicaKeyMetadata replicaPolicy"),
    ),
    "ScheduleKeyDeletion": Row(
        read_only=False,
        request=_members("keyId pendingWindowInDays"),
        response=_members("keyId keyState deletionDate pendingWindowInDays"),
    ),
    "TagResource": Row(read_only=False, request=_members("keyId tags"), response=_members("keyId")),
    "UntagResource": Row(
        read_only=False, request=_members("keyId tagKeys"), response=_members("keyId")
    ),
    "UpdateAlias": Row(
        read_only=False,
        request=_members("aliasName targetKeyId"),
        response=_members("keyId"),
        resources=ALIAS_THEN_KEY,
    ),
    "UpdateKeyDescription": Row(read_only=False, request=_members("keyId description")),
}
"""ListKeyPolicies, ListKeys and ListResourceTags are "others not sampled" there. policyName has one
value only, and is shown when it was not sent, as AWS's samples do."""
