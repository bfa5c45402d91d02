"""`regionkms keys verify` on a real store with a real vault: what was moved or changed is named."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from regionkms.crypto.binding import fingerprint
from regionkms.crypto.material import Material
from regionkms.model.errors import MaterialUnreadable, RowTampered
from regionkms.model.ids import DomainKeyId
from regionkms.model.key import KmsKey, StoredGeneration, WrappedBindingKey
from regionkms.model.key_spec import KeySpec
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind
from regionkms.store.bootstrap import create_store, read_domain_keys
from regionkms.store.database import Database
from regionkms.store.domain_keys import create_domain_key, open_domain_keys
from regionkms.store.engine import sqlite_path, store_url
from regionkms.store.offline import open_offline
from regionkms.store.vault import DomainVault
from regionkms.store.verify_keys import KeyVerification, verify_keys
from tests.support.store_rows import ACCOUNT, generation_id, key_id, kms_key

ROOT = Material(bytes(range(32)))
SECRETS = {number: bytes([0x40 + number]) * 32 for number in (1, 2, 3)}
BINDING = Material(b"binding key of thirty-two bytes!")


@dataclass
class Region:
    """A store with the vault that its root key opens."""

    url: str
    vault: DomainVault

    @property
    def path(self) -> Path:
        path = sqlite_path(self.url)
        assert path is not None
        return path

    def change(self, work: Callable[[StoreTransaction], None]) -> None:
        database = Database(self.url, self.vault)
        database.write(work)
        database.close()

    def execute(self, statement: str, *values: object) -> None:
        """Write to the database behind the store's back."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(statement, values)
        connection.close()

    def rows(self, statement: str) -> list[tuple[bytes, ...]]:
        with sqlite3.connect(self.path) as connection:
            found = connection.execute(statement).fetchall()
        connection.close()
        return found

    def verified(self) -> list[KeyVerification]:
        with open_offline(self.url, vault=self.vault) as reader:
            return list(verify_keys(reader.walk(), self.vault))

    def problems(self) -> list[str]:
        return [str(problem) for key in self.verified() for problem in key.problems]


def stored_key(vault: DomainVault, number: int) -> KmsKey:
    identity = MaterialIdentity(
        kind=MaterialKind.BINDING_KEY, account_id=ACCOUNT, key_id=key_id(number), name=b""
    )
    domain_key_id, wrapped = vault.wrap(BINDING, identity)
    return kms_key(
        key_id(number),
        current_generation=generation_id(number),
        binding_key=WrappedBindingKey(domain_key_id=domain_key_id, wrapped=wrapped),
    )


def stored_generation(vault: DomainVault, number: int, secret: bytes) -> StoredGeneration:
    name = generation_id(number)
    identity = MaterialIdentity(
        kind=MaterialKind.KEY_MATERIAL, account_id=ACCOUNT, key_id=key_id(number), name=name
    )
    domain_key_id, wrapped = vault.wrap(Material(secret), identity)
    shown = fingerprint(
        BINDING,
        generation_id=name,
        key_spec=KeySpec.SYMMETRIC_DEFAULT,
        material=Material(SECRETS[number]),
    )
    return StoredGeneration(
        generation_id=name,
        domain_key_id=domain_key_id,
        wrapped=wrapped,
        fingerprint=shown,
        created_at=1.0,
    )


@pytest.fixture
def region(tmp_path: Path) -> Region:
    """Three keys with one generation each."""
    domain_key, row = create_domain_key(ROOT, created_at=1.0)
    vault = DomainVault({row.domain_key_id: domain_key}, row.domain_key_id)
    url = store_url(tmp_path)
    create_store(url, lab=False, domain_key=row, vault=vault)
    made = Region(url, vault)

    def fill(tx: StoreTransaction) -> None:
        for number, secret in SECRETS.items():
            tx.keys.insert(stored_key(vault, number))
            tx.generations.put(ACCOUNT, key_id(number), stored_generation(vault, number, secret))

    made.change(fill)
    return made


def test_a_sound_store_has_no_problem_and_opens_from_its_root_key(region: Region) -> None:
    keys = open_domain_keys(ROOT, read_domain_keys(region.url))
    reopened = Region(region.url, DomainVault(keys.materials, keys.current))
    assert reopened.problems() == []
    assert [key.opened_generations for key in reopened.verified()] == [1, 1, 1]
    assert [key.key_id for key in reopened.verified()] == [key_id(1), key_id(2), key_id(3)]


def test_swapping_two_wrapped_rows_makes_both_fail_by_their_codes(region: Region) -> None:
    one, other = region.rows("SELECT wrapped FROM generations ORDER BY key_id LIMIT 2")
    region.execute("UPDATE generations SET wrapped = ? WHERE key_id = ?", other[0], key_id(1))
    region.execute("UPDATE generations SET wrapped = ? WHERE key_id = ?", one[0], key_id(2))
    problems = region.problems()
    assert len(problems) == 4
    for number in (1, 2):
        assert any(
            problem.startswith(f"{ACCOUNT} {key_id(number)} generation: row (")
            and problem.endswith("does not fit its authentication code")
            for problem in problems
        )
    assert not any(key_id(3) in problem for problem in problems)


