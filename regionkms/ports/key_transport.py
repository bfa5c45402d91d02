"""The way between Regions: sealed key material, and nothing else (protocol §5 Fetch).

`KeyTransport` asks, `FetchHandler` answers; transport/ joins them by gRPC with mutual TLS. What
crosses is sealed to one target's transport key, so the connection is the second lock, not the only
one. Source: design §3 (Material between Regions), protocol §2 (Trust).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

from regionkms.model.errors import PeerUnreachable
from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName
from regionkms.model.record import Epoch

SealedMaterial = NewType("SealedMaterial", bytes)
"""HPKE ciphertext with its encapsulated key, for one Region's transport key."""


class RefusalCode(StrEnum):
    """Why a source did not seal. What the target does about it stands behind each."""

    STALE_EPOCH = "stale-epoch"
    """The request's epoch is below the source's mirror: look, then ask again."""
    NOT_GRANTED = "not-granted"
    """No grant that the source can trace, or the life is neither accepted nor MEMBER: look."""
    NOT_HELD = "not-held"
    """The source does not hold it (any more): ask another holder."""
    WRONG_TRANSPORT_KEY = "wrong-transport-key"
    """The directory names another transport key for the target: look at the directory."""
    WRONG_SOURCE = "wrong-source"
    """The request means another Region: the address leads elsewhere."""
    UNVERIFIED = "unverified"
    """The source can't read or trust the record at the moment: ask another holder, or later."""
    BUSY = "busy"
    """The source serves as many requests as it takes at once: ask later."""
    MALFORMED = "malformed"
    """The request breaks a rule of form."""


class FetchRefused(PeerUnreachable):
    """A peer answered, and refused."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(f"{code.value}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Whom to ask, as the directory names it.

    Attributes:
        address: host:port of the peer's KeyTransport.
    """

    region: RegionName
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What a Region asks another one for.

    Attributes:
        generation_id: The generation, or None for the key's binding key.
        life: Of the asking Region in the record.
        epoch: That the asking Region's mirror shows; it is bound into the seal.
        transport_key_id: That the answer is to be sealed to.
    """

    account_id: AccountId
    key_id: KeyId
    generation_id: GenerationId | None
    life: int
    epoch: Epoch
    transport_key_id: str


class KeyTransport(Protocol):
    """The asking side."""

    async def fetch(self, source: Peer, request: FetchRequest) -> SealedMaterial:
        """Ask a Region for sealed material.

        Nothing is sent before the peer's certificate has been verified to be of this cluster's
        authority and to name `source.region`.

        Raises:
            FetchRefused: The peer refused; `code` says what to do.
            PeerUnreachable: No such peer, no answer in time, or not the peer it should be.
        """


class FetchHandler(Protocol):
    """The answering side, called for each request of a verified peer."""

    async def serve(self, target: RegionName, request: FetchRequest) -> SealedMaterial:
        """Check the record by a linearizable read, the grant, the life and the epoch; then seal.

        Args:
            target: The asking Region, as its certificate names it.
            request: What it asks for.

        Raises:
            FetchRefused: It is not to be sealed.
        """
