"""Many keys into a SQL store at once, for benchmarks and tests of growth.

The rows are those that single inserts make, codes included; only the statements are fewer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from sqlalchemy import Table, bindparam, insert, update

from regionkms.model.key import KmsKey, StoredGeneration
from regionkms.model.key_spec import KeyManager
from regionkms.ports.vault import Vault
from regionkms.store.database import Database
from regionkms.store.schema import generations, key_counts, keys, multi_region_facts
from regionkms.store.session import Session
from regionkms.store.tables_keys import facts_row, key_row
from regionkms.store.tables_material import generation_row
from regionkms.store.transaction import SqlTransaction

KeyWithGenerations = tuple[KmsKey, Sequence[StoredGeneration]]
BATCH_KEYS = 5_000


def bulk_insert(url: str, *, vault: Vault, items: Iterable[KeyWithGenerations]) -> int:
    """Insert new keys with their generations, BATCH_KEYS in a transaction; returns how many.

    Caches of a running node are not told: fill a store before its node starts.
    """
    database = Database(url, vault)
    remaining = iter(items)
    inserted = 0
    try:
        while batch := list(islice(remaining, BATCH_KEYS)):
            database.write(lambda tx, batch=batch: _insert(tx, batch))  # type: ignore[misc] # a lambda's default has no type
            inserted += len(batch)
    finally:
        database.close()
    return inserted


def _insert(transaction: SqlTransaction, batch: Sequence[KeyWithGenerations]) -> None:
    session = transaction.session
    _add(session, keys, [key_row(key, version=key.version) for key, _ in batch])
    _add(
        session,
        multi_region_facts,
        [
            facts_row(key.account_id, key.key_id, key.multi_region, version=0)
            for key, _ in batch
            if key.multi_region is not None
        ],
    )
    _add(
        session,
        generations,
        [
            generation_row(key.account_id, key.key_id, generation, version=0)
            for key, held in batch
            for generation in held
        ],
    )
    counts = Counter(key.account_id for key, _ in batch if key.key_manager is KeyManager.CUSTOMER)
    for account_id, count in counts.items():
        grown = update(key_counts).where(key_counts.c.account_id == bindparam("account"))
        grown = grown.values(customer_keys=key_counts.c.customer_keys + count)
        if session.write(grown, {"account": account_id}) == 0:
            row = {"account_id": account_id, "customer_keys": count}
            session.write(insert(key_counts), row)


def _add(session: Session, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    session.write_many(insert(table), [session.coded(table, row) for row in rows])
