"""The Region's access keys in memory: loaded, refreshed, left out where they can't be trusted."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.access_keys import Credentials, import_access_key, set_access_key_active
from regionkms.identity.directory import StoredAccessKeys
from regionkms.identity.sigv4 import SignatureVerifier, signing_scope
from regionkms.model.errors import (
    RowTampered,
    StoreUnavailable,
    UnrecognizedClientException,
    VaultSealed,
)
from regionkms.model.ids import AccountId, DomainKeyId, RegionName
from regionkms.model.key import AccessKey
from regionkms.ports.directory import AccessKeyDirectory
from regionkms.ports.store import ChangeKind, Changes, StoreTransaction
from regionkms.store.vault import DomainVault
from tests.support.memory_store import MemoryAccessKeys, MemoryStore, MemoryTransaction
from tests.support.signing import Signer, kms_request

T = TypeVar("T")
ACCOUNT = AccountId("111122223333")
OTHER = AccountId("444455556666")
DOMAIN_KEY = DomainKeyId("d1" * 16)
VAULT = DomainVault({DOMAIN_KEY: Material(b"\x07" * 32)}, DOMAIN_KEY)
FIRST, SECOND = "AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPL2"
NOW = 1_790_000_000.0


async def add(store: MemoryStore, access_key_id: str, account_id: AccountId = ACCOUNT) -> None:
    given = Credentials(
        access_key_id=access_key_id,
        secret=Material(f"secret of {access_key_id}".encode().replace(b" ", b"_")),
    )
    await store.write(
        lambda tx: import_access_key(
            tx, VAULT, account_id=account_id, credentials=given, created_at=0.0
        )
    )


def signer(access_key_id: str) -> Signer:
    return Signer(access_key_id=access_key_id, secret_access_key=f"secret_of_{access_key_id}")


async def loaded(store: MemoryStore) -> StoredAccessKeys:
    directory = StoredAccessKeys(store=store, vault=VAULT)
    await directory.load()
    return directory


def spoil(store: MemoryStore, access_key_id: str) -> None:
    """What somebody who can only write to the database can do."""
    row = store.tables.access_keys[access_key_id]
    store.tables.access_keys[access_key_id] = replace(
        row, wrapped_secret=row.wrapped_secret[:-1] + bytes([row.wrapped_secret[-1] ^ 1])
    )


async def test_a_loaded_access_key_signs_for_its_account() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    await add(store, SECOND, OTHER)
    directory: AccessKeyDirectory = await loaded(store)
    verifier = SignatureVerifier(scope=signing_scope(RegionName("us-east-1")), directory=directory)

    for access_key_id, account_id in ((FIRST, ACCOUNT), (SECOND, OTHER)):
        request = kms_request(signer(access_key_id), "ListKeys", at=NOW)
        assert verifier.verify(request, NOW).account_id == account_id


async def test_nothing_is_known_before_the_load() -> None:
    store = MemoryStore()
    await add(store, FIRST)

    assert StoredAccessKeys(store=store, vault=VAULT).lookup(FIRST) is None


async def test_a_refresh_takes_in_new_keys_and_lets_go_of_those_switched_off() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    directory = await loaded(store)
    head = (await store.changes_since(0)).head
    await add(store, SECOND)
    await store.write(lambda tx: set_access_key_active(tx, FIRST, active=False))
    version = directory.version

    await directory.refresh(await store.changes_since(head))

    assert directory.lookup(FIRST) is None
    assert directory.lookup(SECOND) is not None
    assert directory.version > version


async def test_a_key_switched_off_stops_signing_at_the_refresh() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    directory = await loaded(store)
    verifier = SignatureVerifier(scope=signing_scope(RegionName("us-east-1")), directory=directory)
    request = kms_request(signer(FIRST), "ListKeys", at=NOW)
    verifier.verify(request, NOW)
    head = (await store.changes_since(0)).head
    await store.write(lambda tx: set_access_key_active(tx, FIRST, active=False))

    await directory.refresh(await store.changes_since(head))

    with pytest.raises(UnrecognizedClientException):
        verifier.verify(request, NOW)


async def test_a_refresh_about_other_things_reads_nothing() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    directory = await loaded(store)
    version = directory.version
    head = (await store.changes_since(0)).head
    await store.write(lambda tx: tx.settings.put("a", "b"))
    changes = await store.changes_since(head)
    assert [row.kind for row in changes.rows] == [ChangeKind.SETTING]
    store.unavailable = True

    await directory.refresh(changes)

    assert directory.version == version


async def test_an_incomplete_feed_reads_everything() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    directory = await loaded(store)
    await add(store, SECOND)
    del store.tables.access_keys[FIRST]

    await directory.refresh(Changes(head=9, complete=False, rows=[]))

    assert directory.lookup(FIRST) is None
    assert directory.lookup(SECOND) is not None
    assert len(directory) == 1


async def test_loading_what_is_known_already_moves_no_version() -> None:
    """So that a slow periodic load does not empty the verifier's caches."""
    store = MemoryStore()
    await add(store, FIRST)
    directory = await loaded(store)
    known, version = directory.lookup(FIRST), directory.version

    await directory.load()

    assert directory.lookup(FIRST) is known
    assert directory.version == version