def test_swapped_material_does_not_open_even_where_codes_fit(region: Region) -> None:
    def swap(tx: StoreTransaction) -> None:
        one = tx.generations.of_key(ACCOUNT, key_id(1))[0]
        other = tx.generations.of_key(ACCOUNT, key_id(2))[0]
        tx.generations.put(ACCOUNT, key_id(1), replace(one, wrapped=other.wrapped))
        tx.generations.put(ACCOUNT, key_id(2), replace(other, wrapped=one.wrapped))

    region.change(swap)
    name = region.vault.current_domain_key_id
    assert region.problems() == [
        f"{ACCOUNT} {key_id(number)} generation {generation_id(number).hex()}: key material "
        f"({ACCOUNT}, {key_id(number)}, {generation_id(number).hex()}) does not open under "
        f"domain key {name}"
        for number in (1, 2)
    ]


def test_swapped_binding_keys_do_not_open(region: Region) -> None:
    def swap(tx: StoreTransaction) -> None:
        one, other = tx.keys.get(ACCOUNT, key_id(1)), tx.keys.get(ACCOUNT, key_id(2))
        assert one is not None
        assert other is not None
        tx.keys.update(replace(one, binding_key=other.binding_key))
        tx.keys.update(replace(other, binding_key=one.binding_key))

    region.change(swap)
    parts = [
        (problem.key_id, problem.part) for key in region.verified() for problem in key.problems
    ]
    assert (key_id(1), "binding key") in parts
    assert (key_id(2), "binding key") in parts
    assert key_id(3) not in dict(parts)
    assert "its fingerprint can't be compared" in region.problems()[1]


def test_other_material_under_the_right_name_is_told_by_its_fingerprint(region: Region) -> None:
    other = stored_generation(region.vault, 2, bytes(32))
    region.change(lambda tx: tx.generations.put(ACCOUNT, key_id(2), other))
    assert region.problems() == [
        (
            f"{ACCOUNT} {key_id(2)} generation {generation_id(2).hex()}: "
            "it opens, and is not the material of its fingerprint"
        )
    ]
    assert [key.opened_generations for key in region.verified()] == [1, 0, 1]


def test_material_of_another_length_is_told(region: Region) -> None:
    other = stored_generation(region.vault, 2, bytes(31))
    region.change(lambda tx: tx.generations.put(ACCOUNT, key_id(2), other))
    assert region.problems()[0].endswith("SYMMETRIC_DEFAULT takes 32 bytes of material, got 31")


def test_a_missing_current_generation_is_told(region: Region) -> None:
    region.change(lambda tx: tx.generations.delete(ACCOUNT, key_id(3), generation_id(3)))
    assert region.problems() == [
        (
            f"{ACCOUNT} {key_id(3)} generation {generation_id(3).hex()}: "
            "the key encrypts with it, and has no good row of it"
        )
    ]


def test_a_changed_key_row_is_told_and_the_others_are_still_verified(region: Region) -> None:
    region.execute("UPDATE keys SET enabled = 0 WHERE key_id = ?", key_id(1))
    first, second, third = region.verified()
    assert [problem.part for problem in first.problems] == ["row"]
    assert second.problems == third.problems == ()


def test_every_flipped_byte_of_wrapped_material_is_told(region: Region) -> None:
    wrapped = region.rows("SELECT wrapped FROM generations ORDER BY key_id LIMIT 1")[0][0]
    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 1
        region.execute(
            "UPDATE generations SET wrapped = ? WHERE key_id = ?", bytes(altered), key_id(1)
        )
        assert len(region.problems()) == 2, position


def test_who_has_the_store_without_its_root_key_opens_nothing(region: Region) -> None:
    guesses = [Material(bytes(32)), Material(ROOT.reveal()[::-1])]
    for guess in guesses:
        with pytest.raises(MaterialUnreadable, match="does not open"):
            open_domain_keys(guess, read_domain_keys(region.url))
        vault = DomainVault(
            {region.vault.current_domain_key_id: guess}, region.vault.current_domain_key_id
        )
        with pytest.raises(RowTampered):
            Database(region.url, vault).read(lambda tx: tx.generations.of_key(ACCOUNT, key_id(1)))
        for domain_key_id, wrapped, generation in region.rows(
            "SELECT domain_key_id, wrapped, generation_id FROM generations"
        ):
            identity = MaterialIdentity(
                kind=MaterialKind.KEY_MATERIAL,
                account_id=ACCOUNT,
                key_id=key_id(1),
                name=generation,
            )
            with pytest.raises(MaterialUnreadable):
                vault.unwrap(DomainKeyId(str(domain_key_id)), wrapped, identity)


def test_no_plaintext_stands_in_the_store_or_in_what_is_reported(region: Region) -> None:
    region.execute("UPDATE generations SET fingerprint = ? WHERE key_id = ?", bytes(32), key_id(1))
    files = b"".join(path.read_bytes() for path in region.path.parent.iterdir() if path.is_file())
    shown = repr(region.verified()) + "".join(region.problems()) + repr(region.vault)
    for secret in (*SECRETS.values(), BINDING.reveal(), ROOT.reveal()):
        assert secret not in files
        assert secret.hex() not in shown
        assert secret.decode("latin-1") not in shown
