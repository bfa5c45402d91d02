import pickle
from dataclasses import replace
from typing import Any

import pytest

from regionkms.crypto.material import Material
from regionkms.model.errors import MaterialUnreadable, VaultSealed
from regionkms.model.ids import AccountId, DomainKeyId, KeyId
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault
from regionkms.store.vault import DomainVault
from tests.support.generation import ACCOUNT, MULTI_REGION_KEY, SINGLE_REGION_KEY

OLD, NEW = DomainKeyId("a" * 32), DomainKeyId("b" * 32)
KEYS = {OLD: Material(b"A" * 32), NEW: Material(b"B" * 32)}
SECRET = Material(b"thirty-two bytes of key material")
IDENTITY = MaterialIdentity(
    kind=MaterialKind.KEY_MATERIAL,
    account_id=ACCOUNT,
    key_id=SINGLE_REGION_KEY,
    name=bytes(range(16)),
)


def vault(current: DomainKeyId = NEW) -> DomainVault:
    return DomainVault(KEYS, current)


def test_it_is_the_vault_of_the_port() -> None:
    as_port: Vault = vault()
    assert as_port.current_domain_key_id == NEW


def test_material_is_wrapped_under_the_current_domain_key_and_opens() -> None:
    domain_key_id, wrapped = vault().wrap(SECRET, IDENTITY)
    assert domain_key_id == NEW
    assert SECRET.reveal() not in wrapped
    assert vault().unwrap(NEW, wrapped, IDENTITY) == SECRET


def test_the_same_material_is_never_wrapped_alike() -> None:
    assert vault().wrap(SECRET, IDENTITY) != vault().wrap(SECRET, IDENTITY)


def test_material_under_an_older_domain_key_still_opens() -> None:
    domain_key_id, wrapped = vault(OLD).wrap(SECRET, IDENTITY)
    assert domain_key_id == OLD
    assert vault(NEW).unwrap(OLD, wrapped, IDENTITY) == SECRET


@pytest.mark.parametrize(
    "change",
    [
        {"kind": MaterialKind.BINDING_KEY},
        {"account_id": AccountId("444455556666")},
        {"key_id": MULTI_REGION_KEY},
        {"key_id": KeyId("")},
        {"name": bytes(16)},
        {"name": b""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_material_of_another_identity_does_not_open(change: dict[str, Any]) -> None:
    _, wrapped = vault().wrap(SECRET, IDENTITY)
    with pytest.raises(MaterialUnreadable, match=r"does not open under domain key b{32}$"):
        vault().unwrap(NEW, wrapped, replace(IDENTITY, **change))


def test_two_swapped_rows_both_stop_to_open() -> None:
    other = replace(IDENTITY, key_id=KeyId("00000000-0000-4000-8000-000000000001"))
    (_, first), (_, second) = vault().wrap(SECRET, IDENTITY), vault().wrap(SECRET, other)
    for wrapped, identity in ((second, IDENTITY), (first, other)):
        with pytest.raises(MaterialUnreadable) as refusal:
            vault().unwrap(NEW, wrapped, identity)
        assert str(refusal.value) == (
            f"key material ({ACCOUNT}, {identity.key_id}, 000102030405060708090a0b0c0d0e0f) "
            f"does not open under domain key {NEW}"
        )


def test_another_domain_key_opens_nothing() -> None:
    _, wrapped = vault().wrap(SECRET, IDENTITY)
    with pytest.raises(MaterialUnreadable):
        vault().unwrap(OLD, wrapped, IDENTITY)
    with pytest.raises(MaterialUnreadable):
        DomainVault({NEW: Material(bytes(32))}, NEW).unwrap(NEW, wrapped, IDENTITY)


def test_a_secret_is_named_by_its_access_key_in_the_message() -> None:
    identity = replace(
        IDENTITY, kind=MaterialKind.ACCESS_KEY_SECRET, key_id=KeyId(""), name=b"AKIA\xff"
    )
    with pytest.raises(MaterialUnreadable, match=r"^access key secret \(111122223333, , AKIA"):
        vault().unwrap(NEW, bytes(61), identity)


def test_a_domain_key_that_is_not_at_hand_seals_the_vault() -> None:
    missing = DomainKeyId("c" * 32)
    for attempt in (
        lambda: vault().unwrap(missing, bytes(61), IDENTITY),
        lambda: vault().row_code("keys", b"row", domain_key_id=missing),
    ):
        with pytest.raises(VaultSealed, match=r"^domain key 'c{32}' is not at hand$"):
            attempt()
    with pytest.raises(VaultSealed, match=r"^the current domain key c{32} is not at hand$"):
        vault(missing)


def test_a_row_code_is_of_the_current_or_a_named_domain_key() -> None:
    code = vault(OLD).row_code("keys", b"row")
    assert len(code) == 32
    assert vault(NEW).row_code("keys", b"row") != code
    assert vault(NEW).row_code("keys", b"row", domain_key_id=OLD) == code
    assert vault(OLD).row_code("aliases", b"row") != code
    assert vault(OLD).row_code("keys", b"rox") != code


def test_a_vault_shows_and_leaks_nothing() -> None:
    assert repr(vault()) == f"<vault with 2 domain keys, current {NEW}>"
    assert not hasattr(vault(), "__dict__")
    with pytest.raises(TypeError, match=r"^a vault is never pickled$"):
        pickle.dumps(vault())
