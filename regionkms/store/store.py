"""A Region's store as one process uses it: transactions on a thread of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from regionkms.model.errors import OutcomeUnknown, StoreUnavailable
from regionkms.model.ids import StoreId
from regionkms.ports.store import Changes, StoreTransaction
from regionkms.ports.vault import Vault
from regionkms.store import changes
from regionkms.store.bootstrap import check_identity
from regionkms.store.database import Database
from regionkms.store.migrate import check_schema

T = TypeVar("T")


class SqlStore:
    """Implements `regionkms.ports.store.Store` on SQLite and PostgreSQL.

    A transaction whose caller stops waiting still runs to its end, and its commit is announced.
    """

    def __init__(
        self,
        database: Database,
        thread: ThreadPoolExecutor,
        *,
        store_id: StoreId,
        on_commit: Callable[[], None],
    ) -> None:
        self._database = database
        self._thread = thread
        self._store_id = store_id
        self._on_commit = on_commit
        self._open = True

    @property
    def store_id(self) -> StoreId:
        """Random id made with the store (protocol R12)."""
        return self._store_id

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        """See the port."""
        return await self._run(lambda: self._database.read(work))

    async def write(self, work: Callable[[StoreTransaction], T]) -> T:
        """See the port."""
        return await self._run(lambda: self._write(work))

    async def changes_since(self, commit_number: int) -> Changes:
        """See the port."""
        return await self._run(
            lambda: self._database.read(
                lambda transaction: changes.changes_since(transaction.session, commit_number)
            )
        )

    async def prune_changes(self, *, keep: int) -> None:
        """See the port."""
        await self._run(
            lambda: self._database.write(
                lambda transaction: changes.prune_changes(transaction.session, keep=keep)
            )
        )

    async def close(self) -> None:
        """See the port; a second call does nothing."""
        if self._open:
            await self._run(self._database.close)
            self._open = False
            self._thread.shutdown()

    async def _run(self, job: Callable[[], T]) -> T:
        if not self._open:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _write(self, work: Callable[[StoreTransaction], T]) -> T:
        try:
            result, feed_moved = self._database.write(work)
        except OutcomeUnknown:
            self._on_commit()  # it may have landed: caches have to look
            raise
        if feed_moved:
            self._on_commit()
        return result


def open_store(url: str, *, vault: Vault, on_commit: Callable[[], None], lab: bool) -> SqlStore:
    """Open a Region's store for one process.

    Args:
        url: `sqlite:////path/store.db` or `postgresql://...`.
        vault: With the domain keys of this store (bootstrap.py reads them).
        on_commit: Bumps the node's change counter. Called on the store thread, after a commit that
            others may have cached something of, before `write` returns.
        lab: Whether the node that opens it is a lab.

    Raises:
        ConfigurationError: No store, wrong schema, others may open the file, or a lab's store
            opened by no lab (or the reverse); tells the fix.
        RowTampered: The store's id or lab mark does not fit its code.
        StoreUnavailable: The database did not answer.
    """
    check_schema(url)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    database = Database(url, vault)
    try:
        store_id = thread.submit(check_identity, database, url, lab=lab).result()
    except BaseException:
        thread.submit(database.close).result()
        thread.shutdown()
        raise
    return SqlStore(database, thread, store_id=store_id, on_commit=on_commit)
