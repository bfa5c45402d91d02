"""Aliases and tags."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from regionkms.model.ids import AccountId, AliasName, KeyId
from regionkms.model.key import Alias, Tag
from regionkms.ports.store import ChangeKind
from regionkms.store.schema import aliases, tags
from regionkms.store.session import Row, Session

_THIS_ALIAS: Final = (
    aliases.c.account_id == bindparam("account"),
    aliases.c.alias_name == bindparam("name"),
)
_GET_ALIAS: Final = select(aliases).where(*_THIS_ALIAS)
_INSERT_ALIAS: Final = insert(aliases)
_UPDATE_ALIAS: Final = update(aliases).where(*_THIS_ALIAS)
_DELETE_ALIAS: Final = delete(aliases).where(*_THIS_ALIAS)
_TARGETS: Final = (
    aliases.c.account_id == bindparam("account"),
    aliases.c.target_key_id == bindparam("key"),
)
_COUNT_OF_KEY: Final = select(func.count()).select_from(aliases).where(*_TARGETS)
_PAGE: Final = (
    select(aliases)
    .where(aliases.c.account_id == bindparam("account"), aliases.c.alias_name > bindparam("after"))
    .order_by(aliases.c.alias_name)
    .limit(bindparam("limit"))
)
_PAGE_OF_KEY: Final = _PAGE.where(aliases.c.target_key_id == bindparam("key"))

_TAGS_OF_KEY: Final = (
    tags.c.account_id == bindparam("account"),
    tags.c.key_id == bindparam("key"),
)
_THIS_TAG: Final = (*_TAGS_OF_KEY, tags.c.tag_key == bindparam("name"))
_GET_TAGS: Final = select(tags).where(*_TAGS_OF_KEY).order_by(tags.c.tag_key)
_GET_TAG_VERSION: Final = select(tags.c.version).where(*_THIS_TAG)
_INSERT_TAG: Final = insert(tags)
_UPDATE_TAG: Final = update(tags).where(*_THIS_TAG)
_DELETE_TAG: Final = delete(tags).where(*_THIS_TAG)


def _alias_from(row: Row) -> Alias:
    return Alias(
        account_id=AccountId(row["account_id"]),
        alias_name=row["alias_name"],
        target_key_id=KeyId(row["target_key_id"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


class SqlAliasTable:
    """Implements `regionkms.ports.store.AliasTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, account_id: AccountId, alias_name: AliasName) -> Alias | None:
        """See the port."""
        row = self._session.row(_GET_ALIAS, account=account_id, name=alias_name)
        if row is None:
            return None
        self._session.check(aliases, row)
        return _alias_from(row)

    def put(self, alias: Alias) -> None:
        """See the port."""
        name = {"account": alias.account_id, "name": alias.alias_name}
        stored = self._session.row(_GET_ALIAS, **name)
        row: dict[str, object] = {
            "account_id": alias.account_id,
            "alias_name": alias.alias_name,
            "target_key_id": alias.target_key_id,
            "created_at": float(alias.created_at),
            "updated_at": float(alias.updated_at),
            "version": 0 if stored is None else stored["version"] + 1,
        }
        coded = self._session.coded(aliases, row)
        if stored is None:
            self._session.write(_INSERT_ALIAS, coded)
        else:
            self._session.write(_UPDATE_ALIAS, {**coded, **name})
        self._session.changed(ChangeKind.ALIAS, alias.account_id, alias.alias_name)

    def delete(self, account_id: AccountId, alias_name: AliasName) -> None:
        """See the port."""
        if self._session.write(_DELETE_ALIAS, {"account": account_id, "name": alias_name}):
            self._session.changed(ChangeKind.ALIAS, account_id, alias_name)

    def page(
        self, account_id: AccountId, *, key_id: KeyId | None, after: str, limit: int
    ) -> Sequence[Alias]:
        """See the port."""
        found: list[Alias] = []
        while len(found) < limit:
            wanted = limit - len(found)
            rows = self._page(account_id, key_id, after, wanted)
            found += self._session.checked(aliases, rows, _alias_from)
            if len(rows) < wanted:
                break
            after = rows[-1]["alias_name"]
        return found

    def count(self, account_id: AccountId, key_id: KeyId) -> int:
        """See the port."""
        return int(self._session.scalar(_COUNT_OF_KEY, account=account_id, key=key_id))

    def _page(
        self, account_id: AccountId, key_id: KeyId | None, after: str, limit: int
    ) -> Sequence[Row]:
        if key_id is None:
            return self._session.rows(_PAGE, account=account_id, after=after, limit=limit)
        return self._session.rows(
            _PAGE_OF_KEY, account=account_id, key=key_id, after=after, limit=limit
        )


class SqlTagTable:
    """Implements `regionkms.ports.store.TagTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[Tag]:
        """See the port."""
        rows = self._session.rows(_GET_TAGS, account=account_id, key=key_id)
        for row in rows:
            self._session.check(tags, row)
        return [Tag(tag_key=row["tag_key"], tag_value=row["tag_value"]) for row in rows]

    def put(self, account_id: AccountId, key_id: KeyId, tags: Sequence[Tag]) -> None:
        """See the port."""
        for tag in tags:
            self._put_one(account_id, key_id, tag)

    def delete(self, account_id: AccountId, key_id: KeyId, tag_keys: Sequence[str]) -> None:
        """See the port."""
        for tag_key in tag_keys:
            name = {"account": account_id, "key": key_id, "name": tag_key}
            if self._session.write(_DELETE_TAG, name):
                self._session.changed(ChangeKind.TAGS, account_id, key_id)

    def _put_one(self, account_id: AccountId, key_id: KeyId, tag: Tag) -> None:
        name = {"account": account_id, "key": key_id, "name": tag.tag_key}
        stored = self._session.scalar(_GET_TAG_VERSION, **name)
        row: dict[str, object] = {
            "account_id": account_id,
            "key_id": key_id,
            "tag_key": tag.tag_key,
            "tag_value": tag.tag_value,
            "version": 0 if stored is None else stored + 1,
        }
        coded = self._session.coded(tags, row)
        if stored is None:
            self._session.write(_INSERT_TAG, coded)
        else:
            self._session.write(_UPDATE_TAG, {**coded, **name})
        self._session.changed(ChangeKind.TAGS, account_id, key_id)
