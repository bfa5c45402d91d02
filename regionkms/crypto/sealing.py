"""Key material on its way to another Region: HPKE to that Region's transport key.

The suite is HPKE (RFC 9180) base mode with the hybrid KEM MLKEM768-X25519, HKDF-SHA-256 and
AES-256-GCM: it holds while either X25519 or ML-KEM does, so traffic recorded today stays closed to
a quantum computer of tomorrow. Each seal makes a fresh encapsulation, hence a fresh AES key: one
message per key, no nonce to repeat. Base mode does not prove who sealed; the receiver learns that
from mutual TLS, and from the fingerprint in the signed record, which only the right bytes fit.

The info string names everything that a seal is for (protocol §2 Trust): a seal made for another
key, generation, epoch, Region or life does not open. Randomness comes from inside `cryptography`.
"""

from dataclasses import dataclass
from typing import Final, NoReturn, SupportsIndex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed, unsigned
from regionkms.crypto.material import Material
from regionkms.crypto.primitives import HASH_BYTES, sha256
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.ids import GENERATION_ID_BYTES, AccountId, GenerationId, KeyId, RegionName
from regionkms.model.record import ClusterName, Epoch, Incarnation

TRANSPORT_V1: Final = b"\x01"
"""Names the suite; first byte of public keys, private keys and seals."""
MLKEM_PUBLIC_BYTES: Final = 1184
MLKEM_SEED_BYTES: Final = 64
X25519_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = len(TRANSPORT_V1) + MLKEM_PUBLIC_BYTES + X25519_BYTES
PRIVATE_KEY_BYTES: Final = len(TRANSPORT_V1) + MLKEM_SEED_BYTES + X25519_BYTES
TRANSPORT_KEY_ID_BYTES: Final = 16
"""Of the hash that names a transport key; shown as twice as many hexadecimal digits."""

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealInfo:
    """What a seal is for; source and target each build it from what they know themselves.

    Attributes:
        incarnation: Of the etcd data, as the source's record says.
        epoch: Of the record.
        generation_id: The generation, or None when the key's binding key is sealed.
        fingerprint: Of the generation (32 bytes); empty for the binding key.
        life: Of the target Region in the record.
        transport_key_id: Of the target's transport key.
    """

    cluster: ClusterName
    incarnation: Incarnation
    epoch: Epoch
    account_id: AccountId
    key_id: KeyId
    generation_id: GenerationId | None
    fingerprint: bytes
    source: RegionName
    target: RegionName
    life: int
    transport_key_id: str

    def encode(self) -> bytes:
        """The HPKE info string: "seal/v1" and all members after their lengths, in this order.

        Numbers are big-endian, 4 bytes (an incarnation's random part 8); an epoch is its
        incarnation and number. The binding key has an empty generation id and fingerprint, which
        no generation has.

        Raises:
            ValueError: Generation id and fingerprint do not fit one another.
            OverflowError: A number does not fit.
        """
        expected = (0, 0) if self.generation_id is None else (GENERATION_ID_BYTES, HASH_BYTES)
        if (len(self.generation_id or b""), len(self.fingerprint)) != expected:
            raise ValueError("a generation is sealed with its fingerprint, a binding key without")
        return length_prefixed(
            labels.SEAL,
            self.cluster.encode(),
            _incarnation(self.incarnation),
            _incarnation(self.epoch.incarnation) + unsigned(self.epoch.number, size=4),
            self.account_id.encode(),
            self.key_id.encode(),
            self.generation_id or b"",
            self.fingerprint,
            self.source.encode(),
            self.target.encode(),
            unsigned(self.life, size=4),
            self.transport_key_id.encode(),
        )


class TransportKey:
    """A Region's private transport key: no repr, no pickling."""

    __slots__ = ("_key", "_material", "key_id", "public_key")

    def __init__(self, material: Material) -> None:
        """Load the key from its serialized form (`material`).

        Raises:
            MaterialUnreadable: It is not a serialized transport key of a known version.
        """
        secret = material.reveal()
        if len(secret) != PRIVATE_KEY_BYTES or secret[:1] != TRANSPORT_V1:
            raise MaterialUnreadable("a transport key has no known format")
        mlkem = MLKEM768PrivateKey.from_seed_bytes(secret[1 : 1 + MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(secret[1 + MLKEM_SEED_BYTES :])
        self._material: Final = material
        self._key: Final = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public_key: Final[bytes] = (
            TRANSPORT_V1
            + mlkem.public_key().public_bytes_raw()
            + x25519.public_key().public_bytes_raw()
        )
        self.key_id: Final = transport_key_id(self.public_key)

    @classmethod
    def generate(cls) -> "TransportKey":
        """Make a new key pair."""
        mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        serialized = TRANSPORT_V1 + mlkem.private_bytes_raw() + x25519.private_bytes_raw()
        return cls(Material(serialized))

    @property
    def material(self) -> Material:
        """The serialized key, to be wrapped: version, ML-KEM seed, X25519 private key."""
        return self._material

    def open(self, sealed: bytes, info: SealInfo) -> Material:
        """Open what was sealed to this key for this purpose.

        Raises:
            MaterialUnreadable: It was sealed to another key, for another purpose, or is altered.
        """
        if sealed[:1] != TRANSPORT_V1:
            raise MaterialUnreadable("sealed material has no known format")
        try:
            return Material(_SUITE.decrypt(sealed[1:], self._key, info.encode()))
        except InvalidTag:
            raise MaterialUnreadable("sealed material does not open") from None

    def __repr__(self) -> str:
        return f"<transport key {self.key_id}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a transport key is never pickled")


def transport_key_id(public_key: bytes) -> str:
    """Name of a transport key: 32 hexadecimal digits of a labelled SHA-256 of its public half."""
    digest = sha256(length_prefixed(labels.TRANSPORT_KEY_ID, public_key))
    return digest[:TRANSPORT_KEY_ID_BYTES].hex()


def seal(public_key: bytes, info: SealInfo, material: Material) -> bytes:
    """Seal material to a Region's transport key.

    Args:
        public_key: As the directory has it (TransportKey.public_key).
        info: What it is for; its transport_key_id must be this key's.
        material: The generation's material, or the binding key.

    Returns:
        TRANSPORT_V1, encapsulated key, ciphertext and tag.

    Raises:
        ValueError: It is no public transport key of a known version, or another one than `info`
            names.
    """
    if info.transport_key_id != transport_key_id(public_key):
        raise ValueError("the seal's info names another transport key")
    target = _public(public_key)
    return TRANSPORT_V1 + _SUITE.encrypt(material.reveal(), target, info.encode())


def _public(public_key: bytes) -> MLKEM768X25519PublicKey:
    if len(public_key) != PUBLIC_KEY_BYTES or public_key[:1] != TRANSPORT_V1:
        raise ValueError("a public transport key has no known format")
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public_key[1 : 1 + MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(public_key[1 + MLKEM_PUBLIC_BYTES :]),
    )


def _incarnation(incarnation: Incarnation) -> bytes:
    return unsigned(incarnation.number, size=4) + unsigned(incarnation.random, size=8)
