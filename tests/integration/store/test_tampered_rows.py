"""Who can only write to the database can make a key unavailable, not change what a row says."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Connection,
    Double,
    Executable,
    LargeBinary,
    Table,
    event,
    select,
    update,
)
from sqlalchemy.types import BigInteger, Integer

from regionkms.model.errors import RowTampered
from regionkms.model.key import (
    Deletion,
    DeletionKind,
    Lock,
    LockKind,
    MultiRegionFacts,
    Tag,
)
from regionkms.ports.store import OutboxRecord, StoreTransaction
from regionkms.store import schema
from regionkms.store.bootstrap import read_domain_keys
from regionkms.store.engine import writer_engine
from regionkms.store.offline import open_offline
from regionkms.store.store import SqlStore
from tests.support.row_vault import RowVault
from tests.support.store_rows import (
    ACCOUNT,
    access_key,
    alias,
    alias_name,
    generation,
    intent,
    key_id,
    kms_key,
    multi_region_key,
    multi_region_key_id,
)

pytestmark = pytest.mark.timeout(120)
Read = Callable[[StoreTransaction], object]
MRK = multi_region_key_id(1)
READS: dict[str, Read] = {
    "keys": lambda tx: tx.keys.get(ACCOUNT, MRK),
    "multi_region_facts": lambda tx: tx.multi_region.get(ACCOUNT, MRK),
    "generations": lambda tx: tx.generations.of_key(ACCOUNT, MRK),
    "aliases": lambda tx: tx.aliases.get(ACCOUNT, alias_name("a")),
    "tags": lambda tx: tx.tags.of_key(ACCOUNT, MRK),
    "intents": lambda tx: tx.intents.get("intent-1"),
    "access_keys": lambda tx: tx.access_keys.get(access_key().access_key_id),
    "settings": lambda tx: tx.settings.get("a"),
}
LATER = {"grants", "import_tokens", "custom_key_stores"}
"""Coded tables that no code uses yet."""


def fill(tx: StoreTransaction) -> None:
    lock = Lock(kind=LockKind.UPDATE_TO, intent_id="intent-1")
    deletion = Deletion(kind=DeletionKind.PENDING, window_days=7, date=1.0)
    facts = MultiRegionFacts(life=1, lock=lock, mirror=b"record", mirror_seq=3)
    tx.keys.insert(multi_region_key(multi_region=facts, deletion=deletion))
    tx.generations.put(ACCOUNT, MRK, generation())
    tx.aliases.put(alias("a", MRK))
    tx.tags.put(ACCOUNT, MRK, [Tag(tag_key="a", tag_value="b")])
    tx.intents.put(intent())
    tx.access_keys.put(access_key())
    tx.settings.put("a", "b")


@pytest.fixture
def attacker(url: str) -> Iterator[Connection]:
    """Writes to the database behind the store's back."""
    engine = writer_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", forget_foreign_keys)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")  # no triggers
            connection.commit()
        yield connection


def alter(attacker: Connection, statement: Executable) -> None:
    attacker.execute(statement)
    attacker.commit()


