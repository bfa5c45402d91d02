"""What belongs to the Region: access keys, settings, intents."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import and_, bindparam, delete, false, insert, or_, select, true, update

from regionkms.model.ids import AccountId, DomainKeyId, KeyId
from regionkms.model.key import AccessKey, Intent, IntentState
from regionkms.ports.store import ChangeKind
from regionkms.store.schema import access_keys, intents, settings
from regionkms.store.session import NO_ACCOUNT, Row, Session

_THIS_ACCESS_KEY: Final = access_keys.c.access_key_id == bindparam("this")
_GET_ACCESS_KEY: Final = select(access_keys).where(_THIS_ACCESS_KEY)
_ALL_ACCESS_KEYS: Final = select(access_keys).order_by(access_keys.c.access_key_id)
_INSERT_ACCESS_KEY: Final = insert(access_keys)
_UPDATE_ACCESS_KEY: Final = update(access_keys).where(_THIS_ACCESS_KEY)

_THIS_SETTING: Final = settings.c.name == bindparam("this")
_GET_SETTING: Final = select(settings).where(_THIS_SETTING)
_PREFIXED: Final = (
    select(settings)
    .where(settings.c.name >= bindparam("first"), settings.c.name < bindparam("end"))
    .order_by(settings.c.name)
)
_INSERT_SETTING: Final = insert(settings)
_UPDATE_SETTING: Final = update(settings).where(_THIS_SETTING)

_THIS_INTENT: Final = intents.c.intent_id == bindparam("this")
_UNFINISHED: Final = intents.c.state.in_([IntentState.OPEN.value, IntentState.EXPIRED.value])
_OLDEST_FIRST: Final = (intents.c.created_at, intents.c.intent_id)
_GET_INTENT: Final = select(intents).where(_THIS_INTENT)
_INSERT_INTENT: Final = insert(intents)
_UPDATE_INTENT: Final = update(intents).where(_THIS_INTENT)
_OPEN_INTENTS: Final = (
    select(intents).where(_UNFINISHED).order_by(*_OLDEST_FIRST).limit(bindparam("limit"))
)
_INTENTS_OF_KEY: Final = (
    select(intents)
    .where(
        intents.c.account_id == bindparam("account"),
        intents.c.key_id == bindparam("key"),
        _UNFINISHED,
    )
    .order_by(*_OLDEST_FIRST)
)
_DONE: Final = intents.c.state == IntentState.DONE.value
_UNRECORDED: Final = (
    select(intents)
    .where(_DONE, intents.c.recorded.is_(false()), intents.c.deadline < bindparam("before"))
    .order_by(*_OLDEST_FIRST)
    .limit(bindparam("limit"))
)
_PRUNE_INTENTS: Final = delete(intents).where(
    or_(intents.c.state == IntentState.FAILED.value, and_(_DONE, intents.c.recorded.is_(true()))),
    intents.c.deadline < bindparam("before"),
)


def _access_key_from(row: Row) -> AccessKey:
    return AccessKey(
        access_key_id=row["access_key_id"],
        account_id=AccountId(row["account_id"]),
        domain_key_id=DomainKeyId(row["domain_key_id"]),
        wrapped_secret=row["wrapped_secret"],
        active=row["active"],
        created_at=row["created_at"],
        version=row["version"],
    )


def _intent_from(row: Row) -> Intent:
    return Intent(
        intent_id=row["intent_id"],
        kind=row["kind"],
        account_id=AccountId(row["account_id"]),
        key_id=KeyId(row["key_id"]),
        request=row["request"],
        state=IntentState(row["state"]),
        outcome=row["outcome"],
        created_at=row["created_at"],
        deadline=row["deadline"],
        recorded=row["recorded"],
    )


class SqlAccessKeyTable:
    """Implements `regionkms.ports.store.AccessKeyTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, access_key_id: str) -> AccessKey | None:
        """See the port."""
        row = self._session.row(_GET_ACCESS_KEY, this=access_key_id)
        if row is None:
            return None
        self._session.check(access_keys, row)
        return _access_key_from(row)

    def put(self, access_key: AccessKey) -> None:
        """See the port."""
        name = access_key.access_key_id
        stored = self._session.row(_GET_ACCESS_KEY, this=name)
        row: dict[str, object] = {
            "access_key_id": name,
            "account_id": access_key.account_id,
            "domain_key_id": access_key.domain_key_id,
            "wrapped_secret": access_key.wrapped_secret,
            "active": access_key.active,
            "created_at": float(access_key.created_at),
            "version": _next_version(stored),
        }
        coded = self._session.coded(access_keys, row)
        if stored is None:
            self._session.write(_INSERT_ACCESS_KEY, coded)
        else:
            self._session.write(_UPDATE_ACCESS_KEY, {**coded, "this": name})
        self._session.changed(ChangeKind.ACCESS_KEY, access_key.account_id, name)

    def all(self) -> Sequence[AccessKey]:
        """See the port."""
        rows = self._session.rows(_ALL_ACCESS_KEYS)
        return list(self._session.checked(access_keys, rows, _access_key_from))


class SqlSettingTable:
    """Implements `regionkms.ports.store.SettingTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> str | None:
        """See the port."""
        row = self._session.row(_GET_SETTING, this=name)
        if row is None:
            return None
        self._session.check(settings, row)
        value: str = row["value"]
        return value

    def put(self, name: str, value: str) -> None:
        """See the port."""
        stored = self._session.row(_GET_SETTING, this=name)
        row = {"name": name, "value": value, "version": _next_version(stored)}
        coded = self._session.coded(settings, row)
        if stored is None:
            self._session.write(_INSERT_SETTING, coded)
        else:
            self._session.write(_UPDATE_SETTING, {**coded, "this": name})
        self._session.changed(ChangeKind.SETTING, NO_ACCOUNT, name)

    def prefixed(self, prefix: str) -> dict[str, str]:
        """See the port."""
        rows = self._session.rows(_PREFIXED, first=prefix, end=prefix + "\U0010ffff")
        for row in rows:
            self._session.check(settings, row)
        return {row["name"]: row["value"] for row in rows}


