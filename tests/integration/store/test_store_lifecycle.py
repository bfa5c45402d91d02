"""Making, migrating and opening a store; what is refused says how to mend it."""

import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text, update

from regionkms.model.errors import ConfigurationError, Fault, RowTampered, StoreUnavailable
from regionkms.ports.store import StoreTransaction
from regionkms.store import schema
from regionkms.store.bootstrap import (
    SETTING_LAB,
    SETTING_STORE_ID,
    create_store,
    read_bootstrap,
    read_domain_keys,
    store_exists,
)
from regionkms.store.changes import MAX_CHANGES
from regionkms.store.engine import parse_url, shown_url, store_url, writer_engine
from regionkms.store.migrate import check_schema, migrate
from regionkms.store.schema import SCHEMA_VERSION, store_meta
from regionkms.store.store import SqlStore, open_store
from tests.support.row_vault import RowVault
from tests.support.store_rows import ACCOUNT, domain_key, generation, key_id, kms_key

pytestmark = pytest.mark.timeout(120)


def create(url: str, *, lab: bool = False) -> str:
    return create_store(url, lab=lab, domain_key=domain_key(), vault=RowVault())


def opened(url: str, *, lab: bool = False) -> SqlStore:
    return open_store(url, vault=RowVault(), on_commit=lambda: None, lab=lab)


