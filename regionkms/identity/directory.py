"""The Region's access keys in this process's memory, secrets opened by the vault.

A node makes one per worker: loads it at start, and refreshes it when the change counter has moved.
A key whose row or secret can't be trusted does not sign: it is left out and the log names it.

Source: design §2 (coherence, rows that decide), §3 (Accounts).
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from regionkms.identity.access_keys import secret_identity
from regionkms.model.errors import MaterialUnreadable, RowTampered
from regionkms.model.key import AccessKey
from regionkms.ports.directory import KnownKey
from regionkms.ports.store import ChangeKind, Changes, Store, StoreTransaction
from regionkms.ports.vault import Vault

_LOG: Final = logging.getLogger(__name__)


class StoredAccessKeys:
    """Implements `regionkms.ports.directory.AccessKeyDirectory` over the store and the vault.

    Attributes:
        version: Moves whenever a lookup may answer otherwise than before.
    """

    def __init__(self, *, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._known: dict[str, KnownKey] = {}
        self._unreadable: set[str] = set()
        # A load and a refresh that overlap could put an older answer over a newer one.
        self._order = asyncio.Lock()
        self.version = 0

    @property
    def unreadable(self) -> frozenset[str]:
        """Ids of active access keys that can't sign because their row or secret is not sound."""
        return frozenset(self._unreadable)

    def __len__(self) -> int:
        return len(self._known)

    def lookup(self, access_key_id: str) -> KnownKey | None:
        """The active long-term credentials of that id, or None."""
        return self._known.get(access_key_id)

    async def load(self) -> None:
        """Read and open every access key of the store; see the port."""
        async with self._order:
            await self._load()

    async def refresh(self, changes: Changes) -> None:
        """Read again what a part of the change feed names; see the port."""
        async with self._order:
            if not changes.complete:
                await self._load()
                return
            names = {row.name for row in changes.rows if row.kind is ChangeKind.ACCESS_KEY}
            if names:
                rows = await self._store.read(lambda transaction: _rows(transaction, names))
                self._take(names, rows)

    async def _load(self) -> None:
        rows = await self._store.read(lambda transaction: transaction.access_keys.all())
        by_name: dict[str, AccessKey | RowTampered | None] = {r.access_key_id: r for r in rows}
        self._take({*self._known, *self._unreadable, *by_name}, by_name)

    def _take(self, names: Iterable[str], rows: dict[str, AccessKey | RowTampered | None]) -> None:
        """Replace what is known of some access keys, all of them or (if one raises) none."""
        opened = {name: self._open(rows.get(name)) for name in sorted(names)}
        changed = False
        for name, key in opened.items():
            if isinstance(key, Exception):
                if name not in self._unreadable:
                    _LOG.error("access key %s can't be used: %s", name, key)
                self._unreadable.add(name)
            else:
                self._unreadable.discard(name)
            usable = key if isinstance(key, KnownKey) else None
            if usable != self._known.get(name):
                changed = True
                self._known.pop(name, None)
                if usable is not None:
                    self._known[name] = usable
        if changed:
            self.version += 1

    def _open(
        self, row: AccessKey | RowTampered | None
    ) -> KnownKey | RowTampered | MaterialUnreadable | None:
        """Credentials, why there are none, or None for a key that is gone or switched off."""
        if not isinstance(row, AccessKey):
            return row
        if not row.active:
            return None
        identity = secret_identity(row.access_key_id, row.account_id)
        try:
            secret = self._vault.unwrap(row.domain_key_id, row.wrapped_secret, identity)
        except MaterialUnreadable as error:
            return error
        return KnownKey(access_key_id=row.access_key_id, account_id=row.account_id, secret=secret)


def _rows(
    transaction: StoreTransaction, names: Iterable[str]
) -> dict[str, AccessKey | RowTampered | None]:
    rows: dict[str, AccessKey | RowTampered | None] = {}
    for name in names:
        try:
            rows[name] = transaction.access_keys.get(name)
        except RowTampered as error:
            rows[name] = error
    return rows
