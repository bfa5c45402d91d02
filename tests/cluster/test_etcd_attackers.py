"""Who has etcd: he may read, write and remove all of it, and obtains or replaces no material.

He is given the product's own code and a record key of his own, but none of a Region. What he can
do is to stop the protocol's writes; the data plane goes on, and his removal mends it.
"""

import base64
import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from regionkms.coordination.authority import ClusterAuthority
from regionkms.coordination.enrolment_files import read_enrolment, read_private_keys
from regionkms.crypto.directory_trust import sign_entry
from regionkms.crypto.sealing import TransportKey
from regionkms.crypto.signing import RecordKey, grant_statement, record_statement
from regionkms.model import record_change
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName, Grant, Record
from regionkms.model.record_codec import encode_record, encode_signed, parse_record, parse_signed
from regionkms.model.region_entry import parse_entry, parse_signed_entry
from regionkms.node.command_socket import ask
from tests.support.etcd_content import EtcdContent
from tests.support.lab import FIRST, REGIONS, SECOND, THIRD, RunningLab

WITHIN_S = 30.0


@dataclass
class Victim:
    """A replicated key of the lab, and its names in etcd."""

    lab: RunningLab
    etcd: EtcdContent
    key_id: str
    blob: bytes
    before: dict[bytes, bytes | None] = field(default_factory=dict)

    def write(self, name: bytes, value: bytes) -> None:
        """Write as the attacker; taken back at the end of the test."""
        self.before.setdefault(name, self.etcd.all().get(name))
        self.etcd.put(name, value)

    def remove(self, name: bytes) -> None:
        """Remove as the attacker; taken back at the end of the test."""
        self.before.setdefault(name, self.etcd.all().get(name))
        self.etcd.delete(name)

    def take_back(self) -> None:
        """Undo what the attacker has done, but for leases, which end by themselves."""
        for name, value in self.before.items():
            if value is None:
                self.etcd.delete(name)
            elif b"/alive/" not in name:
                self.etcd.put(name, value)
        self.before.clear()

    @property
    def cluster(self) -> ClusterName:
        return ClusterName(next(iter(self.etcd.all())).decode().split("/")[2])

    @property
    def names(self) -> Keyspace:
        return Keyspace(self.cluster)

    @property
    def record_name(self) -> bytes:
        return self.names.record(AccountId(self.lab.owner.account_id), KeyId(self.key_id))

    @property
    def record(self) -> Record:
        return parse_record(parse_signed(self.etcd.all()[self.record_name]))

    def is_served(self) -> None:
        """The data plane of both members goes on."""
        for region in (FIRST, SECOND):
            kms = self.lab.client(region)
            assert kms.decrypt(CiphertextBlob=self.blob)["Plaintext"] == b"of the victim"
            kms.encrypt(KeyId=self.key_id, Plaintext=b"more")

    def is_not_in(self, region: str) -> None:
        with pytest.raises(ClientError) as caught:
            self.lab.client(region).describe_key(KeyId=self.key_id)
        assert caught.value.response["Error"]["Code"] == "NotFoundException"


@pytest.fixture
def victim(breakable: RunningLab) -> Iterator[Victim]:
    """A key in two Regions; whatever a test does to etcd is taken back."""
    lab = breakable
    kms = lab.client(FIRST)
    key_id = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    replicate(lab, key_id, SECOND)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"of the victim")["CiphertextBlob"]
    found = Victim(lab, EtcdContent(lab.etcd[0]), key_id, blob)
    try:
        yield found
    finally:
        found.take_back()
        until(lambda: not any(stops(lab, region) for region in REGIONS), lab)


def replicate(lab: RunningLab, key_id: str, target: str) -> None:
    def is_taken() -> bool:
        try:
            lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=target)
        except ClientError as error:
            return error.response["Error"]["Code"] == "AlreadyExistsException"
        return True

    def is_enabled() -> bool:
        try:
            found = lab.client(target).describe_key(KeyId=key_id)["KeyMetadata"]
        except lab.client(target).exceptions.NotFoundException:  # proposed, and not made yet
            return False
        return bool(found["KeyState"] == "Enabled")

    until(is_taken, lab)
    until(is_enabled, lab)


def until(holds: Callable[[], bool], lab: RunningLab) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "\n".join(lab.log(region)[-2000:] for region in REGIONS)
        time.sleep(0.1)


def stops(lab: RunningLab, region: str) -> list[str]:
    """Why a Region writes nothing to etcd."""
    found: list[str] = ask(lab.data(region) / "operator.sock", "status", {})["stopped"]
    return found


def logged(lab: RunningLab, text: str, *, region: str = FIRST) -> Callable[[], bool]:
    start = len(lab.log(region))
    return lambda: text in lab.log(region)[start:]


def test_nothing_in_etcd_is_ciphertext_of_material(victim: Victim) -> None:
    """Material is never there, not even sealed: what is read today is no help tomorrow."""
    parts = {name.split(b"/")[3].decode() for name in victim.etcd.all()}
    assert parts <= {"alive", "incarnation", "mrk", "regions", "audit", "proposals"}
    record = victim.record
    for generation in record.generations:
        assert len(generation.fingerprint) == 32
    assert victim.etcd.below("/proposals/") == {}


