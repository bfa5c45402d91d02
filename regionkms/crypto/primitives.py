"""The few calls of primitives, each with the argument why it is safe as it is used here.

Every primitive is `cryptography`'s (OpenSSL); nothing here implements one. Elsewhere only HMAC is
put together, of two kept states of `hashlib`'s SHA-256, where a key is used again and again
(hmac_states.py). Callers are the other modules of this package only.

AES-256-GCM is used in two ways, and in no third:
- Message keys: each key encrypts one message, so any IV is sound, even a fixed one; a random IV is
  kept all the same, so that two nonces of the key derivation that collide do no harm.
- Wrapping keys: random 96-bit nonces under one key. NIST SP 800-38D §8.3 bounds that by 2^32
  encryptions (a repeated nonce has then a chance below 2^-32); MAX_WRAPS_PER_KEY is that bound,
  and a domain key rotates long before it.
GCM does not commit to its key: a ciphertext can be built that opens under two known keys. No caller
lets a ciphertext choose among keys: the header names one generation, and that one is tried.

HMAC-SHA-256 keys are 32 uniformly random or derived bytes, its messages are length-prefixed and
start with a label (labels.py).
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES: Final = 32
"""Of every symmetric key here: AES-256 and HMAC-SHA-256."""
IV_BYTES: Final = 12
"""Of AES-GCM; other lengths would be hashed down (SP 800-38D §7.1)."""
TAG_BYTES: Final = 16
"""Of AES-GCM; never cut."""
HASH_BYTES: Final = 32
"""Of SHA-256 and of its HMAC."""
MAX_WRAPS_PER_KEY: Final = 2**32
"""Encryptions under one key with random 96-bit nonces (SP 800-38D §8.3)."""


class DoesNotOpen(Exception):  # noqa: N818 - says what happened; only this package sees it
    """A ciphertext is not authentic under this key, nonce and AAD. It never says more."""


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Authenticate a message (RFC 2104, FIPS 198-1). Returns HASH_BYTES."""
    state = hmac_state(key)
    state.update(message)
    return state.finalize()


def hmac_state(key: bytes) -> HMAC:
    """A keyed state to copy and to finish once per message; it is key material itself.

    Copying skips hashing the two padded key blocks: 1.1 us a code against 2.8 us.
    """
    return HMAC(key, SHA256())  # 64-byte padding of the key: keys here are shorter, never hashed


def sha256(message: bytes) -> bytes:
    """Hash public bytes. Returns HASH_BYTES."""
    state = Hash(SHA256())
    state.update(message)
    return state.finalize()


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """Turn a secret into a uniform key, bound to the salt (RFC 5869 §2.2). Returns HASH_BYTES.

    The salt is public and differs per use, the secret may be as long and as structured as imported
    material is: HMAC keyed by the salt is the extractor that the proof of HKDF is about.
    """
    return HKDF.extract(SHA256(), salt, secret)


def hkdf_expand(key: bytes, label: bytes) -> bytes:
    """Derive one key of KEY_BYTES for a labelled use from a uniform key (RFC 5869 §2.3)."""
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=label).derive(key)


def aead_encrypt(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM; returns ciphertext and tag. The module's docstring says why the nonce is right.

    Raises:
        ValueError: The key or the nonce has the wrong length.
    """
    _check_lengths(key, nonce)
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def aead_decrypt(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    """Open what `aead_encrypt` made.

    Raises:
        DoesNotOpen: Key, nonce, ciphertext, tag or AAD differ; which one is not known.
        ValueError: The key or the nonce has the wrong length.
    """
    _check_lengths(key, nonce)
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise DoesNotOpen from None


def _check_lengths(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_BYTES or len(nonce) != IV_BYTES:
        raise ValueError(f"AES-256-GCM takes {KEY_BYTES} and {IV_BYTES} bytes of key and nonce")
