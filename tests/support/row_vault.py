"""A vault that can only authenticate rows: enough for tests of the store."""

import hmac
from typing import Final, NoReturn

from regionkms.crypto.material import Material
from regionkms.model.ids import DomainKeyId
from regionkms.ports.vault import MaterialIdentity

FIRST_DOMAIN_KEY: Final = DomainKeyId("d0" * 16)


class RowVault:
    """Authenticates rows under a fixed key; holds no material."""

    def __init__(self, key: bytes = b"row key of tests") -> None:
        self._key = key

    @property
    def current_domain_key_id(self) -> DomainKeyId:
        """The one domain key."""
        return FIRST_DOMAIN_KEY

    def wrap(self, material: Material, identity: MaterialIdentity) -> NoReturn:
        """Never asked by a store."""
        raise NotImplementedError("a store must not wrap")

    def unwrap(
        self, domain_key_id: DomainKeyId, wrapped: bytes, identity: MaterialIdentity
    ) -> NoReturn:
        """Never asked by a store."""
        raise NotImplementedError("a store must not unwrap")

    def row_code(self, table: str, row: bytes) -> bytes:
        """HMAC-SHA-256 over table and row."""
        return hmac.digest(self._key, table.encode() + b"\0" + row, "sha256")