def test_a_record_of_another_key_is_not_believed(victim: Victim) -> None:
    lab = victim.lab
    other = lab.client(FIRST).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    other_name = victim.names.record(AccountId(lab.owner.account_id), KeyId(other))
    until(lambda: other_name in victim.etcd.all(), lab)
    is_told = logged(lab, "the record is another key's or another cluster's")
    victim.write(victim.record_name, victim.etcd.all()[other_name])
    until(is_told, lab)
    victim.is_served()


def test_a_forged_grant_brings_no_material_to_a_region(victim: Victim) -> None:
    lab, own = victim.lab, RecordKey.generate()
    record = victim.record
    statement = grant_statement(
        cluster=record.cluster,
        account_id=record.account_id,
        key_id=record.key_id,
        target=RegionName(THIRD),
        life=1,
        granter=RegionName(FIRST),
    )
    grant = Grant(life=1, granter=RegionName(FIRST), signature=own.sign(statement))
    forged = record_change.propose_replica(record, RegionName(THIRD), grant)
    # Accepted in the same write, as no Region does it.
    forged = record_change.accept_proposal(replace(forged, value_hash=bytes(32)), RegionName(THIRD))
    forged = replace(forged, seq=record.seq + 1, previous_hash=record.value_hash)
    encoded = encode_record(forged)
    signature = own.sign(record_statement(victim.record_name.decode(), encoded))
    is_told = [
        logged(lab, "the writer's signature is not true", region=region) for region in REGIONS
    ]
    victim.write(victim.record_name, encode_signed(encoded, RegionName(FIRST), signature))
    for told in is_told:
        until(told, lab)
    victim.is_served()
    victim.is_not_in(THIRD)


def test_a_region_of_the_attackers_own_is_not_in_the_directory(
    victim: Victim, tmp_path: Path
) -> None:
    """He enrols a Region with an authority of his own, under the cluster's name."""
    lab, region = victim.lab, RegionName("eu-north-1")
    now = dt.datetime.now(tz=dt.UTC)
    authority = ClusterAuthority.create(tmp_path / "authority", "lab", lab=True, now=now)
    authority._facts = replace(authority._facts, cluster=victim.cluster)
    authority.enrol(region, tmp_path / "enrolment", now=now)
    files = read_enrolment(tmp_path / "enrolment")
    keys = read_private_keys(tmp_path / "enrolment")
    assert files is not None
    assert keys is not None
    model = parse_entry(
        parse_signed_entry(victim.etcd.all()[victim.names.entry(RegionName(THIRD))]).entry
    )
    transport_key = TransportKey.generate()
    entry = replace(
        model,
        region=region,
        transport_key=transport_key.public_key,
        transport_key_id=transport_key.key_id,
    )
    is_told = logged(lab, f"the authority did not certify {region}")
    victim.write(
        victim.names.entry(region), sign_entry(entry, keys.record_key, files.certification)
    )
    until(is_told, lab)
    with pytest.raises(ClientError) as caught:
        lab.client(FIRST).replicate_key(KeyId=victim.key_id, ReplicaRegion=region)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    replicate(lab, victim.key_id, THIRD)
    victim.is_served()


def test_a_substituted_transport_key_gets_nothing_sealed_to_it(victim: Victim) -> None:
    """The entry of a Region that is to get a replica names a key of the attacker's."""
    lab, name = victim.lab, victim.names.entry(RegionName(THIRD))
    signed = parse_signed_entry(victim.etcd.all()[name])
    transport_key = TransportKey.generate()
    entry = replace(
        parse_entry(signed.entry),
        serial=99,
        transport_key=transport_key.public_key,
        transport_key_id=transport_key.key_id,
    )
    is_told = logged(lab, f"the entry of {THIRD} is not signed by its record key")
    victim.write(name, sign_entry(entry, RecordKey.generate(), signed.certification))
    until(is_told, lab)
    until(lambda: bool(stops(lab, THIRD)), lab)
    with pytest.raises(ClientError) as caught:
        lab.client(FIRST).replicate_key(KeyId=victim.key_id, ReplicaRegion=THIRD)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    victim.is_served()
    victim.is_not_in(THIRD)
    victim.take_back()
    replicate(lab, victim.key_id, THIRD)
    for part in (transport_key.public_key, transport_key.key_id.encode()):
        assert base64.b64encode(part).decode() not in lab.log(FIRST)


def test_an_emptied_etcd_takes_no_key_away(victim: Victim) -> None:
    for name in victim.etcd.all():
        victim.remove(name)
    until(lambda: all(stops(victim.lab, region) for region in REGIONS), victim.lab)
    victim.is_served()


def test_junk_and_oversized_values_do_not_stop_the_data_plane(victim: Victim) -> None:
    lab, names = victim.lab, victim.names
    victim.write(victim.record_name, b"\x00" * 1_000_000)
    for number in range(20):
        victim.write(names.entry(RegionName(f"junk-{number}")), b"\xff" * 70_000)
    victim.write(names.prefix + b"mrk/not/a/name", b"x")
    until(lambda: bool(stops(lab, FIRST)), lab)
    victim.is_served()
