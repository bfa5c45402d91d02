"""What is believed of the directory; the authority that certifies here is the real one."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from regionkms.crypto.directory_trust import (
    Authority,
    DirectoryRejectedError,
    VerifiedEntry,
    certification_statement,
    check_replacement,
    record_keys,
    region_of_uri,
    region_uri,
    sign_entry,
    sign_incarnation,
    verify_certification,
    verify_entry,
    verify_incarnation,
)
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.crypto.signing import RecordKey, directory_statement, incarnation_statement
from regionkms.model.ids import RegionName, StoreId
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName, Incarnation
from regionkms.model.region_entry import (
    ClusterIncarnation,
    EntryFormatError,
    SignedCertification,
    SignedEntry,
    SignedIncarnation,
    encode_entry,
    encode_incarnation,
    encode_signed_entry,
    encode_signed_incarnation,
    parse_incarnation,
    parse_signed_entry,
    parse_signed_incarnation,
)
from tests.support.enrolled import EnrolledCluster, enrolled_cluster, entry_of, signed_entry_of

EU = RegionName("eu-west-1")
US = RegionName("us-east-1")
NOW = dt.datetime(2031, 5, 6, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCluster:
    return enrolled_cluster(tmp_path_factory.mktemp("one"), EU, US, now=NOW)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCluster:
    return enrolled_cluster(tmp_path_factory.mktemp("two"), EU, now=NOW)


@pytest.fixture(scope="module")
def eu(cluster: EnrolledCluster) -> RegionIdentity:
    return cluster.regions[EU]


@pytest.fixture(scope="module")
def authority(eu: RegionIdentity) -> Authority:
    return eu.authority


@pytest.fixture(scope="module")
def renewed(cluster: EnrolledCluster, tmp_path_factory: pytest.TempPathFactory) -> RegionIdentity:
    """eu-west-1 after a second enrolment, from another store."""
    import asyncio  # noqa: PLC0415 - near its only use

    from regionkms.coordination.enrolment import load_identity  # noqa: PLC0415
    from tests.support.enrolled import vault  # noqa: PLC0415
    from tests.support.memory_store import MemoryStore  # noqa: PLC0415

    folder: Path = tmp_path_factory.mktemp("again") / "eu"
    cluster.authority.enrol(EU, folder, now=NOW)
    identity = asyncio.run(load_identity(MemoryStore(), vault(), EU, folder))
    assert identity is not None
    return identity


def test_an_entry_of_an_enrolled_region_is_believed(
    eu: RegionIdentity, authority: Authority
) -> None:
    verified = verify_entry(signed_entry_of(eu), EU, authority)
    assert verified.entry == entry_of(eu)
    assert verified.certification.enrolment == 1
    assert record_keys([verified]) == {EU: (eu.record_key.public_key,)}


def test_every_flipped_byte_of_an_entry_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    value = signed_entry_of(eu)
    good = verify_entry(value, EU, authority)
    for position in range(0, len(value), 7):
        harmed = bytearray(value)
        harmed[position] ^= 1
        try:
            believed = verify_entry(bytes(harmed), EU, authority)
        except DirectoryRejectedError:
            continue
        assert believed.entry == good.entry, "only what changes nothing may pass"


def test_an_entry_under_another_regions_name_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    with pytest.raises(DirectoryRejectedError, match="certification of us-east-1 is for another"):
        verify_entry(signed_entry_of(eu), US, authority)


def test_an_entry_that_another_authority_certified_is_refused(
    other: EnrolledCluster, authority: Authority
) -> None:
    with pytest.raises(DirectoryRejectedError, match="the authority did not certify eu-west-1"):
        verify_entry(signed_entry_of(other.regions[EU]), EU, authority)


def test_an_entry_signed_by_another_regions_key_is_refused(
    cluster: EnrolledCluster, eu: RegionIdentity, authority: Authority
) -> None:
    value = sign_entry(entry_of(eu), cluster.regions[US].record_key, eu.certification)
    with pytest.raises(DirectoryRejectedError, match="is not signed by its record key"):
        verify_entry(value, EU, authority)


def test_a_foreign_tls_certificate_or_transport_key_id_is_refused(
    cluster: EnrolledCluster, other: EnrolledCluster, eu: RegionIdentity, authority: Authority
) -> None:
    us, foreign = (
        x509.load_pem_x509_certificate(one.certificate_pem).public_bytes(Encoding.DER)
        for one in (cluster.regions[US], other.regions[EU])
    )
    for certificate, message in (
        (us, "the TLS certificate of eu-west-1 names another Region"),
        (foreign, "the TLS certificate of eu-west-1 is not the authority's"),
        (b"no certificate", "the TLS certificate of eu-west-1 is not the authority's"),
    ):
        with pytest.raises(DirectoryRejectedError, match=message):
            verify_entry(signed_entry_of(eu, certificate=certificate), EU, authority)
    with pytest.raises(DirectoryRejectedError, match="the transport key of eu-west-1 has another"):
        verify_entry(signed_entry_of(eu, transport_key_id="0" * 32), EU, authority)


def test_an_entry_of_another_cluster_under_this_name_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    moved = ClusterName("other-0000000000000000")
    with pytest.raises(DirectoryRejectedError, match="is not signed by its record key"):
        verify_entry(signed_entry_of(eu, cluster=moved), EU, authority)


def test_bytes_that_are_no_entry_are_refused(authority: Authority) -> None:
    for value in (b"", b"\xff\xff", bytes(70_000)):
        with pytest.raises(DirectoryRejectedError, match="the entry of eu-west-1"):
            verify_entry(value, EU, authority)


def test_a_lab_and_another_cluster_refuse_each_other(
    eu: RegionIdentity, authority: Authority
) -> None:
    real = replace(authority, lab=False)
    with pytest.raises(DirectoryRejectedError, match="they refuse each other"):
        verify_entry(signed_entry_of(eu), EU, real)
    with pytest.raises(DirectoryRejectedError, match="they refuse each other"):
        verify_incarnation(eu.first_incarnation, real, {})


def verified(identity: RegionIdentity, authority: Authority, **changed: object) -> VerifiedEntry:
    return verify_entry(signed_entry_of(identity, **changed), EU, authority)


def test_the_region_itself_may_change_its_entry(eu: RegionIdentity, authority: Authority) -> None:
    before = verified(eu, authority)
    check_replacement(before, before)
    check_replacement(before, verified(eu, authority, serial=2, address="127.0.0.1:10"))
    check_replacement(
        before,
        verified(eu, authority, serial=2, store_id=StoreId("6" * 32), store_replacements=1),
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"address": "127.0.0.1:10"}, "the entry of eu-west-1 has gone back"),
        ({"serial": 3, "store_id": StoreId("6" * 32)}, "changed without a replacement"),
    ],
)
def test_an_entry_that_goes_back_or_changes_its_store_silently_is_refused(
    eu: RegionIdentity, authority: Authority, changed: dict[str, object], message: str
) -> None:
    before = verified(eu, authority, serial=1)
    with pytest.raises(DirectoryRejectedError, match=message):
        check_replacement(before, verified(eu, authority, **changed))


def test_an_entry_that_names_a_former_store_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    before = verified(eu, authority, serial=2, store_replacements=1)
    with pytest.raises(DirectoryRejectedError, match="names a store of before"):
        check_replacement(before, verified(eu, authority, serial=3))


def test_a_new_record_key_needs_a_higher_enrolment_and_keeps_the_former_one(
    eu: RegionIdentity, renewed: RegionIdentity, authority: Authority
) -> None:
    before = verified(eu, authority)
    entry = entry_of(renewed, serial=2)
    kept = sign_entry(entry, renewed.record_key, renewed.certification, [eu.certification])
    after = verify_entry(kept, EU, authority)
    check_replacement(before, after)
    assert after.record_keys == (renewed.record_key.public_key, eu.record_key.public_key)
    dropped = verify_entry(
        sign_entry(entry, renewed.record_key, renewed.certification), EU, authority
    )
    with pytest.raises(DirectoryRejectedError, match="leaves out a former record key"):
        check_replacement(before, dropped)
    back = sign_entry(
        entry_of(eu, serial=3), eu.record_key, eu.certification, [renewed.certification]
    )
    with pytest.raises(DirectoryRejectedError, match="changed without an enrolment"):
        check_replacement(after, verify_entry(back, EU, authority))


def test_a_former_key_that_was_never_certified_is_refused(
    eu: RegionIdentity, other: EnrolledCluster, authority: Authority
) -> None:
    foreign = other.regions[EU].certification
    value = sign_entry(entry_of(eu), eu.record_key, eu.certification, [foreign])
    with pytest.raises(DirectoryRejectedError, match="the authority did not certify"):
        verify_entry(value, EU, authority)


def test_a_first_incarnation_is_the_authoritys(
    eu: RegionIdentity, other: EnrolledCluster, authority: Authority
) -> None:
    incarnation = verify_incarnation(eu.first_incarnation, authority, {})
    assert (incarnation.cluster, incarnation.lab) == (authority.cluster, True)
    with pytest.raises(DirectoryRejectedError, match="is not signed"):
        verify_incarnation(other.regions[EU].first_incarnation, authority, {})
    with pytest.raises(DirectoryRejectedError, match="the incarnation of etcd's data: not a"):
        verify_incarnation(b"\xff", authority, {})


def test_a_later_incarnation_is_signed_by_the_region_that_adopted(
    eu: RegionIdentity, authority: Authority
) -> None:
    keys = {EU: (eu.record_key.public_key,)}
    adopted = ClusterIncarnation(
        cluster=authority.cluster, lab=True, incarnation=Incarnation(number=2, random=9)
    )
    value = sign_incarnation(adopted, EU, eu.record_key)
    assert verify_incarnation(value, authority, keys) == adopted
    with pytest.raises(DirectoryRejectedError, match="is not signed"):
        verify_incarnation(value, authority, {})
    forged = replace(parse_signed_incarnation(value), writer="")
    with pytest.raises(DirectoryRejectedError, match="is not signed"):
        verify_incarnation(encode_signed_incarnation(forged), authority, keys)


def test_an_incarnation_of_another_cluster_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    keys = {EU: (eu.record_key.public_key,)}
    foreign = ClusterIncarnation(
        cluster=ClusterName("x-1"), lab=True, incarnation=Incarnation(number=2, random=9)
    )
    with pytest.raises(DirectoryRejectedError, match="is not signed"):
        verify_incarnation(sign_incarnation(foreign, EU, eu.record_key), authority, keys)


def test_the_authority_is_never_convinced_by_malformed_signatures(authority: Authority) -> None:
    assert not authority.signed(b"statement", b"")
    assert not authority.signed(b"statement", bytes(70))


def test_a_uri_names_a_region_of_its_own_cluster_only(authority: Authority) -> None:
    uri = region_uri(authority.cluster, EU)
    assert region_of_uri(authority.cluster, uri) == EU
    assert region_of_uri(ClusterName("other"), uri) is None


def test_a_signed_entry_keeps_its_bytes(eu: RegionIdentity) -> None:
    value = signed_entry_of(eu)
    assert encode_signed_entry(parse_signed_entry(value)) == value


def test_an_authority_whose_key_is_of_another_kind_signs_nothing(authority: Authority) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([])
    odd = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
        .sign(key, None)
    )
    assert not replace(authority, certificate=odd).signed(b"statement", bytes(64))


def authority_key(cluster: EnrolledCluster) -> ec.EllipticCurvePrivateKey:
    return cluster.authority._key


def test_what_the_authority_never_certified_as_such_is_refused_by_form(
    cluster: EnrolledCluster, authority: Authority
) -> None:
    statement = certification_statement(b"\xff")
    signature = authority_key(cluster).sign(statement, ec.ECDSA(hashes.SHA256()))
    signed = SignedCertification(certification=b"\xff", signature=signature)
    with pytest.raises(DirectoryRejectedError, match="the certification of eu-west-1: not a"):
        verify_certification(signed, EU, authority)


def test_an_entry_that_says_another_cluster_under_the_right_name_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    moved = encode_entry(entry_of(eu, cluster=ClusterName("other-0000000000000000")))
    name = Keyspace(authority.cluster).entry(EU).decode()
    signed = SignedEntry(
        entry=moved,
        signature=eu.record_key.sign(directory_statement(name, moved)),
        certification=eu.certification,
        former=(),
    )
    with pytest.raises(DirectoryRejectedError, match="is another Region's or cluster's"):
        verify_entry(encode_signed_entry(signed), EU, authority)


def test_an_incarnation_that_says_another_cluster_under_the_right_name_is_refused(
    eu: RegionIdentity, authority: Authority
) -> None:
    foreign = encode_incarnation(
        ClusterIncarnation(
            cluster=ClusterName("x-1"), lab=True, incarnation=Incarnation(number=2, random=9)
        )
    )
    name = Keyspace(authority.cluster).incarnation.decode()
    signed = SignedIncarnation(
        incarnation=foreign,
        writer=EU,
        signature=eu.record_key.sign(incarnation_statement(name, foreign)),
    )
    keys = {EU: (eu.record_key.public_key,)}
    with pytest.raises(DirectoryRejectedError, match="etcd's data is another cluster's"):
        verify_incarnation(encode_signed_incarnation(signed), authority, keys)


def test_an_incarnation_without_a_number_is_refused() -> None:
    with pytest.raises(EntryFormatError, match="an incarnation's number is at least 1"):
        parse_incarnation(b"")


def test_a_record_key_alone_certifies_nothing(eu: RegionIdentity, authority: Authority) -> None:
    stranger = RecordKey.generate()
    value = sign_entry(entry_of(eu), stranger, eu.certification)
    with pytest.raises(DirectoryRejectedError, match="is not signed by its record key"):
        verify_entry(value, EU, authority)
