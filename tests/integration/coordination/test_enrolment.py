"""From `cluster init` over `region enrol` to an identity in a Region's store."""

import datetime as dt
import os
from pathlib import Path

import pytest

from regionkms.coordination.authority import ClusterAuthority
from regionkms.coordination.enrolment import (
    ENROLMENT,
    RECORD_KEY,
    TLS_KEY,
    load_identity,
    renew_transport_key,
)
from regionkms.coordination.enrolment_files import EnrolmentFiles
from regionkms.crypto.directory_trust import verify_certification, verify_incarnation
from regionkms.model.errors import ConfigurationError, MaterialUnreadable, StoreUnavailable
from regionkms.model.ids import RegionName
from tests.support.enrolled import vault
from tests.support.memory_store import MemoryStore

EU = RegionName("eu-west-1")
US = RegionName("us-east-1")
NOW = dt.datetime(2031, 5, 6, tzinfo=dt.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> ClusterAuthority:
    return ClusterAuthority.create(tmp_path / "authority", "test", lab=True, now=NOW)


@pytest.fixture
def enrolment(authority: ClusterAuthority, tmp_path: Path) -> Path:
    authority.enrol(EU, tmp_path / "eu", now=NOW)
    return tmp_path / "eu"


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_everything_that_the_authority_writes_is_the_owners_alone(
    authority: ClusterAuthority, enrolment: Path, tmp_path: Path
) -> None:
    assert (tmp_path / "authority").stat().st_mode & 0o777 == 0o700
    assert enrolment.stat().st_mode & 0o777 == 0o700
    assert set(modes(tmp_path / "authority").values()) == {0o600}
    assert set(modes(enrolment).values()) == {0o600}
    assert sorted(modes(enrolment)) == [
        "authority.pem",
        "record.key",
        "region.json",
        "region.key",
        "region.pem",
    ]


def test_two_clusters_of_one_name_are_two_clusters(tmp_path: Path) -> None:
    names = {
        ClusterAuthority.create(tmp_path / folder, "prod", lab=False, now=NOW).cluster
        for folder in ("a", "b")
    }
    assert len(names) == 2
    assert all(name.startswith("prod-") for name in names)


@pytest.mark.parametrize("name", ["", "Prod", "1st", "a/b", "a" * 30, "../x", "a\n"])
def test_a_malformed_cluster_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="a cluster's name has up to 20"):
        ClusterAuthority.create(tmp_path / "authority", name, lab=False, now=NOW)
    assert not (tmp_path / "authority").exists()


def test_an_authority_is_never_made_over_another(tmp_path: Path) -> None:
    made = ClusterAuthority.create(tmp_path / "authority", "prod", lab=False, now=NOW)
    with pytest.raises(ConfigurationError, match="is not empty: name a new folder"):
        ClusterAuthority.create(tmp_path / "authority", "prod", lab=False, now=NOW)
    assert ClusterAuthority(tmp_path / "authority").cluster == made.cluster


def test_an_authority_that_others_may_read_is_refused(
    authority: ClusterAuthority, tmp_path: Path
) -> None:
    key = tmp_path / "authority" / "authority.key"
    key.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"others may read .*: chmod 600"):
        ClusterAuthority(tmp_path / "authority")


def test_an_authority_reached_by_a_link_is_refused(
    authority: ClusterAuthority, tmp_path: Path
) -> None:
    key = tmp_path / "authority" / "authority.key"
    key.rename(tmp_path / "elsewhere")
    key.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"authority\.key can't be read"):
        ClusterAuthority(tmp_path / "authority")


def test_a_folder_without_an_authority_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        ClusterAuthority(tmp_path)


def test_enrolments_of_a_region_are_counted_over_restarts(
    authority: ClusterAuthority, tmp_path: Path
) -> None:
    assert authority.enrol(EU, tmp_path / "first", now=NOW) == 1
    again = ClusterAuthority(tmp_path / "authority")
    assert again.enrol(EU, tmp_path / "second", now=NOW) == 2
    assert again.enrol(US, tmp_path / "third", now=NOW) == 1