def modes_in(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


@contextmanager
def connection_to(url: str) -> Iterator[Connection]:
    with writer_engine(url).connect() as connection, connection.begin():
        yield connection


async def test_store_has_a_random_id_for_good(empty_url: str, tmp_path: Path) -> None:
    assert not store_exists(empty_url)
    store_id = create(empty_url)
    assert store_exists(empty_url)
    other = tmp_path / "other"
    other.mkdir()
    assert create(store_url(other)) != store_id
    for _ in range(2):
        store = opened(empty_url)
        assert store.store_id == store_id
        await store.close()


def test_store_is_made_once(url: str) -> None:
    before = read_bootstrap(url)
    with pytest.raises(ConfigurationError, match=r"^There is a store in .* already\.$"):
        create(url)
    assert read_bootstrap(url) == before


def test_store_that_lost_its_id_is_never_made_anew_over_its_keys(url: str) -> None:
    with connection_to(url) as connection:
        connection.execute(schema.settings.delete())
    assert store_exists(url)
    with pytest.raises(ConfigurationError, match="was never finished"):
        opened(url)
    with pytest.raises(ConfigurationError, match=r"^There is a store in .* already\.$"):
        create(url)


def test_domain_keys_and_settings_are_read_without_a_vault(url: str) -> None:
    bootstrap = read_bootstrap(url)
    assert bootstrap.domain_keys == [domain_key()] == read_domain_keys(url)
    assert bootstrap.settings.keys() == {SETTING_STORE_ID, SETTING_LAB}


@pytest.mark.parametrize(
    ("made_by_lab", "message"),
    [
        (True, "was made for a node that is a lab, and this node is no lab"),
        (False, "was made for a node that is no lab, and this node is a lab"),
    ],
)
def test_lab_and_others_refuse_each_others_stores(
    empty_url: str, *, made_by_lab: bool, message: str
) -> None:
    create(empty_url, lab=made_by_lab)
    with pytest.raises(ConfigurationError, match=message) as caught:
        opened(empty_url, lab=not made_by_lab)
    assert "data directory" in str(caught.value)


def test_lab_mark_can_not_be_changed_by_who_writes_the_database(url: str) -> None:
    with connection_to(url) as connection:
        connection.execute(
            update(schema.settings).where(schema.settings.c.name == SETTING_LAB).values(value="lab")
        )
    with pytest.raises(RowTampered, match=r"row \(store/lab\) of table settings"):
        opened(url, lab=True)


def test_wrong_vault_opens_no_store(url: str) -> None:
    with pytest.raises(RowTampered, match=r"row \(store/id\) of table settings"):
        open_store(url, vault=RowVault(key=b"another"), on_commit=lambda: None, lab=False)


def test_missing_store_is_refused_with_the_fix(empty_url: str) -> None:
    for attempt in (opened, read_bootstrap, check_schema):
        with pytest.raises(ConfigurationError, match="No store"):
            attempt(empty_url)
    assert not store_exists(empty_url)


def test_unfinished_store_is_finished_by_the_next_start(empty_url: str) -> None:
    migrate(empty_url)
    assert not store_exists(empty_url)
    with pytest.raises(ConfigurationError, match="was never finished"):
        opened(empty_url)
    create(empty_url)
    assert store_exists(empty_url)


def test_migrations_make_what_the_schema_says(empty_url: str) -> None:
    migrate(empty_url)
    with connection_to(empty_url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []


def test_second_migration_finds_nothing_to_do(url: str) -> None:
    before = read_bootstrap(url)
    migrate(url)
    check_schema(url)
    assert read_bootstrap(url) == before


def test_concurrent_migrations_wait_for_each_other(empty_url: str) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(empty_url)
        except Fault as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    check_schema(empty_url)


def test_schema_of_a_newer_release_is_refused_only_if_it_must_be(url: str) -> None:
    with connection_to(url) as connection:
        connection.execute(update(store_meta).values(schema_version=SCHEMA_VERSION + 1))
    check_schema(url)
    migrate(url)
    with connection_to(url) as connection:
        connection.execute(update(store_meta).values(readable_from=SCHEMA_VERSION + 1))
    for attempt in (check_schema, migrate, opened):
        with pytest.raises(ConfigurationError, match="Install the newer one"):
            attempt(url)


def test_schema_of_an_older_release_is_refused_with_the_command(url: str) -> None:
    with connection_to(url) as connection:
        connection.execute(update(store_meta).values(schema_version=SCHEMA_VERSION - 1))
    with pytest.raises(ConfigurationError, match="Run: regionkms store migrate"):
        opened(url)


async def test_change_of_a_kind_that_this_release_does_not_know_forgets_everything(
    url: str,
) -> None:
    store = opened(url)
    await store.write(lambda tx: tx.settings.put("a", "b"))
    number = await store.read(lambda tx: tx.commit_number)
    assert (await store.changes_since(number - 1)).complete
    with connection_to(url) as connection:
        connection.execute(update(schema.changes).values(kind="of a newer release"))
    changes = await store.changes_since(number - 1)
    assert (changes.head, changes.complete, list(changes.rows)) == (number, False, [])
    assert (await store.changes_since(number)).complete
    await store.close()


async def test_too_many_changes_forget_everything(url: str) -> None:
    store = opened(url)
    before = await store.read(lambda tx: tx.commit_number)
    with connection_to(url) as connection:
        connection.execute(update(store_meta).values(commit_number=before + 1))
        connection.execute(
            insert(schema.changes),
            [
                {"commit_number": before + 1, "kind": "key", "account_id": ACCOUNT, "name": str(n)}
                for n in range(MAX_CHANGES + 1)
            ],
        )
    changes = await store.changes_since(before)
    assert (changes.head, changes.complete, list(changes.rows)) == (before + 1, False, [])
    await store.prune_changes(keep=10)
    assert (await store.changes_since(before + 1)).complete
    await store.close()


async def test_files_of_a_sqlite_store_are_private(tmp_path: Path) -> None:
    url = store_url(tmp_path)
    create(url)
    store = opened(url)
    await store.write(lambda tx: tx.settings.put("a", "b"))
    modes = modes_in(tmp_path)
    await store.close()
    assert modes == {"store.db": 0o600, "store.db-shm": 0o600, "store.db-wal": 0o600}


def test_sqlite_store_that_others_may_open_is_refused(tmp_path: Path) -> None:
    url = store_url(tmp_path)
    create(url)
    (tmp_path / "store.db").chmod(0o640)
    for attempt in (opened, migrate, read_bootstrap):
        with pytest.raises(ConfigurationError, match=r"mode 0640.*Run: chmod 600"):
            attempt(url)


def test_data_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Can't create the store .*absent/store\.db"):
        create(store_url(tmp_path / "absent"))


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database" * 1000)
    (tmp_path / "store.db").chmod(0o600)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        create(store_url(tmp_path))


@pytest.mark.parametrize(
    "wrong",
    ["", "store.db", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///a?b=c"],
)
def test_url_of_another_database_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:////path/to/store\.db"):
        parse_url(wrong)


def test_shown_url_hides_its_password() -> None:
    assert "hunter2" not in shown_url("postgresql://user:hunter2@host/database")


def test_database_that_is_away_is_named_without_the_password() -> None:
    with pytest.raises(StoreUnavailable, match="refused") as caught:
        store_exists("postgresql://user:hunter2@127.0.0.1:9/database")
    assert "hunter2" not in str(caught.value)


async def test_sqlite_commits_are_synced_and_logged(tmp_path: Path) -> None:
    url = store_url(tmp_path)
    create(url)
    with connection_to(url) as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert settings == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1
    }  # fmt: skip


async def test_destroyed_generation_leaves_the_file(tmp_path: Path) -> None:
    url = store_url(tmp_path)
    create(url)
    wrapped = b"WRAPPED-MATERIAL" * 8
    store = opened(url)

    def fill(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key())
        tx.generations.put(ACCOUNT, key_id(1), generation(wrapped=wrapped))

    await store.write(fill)
    await store.close()
    path = tmp_path / "store.db"
    assert wrapped in path.read_bytes()
    store = opened(url)
    await store.write(lambda tx: tx.keys.delete(ACCOUNT, key_id(1)))
    await store.close()
    assert wrapped not in path.read_bytes()
    assert modes_in(tmp_path) == {"store.db": 0o600}
