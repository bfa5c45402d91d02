"""`regionkms keys verify` on a real store: secrets of access keys, the Region's private keys."""

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from regionkms.coordination.authority import ClusterAuthority
from regionkms.coordination.enrolment import (
    ENROLMENT,
    RECORD_KEY,
    TLS_KEY,
    TRANSPORT_KEY,
    load_identity,
)
from regionkms.crypto.material import Material
from regionkms.crypto.signing import RecordKey
from regionkms.identity.access_keys import Credentials, import_access_key, set_access_key_active
from regionkms.model.ids import AccountId, RegionName
from regionkms.node.audit_key import SETTING_AUDIT_KEY, audit_key
from regionkms.node.verify_secrets import verify_access_keys, verify_region_keys
from regionkms.ports.store import StoreTransaction
from regionkms.store.bootstrap import create_store
from regionkms.store.database import Database
from regionkms.store.domain_keys import create_domain_key
from regionkms.store.engine import sqlite_path, store_url
from regionkms.store.offline import open_offline
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault

EU = RegionName("eu-west-1")
ONE, OTHER = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"
ACCOUNTS = {ONE: AccountId("111122223333"), OTHER: AccountId("444455556666")}
SECRETS = {
    ONE: b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    OTHER: b"je7MtGbClwBF/2Zp9Utk/h3yCo8nvb",
}
WHO = {name: f"access key {name} of {account}" for name, account in ACCOUNTS.items()}


@dataclass
class Region:
    """A store with two access keys."""

    url: str
    vault: DomainVault

    def change(self, work: Callable[[StoreTransaction], object]) -> None:
        database = Database(self.url, self.vault)
        database.write(work)
        database.close()

    def execute(self, statement: str, *values: object) -> None:
        """Write to the database behind the store's back."""
        path = sqlite_path(self.url)
        assert path is not None
        with sqlite3.connect(path) as connection:
            connection.execute(statement, values)
        connection.close()

    async def enrol(self, folder: Path) -> None:
        now = dt.datetime.now(tz=dt.UTC)
        authority = ClusterAuthority.create(folder / "authority", "test", lab=False, now=now)
        authority.enrol(EU, folder / "eu", now=now)
        store = open_store(self.url, vault=self.vault, on_commit=lambda: None, lab=False)
        assert await load_identity(store, self.vault, EU, folder / "eu") is not None
        await store.close()

    async def make_audit_key(self) -> None:
        store = open_store(self.url, vault=self.vault, on_commit=lambda: None, lab=False)
        await audit_key(store, self.vault)
        await store.close()

    def verified(self) -> dict[str, str | None]:
        """Subjects and what is wrong with each."""
        with open_offline(self.url, vault=self.vault) as reader:
            found = [*verify_access_keys(reader, self.vault)]
            found += verify_region_keys(reader, self.vault)
        shown = "".join(map(str, found))
        assert not any(secret.decode() in shown for secret in SECRETS.values())
        return {each.subject: each.reason for each in found}

    def faults(self) -> dict[str, str]:
        return {subject: reason for subject, reason in self.verified().items() if reason}


@pytest.fixture
def region(tmp_path: Path) -> Region:
    domain_key, row = create_domain_key(Material(bytes(range(32))), created_at=1.0)
    vault = DomainVault({row.domain_key_id: domain_key}, row.domain_key_id)
    url = store_url(tmp_path)
    create_store(url, lab=False, domain_key=row, vault=vault)
    made = Region(url, vault)

    def fill(tx: StoreTransaction) -> None:
        for name, secret in SECRETS.items():
            import_access_key(
                tx,
                vault,
                account_id=ACCOUNTS[name],
                credentials=Credentials(access_key_id=name, secret=Material(secret)),
                created_at=1.0,
            )
        set_access_key_active(tx, OTHER, active=False)

    made.change(fill)
    return made


@pytest.fixture
async def enrolled(region: Region, tmp_path: Path) -> Region:
    await region.enrol(tmp_path)
    return region


def rewrap(region: Region, name: str, change: Callable[[dict[str, str]], None]) -> None:
    """Change a wrapped private key as who could make row codes would."""

    def work(tx: StoreTransaction) -> None:
        shown: dict[str, str] = json.loads(tx.settings.get(name) or "")
        change(shown)
        tx.settings.put(name, json.dumps(shown))

    region.change(work)


def test_a_store_without_a_cluster_has_secrets_of_access_keys_alone(region: Region) -> None:
    assert region.verified() == dict.fromkeys(WHO.values())


async def test_everything_of_an_enrolled_region_opens(enrolled: Region) -> None:
    await enrolled.make_audit_key()
    found = enrolled.verified()
    assert enrolled.faults() == {}
    assert set(found) == {*WHO.values(), TLS_KEY, RECORD_KEY, TRANSPORT_KEY, SETTING_AUDIT_KEY}


def test_swapped_secrets_do_not_open_even_where_codes_fit(region: Region) -> None:
    def swap(tx: StoreTransaction) -> None:
        one, other = tx.access_keys.get(ONE), tx.access_keys.get(OTHER)
        assert one is not None
        assert other is not None
        tx.access_keys.put(replace(one, wrapped_secret=other.wrapped_secret))
        tx.access_keys.put(replace(other, wrapped_secret=one.wrapped_secret))

    region.change(swap)
    faults = region.faults()
    assert set(faults) == set(WHO.values())
    assert all("does not open under domain key" in reason for reason in faults.values())


