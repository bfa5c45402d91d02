"""Blob v1: the bytes of a symmetric ciphertext (CiphertextBlob), and nothing secret.

Clients keep blobs for ever, so this layout never changes; another layout is another version, and
no version is ever tried in place of another. ADR 0001 has the reasons::

    offset  bytes
         0      3  FORMAT_V1: "RK", 0x01 (base64 shows "UksB")
         3      6  account id, a number, big-endian
         9      1  kind of the key id: 0 single-Region (UUID), 1 multi-Region ("mrk-")
        10     16  key id
        26     16  generation id
        42     16  generation tag: HMAC(binding key, "gen/v1" | generation id), the first 16 bytes
        58     16  nonce of the message key's derivation
        74     12  IV
        86  1-4096 ciphertext
               16  tag of AES-256-GCM

AAD is the whole header (the first 86 bytes) and the encoded encryption context. There is no Region
in it: related multi-Region keys open one another's blobs (spec 05 §3.3).
"""

from typing import Final

import msgspec

from regionkms.crypto.primitives import IV_BYTES, TAG_BYTES
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import (
    GENERATION_ID_BYTES,
    MULTI_REGION_PREFIX,
    AccountId,
    GenerationId,
    KeyId,
    is_account_id,
    is_key_id,
    is_multi_region_key_id,
    key_id_from_random,
)
from regionkms.model.limits import MAX_PLAINTEXT_BYTES

FORMAT_NAME: Final = b"RK"
FORMAT_V1: Final = FORMAT_NAME + b"\x01"
ACCOUNT_BYTES: Final = 6
MAX_ACCOUNT: Final = 999_999_999_999
KEY_ID_BYTES: Final = 16
SINGLE_REGION: Final = 0
MULTI_REGION: Final = 1
GENERATION_TAG_BYTES: Final = 16
KDF_NONCE_BYTES: Final = 16
RANDOM_BYTES: Final = KDF_NONCE_BYTES + IV_BYTES
"""Fresh random bytes that one encryption takes: nonce of the derivation, then IV."""

_ACCOUNT: Final = slice(3, 9)
_KIND: Final = 9
_KEY: Final = slice(10, 26)
_GENERATION: Final = slice(26, 42)
_TAG: Final = slice(42, 58)
OWNER_BYTES: Final = 26
"""The part of the header that names the KMS key: format, account, key id."""
PREFIX_BYTES: Final = 58
"""The part of the header that is the same for all blobs of a generation: what stands before the
nonce. A dictionary of ciphers by `blob[:PREFIX_BYTES]` finds one in 0.1 us."""
HEADER_BYTES: Final = 86
MIN_BLOB_BYTES: Final = HEADER_BYTES + 1 + TAG_BYTES
MAX_BLOB_BYTES: Final = HEADER_BYTES + MAX_PLAINTEXT_BYTES + TAG_BYTES


class BlobHeader(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a blob says about itself. Nothing of it is proven before the ciphertext opens.

    A msgspec struct because Decrypt makes one per call: 0.2 us, a frozen dataclass 1 us.

    Attributes:
        generation_tag: Compare it (GenerationCipher.tag_matches, binding.generation_tag) before
            answering that a generation is not here yet (protocol §4).
    """

    account_id: AccountId
    key_id: KeyId
    generation_id: GenerationId
    generation_tag: bytes


def header_prefix(
    *, account_id: AccountId, key_id: KeyId, generation_id: GenerationId, generation_tag: bytes
) -> bytes:
    """The PREFIX_BYTES with which every blob of a generation starts.

    Raises:
        ValueError: An id has not its form, or the tag has the wrong length.
    """
    if not is_account_id(account_id) or not is_key_id(key_id):
        raise ValueError("a blob takes an account id and a key id in their canonical forms")
    if len(generation_id) != GENERATION_ID_BYTES or len(generation_tag) != GENERATION_TAG_BYTES:
        raise ValueError("a blob takes 16 bytes of generation id and 16 of generation tag")
    multi_region = is_multi_region_key_id(key_id)
    digits = key_id.removeprefix(MULTI_REGION_PREFIX) if multi_region else key_id.replace("-", "")
    return b"".join(
        (
            FORMAT_V1,
            int(account_id).to_bytes(ACCOUNT_BYTES, "big"),
            bytes((MULTI_REGION if multi_region else SINGLE_REGION,)),
            bytes.fromhex(digits),
            generation_id,
            generation_tag,
        )
    )


def parse_header(blob: bytes) -> BlobHeader:
    """Take the header of a blob apart. Total: any bytes give a header or the one refusal.

    Raises:
        InvalidCiphertextException: These bytes are no blob v1; the message is empty.
    """
    account = int.from_bytes(blob[_ACCOUNT], "big")
    if (
        not MIN_BLOB_BYTES <= len(blob) <= MAX_BLOB_BYTES
        or blob[:3] != FORMAT_V1
        or account > MAX_ACCOUNT
        or blob[_KIND] > MULTI_REGION
    ):
        raise InvalidCiphertextException
    return BlobHeader(
        account_id=AccountId(f"{account:012d}"),
        key_id=key_id_from_random(blob[_KEY], multi_region=blob[_KIND] == MULTI_REGION),
        generation_id=GenerationId(blob[_GENERATION]),
        generation_tag=blob[_TAG],
    )


def generation_in(prefix: bytes) -> bytes:
    """The generation id in a header, or in its first PREFIX_BYTES."""
    return prefix[_GENERATION]


def unknown_version(blob: bytes) -> int | None:
    """The version of a blob of ours that this release does not read; None for all other bytes.

    For the log only: a client gets the same InvalidCiphertextException either way (design §3).
    """
    if len(blob) > len(FORMAT_NAME) and blob.startswith(FORMAT_NAME):
        version = blob[len(FORMAT_NAME)]
        return version if version != FORMAT_V1[-1] else None
    return None
