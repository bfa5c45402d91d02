"""The access keys that may sign in this Region, as the authenticator sees them.

Lookups happen on the hot path and touch memory only; loading and refreshing are the adapter's.

Source: design §3 (Accounts), §5 step 2.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from regionkms.crypto.material import Material
from regionkms.model.ids import AccountId
from regionkms.ports.store import Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """Active credentials that a signature can be checked with.

    Attributes:
        secret: The secret access key as text in ASCII, 16 to 128 bytes.
        expires_at: Machine time (seconds since the epoch) from which it no longer signs; never
            for long-term credentials.
    """

    access_key_id: str
    account_id: AccountId
    secret: Material = field(repr=False)
    expires_at: float = inf


class AccessKeyDirectory(Protocol):
    """The Region's access keys in memory. One instance serves one process."""

    @property
    def version(self) -> int:
        """Moves whenever a lookup may answer otherwise than before: caches compare it."""

    def lookup(self, access_key_id: str) -> KnownKey | None:
        """The active long-term credentials of that id, or None."""

    async def load(self) -> None:
        """Read and open every access key of the store.

        Raises:
            StoreUnavailable: The store did not answer; what was known before stays.
            RowTampered: A row does not fit its authentication code; what was known before stays.
            VaultSealed: Domain keys are not at hand; what was known before stays.
        """

    async def refresh(self, changes: Changes) -> None:
        """Read again what a part of the change feed names; everything if it is incomplete.

        Raises:
            StoreUnavailable: The store did not answer; what was known before stays.
            VaultSealed: Domain keys are not at hand; what was known before stays.
        """
