"""The change feed: which rows changed at which commit number.

Caches read it when the shared change counter has moved. It is kept short; a reader that comes too
late, or meets a kind of a newer release, is told to forget all it has cached.
"""

from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from regionkms.model.ids import AccountId
from regionkms.ports.store import Change, ChangeKind, Changes
from regionkms.store.schema import changes, store_meta
from regionkms.store.session import Row, Session

MAX_CHANGES: Final = 4096
"""Rows that one look at the feed returns; behind more, forgetting everything is cheaper."""

META: Final = select(store_meta)
NEXT_COMMIT: Final = (
    update(store_meta)
    .values(commit_number=store_meta.c.commit_number + 1)
    .returning(store_meta.c.commit_number)
)
ADD_CHANGES: Final = insert(changes)
_SINCE: Final = (
    select(changes)
    .where(changes.c.commit_number > bindparam("after"))
    .order_by(changes.c.commit_number, changes.c.kind, changes.c.account_id, changes.c.name)
    .limit(MAX_CHANGES + 1)
)
_NEWEST: Final = (
    select(changes.c.commit_number)
    .order_by(changes.c.commit_number.desc())
    .limit(1)
    .offset(bindparam("skip"))
)
_DELETE_UP_TO: Final = delete(changes).where(changes.c.commit_number <= bindparam("last"))
_RAISE_FLOOR: Final = update(store_meta).values(feed_floor=bindparam("last"))
_KINDS: Final = {kind.value: kind for kind in ChangeKind}


def changes_since(session: Session, commit_number: int) -> Changes:
    """What changed after a commit number, on the session's snapshot."""
    meta = session.rows(META)[0]
    head: int = meta["commit_number"]
    if not meta["feed_floor"] <= commit_number <= head:
        return Changes(head=head, complete=False, rows=())
    rows = session.rows(_SINCE, after=commit_number)
    if len(rows) > MAX_CHANGES or any(row["kind"] not in _KINDS for row in rows):
        return Changes(head=head, complete=False, rows=())
    return Changes(head=head, complete=True, rows=[_change_from(row) for row in rows])


def prune_changes(session: Session, *, keep: int) -> None:
    """Drop the feed but its newest rows; a commit's rows go or stay together."""
    if keep <= 0:
        last = session.commit_number - 1
    else:
        oldest_kept = session.scalar(_NEWEST, skip=keep - 1)
        if oldest_kept is None:
            return
        last = oldest_kept - 1
    if session.write(_DELETE_UP_TO, {"last": last}):
        session.write(_RAISE_FLOOR, {"last": last})


def _change_from(row: Row) -> Change:
    return Change(
        commit_number=row["commit_number"],
        kind=_KINDS[row["kind"]],
        account_id=AccountId(row["account_id"]),
        name=row["name"],
    )
