"""Which request quotas a call is charged to, by operation and key spec. Pure.

The caller's account is charged, not the key's owner (spec 07 §4.3 rule 7), as soon as the caller
is authenticated and the key identifier resolved: a call that is refused later, and a DryRun, count
like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from regionkms.model.key_spec import KEY_SPECS, CryptographicBucket, KeySpec, Origin
from regionkms.quota import table
from regionkms.quota.table import (
    DATA_KEY_PAIR_QUOTAS,
    OPERATION_QUOTAS,
    REQUEST_QUOTAS,
    RequestQuota,
)

CRYPTOGRAPHIC_OPERATIONS: Final = frozenset(
    {
        "Decrypt",
        "DeriveSharedSecret",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GenerateRandom",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
"""Charged to the shared quota of the key's spec (spec 07 §4.2; DeriveSharedSecret: ADR 0009)."""

DATA_KEY_PAIR_OPERATIONS: Final = frozenset(
    {"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"}
)
"""Charged to the quota of the key pair's spec, and to that one only."""

STORE_OPERATIONS: Final = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateRandom",
        "ReEncrypt",
    }
)
"""Also charged to the custom key store that they use (spec 07 §4.2, §4.3 rule 8)."""

HOT_KEY_OPERATIONS: Final = frozenset(
    {
        "CancelKeyDeletion",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "PutKeyPolicy",
        "ScheduleKeyDeletion",
        "UpdateAlias",
    }
)
"""Change the state of a key: also charged to that key (spec 07 §4.5); UpdateAlias: the target."""

_BUCKETS: Final = MappingProxyType(
    {
        CryptographicBucket.SYMMETRIC: REQUEST_QUOTAS[table.SYMMETRIC],
        CryptographicBucket.RSA: REQUEST_QUOTAS[table.RSA],
        CryptographicBucket.ECC: REQUEST_QUOTAS[table.ECC],
        CryptographicBucket.SM: REQUEST_QUOTAS[table.SM],
    }
)
_CRYPTOGRAPHIC: Final[Mapping[KeySpec | None, tuple[RequestQuota, ...]]] = MappingProxyType(
    {None: (REQUEST_QUOTAS[table.SYMMETRIC],)}
    | {spec: (_BUCKETS[row.bucket],) for spec, row in KEY_SPECS.items()}
)
_OWN: Final = MappingProxyType({name: (quota,) for name, quota in OPERATION_QUOTAS.items()})
_PAIRS: Final = MappingProxyType({spec: (quota,) for spec, quota in DATA_KEY_PAIR_QUOTAS.items()})
_STORES: Final = MappingProxyType(
    {
        Origin.AWS_CLOUDHSM: REQUEST_QUOTAS[table.CLOUDHSM_STORE],
        Origin.EXTERNAL_KEY_STORE: REQUEST_QUOTAS[table.EXTERNAL_STORE],
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a call costs in another Region than its own.

    Attributes:
        quota: Charged there, to the same account.
        cost: Requests that the call counts as.
    """

    quota: RequestQuota
    cost: int


_TARGET_CHARGES: Final = MappingProxyType(
    {
        "ReplicateKey": Charge(quota=REQUEST_QUOTAS["CreateKey"], cost=2),
        "UpdatePrimaryRegion": Charge(quota=REQUEST_QUOTAS["UpdatePrimaryRegion"], cost=1),
    }
)


def quota_for(
    operation_name: str,
    key_spec: KeySpec | None = None,
    *,
    destination_spec: KeySpec | None = None,
    key_pair_spec: str | None = None,
) -> tuple[RequestQuota, ...]:
    """The quotas that an account is charged to for a call, once each.

    Args:
        operation_name: Of botocore's model.
        key_spec: Of the KMS key used (of ReEncrypt: the source); None where the identifier did
            not resolve, or there is none: then the operation's own quota or the symmetric one.
        destination_spec: Of ReEncrypt's destination key; None as above.
        key_pair_spec: Asked of GenerateDataKeyPair.

    Raises:
        ValueError: No such operation, or no such key pair spec.

    Source: spec 07 §4.2, §4.3; a ReEncrypt between key types is charged to both.
    """
    if operation_name in CRYPTOGRAPHIC_OPERATIONS:
        charged = _CRYPTOGRAPHIC[key_spec]
        if operation_name == "ReEncrypt":
            other = _CRYPTOGRAPHIC[destination_spec]
            return charged if other == charged else charged + other
        return charged
    own = _OWN.get(operation_name)
    if own is not None:
        return own
    pair = None if key_pair_spec is None else _PAIRS.get(key_pair_spec)
    if pair is not None and operation_name in DATA_KEY_PAIR_OPERATIONS:
        return pair
    raise ValueError(f"no request quota for {operation_name} with key pair spec {key_pair_spec}")


def store_quota_for(operation_name: str, origin: Origin) -> RequestQuota | None:
    """The custom key store's quota that a call on one of its keys counts in as well.

    Charged with the store's id as `scope`, for each store that the call uses (of GenerateRandom:
    the one named by CustomKeyStoreId). None for management operations and ordinary keys.
    """
    return _STORES.get(origin) if operation_name in STORE_OPERATIONS else None


def hot_key_quota_for(operation_name: str) -> RequestQuota | None:
    """The hot-key limiter where the operation changes a key's state.

    Charged with the key's ARN as `scope` (of UpdateAlias: of the target key).
    """
    return REQUEST_QUOTAS[table.HOT_KEY] if operation_name in HOT_KEY_OPERATIONS else None


def target_region_charge(operation_name: str) -> Charge | None:
    """What the call costs in the Region that it acts on from another one.

    ReplicateKey: two CreateKey requests in the replica's Region, one of them the search for
    problems before (spec 07 §4.3 rule 9). UpdatePrimaryRegion: one there too (rule 10).
    """
    return _TARGET_CHARGES.get(operation_name)