def test_an_access_key_that_was_given_to_another_account_does_not_open(region: Region) -> None:
    def move(tx: StoreTransaction) -> None:
        one = tx.access_keys.get(ONE)
        assert one is not None
        tx.access_keys.put(replace(one, account_id=ACCOUNTS[OTHER]))

    region.change(move)
    (subject,) = region.faults()
    assert subject == f"access key {ONE} of {ACCOUNTS[OTHER]}"


def test_a_changed_row_is_named_and_the_others_are_still_verified(region: Region) -> None:
    region.execute("UPDATE access_keys SET active = 1 WHERE access_key_id = ?", OTHER)
    assert region.verified() == {
        f"access key {OTHER}": (
            f"row ({OTHER}) of table access_keys does not fit its authentication code"
        ),
        WHO[ONE]: None,
    }


@pytest.mark.parametrize("name", [TLS_KEY, RECORD_KEY, TRANSPORT_KEY])
def test_a_changed_private_key_of_the_region_is_named(enrolled: Region, name: str) -> None:
    enrolled.execute("UPDATE settings SET value = ? WHERE name = ?", b"{}", name)
    faults = enrolled.faults()
    assert set(faults) == {name}
    assert faults[name].endswith("does not fit its authentication code")


@pytest.mark.parametrize("name", [TLS_KEY, RECORD_KEY, TRANSPORT_KEY])
def test_a_private_key_in_the_place_of_another_does_not_open(enrolled: Region, name: str) -> None:
    others = {TLS_KEY: RECORD_KEY, RECORD_KEY: TRANSPORT_KEY, TRANSPORT_KEY: TLS_KEY}
    enrolled.change(
        lambda tx: tx.settings.put(name, tx.settings.get(others[name]) or "nothing there")
    )
    faults = enrolled.faults()
    assert set(faults) == {name}
    assert "does not open under domain key" in faults[name]


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"domain_key_id": 1, "wrapped": 2}'])
def test_a_private_key_of_no_form_is_named(enrolled: Region, text: str) -> None:
    enrolled.change(lambda tx: tx.settings.put(RECORD_KEY, text))
    assert enrolled.faults() == {RECORD_KEY: "it has not the form of a private key"}


@pytest.mark.parametrize("name", [TLS_KEY, RECORD_KEY])
def test_a_private_key_that_is_gone_is_named(enrolled: Region, name: str) -> None:
    enrolled.execute("DELETE FROM settings WHERE name = ?", name)
    assert enrolled.faults() == {name: f"the store has no {name}"}


def test_a_transport_key_that_is_still_to_be_made_is_no_fault(enrolled: Region) -> None:
    enrolled.execute("DELETE FROM settings WHERE name = ?", TRANSPORT_KEY)
    assert enrolled.faults() == {}


def test_private_keys_without_their_enrolment_are_named(enrolled: Region) -> None:
    enrolled.execute("DELETE FROM settings WHERE name = ?", ENROLMENT)
    reason = "it is there without its enrolment"
    assert enrolled.faults() == dict.fromkeys((TLS_KEY, RECORD_KEY, TRANSPORT_KEY), reason)


def test_an_enrolment_that_can_not_be_read_is_named(enrolled: Region) -> None:
    enrolled.change(lambda tx: tx.settings.put(ENROLMENT, "{}"))
    assert enrolled.faults() == {ENROLMENT: "the facts of an enrolment can't be read"}


async def test_keys_of_another_enrolment_are_not_the_certified_ones(
    enrolled: Region, tmp_path: Path
) -> None:
    """The enrolment of the same cluster that came later, with the private keys of the first."""
    store = open_store(enrolled.url, vault=enrolled.vault, on_commit=lambda: None, lab=False)
    kept = await store.read(
        lambda tx: {name: tx.settings.get(name) or "" for name in (TLS_KEY, RECORD_KEY)}
    )
    now = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=5)
    authority = ClusterAuthority(tmp_path / "authority")
    authority.enrol(EU, tmp_path / "again", now=now)
    await load_identity(store, enrolled.vault, EU, tmp_path / "again")
    await store.close()
    assert enrolled.faults() == {}

    def put_back(tx: StoreTransaction) -> None:
        for name, value in kept.items():
            tx.settings.put(name, value)

    enrolled.change(put_back)
    reason = "it opens, and is not the key that was certified"
    assert enrolled.faults() == dict.fromkeys((TLS_KEY, RECORD_KEY), reason)


async def test_the_key_of_audit_heads_is_verified_too(region: Region) -> None:
    await region.make_audit_key()
    assert region.faults() == {}
    stranger = RecordKey.generate().public_key.hex()
    rewrap(region, SETTING_AUDIT_KEY, lambda shown: shown.update(public_key=stranger))
    assert region.faults() == {
        SETTING_AUDIT_KEY: "it opens, and is not the private key of the public one beside it"
    }
    region.execute("UPDATE settings SET version = 9 WHERE name = ?", SETTING_AUDIT_KEY)
    assert region.faults()[SETTING_AUDIT_KEY].endswith("does not fit its authentication code")
