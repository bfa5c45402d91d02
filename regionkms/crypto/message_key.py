"""One key per message, and the cipher of one generation that is built once and used for ever.

    root        = HKDF-Extract(salt: label, account, key id, generation id; material)
    message key = SP 800-108 counter mode, HMAC-SHA-256(root), label, context: the blob's nonce
    ciphertext  = AES-256-GCM(message key, IV, plaintext; AAD: header, encoded context)

So the number of messages under a KMS key is not bounded by GCM's nonces (the chance that two of
2^48 messages share both the 128-bit nonce and the 96-bit IV is below 2^-128), and equal material
under two keys, or under a key and an HMAC key, never meets in one computation.

The straightforward form of the same rules, written from this text, is tests/support/plain_blob.py:
what is precomputed here is compared with it.
"""

import hmac
from typing import Final, NoReturn, SupportsIndex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regionkms.crypto import blob as blob_v1
from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.hmac_states import HashState, hmac_states
from regionkms.crypto.material import Material
from regionkms.crypto.primitives import hkdf_extract
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import AccountId, GenerationId, KeyId
from regionkms.model.limits import MAX_PLAINTEXT_BYTES

# SP 800-108r1 §4.1 with r = 32 and one block of output: counter 1 before the fixed input data,
# which is label, zero byte, context (the nonce), and the length of the output in bits.
_BEFORE_NONCE: Final = (1).to_bytes(4, "big") + labels.MESSAGE_KEY + b"\x00"
_AFTER_NONCE: Final = (256).to_bytes(4, "big")

_PREFIX: Final = blob_v1.PREFIX_BYTES
_HEADER: Final = blob_v1.HEADER_BYTES
_NONCE: Final = blob_v1.KDF_NONCE_BYTES
_NONCE_END: Final = _PREFIX + _NONCE
_RANDOM: Final = blob_v1.RANDOM_BYTES
_MIN_BLOB: Final = blob_v1.MIN_BLOB_BYTES
_MAX_BLOB: Final = blob_v1.MAX_BLOB_BYTES


def message_root(
    material: Material, *, account_id: AccountId, key_id: KeyId, generation_id: GenerationId
) -> Material:
    """The root of all message keys of one generation of one KMS key (32 bytes; RFC 5869 §2.2)."""
    salt = length_prefixed(labels.MESSAGE_ROOT, account_id.encode(), key_id.encode(), generation_id)
    return Material(hkdf_extract(salt, material.reveal()))


class GenerationCipher:
    """Encrypts and decrypts blobs of one generation; built when the generation is loaded.

    It holds key material (the keyed state from which message keys are derived): no repr, no
    pickling. Holds no lock and changes nothing after it is built, so threads may share it.
    """

    __slots__ = ("_inner", "_outer", "prefix")

    def __init__(
        self,
        material: Material,
        *,
        account_id: AccountId,
        key_id: KeyId,
        generation_id: GenerationId,
        generation_tag: bytes,
    ) -> None:
        """Derive the root and precompute what all messages share.

        Raises:
            ValueError: An id has not its form, or the tag has the wrong length.
        """
        self.prefix: Final = blob_v1.header_prefix(
            account_id=account_id,
            key_id=key_id,
            generation_id=generation_id,
            generation_tag=generation_tag,
        )
        root = message_root(
            material, account_id=account_id, key_id=key_id, generation_id=generation_id
        )
        states = hmac_states(root.reveal(), _BEFORE_NONCE)
        self._inner: Final[HashState] = states[0]
        self._outer: Final[HashState] = states[1]

    def encrypt(self, plaintext: bytes, encoded_context: bytes, random_bytes: bytes) -> bytes:
        """Make a blob.

        Args:
            plaintext: 1 to MAX_PLAINTEXT_BYTES.
            encoded_context: From `encode_context`.
            random_bytes: RANDOM_BYTES that were never used before.

        Raises:
            ValueError: The plaintext or the random bytes have the wrong length.
        """
        if len(random_bytes) != _RANDOM:
            raise ValueError(f"a blob takes {_RANDOM} random bytes")
        if not 0 < len(plaintext) <= MAX_PLAINTEXT_BYTES:
            raise ValueError(f"a blob holds 1 to {MAX_PLAINTEXT_BYTES} bytes of plaintext")
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(random_bytes[:_NONCE] + _AFTER_NONCE)
        outer.update(inner.digest())
        header = self.prefix + random_bytes
        return header + AESGCM(outer.digest()).encrypt(
            random_bytes[_NONCE:], plaintext, header + encoded_context
        )

    def decrypt(self, blob: bytes, encoded_context: bytes) -> bytes:
        """Open a blob of this generation.

        Raises:
            InvalidCiphertextException: It does not open under this generation and context, or is
                no blob of this generation. One exit, empty message (spec 01 E2).
        """
        plaintext = self._open(blob, encoded_context)
        if plaintext is None:
            raise InvalidCiphertextException
        return plaintext

    def _open(self, blob: bytes, encoded_context: bytes) -> bytes | None:
        # The prefix is public; comparing it in constant time costs nothing and needs no argument.
        if not (
            hmac.compare_digest(blob[:_PREFIX], self.prefix) and _MIN_BLOB <= len(blob) <= _MAX_BLOB
        ):
            return None
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(blob[_PREFIX:_NONCE_END] + _AFTER_NONCE)
        outer.update(inner.digest())
        try:
            return AESGCM(outer.digest()).decrypt(
                blob[_NONCE_END:_HEADER], blob[_HEADER:], blob[:_HEADER] + encoded_context
            )
        except InvalidTag:
            return None

    @property
    def generation_id(self) -> GenerationId:
        """The generation whose blobs it opens."""
        return GenerationId(blob_v1.generation_in(self.prefix))

    def tag_matches(self, generation_tag: bytes) -> bool:
        """Whether a generation tag is this generation's, in constant time."""
        return hmac.compare_digest(self.prefix[-blob_v1.GENERATION_TAG_BYTES :], generation_tag)

    def __repr__(self) -> str:
        return "<cipher of a generation>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a cipher is never pickled")
