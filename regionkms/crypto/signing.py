"""What a Region signs with its record key (Ed25519), and how others check it.

A statement is a label and fields, length-prefixed: a signature for one purpose, cluster or key
verifies for no other. Whose signature is needed, and whether the signer may say so, is the
protocol's question (protocol §2 Trust); this module only tells whether a signature is true.
"""

from typing import Final, NewType, NoReturn, SupportsIndex

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed, unsigned
from regionkms.crypto.material import Material
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.record import ClusterName, Epoch, EpochKind

Statement = NewType("Statement", bytes)
"""Labelled, length-prefixed bytes: all that is ever signed."""

PRIVATE_KEY_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


def record_statement(etcd_key: str, record: bytes) -> Statement:
    """A record as it stands under its key in etcd: exact bytes, never re-encoded (protocol §2).

    Cluster, incarnation, seq and the hash of the previous value are inside the record.
    """
    return Statement(length_prefixed(labels.RECORD_SIGNATURE, etcd_key.encode(), record))


def directory_statement(etcd_key: str, entry: bytes) -> Statement:
    """A Region's entry in the directory under its key in etcd, in its exact bytes."""
    return Statement(length_prefixed(labels.DIRECTORY_SIGNATURE, etcd_key.encode(), entry))


def incarnation_statement(etcd_key: str, incarnation: bytes) -> Statement:
    """What the etcd data says of itself, under its key, in its exact bytes (protocol §6)."""
    return Statement(length_prefixed(labels.INCARNATION_SIGNATURE, etcd_key.encode(), incarnation))


def chain_head_statement(head: bytes) -> Statement:
    """The head of an audit chain in its exact bytes, chain and number inside (design §5b)."""
    return Statement(length_prefixed(labels.CHAIN_HEAD_SIGNATURE, head))


def grant_statement(
    *,
    cluster: ClusterName,
    account_id: AccountId,
    key_id: KeyId,
    target: RegionName,
    life: int,
    granter: RegionName,
) -> Statement:
    """A primary's word that a life of a Region may hold the key's material (protocol §2).

    Raises:
        OverflowError: The life does not fit 4 bytes.
    """
    return Statement(
        length_prefixed(
            labels.GRANT_SIGNATURE,
            cluster.encode(),
            account_id.encode(),
            key_id.encode(),
            target.encode(),
            unsigned(life, size=4),
            granter.encode(),
        )
    )


def epoch_statement(
    *,
    cluster: ClusterName,
    account_id: AccountId,
    key_id: KeyId,
    epoch: Epoch,
    primary_region: RegionName,
    kind: EpochKind,
    taker: RegionName,
    taker_life: int,
) -> Statement:
    """One link of a key's chain of primaries; all members of its entry are signed (protocol §2).

    Raises:
        OverflowError: A number does not fit: incarnation, epoch and life 4 bytes, random part 8.
    """
    return Statement(
        length_prefixed(
            labels.EPOCH_SIGNATURE,
            cluster.encode(),
            account_id.encode(),
            key_id.encode(),
            unsigned(epoch.incarnation.number, size=4),
            unsigned(epoch.incarnation.random, size=8),
            unsigned(epoch.number, size=4),
            primary_region.encode(),
            kind.value.encode(),
            taker.encode(),
            unsigned(taker_life, size=4),
        )
    )


class RecordKey:
    """A Region's private record key: no repr, no pickling."""

    __slots__ = ("_key", "_material", "public_key")

    def __init__(self, material: Material) -> None:
        """Load the key from its 32 private bytes (RFC 8032 §5.1.5).

        Raises:
            MaterialUnreadable: The length is another one.
        """
        if len(material) != PRIVATE_KEY_BYTES:
            raise MaterialUnreadable(f"a record key has {PRIVATE_KEY_BYTES} bytes")
        self._material: Final = material
        self._key: Final = Ed25519PrivateKey.from_private_bytes(material.reveal())
        self.public_key: Final[bytes] = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> "RecordKey":
        """Make a new key pair."""
        return cls(Material(Ed25519PrivateKey.generate().private_bytes_raw()))

    @property
    def material(self) -> Material:
        """The private bytes, to be wrapped."""
        return self._material

    def sign(self, statement: Statement) -> bytes:
        """Sign a statement. Returns SIGNATURE_BYTES."""
        return self._key.sign(statement)

    def __repr__(self) -> str:
        return f"<record key {self.public_key.hex()}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a record key is never pickled")


def signature_is_true(public_key: bytes, statement: Statement, signature: bytes) -> bool:
    """Whether a signature on a statement is the public key's. Total: False for malformed input."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True