async def test_a_secret_that_does_not_open_is_left_out_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    await add(store, FIRST)
    await add(store, SECOND)
    spoil(store, FIRST)

    with caplog.at_level(logging.ERROR):
        directory = await loaded(store)
        await directory.load()

    assert directory.lookup(FIRST) is None
    assert directory.lookup(SECOND) is not None
    assert directory.unreadable == {FIRST}
    assert len(caplog.records) == 1, "said once"
    assert f"access key {FIRST} can't be used" in caplog.text


async def test_a_secret_moved_to_another_account_does_not_open() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    store.tables.access_keys[FIRST] = replace(store.tables.access_keys[FIRST], account_id=OTHER)

    directory = await loaded(store)

    assert directory.lookup(FIRST) is None
    assert directory.unreadable == {FIRST}


async def test_a_key_that_is_sound_again_signs_again() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    sound = store.tables.access_keys[FIRST]
    spoil(store, FIRST)
    directory = await loaded(store)
    store.tables.access_keys[FIRST] = sound

    await directory.load()

    assert directory.lookup(FIRST) is not None
    assert directory.unreadable == frozenset()


class TamperedAccessKeys(MemoryAccessKeys):
    """A table in which the authentication code of the first row does not fit."""

    def get(self, access_key_id: str) -> AccessKey | None:
        if access_key_id == FIRST:
            raise RowTampered(f"access_keys {access_key_id} is not authentic")
        return super().get(access_key_id)

    def all(self) -> Sequence[AccessKey]:
        return [row for name in self._tables.access_keys if (row := self.get(name)) is not None]


class TamperedStore(MemoryStore):
    """A store in which, once `tampered`, the first access key's row does not fit its code."""

    tampered = False

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        if not self.tampered:
            return await super().read(work)
        transaction = MemoryTransaction(self.tables, 0, writable=False)
        transaction.access_keys = TamperedAccessKeys(transaction)
        return work(transaction)


async def test_a_tampered_row_is_let_go_of_at_a_refresh() -> None:
    store = TamperedStore()
    await add(store, FIRST)
    await add(store, SECOND)
    directory = await loaded(store)
    store.tampered = True

    await directory.refresh(await store.changes_since(0))

    assert directory.lookup(FIRST) is None
    assert directory.lookup(SECOND) is not None
    assert directory.unreadable == {FIRST}


async def test_a_load_that_fails_leaves_what_was_known() -> None:
    store = TamperedStore()
    await add(store, FIRST)
    directory = await loaded(store)

    store.tampered = True
    with pytest.raises(RowTampered, match="not authentic"):
        await directory.load()
    store.tampered, store.unavailable = False, True
    with pytest.raises(StoreUnavailable):
        await directory.load()

    assert directory.lookup(FIRST) is not None


async def test_a_sealed_vault_is_said_and_changes_nothing() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    other = DomainKeyId("d2" * 16)
    directory = StoredAccessKeys(
        store=store, vault=DomainVault({other: Material(b"\x08" * 32)}, other)
    )

    with pytest.raises(VaultSealed, match="is not at hand"):
        await directory.load()

    assert len(directory) == 0
    assert directory.version == 0


async def test_the_directory_shows_no_secret() -> None:
    store = MemoryStore()
    await add(store, FIRST)
    directory = await loaded(store)

    assert "secret_of" not in repr(directory.lookup(FIRST))
