"""The vault of one process: wraps and opens material under the Region's domain keys.

Made in workers and agent from the domain keys that the supervisor hands over (domain_keys.py). It
holds no material but the keys themselves: what it opens belongs to the caller.
"""

import os
from collections.abc import Mapping
from typing import Final, NoReturn, SupportsIndex

from regionkms.crypto import wrapping
from regionkms.crypto.material import Material
from regionkms.crypto.row_code import row_code, row_key
from regionkms.model.errors import MaterialUnreadable, VaultSealed
from regionkms.model.ids import DomainKeyId
from regionkms.ports.vault import MaterialIdentity, MaterialKind


class DomainVault:
    """Implements `regionkms.ports.vault.Vault`. Threads may share it; no repr, no pickling."""

    __slots__ = ("_current", "_row_keys", "_wrapping_keys")

    def __init__(self, domain_keys: Mapping[DomainKeyId, Material], current: DomainKeyId) -> None:
        """Expand the domain keys into the keys that are used.

        Raises:
            VaultSealed: The current domain key is not among them.
            ValueError: A domain key has another length than 32 bytes.
        """
        if current not in domain_keys:
            raise VaultSealed(f"the current domain key {current} is not at hand")
        self._current: Final = current
        self._wrapping_keys: Final = {
            name: wrapping.domain_wrapping_key(key) for name, key in domain_keys.items()
        }
        self._row_keys: Final = {name: row_key(key) for name, key in domain_keys.items()}

    @property
    def current_domain_key_id(self) -> DomainKeyId:
        """The domain key that new material is wrapped under."""
        return self._current

    def wrap(self, material: Material, identity: MaterialIdentity) -> tuple[DomainKeyId, bytes]:
        """Wrap material under the current domain key, with a fresh random nonce."""
        wrapped = wrapping.wrap(
            self._wrapping_keys[self._current],
            material,
            aad=_aad(self._current, identity),
            nonce=os.urandom(wrapping.NONCE_BYTES),
        )
        return self._current, wrapped

    def unwrap(
        self, domain_key_id: DomainKeyId, wrapped: bytes, identity: MaterialIdentity
    ) -> Material:
        """Open wrapped material.

        Raises:
            VaultSealed: The domain key is not at hand.
            MaterialUnreadable: The bytes do not open for this identity.
        """
        key = _at_hand(self._wrapping_keys, domain_key_id)
        try:
            return wrapping.unwrap(key, wrapped, aad=_aad(domain_key_id, identity))
        except MaterialUnreadable:
            raise MaterialUnreadable(
                f"{_shown(identity)} does not open under domain key {domain_key_id}"
            ) from None

    def row_code(
        self, table: str, row: bytes, *, domain_key_id: DomainKeyId | None = None
    ) -> bytes:
        """Authentication code (32 bytes) of an encoded row of a table (design §2).

        Args:
            table: Name of the table.
            row: The row's encoding, without the code.
            domain_key_id: Under which the code was made, for rows older than the current domain
                key; the current one by default.

        Raises:
            VaultSealed: The domain key is not at hand.
        """
        key = _at_hand(self._row_keys, self._current if domain_key_id is None else domain_key_id)
        return row_code(key, table=table, row=row)

    def __repr__(self) -> str:
        return f"<vault with {len(self._wrapping_keys)} domain keys, current {self._current}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a vault is never pickled")


def _at_hand(keys: Mapping[DomainKeyId, Material], domain_key_id: DomainKeyId) -> Material:
    key = keys.get(domain_key_id)
    if key is None:
        raise VaultSealed(f"domain key {domain_key_id[:64]!a} is not at hand")
    return key


def _aad(domain_key_id: DomainKeyId, identity: MaterialIdentity) -> bytes:
    return wrapping.material_aad(
        domain_key_id=domain_key_id,
        account_id=identity.account_id,
        key_id=identity.key_id,
        kind=identity.kind.value,
        name=identity.name,
    )


def _shown(identity: MaterialIdentity) -> str:
    name = (
        identity.name.hex()
        if identity.kind is MaterialKind.KEY_MATERIAL
        else identity.name.decode("ascii", "backslashreplace")
    )
    return f"{identity.kind.value} ({identity.account_id}, {identity.key_id}, {name})"
