"""A PostgreSQL server of the tests' own: temporary data, one Unix socket, no network."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

_PROGRAMS = Path("/usr/lib/postgresql")
_UNPRIVILEGED = "postgres"
_OPTIONS = {
    "listen_addresses": "''",
    "fsync": "off",  # tests kill clients and the server, never the machine
    "max_connections": "40",
    "shared_buffers": "32MB",
}


class PostgresServer:
    """A running server; `new_database` makes as many empty databases as tests need."""

    def __init__(self, socket_dir: Path, user: str) -> None:
        self.socket_dir = socket_dir
        self._user = user
        self._numbers = count(1)

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"store_{next(self._numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://{self._user}@/{name}?host={self.socket_dir}"

    def connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Open a connection that commits each statement."""
        return psycopg.connect(
            host=str(self.socket_dir), user=self._user, dbname=database, autocommit=True
        )

    def end_connections(self) -> None:
        """End every client's connection, as a restart of the server does."""
        with self.connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server; as root it runs as the user that Debian's package makes for it.

    Raises:
        RuntimeError: PostgreSQL is not installed; says what to install.
    """
    programs = _program_dir()
    directory = Path(tempfile.mkdtemp(prefix="regionkms-pg-"))
    as_owner = _hand_over(directory)
    data = directory / "data"
    user = _UNPRIVILEGED if as_owner else pwd.getpwuid(os.getuid()).pw_name
    try:
        _run(
            *as_owner, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", user,
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
        control = (*as_owner, str(programs / "pg_ctl"), "-D", str(data), "-w", "-s")
        log = str(directory / "log")
        _run(*control, "-o", f"{options} -k {directory}", "-l", log, "start")
        try:
            yield PostgresServer(directory, user)
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _program_dir() -> Path:
    found = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise RuntimeError(
            "The store's tests need PostgreSQL. On Debian: apt-get install -y postgresql"
        )
    return Path(on_path).resolve().parent


def _hand_over(directory: Path) -> tuple[str, ...]:
    """Make the directory the server's; returns the command prefix that runs as its user."""
    if os.getuid() != 0:
        return ()
    shutil.chown(directory, _UNPRIVILEGED)
    return ("setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--init-groups")


def _run(*command: str) -> None:
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/"
    )
    if result.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed: {result.stderr[-2000:]}")
