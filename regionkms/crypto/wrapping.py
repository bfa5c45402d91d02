"""Wrapped keys: material under a domain key, domain keys under the root key.

Both use the same format, and neither key is used as it is: a wrapping key is expanded from it, so
that what wraps and what authenticates rows (row_code.py) are independent keys.

    offset  bytes
         0      1  WRAPPED_V1
         1     12  nonce, random
        13      n  ciphertext
               16  tag of AES-256-GCM

The AAD names what is wrapped, so a row that is moved to another key, kind or generation does not
open (spec 07 §2.1, F07-07). Nonces are random: at most MAX_WRAPS_PER_KEY (2^32) wraps per domain
key. A key writes two (material and binding key) and each rotation one more, so a store of 100,000
keys is a factor of 10,000 away from it; domain keys rotate long before, by age.
"""

from typing import Final

from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.primitives import (
    IV_BYTES,
    KEY_BYTES,
    TAG_BYTES,
    DoesNotOpen,
    aead_decrypt,
    aead_encrypt,
    hkdf_expand,
)
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.ids import AccountId, DomainKeyId, KeyId

WRAPPED_V1: Final = b"\x01"
NONCE_BYTES: Final = IV_BYTES
OVERHEAD_BYTES: Final = len(WRAPPED_V1) + NONCE_BYTES + TAG_BYTES
ROOT_KEY_BYTES: Final = KEY_BYTES
DOMAIN_KEY_BYTES: Final = KEY_BYTES


def domain_wrapping_key(domain_key: Material) -> Material:
    """The key that wraps material, from a domain key (32 bytes; RFC 5869 §2.3)."""
    return _expanded(domain_key, labels.WRAPPING_KEY)


def root_wrapping_key(root_key: Material) -> Material:
    """The key that wraps domain keys, from the root key (32 bytes; RFC 5869 §2.3)."""
    return _expanded(root_key, labels.ROOT_WRAPPING_KEY)


def material_aad(
    *, domain_key_id: DomainKeyId, account_id: AccountId, key_id: KeyId, kind: str, name: bytes
) -> bytes:
    """AAD of material under a domain key: whose it is, what it is, and under which key it lies."""
    return length_prefixed(
        labels.WRAPPED_MATERIAL,
        domain_key_id.encode(),
        account_id.encode(),
        key_id.encode(),
        kind.encode(),
        name,
    )


def domain_key_aad(domain_key_id: DomainKeyId) -> bytes:
    """AAD of a domain key under the root key."""
    return length_prefixed(labels.WRAPPED_DOMAIN_KEY, domain_key_id.encode())


def wrap(wrapping_key: Material, material: Material, *, aad: bytes, nonce: bytes) -> bytes:
    """Wrap material; the result is OVERHEAD_BYTES longer.

    Args:
        wrapping_key: From `domain_wrapping_key` or `root_wrapping_key`.
        material: What is wrapped.
        aad: From `material_aad` or `domain_key_aad`.
        nonce: NONCE_BYTES of fresh randomness.

    Raises:
        ValueError: The nonce has another length.
    """
    return WRAPPED_V1 + nonce + aead_encrypt(wrapping_key.reveal(), nonce, material.reveal(), aad)


def unwrap(wrapping_key: Material, wrapped: bytes, *, aad: bytes) -> Material:
    """Open wrapped material.

    Raises:
        MaterialUnreadable: It does not open under this key and AAD; which of them differs, or
            whether bytes were changed, is not known.
    """
    if len(wrapped) < OVERHEAD_BYTES or wrapped[:1] != WRAPPED_V1:
        raise MaterialUnreadable("wrapped material has no known format")
    nonce, ciphertext = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
    try:
        return Material(aead_decrypt(wrapping_key.reveal(), nonce, ciphertext, aad))
    except DoesNotOpen:
        raise MaterialUnreadable("wrapped material does not open") from None


def _expanded(key: Material, label: bytes) -> Material:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a root or domain key has {KEY_BYTES} bytes, got {len(key)}")
    return Material(hkdf_expand(key.reveal(), label))
