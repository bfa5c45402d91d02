"""Domain keys: made and opened by the supervisor, handed to its children.

The supervisor alone has the root key, and only while it starts. Workers and agent get the domain
keys over a socket pair that they inherit (never by environment, argument or file): one frame.

    length of what follows (4 bytes, big-endian), then after their lengths: HAND_OVER, id of the
    current domain key, and for each domain key its id and its 32 bytes

All domain keys of a store have ids that start with the same random digits, and are opened together
or not at all: where one root key opens two stores, who can write one of them could otherwise bring
a domain key of the other, and with it rows of the other that verify.

Source: design §2 (supervisor), §3 (hierarchy).
"""

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from regionkms.crypto.fields import LENGTH_BYTES, length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.wrapping import (
    DOMAIN_KEY_BYTES,
    NONCE_BYTES,
    domain_key_aad,
    root_wrapping_key,
    unwrap,
    wrap,
)
from regionkms.model.errors import ConfigurationError, MaterialUnreadable, VaultSealed
from regionkms.model.ids import DomainKeyId
from regionkms.ports.store import WrappedDomainKey

HAND_OVER: Final = b"regionkms/domain-keys/v1"
MAX_FRAME_BYTES: Final = 1_048_576
"""Of a hand-over: more than 10,000 domain keys."""
_ID_BYTES: Final = 16
_MARK_CHARS: Final = 16
"""First digits of an id: of the store; the others are of the key. 64 random bits each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainKeys:
    """The open domain keys of a store.

    Attributes:
        materials: By id; old ones stay while anything is wrapped under them.
        current: What new material is wrapped under.
    """

    materials: dict[DomainKeyId, Material]
    current: DomainKeyId


def create_domain_key(
    root_key: Material, *, created_at: float, beside: DomainKeyId | None = None
) -> tuple[Material, WrappedDomainKey]:
    """Make a domain key that is to be the current one.

    Args:
        root_key: That it is wrapped under.
        created_at: Machine time, seconds since the epoch.
        beside: Any domain key that the store has already; None for its first one.

    Returns:
        The key, and its row.
    """
    domain_key = Material(os.urandom(DOMAIN_KEY_BYTES))
    digits = os.urandom(_ID_BYTES).hex()
    mark = digits if beside is None else beside
    domain_key_id = DomainKeyId(mark[:_MARK_CHARS] + digits[_MARK_CHARS:])
    wrapped = wrap(
        root_wrapping_key(root_key),
        domain_key,
        aad=domain_key_aad(domain_key_id),
        nonce=os.urandom(NONCE_BYTES),
    )
    row = WrappedDomainKey(
        domain_key_id=domain_key_id, wrapped=wrapped, created_at=created_at, current=True
    )
    return domain_key, row


def open_domain_keys(root_key: Material, rows: Sequence[WrappedDomainKey]) -> DomainKeys:
    """Open all domain keys of a store.

    Raises:
        ConfigurationError: There is none, not exactly one is current, or they are of two stores.
        MaterialUnreadable: One does not open: another store's root key, or an altered row.
    """
    current = [row.domain_key_id for row in rows if row.current]
    if len(current) != 1:
        raise ConfigurationError(
            f"The store has {len(rows)} domain keys, {len(current)} of them current; exactly one "
            "must be. Restore it from a backup."
        )
    key = root_wrapping_key(root_key)
    materials = {row.domain_key_id: _opened(key, row) for row in rows}
    if len({name[:_MARK_CHARS] for name in materials}) > 1:
        raise ConfigurationError(
            "The store has domain keys of several stores, which one root key opens: somebody has "
            "brought rows of another store. Restore it from a backup, and give each store a root "
            "key of its own."
        )
    return DomainKeys(materials=materials, current=current[0])


def send_domain_keys(channel: socket.socket, keys: DomainKeys) -> None:
    """Hand domain keys to the child at the other end.

    Raises:
        VaultSealed: It is not there, or does not read within the socket's time-out.
    """
    fields = [HAND_OVER, keys.current.encode()]
    for domain_key_id, material in keys.materials.items():
        fields += (domain_key_id.encode(), material.reveal())
    body = length_prefixed(*fields)
    try:
        channel.sendall(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    except OSError as error:
        raise VaultSealed("the domain keys could not be handed over") from error


def receive_domain_keys(channel: socket.socket) -> DomainKeys:
    """Take the domain keys that the supervisor hands over.

    Raises:
        VaultSealed: It closed the channel, sent nothing within the socket's time-out, or what
            came is no hand-over.
    """
    size = int.from_bytes(_received(channel, LENGTH_BYTES), "big")
    if size > MAX_FRAME_BYTES:
        raise VaultSealed("the hand-over of domain keys is too long")
    return _parsed(_received(channel, size))


def _opened(key: Material, row: WrappedDomainKey) -> Material:
    try:
        return unwrap(key, row.wrapped, aad=domain_key_aad(row.domain_key_id))
    except MaterialUnreadable:
        raise MaterialUnreadable(
            f"domain key {row.domain_key_id} does not open: the root key is another store's, or "
            "the row was changed"
        ) from None


def _received(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        try:
            part = channel.recv(size - len(parts))
        except OSError as error:
            raise VaultSealed("the domain keys did not come") from error
        if not part:
            raise VaultSealed("the supervisor closed before the domain keys came")
        parts += part
    return bytes(parts)


def _parsed(body: bytes) -> DomainKeys:
    fields = list(_fields(body))
    ids, materials = fields[2::2], fields[3::2]
    if (
        fields[:1] != [HAND_OVER]
        or len(ids) != len(materials)
        or any(len(material) != DOMAIN_KEY_BYTES for material in materials)
        or not set(fields[1:2]) & set(ids)
    ):
        raise VaultSealed("what came is no hand-over of domain keys")
    names = [DomainKeyId(name.decode("ascii", "replace")) for name in ids]
    return DomainKeys(
        materials=dict(zip(names, map(Material, materials), strict=True)),
        current=DomainKeyId(fields[1].decode("ascii", "replace")),
    )


def _fields(body: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(body):
        start = position + LENGTH_BYTES
        position = start + int.from_bytes(body[position:start], "big")
        if position > len(body):
            raise VaultSealed("what came is no hand-over of domain keys")
        yield body[start:position]