def test_a_malformed_region_is_not_enrolled(authority: ClusterAuthority, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mars is no name of a Region"):
        authority.enrol(RegionName("mars"), tmp_path / "mars", now=NOW)
    assert not (tmp_path / "mars").exists()


async def test_a_region_takes_its_enrolment_in_and_the_private_files_are_gone(
    authority: ClusterAuthority, enrolment: Path
) -> None:
    store = MemoryStore()
    identity = await load_identity(store, vault(), EU, enrolment)
    assert identity is not None
    assert identity.region == EU
    assert identity.cluster == authority.cluster
    assert identity.authority.lab
    assert sorted(modes(enrolment)) == ["authority.pem", "region.json", "region.pem"]
    certified = verify_certification(identity.certification, EU, identity.authority)
    assert certified.record_key == identity.record_key.public_key
    incarnation = verify_incarnation(identity.first_incarnation, identity.authority, {})
    assert incarnation.lab
    assert incarnation.incarnation.number == 1
    again = await load_identity(store, vault(), EU, enrolment)
    alone = await load_identity(store, vault(), EU, None)
    for later in (again, alone):
        assert later is not None
        assert later.record_key.public_key == identity.record_key.public_key
        assert later.transport_key.key_id == identity.transport_key.key_id
        assert later.tls_key == identity.tls_key


async def test_without_an_enrolment_there_is_no_identity(tmp_path: Path) -> None:
    assert await load_identity(MemoryStore(), vault(), EU, None) is None
    assert await load_identity(MemoryStore(), vault(), EU, tmp_path) is None


async def test_private_files_are_overwritten_in_their_own_blocks(
    enrolment: Path, tmp_path: Path
) -> None:
    secret = (enrolment / "record.key").read_bytes()
    still_there = tmp_path / "another name of the same file"
    still_there.hardlink_to(enrolment / "record.key")
    await load_identity(MemoryStore(), vault(), EU, enrolment)
    assert still_there.read_bytes() == bytes(len(secret))


async def test_a_failed_store_leaves_the_private_files_in_place(enrolment: Path) -> None:
    store = MemoryStore()
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await load_identity(store, vault(), EU, enrolment)
    assert "record.key" in modes(enrolment)
    store.unavailable = False
    assert await load_identity(store, vault(), EU, enrolment) is not None


async def test_another_regions_enrolment_is_refused(enrolment: Path) -> None:
    with pytest.raises(ConfigurationError, match="is for eu-west-1, this node is us-east-1"):
        await load_identity(MemoryStore(), vault(), US, enrolment)
    assert "record.key" in modes(enrolment)


async def test_a_store_keeps_to_its_region_and_cluster(enrolment: Path, tmp_path: Path) -> None:
    store = MemoryStore()
    await load_identity(store, vault(), EU, enrolment)
    with pytest.raises(ConfigurationError, match="store is eu-west-1's, this node is us-east-1"):
        await load_identity(store, vault(), US, None)
    other = ClusterAuthority.create(tmp_path / "other", "test", lab=True, now=NOW)
    other.enrol(EU, tmp_path / "other-eu", now=NOW)
    with pytest.raises(
        ConfigurationError, match=f"belongs to the cluster .*, not to {other.cluster}"
    ):
        await load_identity(store, vault(), EU, tmp_path / "other-eu")


async def test_a_newer_enrolment_replaces_the_keys_but_not_the_transport_key(
    authority: ClusterAuthority, enrolment: Path, tmp_path: Path
) -> None:
    store = MemoryStore()
    authority.enrol(EU, tmp_path / "second", now=NOW)
    newer = await load_identity(store, vault(), EU, tmp_path / "second")
    older = await load_identity(store, vault(), EU, enrolment)
    assert newer is not None
    assert older is not None
    assert older.record_key.public_key == newer.record_key.public_key
    authority.enrol(EU, tmp_path / "third", now=NOW)
    third = await load_identity(store, vault(), EU, tmp_path / "third")
    assert third is not None
    assert third.record_key.public_key != newer.record_key.public_key
    assert third.transport_key.key_id == newer.transport_key.key_id
    await renew_transport_key(store, vault())
    renewed = await load_identity(store, vault(), EU, None)
    assert renewed is not None
    assert renewed.transport_key.key_id != third.transport_key.key_id


async def test_a_record_key_that_was_not_certified_is_refused(enrolment: Path) -> None:
    (enrolment / "record.key").write_bytes(os.urandom(32))
    with pytest.raises(ConfigurationError, match="is not the one that was certified"):
        await load_identity(MemoryStore(), vault(), EU, enrolment)


async def test_an_enrolment_put_together_from_two_clusters_is_refused(
    enrolment: Path, tmp_path: Path
) -> None:
    other = ClusterAuthority.create(tmp_path / "other", "test", lab=True, now=NOW)
    other.enrol(EU, tmp_path / "other-eu", now=NOW)
    mine = EnrolmentFiles.decode((enrolment / "region.json").read_text())
    foreign = EnrolmentFiles.decode((tmp_path / "other-eu" / "region.json").read_text())
    mixed = mine.encode().replace(
        mine.certificate_pem.decode().replace("\n", "\\n"),
        foreign.certificate_pem.decode().replace("\n", "\\n"),
    )
    (enrolment / "region.json").write_text(mixed)
    with pytest.raises(ConfigurationError, match="does not fit together"):
        await load_identity(MemoryStore(), vault(), EU, enrolment)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"cluster": 1}', "\x00"])
