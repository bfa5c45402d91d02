"""Reading a whole store without a node: for `regionkms keys verify`.

Other than a node's scans, this one does not pass over rows that do not fit their codes: it hands
them out, because finding them is what it is for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import bindparam, select, tuple_

from regionkms.model.errors import RowTampered
from regionkms.model.ids import AccountId, KeyId
from regionkms.model.key import AccessKey, KmsKey, StoredGeneration
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import Vault
from regionkms.store.database import Database
from regionkms.store.migrate import check_schema
from regionkms.store.schema import access_keys, generations, keys
from regionkms.store.session import Session
from regionkms.store.tables_material import generation_from
from regionkms.store.transaction import SqlTransaction

T = TypeVar("T")

PAGE_KEYS: Final = 500
"""Keys of one transaction, so that a long scan holds no snapshot for long."""

_NAMES: Final = (
    select(keys.c.account_id, keys.c.key_id)
    .where(
        tuple_(keys.c.account_id, keys.c.key_id)
        > tuple_(bindparam("after_account"), bindparam("after_key"))
    )
    .order_by(keys.c.account_id, keys.c.key_id)
    .limit(PAGE_KEYS)
)
_ACCESS_KEY_NAMES: Final = select(access_keys.c.access_key_id).order_by(access_keys.c.access_key_id)
_GENERATIONS: Final = (
    select(generations)
    .where(
        generations.c.account_id == bindparam("account"), generations.c.key_id == bindparam("key")
    )
    .order_by(generations.c.created_at, generations.c.generation_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFound:
    """A key with all material that is stored for it.

    Attributes:
        key: RowTampered in its place says that its row, or that of its facts, does not fit.
        generations: Oldest first; RowTampered in the place of each that does not fit.
    """

    account_id: AccountId
    key_id: KeyId
    key: KmsKey | RowTampered
    generations: tuple[StoredGeneration | RowTampered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeyFound:
    """An access key; RowTampered in the place of its row says that it does not fit."""

    access_key_id: str
    access_key: AccessKey | RowTampered


class OfflineReader:
    """Walks a store's keys; changes nothing. A node may run beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def walk(self) -> Iterator[KeyFound]:
        """Every key of every account, by (account, key id).

        Raises:
            StoreUnavailable: The database did not answer.
        """
        after = ("", "")
        while True:
            found = self._database.read(lambda tx, after=after: _page(tx, after))  # type: ignore[misc] # a lambda's default has no type
            yield from found
            if len(found) < PAGE_KEYS:
                return
            after = (found[-1].account_id, found[-1].key_id)

    def access_keys(self) -> Sequence[AccessKeyFound]:
        """Every access key, by id.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        return self._database.read(_access_keys)

    def read(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run a transaction that reads.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        return self._database.read(work)


@contextmanager
def open_offline(url: str, *, vault: Vault) -> Iterator[OfflineReader]:
    """Open a store of any kind, lab or not, to read it.

    Raises:
        ConfigurationError: There is none, or its schema does not fit this release.
    """
    check_schema(url)
    database = Database(url, vault)
    try:
        yield OfflineReader(database)
    finally:
        database.close()


def _page(transaction: SqlTransaction, after: tuple[str, str]) -> list[KeyFound]:
    names = transaction.session.rows(_NAMES, after_account=after[0], after_key=after[1])
    return [
        _found(transaction, AccountId(row["account_id"]), KeyId(row["key_id"])) for row in names
    ]


def _found(transaction: SqlTransaction, account_id: AccountId, key_id: KeyId) -> KeyFound:
    key: KmsKey | RowTampered
    try:
        stored = transaction.keys.get(account_id, key_id)
        key = stored or RowTampered(f"row ({account_id}, {key_id}) of table keys is gone")
    except RowTampered as error:
        key = error
    return KeyFound(
        account_id=account_id,
        key_id=key_id,
        key=key,
        generations=tuple(_generations(transaction.session, account_id, key_id)),
    )


def _access_keys(transaction: SqlTransaction) -> list[AccessKeyFound]:
    found = []
    for row in transaction.session.rows(_ACCESS_KEY_NAMES):
        name: str = row["access_key_id"]
        access_key: AccessKey | RowTampered
        try:
            stored = transaction.access_keys.get(name)
            access_key = stored or RowTampered(f"row ({name}) of table access_keys is gone")
        except RowTampered as error:
            access_key = error
        found.append(AccessKeyFound(access_key_id=name, access_key=access_key))
    return found


def _generations(
    session: Session, account_id: AccountId, key_id: KeyId
) -> Iterator[StoredGeneration | RowTampered]:
    for row in session.rows(_GENERATIONS, account=account_id, key=key_id):
        try:
            session.check(generations, row)
        except RowTampered as error:
            yield error
        else:
            yield generation_from(row)
