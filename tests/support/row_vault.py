"""A vault that can only authenticate rows: enough for tests of the store."""

import hmac
from typing import Final, NoReturn

from regionkms.crypto.material import Material
from regionkms.model.errors import VaultSealed
from regionkms.model.ids import DomainKeyId
from regionkms.ports.vault import MaterialIdentity

FIRST_DOMAIN_KEY: Final = DomainKeyId("d0" * 16)


class RowVault:
    """Authenticates rows under domain keys that it names; holds no material."""

    def __init__(self, *domain_keys: DomainKeyId, key: bytes = b"row key of tests") -> None:
        self._at_hand = domain_keys or (FIRST_DOMAIN_KEY,)
        self._current = self._at_hand[-1]
        self._key = key

    @property
    def current_domain_key_id(self) -> DomainKeyId:
        """The domain key named last."""
        return self._current

    def wrap(self, material: Material, identity: MaterialIdentity) -> NoReturn:
        """Never asked by a store."""
        raise NotImplementedError("a store must not wrap")

    def unwrap(
        self, domain_key_id: DomainKeyId, wrapped: bytes, identity: MaterialIdentity
    ) -> NoReturn:
        """Never asked by a store."""
        raise NotImplementedError("a store must not unwrap")

    def row_code(
        self, table: str, row: bytes, *, domain_key_id: DomainKeyId | None = None
    ) -> bytes:
        """HMAC-SHA-256 over table and row, under a key of the domain key's own."""
        name = self._current if domain_key_id is None else domain_key_id
        if name not in self._at_hand:
            raise VaultSealed(f"domain key {name!a} is not at hand")
        key = self._key + name.encode()
        return hmac.digest(key, table.encode() + b"\0" + row, "sha256")
