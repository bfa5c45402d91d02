"""The table of quotas: a row for each, with its default.

Request quotas and resource quotas of spec 07 §4.1 and §4.2, all of them, also for operations that
this release does not offer. Operations that are newer than that table have rows too, marked with
`documented=False`; docs/adr/0009-quota-windows.md says how their defaults were chosen. Which rows
an operation is charged to is quota/charging.py; what is in force is quota/settings.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from regionkms.model.ids import RegionName
from regionkms.model.limits import MAX_POLICY_BYTES
from regionkms.quota.limit import Limit, limit_of_rate


class QuotaOwner(StrEnum):
    """Whose requests share one count."""

    ACCOUNT = "the caller's account in the Region"
    STORE = "a custom key store, whichever accounts use it"
    KEY = "a KMS key, whichever accounts use it"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQuota:
    """One request quota.

    Attributes:
        code: Stable name in settings, metrics and the command line.
        name: As Service Quotas shows it.
        default: Where no Region class says otherwise.
        owner: Whose requests are counted together.
        adjustable: Whether `regionkms quota set` may change it.
        listed: Whether Service Quotas shows it (spec 07 §4.3 rule 14).
        documented: False for rows that AWS's table, as cited, does not have.
        china_only: Its key spec exists in China Regions only.
        by_region: Limits of the Regions that have another default.
        position: In REQUEST_QUOTAS; counters index by it.
    """

    code: str
    name: str
    default: Limit
    owner: QuotaOwner = QuotaOwner.ACCOUNT
    adjustable: bool = True
    listed: bool = True
    documented: bool = True
    china_only: bool = False
    by_region: Mapping[RegionName, Limit] = field(default_factory=lambda: MappingProxyType({}))
    position: int = -1

    def default_in(self, region: RegionName) -> Limit:
        """The default limit in a Region."""
        return self.by_region.get(region, self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceQuota:
    """One resource quota.

    Attributes:
        code: Stable name in settings, metrics and the command line.
        name: As Service Quotas shows it.
        default: How many (of the policy: bytes in UTF-8).
        adjustable: Whether `regionkms quota set` may change it.
        message: Of LimitExceededException; `{limit}` is what is in force.
    """

    code: str
    name: str
    default: int
    message: str
    adjustable: bool = True

    def exceeded_message(self, limit: int) -> str:
        """What the caller is told when the limit would be exceeded."""
        return self.message.format(limit=limit)


_LARGE: Final = ("us-east-1", "us-west-2", "eu-west-1")
_MEDIUM: Final = (
    "us-east-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-central-1",
    "eu-west-2",
)
SYMMETRIC: Final = "CryptographicOperationsSymmetric"
RSA: Final = "CryptographicOperationsRsa"
ECC: Final = "CryptographicOperationsEcc"
SM: Final = "CryptographicOperationsSm"
CLOUDHSM_STORE: Final = "CustomKeyStoreCloudHsm"
EXTERNAL_STORE: Final = "CustomKeyStoreExternal"
HOT_KEY: Final = "HotKey"

_SHARED: Final = (
    RequestQuota(
        code=SYMMETRIC,
        name="Cryptographic operations (symmetric) request rate",
        default=Limit(count=5500),
        by_region=MappingProxyType(
            {RegionName(name): Limit(count=10_000) for name in _MEDIUM}
            | {RegionName(name): Limit(count=50_000) for name in _LARGE}
        ),
    ),
    RequestQuota(
        code=RSA,
        name="Cryptographic operations (RSA) request rate",
        default=Limit(count=500),
    ),
    RequestQuota(
        code=ECC,
        name="Cryptographic operations (ECC) request rate",
        default=Limit(count=300),
    ),
    RequestQuota(
        code=SM,
        name="Cryptographic operations (SM) request rate",
        default=Limit(count=300),
        china_only=True,
    ),
    RequestQuota(
        code=CLOUDHSM_STORE,
        name="Custom key store request quota (AWS CloudHSM key store)",
        default=Limit(count=1800),
        owner=QuotaOwner.STORE,
        adjustable=False,
        listed=False,
    ),
    RequestQuota(
        code=EXTERNAL_STORE,
        name="Custom key store request quota (external key store)",
        default=Limit(count=1800),
        owner=QuotaOwner.STORE,
        listed=False,
    ),
    RequestQuota(
        code=HOT_KEY,
        name="Changes of one KMS key",
        default=Limit(count=1, window_s=1, burst=3),
        owner=QuotaOwner.KEY,
        listed=False,
        documented=False,
    ),
)

_DATA_KEY_PAIR_RATES: Final = MappingProxyType(
    {
        "ECC_NIST_P256": 100,
        "ECC_NIST_P384": 100,
        "ECC_NIST_P521": 100,
        "ECC_SECG_P256K1": 100,
        "RSA_2048": 1,
        "RSA_3072": 0.5,
        "RSA_4096": 0.1,
        "SM2": 25,
    }
)
"""Requests a second for each key pair spec (spec 07 §4.2)."""

_NEWER_DATA_KEY_PAIR_RATES: Final = MappingProxyType(
    {"ECC_NIST_EDWARDS25519": 100, "ML_KEM_512": 100, "ML_KEM_768": 100, "ML_KEM_1024": 100}
)

_OPERATION_RATES: Final = MappingProxyType(
    {
        "CancelKeyDeletion": 5,
        "ConnectCustomKeyStore": 5,
        "CreateAlias": 5,
        "CreateCustomKeyStore": 5,
        "CreateGrant": 50,
        "CreateKey": 5,
        "DeleteAlias": 15,
        "DeleteCustomKeyStore": 5,
        "DeleteImportedKeyMaterial": 5,
        "DescribeCustomKeyStores": 5,
        "DescribeKey": 2000,
        "DisableKey": 5,
        "DisableKeyRotation": 5,
        "DisconnectCustomKeyStore": 5,
        "EnableKey": 5,
        "EnableKeyRotation": 15,
        "GetKeyPolicy": 1000,
        "GetKeyRotationStatus": 1000,
        "GetParametersForImport": 0.25,
        "GetPublicKey": 2000,
        "ImportKeyMaterial": 5,
        "ListAliases": 500,
        "ListGrants": 100,
        "ListKeyPolicies": 100,
        "ListKeys": 500,
        "ListResourceTags": 2000,
        "ListRetirableGrants": 100,
        "PutKeyPolicy": 15,
        "ReplicateKey": 5,
        "RetireGrant": 30,
        "RevokeGrant": 30,
        "ScheduleKeyDeletion": 15,
        "TagResource": 10,
        "UntagResource": 5,
        "UpdateAlias": 5,
        "UpdateCustomKeyStore": 5,
        "UpdateKeyDescription": 5,
        "UpdatePrimaryRegion": 5,
    }
)
"""Requests a second of the operations that have a quota of their own (spec 07 §4.2)."""

_NEWER_OPERATION_RATES: Final = MappingProxyType(
    {
        "Decapsulate": 300,
        "Encapsulate": 300,
        "GetKeyLastUsage": 100,
        "ListKeyRotations": 100,
        "RotateKeyOnDemand": 5,
    }
)


def data_key_pair_code(key_pair_spec: str) -> str:
    """Code of the quota of a key pair spec: `GenerateDataKeyPairRsa2048` for RSA_2048."""
    return "GenerateDataKeyPair" + "".join(part.capitalize() for part in key_pair_spec.split("_"))


def _pairs(rates: Mapping[str, float], *, documented: bool) -> Iterable[RequestQuota]:
    for spec, rate in rates.items():
        yield RequestQuota(
            code=data_key_pair_code(spec),
            name=f"GenerateDataKeyPair ({spec}) request rate",
            default=limit_of_rate(rate),
            documented=documented,
            china_only=spec == "SM2",
        )


def _operations(rates: Mapping[str, float], *, documented: bool) -> Iterable[RequestQuota]:
    for operation, rate in rates.items():
        yield RequestQuota(
            code=operation,
            name=f"{operation} request rate",
            default=limit_of_rate(rate),
            documented=documented,
        )


REQUEST_QUOTAS: Final = MappingProxyType(
    {
        row.code: replace(row, position=position)
        for position, row in enumerate(
            (
                *_SHARED,
                *_pairs(_DATA_KEY_PAIR_RATES, documented=True),
                *_pairs(_NEWER_DATA_KEY_PAIR_RATES, documented=False),
                *_operations(_OPERATION_RATES, documented=True),
                *_operations(_NEWER_OPERATION_RATES, documented=False),
            )
        )
    }
)
"""Every request quota by its code, in order of position."""

OPERATION_QUOTAS: Final = MappingProxyType(
    {name: REQUEST_QUOTAS[name] for name in (*_OPERATION_RATES, *_NEWER_OPERATION_RATES)}
)
"""The request quota of each operation that has one of its own."""

DATA_KEY_PAIR_QUOTAS: Final = MappingProxyType(
    {
        spec: REQUEST_QUOTAS[data_key_pair_code(spec)]
        for spec in (*_DATA_KEY_PAIR_RATES, *_NEWER_DATA_KEY_PAIR_RATES)
    }
)
"""The request quota of each key pair spec."""

KMS_KEYS: Final = ResourceQuota(
    code="KmsKeys",
    name="AWS KMS keys",
    default=100_000,
    message="You have reached the limit of {limit} KMS keys in this account and Region.",
)
ALIASES_PER_KEY: Final = ResourceQuota(
    code="AliasesPerKey",
    name="Aliases per KMS key",
    default=50,
    message="The KMS key has reached the limit of {limit} aliases.",
)
GRANTS_PER_KEY: Final = ResourceQuota(
    code="GrantsPerKey",
    name="Grants per KMS key",
    default=50_000,
    message="The KMS key has reached the limit of {limit} grants.",
)
KEY_POLICY_SIZE: Final = ResourceQuota(
    code="KeyPolicySize",
    name="Key policy document size",
    default=MAX_POLICY_BYTES,
    message="The key policy document is larger than {limit} bytes.",
    adjustable=False,
)
CUSTOM_KEY_STORES: Final = ResourceQuota(
    code="CustomKeyStores",
    name="Custom key stores",
    default=10,
    message="You have reached the limit of {limit} custom key stores in this account and Region.",
)

RESOURCE_QUOTAS: Final = MappingProxyType(
    {
        row.code: row
        for row in (KMS_KEYS, ALIASES_PER_KEY, GRANTS_PER_KEY, KEY_POLICY_SIZE, CUSTOM_KEY_STORES)
    }
)
"""Every resource quota by its code (spec 07 §4.1)."""
