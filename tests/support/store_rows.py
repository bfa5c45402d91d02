"""Rows of a store with every member filled, for tests of the store and its users."""

from typing import Any, Final

from regionkms.model.ids import AccountId, AliasName, DomainKeyId, GenerationId, KeyId
from regionkms.model.key import (
    AccessKey,
    Alias,
    Intent,
    KmsKey,
    MultiRegionFacts,
    StoredGeneration,
    WrappedBindingKey,
)
from regionkms.model.key_spec import KeySpec, KeyUsage, Origin
from regionkms.ports.store import WrappedDomainKey

ACCOUNT: Final = AccountId("111122223333")
OTHER_ACCOUNT: Final = AccountId("444455556666")
DOMAIN_KEY: Final = DomainKeyId("d0" * 16)
POLICY: Final = '{"Version":"2012-10-17","Statement":[]}'


def key_id(number: int) -> KeyId:
    """A key id; greater numbers sort later."""
    return KeyId(f"00000000-0000-4000-8000-{number:012x}")


def multi_region_key_id(number: int) -> KeyId:
    """A multi-Region key id; greater numbers sort later."""
    return KeyId(f"mrk-{number:032x}")


def alias_name(name: str) -> AliasName:
    """An alias name from its last part."""
    return AliasName(f"alias/{name}")


def generation_id(number: int) -> GenerationId:
    """A generation id of 16 bytes."""
    return GenerationId(number.to_bytes(16, "big"))


def kms_key(identifier: KeyId | None = None, **members: Any) -> KmsKey:
    """A symmetric key of ACCOUNT; `members` replace what they name."""
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "key_id": key_id(1) if identifier is None else identifier,
        "key_spec": KeySpec.SYMMETRIC_DEFAULT,
        "key_usage": KeyUsage.ENCRYPT_DECRYPT,
        "origin": Origin.AWS_KMS,
        "description": "for tests",
        "policy": POLICY,
        "created_at": 1_700_000_000.125,
        "enabled": True,
        "current_generation": generation_id(1),
        "binding_key": WrappedBindingKey(domain_key_id=DOMAIN_KEY, wrapped=b"wrapped binding key"),
    }
    return KmsKey(**(values | members))


def multi_region_key(number: int = 1, **members: Any) -> KmsKey:
    """A multi-Region key with facts; `members` replace what they name."""
    return kms_key(
        multi_region_key_id(number), **({"multi_region": MultiRegionFacts(life=1)} | members)
    )


def generation(number: int = 1, **members: Any) -> StoredGeneration:
    """A generation; greater numbers are younger."""
    values: dict[str, Any] = {
        "generation_id": generation_id(number),
        "domain_key_id": DOMAIN_KEY,
        "wrapped": b"wrapped material %d" % number,
        "fingerprint": bytes([number]) * 32,
        "created_at": 1_700_000_000.0 + number,
    }
    return StoredGeneration(**(values | members))


def alias(name: str, target: KeyId | None = None, **members: Any) -> Alias:
    """An alias of ACCOUNT for key 1, or for `target`."""
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "alias_name": alias_name(name),
        "target_key_id": key_id(1) if target is None else target,
        "created_at": 1.5,
        "updated_at": 2.5,
    }
    return Alias(**(values | members))


def access_key(name: str = "AKIAEXAMPLE000000001", **members: Any) -> AccessKey:
    """Root credentials of ACCOUNT."""
    values: dict[str, Any] = {
        "access_key_id": name,
        "account_id": ACCOUNT,
        "domain_key_id": DOMAIN_KEY,
        "wrapped_secret": b"wrapped secret",
        "created_at": 3.5,
    }
    return AccessKey(**(values | members))


def intent(name: str = "intent-1", **members: Any) -> Intent:
    """An open intent about multi-Region key 1."""
    values: dict[str, Any] = {
        "intent_id": name,
        "kind": "ReplicateKey",
        "account_id": ACCOUNT,
        "key_id": multi_region_key_id(1),
        "request": '{"ReplicaRegion":"eu-west-1"}',
        "created_at": 10.0,
        "deadline": 15.0,
    }
    return Intent(**(values | members))


def domain_key(number: int = 0, *, current: bool = True) -> WrappedDomainKey:
    """A domain key; number 0 is DOMAIN_KEY."""
    return WrappedDomainKey(
        domain_key_id=DomainKeyId(f"d{number:x}" * 16),
        wrapped=b"wrapped domain key %d" % number,
        created_at=float(number),
        current=current,
    )
