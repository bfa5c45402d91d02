"""Access keys in the store: made, imported, listed, switched off."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.access_keys import (
    RANDOM_BYTES,
    Credentials,
    access_keys_of,
    accounts,
    import_access_key,
    new_access_key,
    set_access_key_active,
)
from regionkms.model.errors import ConfigurationError, MaterialUnreadable
from regionkms.model.ids import AccountId, DomainKeyId
from regionkms.model.key import AccessKey
from regionkms.ports.store import StoreTransaction
from regionkms.store.vault import DomainVault
from tests.support.memory_store import MemoryStore

T = TypeVar("T")
ACCOUNT = AccountId("111122223333")
OTHER = AccountId("444455556666")
SECRET = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
DOMAIN_KEY = DomainKeyId("d1" * 16)
VAULT = DomainVault({DOMAIN_KEY: Material(b"\x07" * 32)}, DOMAIN_KEY)


def credentials(access_key_id: str = "AKIAIOSFODNN7EXAMPLE", secret: bytes = SECRET) -> Credentials:
    return Credentials(access_key_id=access_key_id, secret=Material(secret))


def importing(
    given: Credentials, account_id: AccountId = ACCOUNT, created_at: float = 1.0
) -> Callable[[StoreTransaction], AccessKey]:
    return lambda transaction: import_access_key(
        transaction, VAULT, account_id=account_id, credentials=given, created_at=created_at
    )


async def refusal(store: MemoryStore, work: Callable[[StoreTransaction], T]) -> str:
    """The message of a refusal, after which nothing has changed."""
    before = store.tables
    with pytest.raises(ConfigurationError) as caught:
        await store.write(work)
    assert store.tables is before
    return str(caught.value)


def test_a_new_access_key_has_the_form_that_clients_know() -> None:
    made = new_access_key(bytes(range(RANDOM_BYTES)))

    assert made.access_key_id == "AKIAAAAQEAYEAUDAOCAJ"
    assert made.secret.reveal() == b"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"
    assert made.secret.reveal().decode() not in repr(made)


def test_a_new_access_key_takes_exactly_its_random_bytes() -> None:
    with pytest.raises(ValueError, match="takes 40 random bytes, not 39"):
        new_access_key(bytes(39))


async def test_an_imported_secret_is_wrapped_and_opens_for_its_account_only() -> None:
    store = MemoryStore()
    row = await store.write(importing(credentials()))

    assert store.tables.access_keys[row.access_key_id] == row
    assert (row.account_id, row.active, row.created_at) == (ACCOUNT, True, 1.0)
    assert SECRET not in row.wrapped_secret
    assert "wrapped_secret" not in repr(row)


async def test_importing_the_same_credentials_again_changes_nothing() -> None:
    store = MemoryStore()
    first = await store.write(importing(credentials()))

    assert await store.write(importing(credentials(), created_at=2.0)) == first


async def test_importing_does_not_switch_a_key_on_again() -> None:
    store = MemoryStore()
    row = await store.write(importing(credentials()))
    await store.write(lambda tx: set_access_key_active(tx, row.access_key_id, active=False))

    assert not (await store.write(importing(credentials()))).active


async def test_an_access_key_id_of_another_account_is_refused() -> None:
    store = MemoryStore()
    await store.write(importing(credentials()))

    assert await refusal(store, importing(credentials(), OTHER)) == (
        "The access key id AKIAIOSFODNN7EXAMPLE is taken by account 111122223333."
    )


async def test_an_access_key_id_with_another_secret_is_refused() -> None:
    store = MemoryStore()
    await store.write(importing(credentials()))

    message = await refusal(store, importing(credentials(secret=SECRET[::-1])))

    assert message == (
        "The access key id AKIAIOSFODNN7EXAMPLE is there with another secret; make a new access "
        "key instead."
    )


@pytest.mark.parametrize(
    ("account_id", "given", "message"),
    [
        ("11112222333", credentials(), "An account id has twelve decimal digits."),
        (
            ACCOUNT,
            credentials("AKIA"),
            "An access key id has 16 to 128 letters, digits and underscores.",
        ),
        (
            ACCOUNT,
            credentials("AKIA/IOSFODNN7EXAMPLE"),
            "An access key id has 16 to 128 letters, digits and underscores.",
        ),
        (
            ACCOUNT,
            credentials("ASIAIOSFODNN7EXAMPLE"),
            (
                "Access key ids that start with ASIA are those of temporary credentials and can't "
                "be imported; use one that starts with AKIA."
            ),
        ),
        (
            ACCOUNT,
            credentials(secret=b"short"),
            "A secret access key has 16 to 128 printable ASCII characters and no space.",
        ),
        (
            ACCOUNT,
            credentials(secret=b"sixteen bytes \xff\xff"),
            "A secret access key has 16 to 128 printable ASCII characters and no space.",
        ),
    ],
)
async def test_values_that_no_client_can_sign_with_are_refused(
    account_id: str, given: Credentials, message: str
) -> None:
    assert await refusal(MemoryStore(), importing(given, AccountId(account_id))) == message


async def test_switching_off_an_unknown_access_key_is_refused() -> None:
    assert await refusal(
        MemoryStore(), lambda tx: set_access_key_active(tx, "AKIAUNKNOWN", active=False)
    ) == (
        "There is no access key 'AKIAUNKNOWN' in this Region; `regionkms account list` shows those "
        "there are."
    )


async def test_switching_to_what_it_is_writes_nothing() -> None:
    store = MemoryStore()
    row = await store.write(importing(credentials()))
    before = (await store.changes_since(0)).head

    again = await store.write(lambda tx: set_access_key_active(tx, row.access_key_id, active=True))

    assert again == row
    assert len((await store.changes_since(before)).rows) == 0


async def test_accounts_are_those_with_access_keys() -> None:
    store = MemoryStore()
    for name, account in (("B", ACCOUNT), ("A", ACCOUNT), ("C", OTHER)):
        await store.write(importing(credentials("AKIA" + name * 16), account))

    assert await store.read(accounts) == [ACCOUNT, OTHER]
    rows = await store.read(lambda tx: access_keys_of(tx, ACCOUNT))
    assert [row.access_key_id for row in rows] == ["AKIA" + "A" * 16, "AKIA" + "B" * 16]


async def test_a_stored_secret_that_does_not_open_stops_an_import_of_its_id() -> None:
    store = MemoryStore()
    row = await store.write(importing(credentials()))
    store.tables.access_keys[row.access_key_id] = AccessKey(
        access_key_id=row.access_key_id,
        account_id=ACCOUNT,
        domain_key_id=DOMAIN_KEY,
        wrapped_secret=row.wrapped_secret[:-1] + bytes([row.wrapped_secret[-1] ^ 1]),
    )

    with pytest.raises(MaterialUnreadable, match="access key secret"):
        await store.write(importing(credentials()))
