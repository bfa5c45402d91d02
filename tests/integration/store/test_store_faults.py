"""Databases that fail, processes that are killed, several processes on one store."""

import asyncio
import logging
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from regionkms.model.errors import OutcomeUnknown, StoreUnavailable
from regionkms.ports.store import OutboxRecord, StoreTransaction
from regionkms.store import schema
from regionkms.store.bootstrap import create_store
from regionkms.store.engine import store_url, writer_engine
from regionkms.store.store import SqlStore, open_store
from tests.support.postgres import PostgresServer
from tests.support.postgres_proxy import CommitCutter
from tests.support.row_vault import RowVault
from tests.support.store_rows import ACCOUNT, alias_name, domain_key, generation, key_id, kms_key

pytestmark = pytest.mark.timeout(120)
KILLS = 12
SECRET = "SECRET-OF-A-ROW"


def opened(url: str) -> SqlStore:
    return open_store(url, vault=RowVault(), on_commit=lambda: None, lab=False)


def writer(url: str, first: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.support.store_writer", url, str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def check_whole(tx: StoreTransaction, acknowledged: list[int]) -> int:
    """All acknowledged keys are there, each whole; returns how many keys there are."""
    ids = tx.keys.page(ACCOUNT, after="", limit=1_000_000)
    assert {key_id(number) for number in acknowledged} <= set(ids)
    for identifier in ids:
        number = int(identifier[-12:], 16)
        assert tx.keys.get(ACCOUNT, identifier) == kms_key(identifier)
        assert tx.generations.of_key(ACCOUNT, identifier) == [generation()]
        alias = tx.aliases.get(ACCOUNT, alias_name(f"{number:08d}"))
        assert alias is not None
        assert alias.target_key_id == identifier
    assert len(tx.aliases.page(ACCOUNT, key_id=None, after="", limit=1_000_000)) == len(ids)
    assert tx.keys.count(ACCOUNT) == len(ids)
    return len(ids)


async def test_killed_writer_leaves_all_or_nothing(url: str) -> None:
    acknowledged: list[int] = []
    reader = opened(url)
    for kill in range(KILLS):
        process = writer(url, kill * 100_000)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        await asyncio.sleep(0.013 * kill)
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split(b"\n")
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        acknowledged += [int(line) for line in lines[:-1]]
        found = await reader.read(partial(check_whole, acknowledged=acknowledged))
        assert found <= len(acknowledged) + kill + 1  # one unanswered commit for each kill
    await reader.close()
    again = opened(url)
    changes = await again.changes_since(0)
    assert {change.name for change in changes.rows if change.kind == "key"} >= {
        key_id(number) for number in acknowledged
    }
    await again.close()
    assert len(acknowledged) > KILLS


async def test_processes_that_write_together_lose_nothing(url: str) -> None:
    processes = [writer(url, first * 100_000) for first in range(3)]
    acknowledged: list[int] = []
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        acknowledged += [int(process.stdout.readline()) for _ in range(10)]
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        lines = process.stdout.read().split(b"\n")
        process.stdout.close()
        process.wait()
        acknowledged += [int(line) for line in lines[:-1]]
    store = opened(url)
    await store.read(lambda tx: check_whole(tx, acknowledged))
    numbers = [change.commit_number for change in (await store.changes_since(0)).rows]
    assert numbers == sorted(numbers)
    await store.close()


async def test_reader_keeps_its_snapshot_while_others_write(url: str) -> None:
    first, second = opened(url), opened(url)
    writer_loop = asyncio.get_running_loop()

    def look(tx: StoreTransaction) -> None:
        before = tx.commit_number, tx.settings.get("a")
        write = second.write(lambda other: other.settings.put("a", "b"))
        asyncio.run_coroutine_threadsafe(write, writer_loop).result(timeout=20)
        assert (tx.commit_number, tx.settings.get("a")) == before

    await first.read(look)
    assert await first.read(lambda tx: tx.settings.get("a")) == "b"
    await first.close()
    await second.close()


async def test_writer_that_finds_the_store_locked_says_so(url: str) -> None:
    store = opened(url)
    engine = writer_engine(url)
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE store_lock IN EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="The store can't begin a write"):
            await store.write(lambda tx: tx.settings.put("a", "b"))
        assert await store.read(lambda tx: tx.settings.get("a")) is None
    await store.write(lambda tx: tx.settings.put("a", "b"))
    assert await store.read(lambda tx: tx.settings.get("a")) == "b"
    await store.close()


