"""Connections to a store's database: what the two dialects need to keep the store's promises.

SQLite: WAL, every commit synced (synchronous=FULL), writers take the write lock at BEGIN.
PostgreSQL: REPEATABLE READ snapshots, writers queue on one table's lock before they take theirs,
so that they never work on a stale snapshot; commits are synchronous.

SQLAlchemy's exceptions end here: `translated` turns them into StoreUnavailable without any value
of a row in the text, the cause or the context.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from regionkms.model.errors import ConfigurationError, StoreUnavailable

STORE_FILE: Final = "store.db"
BUSY_TIMEOUT_MS: Final = 5_000
"""How long a writer waits for another one, on either database."""
CONNECT_TIMEOUT_S: Final = 5
_BUSY_PAUSE_S: Final = 0.001
_BUSY_ATTEMPTS: Final = round(BUSY_TIMEOUT_MS / 1000 / _BUSY_PAUSE_S)
_RETRYABLE_SQLSTATES: Final = frozenset({"40001", "40P01"})
"""PostgreSQL: serialization_failure, deadlock_detected."""
_SQLITE_PRAGMAS: Final = (
    "PRAGMA busy_timeout=0",  # writers wait in _patiently
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # sync the log at every commit: acknowledged = survives power loss
    "PRAGMA fullfsync=ON",  # macOS only: a sync reaches the medium
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # destroyed material leaves the file's free pages
    "PRAGMA trusted_schema=OFF",  # who can write the file must not run functions in our process
    "PRAGMA journal_size_limit=67108864",
)


class DriverError(Exception):
    """What a database driver reported, reduced to words that hold no value of a row."""


class TransactionConflict(StoreUnavailable):
    """The database asks to run the transaction again; nothing changed."""


class ConnectionLost(StoreUnavailable):
    """The connection is gone; the next transaction opens another."""


def store_url(data_dir: Path) -> str:
    """The URL of the embedded store in a data directory."""
    return f"sqlite:///{(data_dir / STORE_FILE).absolute()}"


def parse_url(url: str) -> URL:
    """Take a store's URL apart.

    Raises:
        ConfigurationError: It names no database that regionkms knows.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is not None and parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed is not None and parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if parsed.database in {None, "", ":memory:"} or parsed.query:
            raise ConfigurationError("A SQLite store is a file: sqlite:////path/to/store.db")
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigurationError(
        "A store's URL is sqlite:////path/to/store.db or postgresql://user@host/database"
    )


def shown_url(url: str) -> str:
    """A store's URL for messages, without its password."""
    return parse_url(url).render_as_string(hide_password=True)


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite store; None for PostgreSQL."""
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        return None
    return Path(parsed.database)


def create_private_file(path: Path) -> None:
    """Create an empty database file that only its owner can open; leave an existing one alone.

    An existing file is never opened here: to close any descriptor of it would drop the locks that
    SQLite holds on it in this process (POSIX record locks).

    Raises:
        ConfigurationError: The directory is missing or not writable.
    """
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError(
            f"Can't create the store {path}: {error.strerror}. "
            "Make its directory and give this user write permission there."
        ) from error


def check_private_file(path: Path) -> None:
    """Refuse a database file that others may open.

    Raises:
        ConfigurationError: It is missing, or its mode lets group or others in.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise ConfigurationError(f"No store at {path}: {error.strerror}.") from error
    if mode & 0o077:
        raise ConfigurationError(
            f"The store {path} is open to others (mode {mode:04o}). Run: chmod 600 {path}"
        )


def writer_engine(url: str) -> Engine:
    """An engine whose transactions write; `begin_write` starts them."""
    return _engine(url, sqlite_begin="BEGIN IMMEDIATE")


def reader_engine(url: str) -> Engine:
    """An engine whose transactions read one snapshot and can't write."""
    engine = _engine(url, sqlite_begin="BEGIN")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _only_queries)
        return engine
    return engine.execution_options(postgresql_readonly=True)


def migration_engine(url: str) -> Engine:
    """An engine for migrations: a runner that waited for another sees what that one made."""
    engine = writer_engine(url)
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def begin_write(connection: Connection) -> None:
    """Wait for the other writers, then open a transaction that sees all they committed."""
    connection.begin()
    if connection.dialect.name == "postgresql":
        # LOCK TABLE takes no snapshot: it is taken by the next statement, after the wait.
        connection.execute(_LOCK)