def forget_foreign_keys(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA foreign_keys=OFF").close()


def another(value: Any, kind: object) -> Any:
    """A value of the column's type that differs from `value`."""
    match kind:
        case Boolean():
            return not value
        case LargeBinary():
            return (value or b"") + b"\0"
        case Double():
            return (value or 0.0) + 1.0
        case BigInteger() | Integer():
            return (value or 0) + 1
        case _:
            return (value or "") + "x"


def test_every_coded_table_is_tried() -> None:
    coded = {name for name, table in schema.metadata.tables.items() if "row_code" in table.c}
    assert coded == READS.keys() | LATER | {"outbox"}


@pytest.mark.parametrize("name", READS)
async def test_row_with_any_altered_column_is_refused(
    sql_store: SqlStore, attacker: Connection, name: str
) -> None:
    await sql_store.write(fill)
    table = schema.metadata.tables[name]
    for column in table.columns:
        if column.primary_key:
            continue  # a row under another key is another row: see the swapped rows below
        original = attacker.execute(select(column).where(row_of(table))).scalar_one()
        attacker.rollback()
        altered = another(original, column.type)
        alter(attacker, update(table).where(row_of(table)).values({column.name: altered}))
        with pytest.raises(RowTampered, match=rf"^row \(.+\) of table {name} "):
            await sql_store.read(READS[name])
        alter(attacker, update(table).where(row_of(table)).values({column.name: original}))
        assert await sql_store.read(READS[name])


def row_of(table: Table) -> Any:
    """The row that `fill` wrote; the store's own settings stay as they are."""
    return table.c.name == "a" if table.name == "settings" else table.c.row_code.is_not(None)


async def test_codes_can_not_be_swapped_between_rows(
    sql_store: SqlStore, attacker: Connection
) -> None:
    def two(tx: StoreTransaction) -> None:
        tx.keys.insert(kms_key(key_id(1), policy="open"))
        tx.keys.insert(kms_key(key_id(2), policy="closed"))

    await sql_store.write(two)

    def copy(connection: Connection) -> None:
        source = select(schema.keys).where(schema.keys.c.key_id == key_id(1))
        values = {
            name: value
            for name, value in connection.execute(source).mappings().one().items()
            if name != "key_id"
        }
        target = update(schema.keys).where(schema.keys.c.key_id == key_id(2))
        connection.execute(target.values({str(name): value for name, value in values.items()}))

    copy(attacker)
    attacker.commit()
    with pytest.raises(RowTampered, match=f"row .{ACCOUNT}, {key_id(2)}. of table keys does not"):
        await sql_store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(2)))
    assert await sql_store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1)))


async def test_message_names_the_row_and_nothing_it_holds(
    sql_store: SqlStore, attacker: Connection
) -> None:
    await sql_store.write(lambda tx: tx.keys.insert(kms_key(policy="POLICY-TEXT")))
    alter(attacker, update(schema.keys).values(description="DESCRIPTION-TEXT"))
    with pytest.raises(RowTampered) as caught:
        await sql_store.read(lambda tx: tx.keys.get(ACCOUNT, key_id(1)))
    assert str(caught.value) == (
        f"row ({ACCOUNT}, {key_id(1)}) of table keys does not fit its authentication code"
    )


async def test_facts_can_not_be_taken_from_a_multi_region_key(
    sql_store: SqlStore, attacker: Connection
) -> None:
    await sql_store.write(fill)
    alter(attacker, schema.multi_region_facts.delete())
    with pytest.raises(RowTampered, match="of multi_region_facts is missing"):
        await sql_store.read(lambda tx: tx.keys.get(ACCOUNT, MRK))


async def test_mirror_is_checked_before_it_is_moved(
    sql_store: SqlStore, attacker: Connection
) -> None:
    await sql_store.write(fill)
    alter(attacker, update(schema.multi_region_facts).values(mirror_seq=0))
    older = MultiRegionFacts(mirror_seq=1)
    with pytest.raises(RowTampered, match="multi_region_facts"):
        await sql_store.write(lambda tx: tx.multi_region.put(ACCOUNT, MRK, older))


