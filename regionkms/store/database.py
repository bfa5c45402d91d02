"""Transactions on a store's database, without threads: one writer and one reader connection.

`store.py` runs it on the store thread; the offline commands call it directly.
"""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from regionkms.model.errors import OutcomeUnknown, StoreUnavailable
from regionkms.ports.vault import Vault
from regionkms.store.changes import ADD_CHANGES, META, NEXT_COMMIT
from regionkms.store.engine import (
    ConnectionLost,
    TransactionConflict,
    begin_write,
    reader_engine,
    transaction_landed,
    transaction_name,
    translated,
    writer_engine,
)
from regionkms.store.session import Session
from regionkms.store.transaction import SqlTransaction

T = TypeVar("T")
MAX_ATTEMPTS: Final = 8
"""Runs of one transaction that the database keeps asking to repeat."""


class Database:
    """Runs transactions on one thread at a time.

    Connections are opened at the first use and again after they were lost.
    """

    def __init__(self, url: str, vault: Vault) -> None:
        self._vault = vault
        self._writer_engine = writer_engine(url)
        self._reader_engine = reader_engine(url)
        self._writer: Connection | None = None
        self._reader: Connection | None = None

    def read(self, work: Callable[[SqlTransaction], T]) -> T:
        """Run `work` on one snapshot.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        return self._repeated(lambda: self._read_once(work))

    def write(self, work: Callable[[SqlTransaction], T]) -> tuple[T, bool]:
        """Run `work` and commit; whether the change feed moved is the second result.

        Raises:
            StoreUnavailable: It did not commit; nothing changed.
            OutcomeUnknown: PostgreSQL went away during the commit, and stayed away.
        """
        return self._repeated(lambda: self._write_once(work))

    def close(self) -> None:
        """Close both connections."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                _close(connection)
        self._reader = self._writer = None

    def _repeated(self, run: Callable[[], T]) -> T:
        """Run again what changed nothing: after a conflict, or once after a stale connection."""
        stale_allowed = True
        for attempt in range(MAX_ATTEMPTS - 1):
            try:
                return run()
            except TransactionConflict:
                time.sleep(secrets.randbelow(5 << attempt) / 1000)
            except ConnectionLost:
                if not stale_allowed:
                    raise
                stale_allowed = False
        return run()

    def _read_once(self, work: Callable[[SqlTransaction], T]) -> T:
        self._reader, connection = _opened(self._reader, self._reader_engine)
        try:
            with translated("begin a read"):
                connection.begin()
                number = _last_commit(connection)
            session = Session(connection, self._vault, commit_number=number, writable=False)
            return work(SqlTransaction(session))
        finally:
            if not _rolled_back(connection):
                self._reader = None
                _close(connection)

    def _write_once(self, work: Callable[[SqlTransaction], T]) -> tuple[T, bool]:
        self._writer, connection = _opened(self._writer, self._writer_engine)
        committed = False
        try:
            with translated("begin a write"):
                begin_write(connection)
                number = connection.execute(NEXT_COMMIT).scalar_one()
                name = transaction_name(connection)
            session = Session(connection, self._vault, commit_number=number, writable=True)
            result = work(SqlTransaction(session))
            noted = session.noted_changes()
            session.write_many(ADD_CHANGES, noted)
            self._commit(connection, name)
            committed = True
        finally:
            if not committed and not _rolled_back(connection):
                self._writer = None
                _close(connection)
        return result, bool(noted)

    def _commit(self, connection: Connection, name: int | None) -> None:
        try:
            with translated("commit"):
                connection.commit()
        except ConnectionLost:
            # The commit was sent and no answer came: ask the server what became of it.
            if name is None or not self._landed(name):
                raise

    def _landed(self, name: int) -> bool:
        for attempt in range(MAX_ATTEMPTS):
            time.sleep(secrets.randbelow(5 << attempt) / 1000)
            with suppress(SQLAlchemyError), self._reader_engine.connect() as connection:
                landed = transaction_landed(connection, name)
                if landed is not None:
                    return landed
        raise OutcomeUnknown("the database went away during a commit and did not come back")


def _opened(connection: Connection | None, engine: Engine) -> tuple[Connection, Connection]:
    if connection is None:
        with translated("open its database"):
            connection = engine.connect()
    return connection, connection


def _last_commit(connection: Connection) -> int:
    row = connection.execute(META).mappings().one_or_none()
    if row is None:
        raise StoreUnavailable("the store was never finished: its store_meta has no row")
    number: int = row["commit_number"]
    return number


def _rolled_back(connection: Connection) -> bool:
    """End the transaction; False if the connection is good for nothing more."""
    try:
        connection.rollback()
    except SQLAlchemyError:
        return False
    return not connection.invalidated


def _close(connection: Connection) -> None:
    with suppress(SQLAlchemyError):  # it is given up either way
        connection.close()