def transaction_name(connection: Connection) -> int | None:
    """The open transaction's id, by which its outcome can be asked later; None on SQLite.

    SQLite has no network in between: its commit always answers.
    """
    if connection.dialect.name != "postgresql":
        return None
    name: int = connection.execute(_TRANSACTION_NAME).scalar_one()
    return name


def transaction_landed(connection: Connection, name: int) -> bool | None:
    """What became of a transaction: committed, rolled back, or (None) not decided yet."""
    status = connection.execute(_TRANSACTION_STATUS, {"name": name}).scalar_one()
    return {"committed": True, "aborted": False}.get(status)


_LOCK: Final = text("LOCK TABLE store_lock IN EXCLUSIVE MODE")
_TRANSACTION_NAME: Final = text("SELECT txid_current()")
_TRANSACTION_STATUS: Final = text("SELECT txid_status(:name)")


def _engine(url: str, *, sqlite_begin: str) -> Engine:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, sqlite_begin)
    limits = (
        f"-c lock_timeout={BUSY_TIMEOUT_MS} -c statement_timeout={2 * BUSY_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={2 * BUSY_TIMEOUT_MS}"
    )
    engine = create_engine(
        parsed,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="REPEATABLE READ",
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "regionkms",
            "options": limits,
        },
    )
    event.listen(engine, "connect", _synchronous_commits)
    return engine


def _sqlite_engine(parsed: URL, begin: str) -> Engine:
    engine = create_engine(parsed, poolclass=NullPool, hide_parameters=True)

    def prepare(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        del entry
        connection.isolation_level = None  # no BEGIN behind our back
        for pragma in _SQLITE_PRAGMAS:
            _patiently(partial(_run, connection, pragma))

    def start(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            _patiently(partial(_run, driver, begin))

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine


def _run(connection: sqlite3.Connection, statement: str) -> None:
    connection.execute(statement).close()


def _patiently(run: Callable[[], None]) -> None:
    """Run until SQLite is not busy, at most BUSY_TIMEOUT_MS.

    In place of busy_timeout, which does not hold where two processes turn the log on together, and
    whose pauses grow to 100 ms: with four processes that only write, the slowest percent took
    190-330 ms by it, and takes 57 ms by short pauses.
    """
    for _ in range(_BUSY_ATTEMPTS):
        try:
            run()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(_BUSY_PAUSE_S)
        else:
            return
    run()


def _only_queries(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    del entry
    _run(connection, "PRAGMA query_only=ON")
    _run(connection, f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")  # for the recovery after a kill


def _synchronous_commits(connection: Any, entry: ConnectionPoolEntry) -> None:
    """Overrule a server whose commits return before they are durable; leave stricter ones."""
    del entry
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] in {"off", "local"}:
            cursor.execute("SET synchronous_commit = on")
    connection.commit()


class Translation:
    """Turns a database's exception into StoreUnavailable when its block is left; see `translated`.

    The new exception has no context: nothing leads back to a text that may hold values of a row.
    """

    __slots__ = ("_action",)

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, SQLAlchemyError | sqlite3.Error):
            failure = _failure(self._action, error)
            try:
                raise failure
            finally:
                failure.__context__ = None


def translated(action: str) -> Translation:
    """Turn a database's exception into StoreUnavailable.

    Args:
        action: What was tried, for the message.

    Raises:
        TransactionConflict: Run the transaction again.
        ConnectionLost: The connection is gone.
        StoreUnavailable: Anything else that the database refused.
    """
    return Translation(action)


def _failure(action: str, error: SQLAlchemyError | sqlite3.Error) -> StoreUnavailable:
    cause = DriverError(_described(error)).with_traceback(error.__traceback__)
    message = f"The store can't {action}: {cause}"
    failure: StoreUnavailable
    if _sqlstate(error) in _RETRYABLE_SQLSTATES:
        failure = TransactionConflict(message)
    elif isinstance(error, DBAPIError) and error.connection_invalidated:
        failure = ConnectionLost(message)
    else:
        failure = StoreUnavailable(message)
    failure.__cause__ = cause
    return failure


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _described(error: SQLAlchemyError | sqlite3.Error) -> str:
    """The driver's words where they name no value: PostgreSQL's DETAIL may show a whole row."""
    original = getattr(error, "orig", error)
    if isinstance(original, sqlite3.Error):
        return f"{original} ({getattr(original, 'sqlite_errorname', type(original).__name__)})"
    state = _sqlstate(error)
    if state is not None:
        return f"{type(original).__name__} ({state})"
    if isinstance(error, DBAPIError):  # no server: its address at most
        return f"{type(original).__name__}: {str(original).partition(chr(10))[0][:300]}"
    return type(original).__name__
