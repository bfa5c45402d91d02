"""Wrapped material: generations of keys, and the domain keys that wrap them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from regionkms.model.ids import AccountId, DomainKeyId, GenerationId, KeyId
from regionkms.model.key import StoredGeneration
from regionkms.ports.store import ChangeKind, WrappedDomainKey
from regionkms.store.schema import domain_keys, generations
from regionkms.store.session import Row, Session

_OF_KEY: Final = (
    generations.c.account_id == bindparam("account"),
    generations.c.key_id == bindparam("key"),
)
_THIS: Final = (*_OF_KEY, generations.c.generation_id == bindparam("generation"))
_GET_ALL: Final = (
    select(generations)
    .where(*_OF_KEY)
    .order_by(generations.c.created_at, generations.c.generation_id)
)
_GET_VERSION: Final = select(generations.c.version).where(*_THIS)
_INSERT: Final = insert(generations)
_UPDATE: Final = update(generations).where(*_THIS)
_DELETE: Final = delete(generations).where(*_THIS)

ALL_DOMAIN_KEYS: Final = select(domain_keys).order_by(
    domain_keys.c.created_at, domain_keys.c.domain_key_id
)
INSERT_DOMAIN_KEY: Final = insert(domain_keys)
_NONE_CURRENT: Final = update(domain_keys).values(current=False)


def generation_row(
    account_id: AccountId, key_id: KeyId, generation: StoredGeneration, *, version: int
) -> dict[str, object]:
    """The columns of a generation's row, without its code."""
    return {
        "account_id": account_id,
        "key_id": key_id,
        "generation_id": generation.generation_id,
        "domain_key_id": generation.domain_key_id,
        "wrapped": generation.wrapped,
        "fingerprint": generation.fingerprint,
        "created_at": float(generation.created_at),
        "version": version,
    }


def generation_from(row: Row) -> StoredGeneration:
    """The generation that a checked row holds."""
    return StoredGeneration(
        generation_id=GenerationId(row["generation_id"]),
        domain_key_id=DomainKeyId(row["domain_key_id"]),
        wrapped=row["wrapped"],
        fingerprint=row["fingerprint"],
        created_at=row["created_at"],
    )


def domain_key_row(domain_key: WrappedDomainKey) -> dict[str, object]:
    """The columns of a domain key's row."""
    return {
        "domain_key_id": domain_key.domain_key_id,
        "wrapped": domain_key.wrapped,
        "created_at": float(domain_key.created_at),
        "current": domain_key.current,
    }


def domain_key_from(row: Row) -> WrappedDomainKey:
    """The domain key that a row holds; sealed by the root key, so it needs no code."""
    return WrappedDomainKey(
        domain_key_id=DomainKeyId(row["domain_key_id"]),
        wrapped=row["wrapped"],
        created_at=row["created_at"],
        current=row["current"],
    )


class SqlGenerationTable:
    """Implements `regionkms.ports.store.GenerationTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_key(self, account_id: AccountId, key_id: KeyId) -> Sequence[StoredGeneration]:
        """See the port."""
        rows = self._session.rows(_GET_ALL, account=account_id, key=key_id)
        for row in rows:
            self._session.check(generations, row)
        return [generation_from(row) for row in rows]

    def put(self, account_id: AccountId, key_id: KeyId, generation: StoredGeneration) -> None:
        """See the port."""
        name = {
            "account": account_id,
            "key": key_id,
            "generation": generation.generation_id,
        }
        stored = self._session.scalar(_GET_VERSION, **name)
        version = 0 if stored is None else stored + 1
        row = generation_row(account_id, key_id, generation, version=version)
        coded = self._session.coded(generations, row)
        if stored is None:
            self._session.write(_INSERT, coded)
        else:
            self._session.write(_UPDATE, {**coded, **name})
        self._session.changed(ChangeKind.KEY, account_id, key_id)

    def delete(self, account_id: AccountId, key_id: KeyId, generation_id: GenerationId) -> None:
        """See the port."""
        name = {"account": account_id, "key": key_id, "generation": generation_id}
        if self._session.write(_DELETE, name):
            self._session.changed(ChangeKind.KEY, account_id, key_id)


class SqlDomainKeyTable:
    """Implements `regionkms.ports.store.DomainKeyTable`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> Sequence[WrappedDomainKey]:
        """See the port."""
        return [domain_key_from(row) for row in self._session.rows(ALL_DOMAIN_KEYS)]

    def put(self, domain_key: WrappedDomainKey) -> None:
        """See the port."""
        if domain_key.current:
            self._session.write(_NONE_CURRENT, {})
        self._session.write(INSERT_DOMAIN_KEY, domain_key_row(domain_key))
