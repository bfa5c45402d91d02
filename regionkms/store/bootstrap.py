"""The first steps of a store: made once, and read before a vault exists.

A vault needs the domain keys, which are rows of the store; rows that decide need the vault. So
domain keys (sealed by the root key) are read without one, and everything else is checked once the
store is opened with it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import StoreId
from regionkms.ports.store import WrappedDomainKey
from regionkms.ports.vault import Vault
from regionkms.store.database import Database
from regionkms.store.engine import reader_engine, shown_url, sqlite_path, translated
from regionkms.store.migrate import check_schema, has_schema, migrate
from regionkms.store.schema import settings
from regionkms.store.tables_material import ALL_DOMAIN_KEYS, domain_key_from
from regionkms.store.transaction import SqlTransaction

SETTING_STORE_ID: Final = "store/id"
SETTING_LAB: Final = "store/lab"
_LAB_MARKS: Final = {True: "lab", False: "no lab"}
_SETTINGS: Final = select(settings.c.name, settings.c.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """What can be read of a store before its vault exists.

    Attributes:
        domain_keys: Sealed by the root key, which tells whether they are genuine.
        settings: *Not authenticated yet*: good enough to find things, never to decide.
    """

    domain_keys: Sequence[WrappedDomainKey]
    settings: dict[str, str]


def store_exists(url: str) -> bool:
    """Whether a store was made at this URL; False also for one that was never finished.

    A store that has domain keys but lost its id is one: it must be refused, never made anew over
    the keys that are in it.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return False
    with translated("be looked at"), reader_engine(url).connect() as connection:
        if not has_schema(connection):
            return False
        has_domain_keys = connection.execute(ALL_DOMAIN_KEYS).first() is not None
        return has_domain_keys or SETTING_STORE_ID in _all_settings(connection)


def create_store(url: str, *, lab: bool, domain_key: WrappedDomainKey, vault: Vault) -> StoreId:
    """Make a store: tables, random id, lab mark and first domain key.

    Args:
        url: As for `open_store`. A SQLite file is made with mode 0600.
        lab: Written into the store for good; a lab and others refuse each other's stores.
        domain_key: The first domain key, current, wrapped by the root key.
        vault: Holds that domain key, to authenticate the store's first settings.

    Returns:
        The new store's id.

    Raises:
        ConfigurationError: There is a store already.
        StoreUnavailable: The database did not answer.
    """
    migrate(url)
    store_id = StoreId(secrets.token_hex(16))

    def fill(transaction: SqlTransaction) -> None:
        if transaction.settings.get(SETTING_STORE_ID) is not None:
            raise ConfigurationError(f"There is a store in {shown_url(url)} already.")
        transaction.domain_keys.put(domain_key)
        transaction.settings.put(SETTING_STORE_ID, store_id)
        transaction.settings.put(SETTING_LAB, _LAB_MARKS[lab])

    if store_exists(url):
        raise ConfigurationError(f"There is a store in {shown_url(url)} already.")
    database = Database(url, vault)
    try:
        database.write(fill)
    finally:
        database.close()
    return store_id


def read_bootstrap(url: str) -> Bootstrap:
    """Read what a vault is made from.

    Raises:
        ConfigurationError: There is no store, or its schema does not fit this release.
        StoreUnavailable: The database did not answer.
    """
    check_schema(url)
    with translated("read its domain keys"), reader_engine(url).connect() as connection:
        rows = [row._asdict() for row in connection.execute(ALL_DOMAIN_KEYS)]
        return Bootstrap(
            domain_keys=[domain_key_from(row) for row in rows], settings=_all_settings(connection)
        )


def read_domain_keys(url: str) -> Sequence[WrappedDomainKey]:
    """The wrapped domain keys alone; see `read_bootstrap`."""
    return read_bootstrap(url).domain_keys


def check_identity(database: Database, url: str, *, lab: bool) -> StoreId:
    """Read a store's id and compare its lab mark.

    Raises:
        ConfigurationError: It was never finished, or is of the other kind.
        RowTampered: Id or mark do not fit their codes.
    """
    store_id, mark = database.read(
        lambda transaction: (
            transaction.settings.get(SETTING_STORE_ID),
            transaction.settings.get(SETTING_LAB),
        )
    )
    if store_id is None or mark is None:
        raise ConfigurationError(
            f"The store {shown_url(url)} was never finished. If it is new, remove it and start "
            "the node again; if it is not, restore it from a backup."
        )
    if mark != _LAB_MARKS[lab]:
        fix = (
            "Start this node with another data directory."
            if lab
            else ("Start it by `regionkms lab`, or give this node a data directory of its own.")
        )
        raise ConfigurationError(
            f"The store {shown_url(url)} was made for a node that is {_shown(mark)}, "
            f"and this node is {_shown(_LAB_MARKS[lab])}. {fix}"
        )
    return StoreId(store_id)


def _shown(mark: str) -> str:
    return "a lab" if mark == _LAB_MARKS[True] else "no lab"


def _all_settings(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(_SETTINGS)}