async def test_scans_leave_a_tampered_row_out_and_name_it(
    sql_store: SqlStore, attacker: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    deletion = Deletion(kind=DeletionKind.PENDING, window_days=7, date=1.0)

    def several(tx: StoreTransaction) -> None:
        for number in range(1, 5):
            tx.keys.insert(kms_key(key_id(number), deletion=deletion))
            tx.aliases.put(alias(str(number), key_id(number)))
            tx.multi_region.put(
                ACCOUNT,
                key_id(number),
                MultiRegionFacts(lock=Lock(kind=LockKind.DELETE)),
            )
            tx.intents.put(intent(str(number)))
            tx.access_keys.put(access_key(str(number)))

    await sql_store.write(several)

    def spoil(connection: Connection) -> None:
        forged = b"\0" * 32
        for table, name in (
            (schema.keys, schema.keys.c.key_id == key_id(2)),
            (schema.aliases, schema.aliases.c.alias_name == alias_name("2")),
            (schema.multi_region_facts, schema.multi_region_facts.c.key_id == key_id(2)),
            (schema.intents, schema.intents.c.intent_id == "2"),
            (schema.access_keys, schema.access_keys.c.access_key_id == "2"),
        ):
            connection.execute(update(table).where(name).values(row_code=forged))

    spoil(attacker)
    attacker.commit()
    good = [key_id(1), key_id(3), key_id(4)]

    def look(tx: StoreTransaction) -> None:
        assert [key.key_id for key in tx.keys.due(before=2.0, limit=9)] == good
        assert [key.key_id for key in tx.keys.all(after=("", ""), limit=9)] == good
        assert [key.key_id for key in tx.keys.all(after=("", ""), limit=2)] == good[:2]
        assert [row[1] for row in tx.multi_region.page(after=("", ""), limit=2)] == good[:2]
        assert [row[1] for row in tx.multi_region.locked(limit=9)] == good
        page = tx.aliases.page(ACCOUNT, key_id=None, after="", limit=2)
        assert [item.target_key_id for item in page] == good[:2]
        assert [item.intent_id for item in tx.intents.open(limit=9)] == ["1", "3", "4"]
        assert [item.access_key_id for item in tx.access_keys.all()] == ["1", "3", "4"]

    with caplog.at_level(logging.ERROR):
        await sql_store.read(look)
    assert f"row ({ACCOUNT}, {key_id(2)}) of table keys does not fit" in caplog.text
    assert "row (2) of table access_keys does not fit" in caplog.text


async def test_forged_record_in_the_outbox_gets_into_no_chain(
    sql_store: SqlStore, attacker: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    genuine = OutboxRecord(event_id="event-1", record=b'{"eventName":"CreateKey"}')
    await sql_store.write(lambda tx: tx.outbox.append(genuine))
    source = attacker.execute(select(schema.outbox)).mappings().one()
    forged = {
        "event_id": "event-2",
        "record": b'{"eventName":"DisableKey"}',
        "row_key": source["row_key"],
        "row_code": source["row_code"],
    }
    alter(attacker, schema.outbox.insert().values(forged))
    with caplog.at_level(logging.ERROR):
        assert await sql_store.read(lambda tx: tx.outbox.waiting(limit=9)) == [genuine]
    assert "row (event-2) of table outbox does not fit its authentication code" in caplog.text
    alter(attacker, update(schema.outbox).values(record=b"{}"))
    assert await sql_store.read(lambda tx: tx.outbox.waiting(limit=9)) == []


async def test_vault_of_another_store_finds_every_row_tampered(
    sql_store: SqlStore, url: str
) -> None:
    await sql_store.write(fill)
    with open_offline(url, vault=RowVault(key=b"another")) as reader:
        found = list(reader.walk())
    assert [type(item.key) for item in found] == [RowTampered]
    assert [type(item) for item in found[0].generations] == [RowTampered]


async def test_row_of_a_rotated_domain_key_stays_readable(sql_store: SqlStore, url: str) -> None:
    await sql_store.write(fill)
    first = RowVault().current_domain_key_id
    rotated, forgot = RowVault(first, "e" * 32), RowVault("e" * 32)  # type: ignore[arg-type] # an id written down
    with open_offline(url, vault=rotated) as reader:
        assert [item.key_id for item in reader.walk()] == [MRK]
        assert not any(isinstance(item.key, RowTampered) for item in reader.walk())
    with open_offline(url, vault=forgot) as reader:
        key = next(reader.walk()).key
    assert isinstance(key, RowTampered)
    assert "names a domain key that is not at hand" in str(key)
    assert [key.domain_key_id for key in read_domain_keys(url)] == [first]


async def test_offline_reader_hands_out_what_does_not_fit(
    sql_store: SqlStore, url: str, attacker: Connection
) -> None:
    def several(tx: StoreTransaction) -> None:
        for number in (1, 2):
            tx.keys.insert(kms_key(key_id(number)))
            for age in (1, 2):
                tx.generations.put(ACCOUNT, key_id(number), generation(age))

    await sql_store.write(several)

    def spoil(connection: Connection) -> None:
        keys, generations = schema.keys, schema.generations
        connection.execute(update(keys).where(keys.c.key_id == key_id(1)).values(enabled=False))
        second = (generations.c.key_id == key_id(2)) & (generations.c.created_at > 1_700_000_001.5)
        connection.execute(update(generations).where(second).values(fingerprint=b"0" * 32))

    spoil(attacker)
    attacker.commit()
    with open_offline(url, vault=RowVault()) as reader:
        first, second = reader.walk()
    assert isinstance(first.key, RowTampered)
    assert first.generations == (generation(1), generation(2))
    assert second.key == kms_key(key_id(2))
    assert second.generations[0] == generation(1)
    assert isinstance(second.generations[1], RowTampered)
