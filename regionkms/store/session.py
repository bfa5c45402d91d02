"""What all tables of one open transaction share: statements, row codes and the change feed.

The only way from the tables to the database, so here are translated errors, refused writes of
reading transactions, and the check of each row that decides.
"""

import hmac
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Executable, Table

from regionkms.model.errors import RowTampered, VaultSealed
from regionkms.model.ids import AccountId
from regionkms.ports.store import ChangeKind
from regionkms.ports.vault import Vault
from regionkms.store.engine import translated
from regionkms.store.row_encoding import ROW_CODE_COLUMN, ROW_KEY_COLUMN, encode_row
from regionkms.store.schema import ROW_NAME

V = TypeVar("V")
Row = Mapping[str, Any]
NO_ACCOUNT: Final = AccountId("")
"""In the change feed: a change that belongs to the Region, not to an account."""

_log: Final = logging.getLogger(__name__)


class Session:
    """One open transaction on one connection; used by one thread."""

    __slots__ = ("_changes", "_connection", "_vault", "commit_number", "writable")

    def __init__(
        self, connection: Connection, vault: Vault, *, commit_number: int, writable: bool
    ) -> None:
        self._connection = connection
        self._vault = vault
        self._changes: dict[tuple[str, str, str], None] = {}
        self.commit_number = commit_number
        self.writable = writable

    def rows(self, statement: Executable, **parameters: object) -> Sequence[Row]:
        """Run a query and return all rows, by column name."""
        with translated("read"):
            found = self._connection.execute(statement, parameters).all()
        return [row._asdict() for row in found]

    def row(self, statement: Executable, **parameters: object) -> Row | None:
        """Run a query for at most one row."""
        found = self.rows(statement, **parameters)
        return found[0] if found else None

    def scalar(self, statement: Executable, **parameters: object) -> Any:
        """Run a query for one value; None if there is no row."""
        with translated("read"):
            return self._connection.execute(statement, parameters).scalar()

    def write(self, statement: Executable, parameters: Mapping[str, object]) -> int:
        """Run a statement that changes rows; returns how many it matched.

        Raises:
            ValueError: The transaction was opened to read.
        """
        self._must_write()
        with translated("write"):
            return self._connection.execute(statement, dict(parameters)).rowcount

    def write_many(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement once for each row."""
        self._must_write()
        if rows:
            with translated("write"):
                self._connection.execute(statement, [dict(row) for row in rows])

    def changed(self, kind: ChangeKind, account_id: AccountId, name: str) -> None:
        """Note a change for the feed; the same change of one transaction counts once."""
        self._changes[kind.value, account_id, name] = None

    def noted_changes(self) -> list[dict[str, object]]:
        """Rows of the change feed for this transaction."""
        return [
            {
                "commit_number": self.commit_number,
                "kind": kind,
                "account_id": account_id,
                "name": name,
            }
            for kind, account_id, name in self._changes
        ]

    def coded(self, table: Table, values: Mapping[str, object]) -> dict[str, object]:
        """Add `row_key` and `row_code` to a row that is about to be written."""
        row = {**values, ROW_KEY_COLUMN: self._vault.current_domain_key_id}
        row[ROW_CODE_COLUMN] = self._vault.row_code(table.name, encode_row(row))
        return row

    def check(self, table: Table, row: Row) -> None:
        """Compare a row that was read with its code.

        Raises:
            RowTampered: It does not fit; names table and primary key, no other value.
        """
        try:
            expected = self._vault.row_code(
                table.name, encode_row(row), domain_key_id=row[ROW_KEY_COLUMN]
            )
        except VaultSealed as error:
            raise RowTampered(
                f"{_shown_row(table, row)} names a domain key that is not at hand"
            ) from error
        code = row[ROW_CODE_COLUMN]
        if not isinstance(code, bytes) or not hmac.compare_digest(code, expected):
            raise RowTampered(f"{_shown_row(table, row)} does not fit its authentication code")

    def checked(
        self, table: Table, rows: Sequence[Row], convert: Callable[[Row], V]
    ) -> Iterator[V]:
        """Convert rows of a scan; one that was tampered with is left out and named in the log.

        A scan crosses keys and accounts: who can write the database may take one key out of
        service, not all of them.
        """
        for row in rows:
            try:
                self.check(table, row)
                yield convert(row)
            except RowTampered as error:
                _log.error("left out of a scan: %s", error)

    def _must_write(self) -> None:
        if not self.writable:
            raise ValueError("a transaction that reads must not change the store")


def _shown_row(table: Table, row: Row) -> str:
    columns = table.info.get(ROW_NAME) or [column.name for column in table.primary_key]
    name = ", ".join(_shown_value(row[column]) for column in columns)
    return f"row ({name}) of table {table.name}"


def _shown_value(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else ascii(str(value)[:256])[1:-1]
