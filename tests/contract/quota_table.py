"""The quota tables of spec 07 §4.1-4.2, transcribed apart from regionkms/quota/table.py.

Rates are requests a second; windows are (requests, seconds).
"""

from typing import Final

SYMMETRIC_RATES: Final = {
    "us-east-1": 50_000,
    "us-west-2": 50_000,
    "eu-west-1": 50_000,
    "us-east-2": 10_000,
    "ap-southeast-1": 10_000,
    "ap-southeast-2": 10_000,
    "ap-northeast-1": 10_000,
    "eu-central-1": 10_000,
    "eu-west-2": 10_000,
    "eu-west-3": 5_500,
    "eu-north-1": 5_500,
    "sa-east-1": 5_500,
    "ca-central-1": 5_500,
    "us-west-1": 5_500,
    "ap-south-1": 5_500,
    "cn-north-1": 5_500,
    "us-gov-west-1": 5_500,
}

SYMMETRIC_OPERATIONS: Final = (
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "ReEncrypt",
    "VerifyMac",
)
SYMMETRIC_SPECS: Final = ("SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512")

RSA_RATE: Final = 500
RSA_OPERATIONS: Final = ("Decrypt", "Encrypt", "ReEncrypt", "Sign", "Verify")
RSA_SPECS: Final = ("RSA_2048", "RSA_3072", "RSA_4096")

ECC_RATE: Final = 300
ECC_OPERATIONS: Final = ("Sign", "Verify")
ECC_SPECS: Final = ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1")

SM_RATE: Final = 300
SM_OPERATIONS: Final = ("Decrypt", "Encrypt", "ReEncrypt", "Sign", "Verify")

STORE_RATE: Final = 1_800
STORE_OPERATIONS: Final = (
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateRandom",
    "ReEncrypt",
)

DATA_KEY_PAIR_WINDOWS: Final = {
    "ECC_NIST_P256": (100, 1),
    "ECC_NIST_P384": (100, 1),
    "ECC_NIST_P521": (100, 1),
    "ECC_SECG_P256K1": (100, 1),
    "RSA_2048": (1, 1),
    "RSA_3072": (1, 2),
    "RSA_4096": (1, 10),
    "SM2": (25, 1),
}

OPERATION_WINDOWS: Final = {
    "CancelKeyDeletion": (5, 1),
    "ConnectCustomKeyStore": (5, 1),
    "CreateAlias": (5, 1),
    "CreateCustomKeyStore": (5, 1),
    "CreateGrant": (50, 1),
    "CreateKey": (5, 1),
    "DeleteAlias": (15, 1),
    "DeleteCustomKeyStore": (5, 1),
    "DeleteImportedKeyMaterial": (5, 1),
    "DescribeCustomKeyStores": (5, 1),
    "DescribeKey": (2000, 1),
    "DisableKey": (5, 1),
    "DisableKeyRotation": (5, 1),
    "DisconnectCustomKeyStore": (5, 1),
    "EnableKey": (5, 1),
    "EnableKeyRotation": (15, 1),
    "GetKeyPolicy": (1000, 1),
    "GetKeyRotationStatus": (1000, 1),
    "GetParametersForImport": (1, 4),
    "GetPublicKey": (2000, 1),
    "ImportKeyMaterial": (5, 1),
    "ListAliases": (500, 1),
    "ListGrants": (100, 1),
    "ListKeyPolicies": (100, 1),
    "ListKeys": (500, 1),
    "ListResourceTags": (2000, 1),
    "ListRetirableGrants": (100, 1),
    "PutKeyPolicy": (15, 1),
    "ReplicateKey": (5, 1),
    "RetireGrant": (30, 1),
    "RevokeGrant": (30, 1),
    "ScheduleKeyDeletion": (15, 1),
    "TagResource": (10, 1),
    "UntagResource": (5, 1),
    "UpdateAlias": (5, 1),
    "UpdateCustomKeyStore": (5, 1),
    "UpdateKeyDescription": (5, 1),
    "UpdatePrimaryRegion": (5, 1),
}

NEWER_OPERATION_WINDOWS: Final = {
    "Decapsulate": (300, 1),
    "Encapsulate": (300, 1),
    "GetKeyLastUsage": (100, 1),
    "ListKeyRotations": (100, 1),
    "RotateKeyOnDemand": (5, 1),
}
"""Not in the tables: defaults of docs/adr/0009-quota-windows.md."""

NEWER_DATA_KEY_PAIR_WINDOWS: Final = {
    "ECC_NIST_EDWARDS25519": (100, 1),
    "ML_KEM_512": (100, 1),
    "ML_KEM_768": (100, 1),
    "ML_KEM_1024": (100, 1),
}

RESOURCE_LIMITS: Final = {
    "AWS KMS keys": (100_000, True),
    "Aliases per KMS key": (50, True),
    "Grants per KMS key": (50_000, True),
    "Key policy document size": (32_768, False),
    "Custom key stores": (10, True),
}
"""Limit and whether it is adjustable, by name."""

HOT_KEY_OPERATIONS: Final = (
    "EnableKey",
    "DisableKey",
    "EnableKeyRotation",
    "DisableKeyRotation",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "UpdateAlias",
    "PutKeyPolicy",
)
