"""KMS keys and the facts of multi-Region keys."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, func, insert, select, tuple_, update

from regionkms.model.errors import RowTampered, StoreUnavailable
from regionkms.model.ids import (
    GENERATION_ID_BYTES,
    AccountId,
    DomainKeyId,
    GenerationId,
    KeyId,
    RegionName,
    StoreId,
)
from regionkms.model.key import (
    Deletion,
    DeletionKind,
    KmsKey,
    Lock,
    LockKind,
    MultiRegionFacts,
    Phase,
    WrappedBindingKey,
)
from regionkms.model.key_spec import KeyManager, KeySpec, KeyUsage, Origin
from regionkms.ports.store import ChangeKind
from regionkms.store.schema import (
    aliases,
    generations,
    grants,
    import_tokens,
    key_counts,
    keys,
    multi_region_facts,
    tags,
)
from regionkms.store.session import Row, Session

Facts = tuple[AccountId, KeyId, MultiRegionFacts]

_ACCOUNT: Final[BindParameter[str]] = bindparam("account")
_KEY: Final[BindParameter[str]] = bindparam("key")
_LIMIT: Final[BindParameter[int]] = bindparam("limit")
_AFTER: Final = tuple_(bindparam("after_account"), bindparam("after_key"))
_THIS_KEY: Final = (keys.c.account_id == _ACCOUNT, keys.c.key_id == _KEY)
_THIS_FACT: Final = (
    multi_region_facts.c.account_id == _ACCOUNT,
    multi_region_facts.c.key_id == _KEY,
)

_GET_KEY: Final = select(keys).where(*_THIS_KEY)
_INSERT_KEY: Final = insert(keys)
_UPDATE_KEY: Final = update(keys).where(*_THIS_KEY, keys.c.version == bindparam("old_version"))
_DELETE_KEY: Final = delete(keys).where(*_THIS_KEY)
_PAGE: Final = (
    select(keys.c.key_id)
    .where(keys.c.account_id == _ACCOUNT, keys.c.key_id > bindparam("after"))
    .order_by(keys.c.key_id)
    .limit(_LIMIT)
)
_DUE: Final = (
    select(keys)
    .where(
        keys.c.deletion_date < bindparam("before"),
        keys.c.deletion_kind == DeletionKind.PENDING.value,
    )
    .order_by(keys.c.deletion_date, keys.c.account_id, keys.c.key_id)
    .limit(_LIMIT)
)
_ALL: Final = (
    select(keys)
    .where(tuple_(keys.c.account_id, keys.c.key_id) > _AFTER)
    .order_by(keys.c.account_id, keys.c.key_id)
    .limit(_LIMIT)
)
_COUNT: Final = select(key_counts.c.customer_keys).where(key_counts.c.account_id == _ACCOUNT)
_ADD_TO_COUNT: Final = (
    update(key_counts)
    .where(key_counts.c.account_id == _ACCOUNT)
    .values(customer_keys=key_counts.c.customer_keys + bindparam("step"))
)
_INSERT_COUNT: Final = insert(key_counts)
_ALIASES_OF_KEY: Final = select(aliases.c.alias_name).where(
    aliases.c.account_id == _ACCOUNT, aliases.c.target_key_id == _KEY
)
_DELETE_ALIASES: Final = delete(aliases).where(
    aliases.c.account_id == _ACCOUNT, aliases.c.target_key_id == _KEY
)
_TAG_OF_KEY: Final = (
    select(func.count())
    .select_from(tags)
    .where(tags.c.account_id == _ACCOUNT, tags.c.key_id == _KEY)
)
_DELETE_BELONGINGS: Final = tuple(
    delete(table).where(table.c.account_id == _ACCOUNT, table.c.key_id == _KEY)
    for table in (generations, tags, grants, import_tokens)
)

_GET_FACTS: Final = select(multi_region_facts).where(*_THIS_FACT)
_INSERT_FACTS: Final = insert(multi_region_facts)
_UPDATE_FACTS: Final = update(multi_region_facts).where(*_THIS_FACT)
_FACTS_ID: Final = tuple_(multi_region_facts.c.account_id, multi_region_facts.c.key_id)
_PAGE_FACTS: Final = (
    select(multi_region_facts)
    .where(_FACTS_ID > _AFTER)
    .order_by(multi_region_facts.c.account_id, multi_region_facts.c.key_id)
    .limit(_LIMIT)
)
_LOCKED_FACTS: Final = (
    select(multi_region_facts)
    .where(multi_region_facts.c.lock_kind.is_not(None))
    .order_by(multi_region_facts.c.account_id, multi_region_facts.c.key_id)
    .limit(_LIMIT)
)


def key_row(key: KmsKey, *, version: int) -> dict[str, object]:
    """The columns of a key's row, without its code."""
    return {
        "account_id": key.account_id,
        "key_id": key.key_id,
        "key_spec": key.key_spec.value,
        "key_usage": key.key_usage.value,
        "origin": key.origin.value,
        "key_manager": key.key_manager.value,
        "description": key.description,
        "policy": key.policy,
        "created_at": float(key.created_at),
        "enabled": key.enabled,
        "deletion_kind": key.deletion.kind.value,
        "deletion_window_days": key.deletion.window_days,
        "deletion_date": None if key.deletion.date is None else float(key.deletion.date),
        "current_generation": key.current_generation,
        "binding_domain_key_id": key.binding_key.domain_key_id,
        "binding_wrapped": key.binding_key.wrapped,
        "multi_region": key.multi_region is not None,
        "custom_key_store_id": key.custom_key_store_id,
        "version": version,
    }


