"""Stores to test: SQLite, PostgreSQL, and the in-memory twin behind the same port."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from regionkms.ports.store import Store
from regionkms.store.bootstrap import create_store
from regionkms.store.engine import store_url
from regionkms.store.store import SqlStore, open_store
from tests.support.memory_store import MemoryStore
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.row_vault import RowVault
from tests.support.store_rows import domain_key


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def bumps() -> list[int]:
    """Grows by one each time the store bumps the change counter."""
    return []


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return store_url(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def url(empty_url: str) -> str:
    """The URL of a store that was just made."""
    create_store(empty_url, lab=False, domain_key=domain_key(), vault=RowVault())
    return empty_url


@pytest.fixture
async def sql_store(url: str, bumps: list[int]) -> AsyncIterator[SqlStore]:
    store = open_store(url, vault=RowVault(), on_commit=lambda: bumps.append(1), lab=False)
    yield store
    await store.close()


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, bumps: list[int]
) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(on_commit=lambda: bumps.append(1))
        return
    url = store_url(tmp_path)
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    create_store(url, lab=False, domain_key=domain_key(), vault=RowVault())
    opened = open_store(url, vault=RowVault(), on_commit=lambda: bumps.append(1), lab=False)
    yield opened
    await opened.close()