async def test_facts_that_cannot_be_read_are_said_so(enrolment: Path, content: str) -> None:
    (enrolment / "region.json").write_text(content)
    with pytest.raises(ConfigurationError, match="the facts of an enrolment can't be read"):
        await load_identity(MemoryStore(), vault(), EU, enrolment)


async def test_the_private_keys_stand_in_the_store_only_wrapped(
    enrolment: Path,
) -> None:
    record_key = (enrolment / "record.key").read_bytes()
    tls_key = (enrolment / "region.key").read_bytes()
    store = MemoryStore()
    identity = await load_identity(store, vault(), EU, enrolment)
    assert identity is not None
    stored = await store.read(lambda tx: "".join(tx.settings.prefixed("").values()))
    assert record_key.hex() not in stored
    assert tls_key.splitlines()[1].decode() not in stored
    assert "PRIVATE" not in stored
    assert "PRIVATE" not in repr(identity)
    assert record_key.hex() not in repr(identity)
    with pytest.raises(MaterialUnreadable):
        await load_identity(store, vault(fill=8), EU, None)


async def test_who_can_write_the_store_cannot_put_an_authority_of_his_own_into_it(
    enrolment: Path, tmp_path: Path
) -> None:
    store = MemoryStore()
    await load_identity(store, vault(), EU, enrolment)
    forged = ClusterAuthority.create(tmp_path / "evil", "test", lab=True, now=NOW)
    forged.enrol(EU, tmp_path / "evil-eu", now=NOW)
    evil = (tmp_path / "evil-eu" / "region.json").read_text()
    await store.write(lambda tx: tx.settings.put(ENROLMENT, evil))
    with pytest.raises(MaterialUnreadable):
        await load_identity(store, vault(), EU, None)


async def test_wrapped_private_keys_cannot_be_swapped(enrolment: Path) -> None:
    store = MemoryStore()
    await load_identity(store, vault(), EU, enrolment)
    tls = await store.read(lambda tx: tx.settings.get(TLS_KEY) or "")
    await store.write(lambda tx: tx.settings.put(RECORD_KEY, tls))
    with pytest.raises(MaterialUnreadable):
        await load_identity(store, vault(), EU, None)