def key_from(row: Row, facts: MultiRegionFacts | None) -> KmsKey:
    """The key that a checked row holds."""
    current = row["current_generation"]
    return KmsKey(
        account_id=AccountId(row["account_id"]),
        key_id=KeyId(row["key_id"]),
        key_spec=KeySpec(row["key_spec"]),
        key_usage=KeyUsage(row["key_usage"]),
        origin=Origin(row["origin"]),
        key_manager=KeyManager(row["key_manager"]),
        description=row["description"],
        policy=row["policy"],
        created_at=row["created_at"],
        enabled=row["enabled"],
        deletion=Deletion(
            kind=DeletionKind(row["deletion_kind"]),
            window_days=row["deletion_window_days"],
            date=row["deletion_date"],
        ),
        current_generation=None if current is None else GenerationId(current),
        binding_key=WrappedBindingKey(
            domain_key_id=DomainKeyId(row["binding_domain_key_id"]), wrapped=row["binding_wrapped"]
        ),
        multi_region=facts,
        version=row["version"],
        custom_key_store_id=row["custom_key_store_id"],
    )


def facts_row(
    account_id: AccountId, key_id: KeyId, facts: MultiRegionFacts, *, version: int
) -> dict[str, object]:
    """The columns of a row of facts, without its code."""
    return {
        "account_id": account_id,
        "key_id": key_id,
        "life": facts.life,
        "phase": facts.phase.value,
        **_lock_columns(facts.lock),
        "mirror": facts.mirror,
        "mirror_seq": facts.mirror_seq,
        "mirror_revision": facts.mirror_revision,
        "ever_acked": b"".join(sorted(facts.ever_acked)),
        "opened_by": facts.opened_by,
        "version": version,
    }


def _lock_columns(lock: Lock | None) -> dict[str, object]:
    if lock is None:
        names = ("kind", "peer", "intent_id", "base_seq", "issued", "expired")
        return {f"lock_{name}": None for name in names}
    return {
        "lock_kind": lock.kind.value,
        "lock_peer": lock.peer,
        "lock_intent_id": lock.intent_id,
        "lock_base_seq": lock.base_seq,
        "lock_issued": lock.issued,
        "lock_expired": lock.expired,
    }


