"""Audit records that wait in the store, and the signed heads of chains."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from regionkms.ports.store import OutboxRecord
from regionkms.store.schema import chain_heads, outbox
from regionkms.store.session import Row, Session

_APPEND: Final = insert(outbox)
_WAITING: Final = (
    select(outbox.c.event_id, outbox.c.record, outbox.c.row_key, outbox.c.row_code)
    .order_by(outbox.c.position)
    .limit(bindparam("limit"))
)
_REMOVE: Final = delete(outbox).where(outbox.c.event_id == bindparam("this"))
_UPDATE_HEAD: Final = update(chain_heads).where(chain_heads.c.chain == bindparam("this"))
_INSERT_HEAD: Final = insert(chain_heads)
_HEADS: Final = select(chain_heads).order_by(chain_heads.c.chain)


def _waiting_from(row: Row) -> OutboxRecord:
    return OutboxRecord(event_id=row["event_id"], record=row["record"])


class SqlOutbox:
    """Implements `regionkms.ports.store.Outbox`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, record: OutboxRecord) -> None:
        """See the port."""
        row = {"event_id": record.event_id, "record": record.record}
        self._session.write(_APPEND, self._session.coded(outbox, row))

    def waiting(self, *, limit: int) -> Sequence[OutboxRecord]:
        """See the port; a record that no process of ours has put there is left out and named."""
        rows = self._session.rows(_WAITING, limit=limit)
        return list(self._session.checked(outbox, rows, _waiting_from))

    def remove(self, event_ids: Sequence[str]) -> None:
        """See the port."""
        self._session.write_many(_REMOVE, [{"this": event_id} for event_id in event_ids])

    def put_chain_head(self, chain: str, head: str) -> None:
        """See the port."""
        if self._session.write(_UPDATE_HEAD, {"this": chain, "head": head}) == 0:
            self._session.write(_INSERT_HEAD, {"chain": chain, "head": head})

    def chain_heads(self) -> dict[str, str]:
        """See the port."""
        return {row["chain"]: row["head"] for row in self._session.rows(_HEADS)}