class SqlIntentTable:
    """Implements `regionkms.ports.store.IntentTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, intent_id: str) -> Intent | None:
        """See the port."""
        row = self._session.row(_GET_INTENT, this=intent_id)
        if row is None:
            return None
        self._session.check(intents, row)
        return _intent_from(row)

    def put(self, intent: Intent) -> None:
        """See the port."""
        stored = self._session.row(_GET_INTENT, this=intent.intent_id)
        row: dict[str, object] = {
            "intent_id": intent.intent_id,
            "kind": intent.kind,
            "account_id": intent.account_id,
            "key_id": intent.key_id,
            "request": intent.request,
            "state": intent.state.value,
            "outcome": intent.outcome,
            "created_at": float(intent.created_at),
            "deadline": float(intent.deadline),
            "recorded": intent.recorded,
            "version": _next_version(stored),
        }
        coded = self._session.coded(intents, row)
        if stored is None:
            self._session.write(_INSERT_INTENT, coded)
        else:
            self._session.write(_UPDATE_INTENT, {**coded, "this": intent.intent_id})
        self._session.changed(ChangeKind.INTENT, intent.account_id, intent.intent_id)

    def open(self, *, limit: int) -> Sequence[Intent]:
        """See the port."""
        rows = self._session.rows(_OPEN_INTENTS, limit=limit)
        return list(self._session.checked(intents, rows, _intent_from))

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[Intent]:
        """See the port."""
        rows = self._session.rows(_INTENTS_OF_KEY, account=account_id, key=key_id)
        for row in rows:
            self._session.check(intents, row)
        return [_intent_from(row) for row in rows]

    def unrecorded(self, *, before: float, limit: int) -> Sequence[Intent]:
        """See the port."""
        rows = self._session.rows(_UNRECORDED, before=before, limit=limit)
        return list(self._session.checked(intents, rows, _intent_from))

    def prune(self, *, before: float) -> None:
        """See the port."""
        self._session.write(_PRUNE_INTENTS, {"before": before})


def _next_version(stored: Mapping[str, object] | None) -> int:
    if stored is None:
        return 0
    version = stored["version"]
    return version + 1 if isinstance(version, int) else 0