def facts_from(row: Row) -> MultiRegionFacts:
    """The facts that a checked row holds."""
    return MultiRegionFacts(
        life=row["life"],
        phase=Phase(row["phase"]),
        lock=_lock_from(row),
        mirror=row["mirror"],
        mirror_seq=row["mirror_seq"],
        mirror_revision=row["mirror_revision"],
        ever_acked=frozenset(_generation_ids(row["ever_acked"])),
        opened_by=StoreId(row["opened_by"]),
    )


def _lock_from(row: Row) -> Lock | None:
    if row["lock_kind"] is None:
        return None
    return Lock(
        kind=LockKind(row["lock_kind"]),
        peer=RegionName(row["lock_peer"]),
        intent_id=row["lock_intent_id"],
        base_seq=row["lock_base_seq"],
        issued=row["lock_issued"],
        expired=row["lock_expired"],
    )


def _generation_ids(packed: bytes) -> Iterator[GenerationId]:
    for start in range(0, len(packed), GENERATION_ID_BYTES):
        yield GenerationId(packed[start : start + GENERATION_ID_BYTES])


def _located_facts(row: Row) -> Facts:
    return AccountId(row["account_id"]), KeyId(row["key_id"]), facts_from(row)


class SqlMultiRegionTable:
    """Implements `regionkms.ports.store.MultiRegionTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, account_id: AccountId, key_id: KeyId) -> MultiRegionFacts | None:
        """See the port."""
        row = self._row(account_id, key_id)
        return None if row is None else facts_from(row)

    def put(self, account_id: AccountId, key_id: KeyId, facts: MultiRegionFacts) -> None:
        """See the port."""
        stored = self._row(account_id, key_id)
        if stored is None:
            self.insert_row(facts_row(account_id, key_id, facts, version=0))
        else:
            if facts.mirror_seq < stored["mirror_seq"]:
                raise StoreUnavailable(
                    f"the mirror of {key_id} must not go back from seq {stored['mirror_seq']} "
                    f"to {facts.mirror_seq}"
                )
            row = facts_row(account_id, key_id, facts, version=stored["version"] + 1)
            coded = self._session.coded(multi_region_facts, row)
            self._session.write(_UPDATE_FACTS, {**coded, "account": account_id, "key": key_id})
        self._session.changed(ChangeKind.KEY, account_id, key_id)

    def insert_row(self, row: Mapping[str, object]) -> None:
        """Add a row of facts that must not be there yet."""
        self._session.write(_INSERT_FACTS, self._session.coded(multi_region_facts, row))

    def page(self, *, after: tuple[str, str], limit: int) -> Sequence[Facts]:
        """See the port."""
        return list(self._scan(after, limit))

    def locked(self, *, limit: int) -> Sequence[Facts]:
        """See the port."""
        rows = self._session.rows(_LOCKED_FACTS, limit=limit)
        return list(self._session.checked(multi_region_facts, rows, _located_facts))

    def _row(self, account_id: AccountId, key_id: KeyId) -> Row | None:
        row = self._session.row(_GET_FACTS, account=account_id, key=key_id)
        if row is not None:
            self._session.check(multi_region_facts, row)
        return row

    def _scan(self, after: tuple[str, str], limit: int) -> Iterator[Facts]:
        found = 0
        while found < limit:
            wanted = limit - found
            rows = self._session.rows(
                _PAGE_FACTS, after_account=after[0], after_key=after[1], limit=wanted
            )
            for facts in self._session.checked(multi_region_facts, rows, _located_facts):
                found += 1
                yield facts
            if len(rows) < wanted:
                return
            after = (rows[-1]["account_id"], rows[-1]["key_id"])


class SqlKeyTable:
    """Implements `regionkms.ports.store.KeyTable`."""

    def __init__(self, session: Session, multi_region: SqlMultiRegionTable) -> None:
        self._session = session
        self._multi_region = multi_region

    def get(self, account_id: AccountId, key_id: KeyId) -> KmsKey | None:
        """See the port."""
        row = self._session.row(_GET_KEY, account=account_id, key=key_id)
        if row is None:
            return None
        self._session.check(keys, row)
        return self._with_facts(row)

    def insert(self, key: KmsKey) -> None:
        """See the port."""
        row = self._session.coded(keys, key_row(key, version=key.version))
        self._session.write(_INSERT_KEY, row)
        if key.multi_region is not None:
            self._multi_region.put(key.account_id, key.key_id, key.multi_region)
        if key.key_manager is KeyManager.CUSTOMER:
            self._add_to_count(key.account_id, 1)
        self._session.changed(ChangeKind.KEY, key.account_id, key.key_id)

    def update(self, key: KmsKey) -> None:
        """See the port."""
        row = self._session.coded(keys, key_row(key, version=key.version + 1))
        matched = self._session.write(
            _UPDATE_KEY,
            {**row, "account": key.account_id, "key": key.key_id, "old_version": key.version},
        )
        if matched != 1:
            raise StoreUnavailable(f"key {key.key_id} was changed by somebody else in between")
        self._session.changed(ChangeKind.KEY, key.account_id, key.key_id)

    def delete(self, account_id: AccountId, key_id: KeyId) -> None:
        """See the port."""
        key = {"account": account_id, "key": key_id}
        row = self._session.row(_GET_KEY, **key)
        if row is None:
            return
        for alias in self._session.rows(_ALIASES_OF_KEY, **key):
            self._session.changed(ChangeKind.ALIAS, account_id, alias["alias_name"])
        if self._session.scalar(_TAG_OF_KEY, **key):
            self._session.changed(ChangeKind.TAGS, account_id, key_id)
        for statement in (*_DELETE_BELONGINGS, _DELETE_ALIASES, _DELETE_KEY):
            self._session.write(statement, key)
        if row["key_manager"] == KeyManager.CUSTOMER.value:
            self._add_to_count(account_id, -1)
        self._session.changed(ChangeKind.KEY, account_id, key_id)

    def page(self, account_id: AccountId, *, after: str, limit: int) -> Sequence[KeyId]:
        """See the port."""
        rows = self._session.rows(_PAGE, account=account_id, after=after, limit=limit)
        return [KeyId(row["key_id"]) for row in rows]

    def count(self, account_id: AccountId) -> int:
        """See the port."""
        return int(self._session.scalar(_COUNT, account=account_id) or 0)

    def due(self, *, before: float, limit: int) -> Sequence[KmsKey]:
        """See the port."""
        rows = self._session.rows(_DUE, before=before, limit=limit)
        return list(self._session.checked(keys, rows, self._with_facts))

    def all(self, *, after: tuple[str, str], limit: int) -> Sequence[KmsKey]:
        """See the port."""
        found: list[KmsKey] = []
        while len(found) < limit:
            wanted = limit - len(found)
            rows = self._session.rows(
                _ALL, after_account=after[0], after_key=after[1], limit=wanted
            )
            found += self._session.checked(keys, rows, self._with_facts)
            if len(rows) < wanted:
                break
            after = (rows[-1]["account_id"], rows[-1]["key_id"])
        return found

    def _with_facts(self, row: Row) -> KmsKey:
        if not row["multi_region"]:
            return key_from(row, None)
        account_id, key_id = AccountId(row["account_id"]), KeyId(row["key_id"])
        facts = self._multi_region.get(account_id, key_id)
        if facts is None:
            raise RowTampered(f"row ({account_id}, {key_id}) of multi_region_facts is missing")
        return key_from(row, facts)

    def _add_to_count(self, account_id: AccountId, step: int) -> None:
        counted: dict[str, Any] = {"account": account_id, "step": step}
        if self._session.write(_ADD_TO_COUNT, counted) == 0:
            self._session.write(_INSERT_COUNT, {"account_id": account_id, "customer_keys": step})