async def test_conflict_makes_the_transaction_run_again(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    create_store(url, lab=False, domain_key=domain_key(), vault=RowVault())
    store = opened(url)
    runs: list[int] = []

    def work(tx: StoreTransaction) -> None:
        runs.append(tx.commit_number)
        if len(runs) == 1:
            with engine.connect() as other, other.begin():  # a writer that does not queue
                other.execute(update(schema.key_counts).values(customer_keys=7))
        tx.keys.insert(kms_key(key_id(2)))

    await store.write(lambda tx: tx.keys.insert(kms_key(key_id(1))))
    engine = writer_engine(url)
    await store.write(work)
    assert len(runs) == 2
    assert await store.read(lambda tx: tx.keys.count(ACCOUNT)) == 8
    await store.close()


async def test_refused_row_shows_none_of_its_values(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(url)
    key = kms_key(policy=SECRET, description=SECRET)
    await store.write(lambda tx: tx.keys.insert(key))
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable) as caught:
        await store.write(lambda tx: tx.keys.insert(key))
    with pytest.raises(StoreUnavailable) as surrogate:
        await store.write(lambda tx: tx.settings.put("a", SECRET + "\ud800"))
    for refused in (caught.value, surrogate.value):
        shown = "".join(traceback.format_exception(refused))
        assert SECRET not in shown + "".join(chain_of(refused)) + caplog.text
    await store.close()


def chain_of(error: BaseException | None) -> Iterator[str]:
    """Texts of an exception and all that hangs on it, shown in tracebacks or not."""
    if error is not None:
        yield repr(error)
        yield from chain_of(error.__cause__)
        yield from chain_of(error.__context__)


async def test_row_that_breaks_a_constraint_is_not_shown_by_postgresql(
    postgres: PostgresServer,
) -> None:
    """PostgreSQL's DETAIL of a NOT NULL violation is the whole failing row."""
    url = postgres.new_database()
    create_store(url, lab=False, domain_key=domain_key(), vault=RowVault())
    store = opened(url)
    broken = kms_key(policy=SECRET, custom_key_store_id=None)
    with pytest.raises(StoreUnavailable, match=r"NotNullViolation \(23502\)") as caught:
        await store.write(lambda tx: tx.keys.insert(broken))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    await store.close()


async def test_store_comes_back_after_its_connections_ended(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    create_store(url, lab=False, domain_key=domain_key(), vault=RowVault())
    store = opened(url)
    await store.write(lambda tx: tx.settings.put("a", "1"))
    assert await store.read(lambda tx: tx.settings.get("a")) == "1"
    postgres.end_connections()
    assert await store.read(lambda tx: tx.settings.get("a")) == "1"
    await store.write(lambda tx: tx.settings.put("a", "2"))
    postgres.end_connections()
    await store.write(lambda tx: tx.settings.put("a", "3"))
    assert await store.read(lambda tx: tx.settings.get("a")) == "3"
    await store.close()


async def test_commit_that_never_arrived_is_known_to_have_failed(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    create_store(url, lab=False, domain_key=domain_key(), vault=RowVault())
    store = opened(url)

    def work(tx: StoreTransaction) -> None:
        tx.outbox.append(OutboxRecord(event_id="event", record=b"{}"))
        postgres.end_connections()  # the next statement is COMMIT

    with pytest.raises(StoreUnavailable, match="The store can't commit"):
        await store.write(work)
    assert await store.read(lambda tx: tx.outbox.waiting(limit=1)) == []
    await store.close()


@pytest.fixture
def cutter(postgres: PostgresServer) -> Iterator[CommitCutter]:
    with CommitCutter(postgres.socket_dir) as cutter:
        yield cutter


async def test_commit_whose_answer_is_lost_is_known_to_have_landed(
    postgres: PostgresServer, cutter: CommitCutter, bumps: list[int]
) -> None:
    direct = postgres.new_database()
    create_store(direct, lab=False, domain_key=domain_key(), vault=RowVault())
    url = cutter.url_of(direct)
    store = open_store(url, vault=RowVault(), on_commit=lambda: bumps.append(1), lab=False)
    await store.write(lambda tx: tx.settings.put("a", "a"))  # its connection is open from now on
    cutter.cut_next_commit()
    await store.write(lambda tx: tx.settings.put("a", "b"))
    assert cutter.cuts == 1
    assert bumps == [1, 1]
    assert await store.read(lambda tx: tx.settings.get("a")) == "b"
    await store.close()


async def test_commit_is_of_unknown_outcome_when_the_database_stays_away(
    postgres: PostgresServer, cutter: CommitCutter, bumps: list[int]
) -> None:
    direct = postgres.new_database()
    create_store(direct, lab=False, domain_key=domain_key(), vault=RowVault())
    url = cutter.url_of(direct)
    store = open_store(url, vault=RowVault(), on_commit=lambda: bumps.append(1), lab=False)
    await store.write(lambda tx: tx.settings.put("a", "a"))  # its connection is open from now on
    cutter.cut_next_commit(and_stay_away=True)
    with pytest.raises(OutcomeUnknown, match="went away during a commit"):
        await store.write(lambda tx: tx.settings.put("a", "b"))
    assert bumps == [1, 1]  # it may have landed, so caches must look
    await store.close()


async def test_full_disk_fails_the_write_and_nothing_else(tmp_path: Path) -> None:
    """A bound on the size of files stands for a full disk, in a process of its own."""
    url = store_url(tmp_path)
    create_store(url, lab=False, domain_key=domain_key(), vault=RowVault())
    command = [sys.executable, "-m", "tests.support.store_on_full_disk", url]
    result = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    store = opened(url)
    assert await store.read(lambda tx: tx.settings.prefixed("large/")) == {}
    assert await store.read(lambda tx: tx.settings.get("after")) == "room again"
    await store.close()
