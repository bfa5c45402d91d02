"""The vault: the only holder of domain keys in a process; plaintext material passes through it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from regionkms.crypto.material import Material
from regionkms.model.ids import AccountId, DomainKeyId, KeyId


class MaterialKind(StrEnum):
    """What wrapped bytes are; part of their additional authenticated data (design §3)."""

    KEY_MATERIAL = "key material"
    BINDING_KEY = "binding key"
    ACCESS_KEY_SECRET = "access key secret"  # noqa: S105 - the name of a kind, no secret
    REGION_PRIVATE_KEY = "region private key"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialIdentity:
    """Whose material it is; bound into the wrapping, so rows can't be swapped (F07-07).

    Attributes:
        name: Generation id for key material, access key id for secrets, purpose for others.
    """

    kind: MaterialKind
    account_id: AccountId
    key_id: KeyId
    name: bytes


class Vault(Protocol):
    """Wraps and opens material under the Region's domain keys."""

    @property
    def current_domain_key_id(self) -> DomainKeyId:
        """The domain key that new material is wrapped under."""

    def wrap(self, material: Material, identity: MaterialIdentity) -> tuple[DomainKeyId, bytes]:
        """Wrap material under the current domain key."""

    def unwrap(
        self, domain_key_id: DomainKeyId, wrapped: bytes, identity: MaterialIdentity
    ) -> Material:
        """Open wrapped material.

        Raises:
            VaultSealed: The domain key is not at hand.
            MaterialUnreadable: The bytes do not open for this identity.
        """

    def row_code(
        self, table: str, row: bytes, *, domain_key_id: DomainKeyId | None = None
    ) -> bytes:
        """Authentication code (32 bytes) of an encoded row of a table (design §2).

        Args:
            table: Name of the table.
            row: The row's encoding, without the code.
            domain_key_id: That the code was made under; None: the current one. Rows name theirs,
                so they stay readable when domain keys rotate.

        Raises:
            VaultSealed: The domain key is not at hand.
        """
