"""Migrations: run by command, one runner at a time, in one transaction.

Releases N and N-1 run on the same schema: a migration says in `store_meta.readable_from` how old
a release may be that still runs on its result.
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, select, text

from regionkms.model.errors import ConfigurationError
from regionkms.store.engine import (
    check_private_file,
    create_private_file,
    migration_engine,
    reader_engine,
    shown_url,
    sqlite_path,
    translated,
)
from regionkms.store.schema import SCHEMA_VERSION, store_meta

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_ADVISORY_LOCK: Final = 0x7265_6769_6F6E_6B6D  # "regionkm"
_LOCK: Final = text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
_NO_TIMEOUT: Final = text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
_VERSIONS: Final = select(store_meta.c.schema_version, store_meta.c.readable_from)


def migrate(url: str) -> None:
    """Bring a store's tables to this release's schema; make them if there are none.

    Everything happens in one transaction under one lock (SQLite: the file's write lock;
    PostgreSQL: an advisory lock), so a second runner waits and finds nothing to do, and a killed
    one leaves the old schema.

    Raises:
        ConfigurationError: The database can't be made, or a newer release has migrated it.
        StoreUnavailable: The database did not answer.
    """
    path = sqlite_path(url)
    if path is not None:
        create_private_file(path)
        check_private_file(path)
    with translated("migrate"), migration_engine(url).connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(_NO_TIMEOUT)
            connection.execute(_LOCK)
        versions = _stored_versions(connection)
        if versions is None or versions[0] < SCHEMA_VERSION:
            _upgrade(connection)
        else:
            _refuse_newer(url, versions)


def check_schema(url: str) -> None:
    """Whether this release can run on a store's tables.

    Raises:
        ConfigurationError: There are none, or they are too old or too new; tells the fix.
        StoreUnavailable: The database did not answer.
    """
    path = sqlite_path(url)
    if path is not None:
        check_private_file(path)
    with translated("read its schema"), reader_engine(url).connect() as connection:
        versions = _stored_versions(connection)
    if versions is None:
        raise ConfigurationError(
            f"No store in {shown_url(url)}. Start the node once with its root key to make it."
        )
    if versions[0] < SCHEMA_VERSION:
        raise ConfigurationError(
            f"The store {shown_url(url)} has schema {versions[0]}, this release needs "
            f"{SCHEMA_VERSION}. Run: regionkms store migrate"
        )
    _refuse_newer(url, versions)


def _refuse_newer(url: str, versions: tuple[int, int]) -> None:
    if versions[1] > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The store {shown_url(url)} has schema {versions[0]}, which needs a release that "
            f"knows schema {versions[1]}; this one knows {SCHEMA_VERSION}. Install the newer one."
        )


def has_schema(connection: Connection) -> bool:
    """Whether any migration has ever run on this database."""
    return inspect(connection).has_table(store_meta.name)


def _stored_versions(connection: Connection) -> tuple[int, int] | None:
    if not has_schema(connection):
        return None
    row = connection.execute(_VERSIONS).one()
    return row.schema_version, row.readable_from


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
