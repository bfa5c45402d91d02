"""Whether a value of the directory may be believed, and who may replace one.

The chain is short: the authority (offline, ECDSA P-256, its certificate is in each Region's
enrolment) certifies one record key for each Region of one cluster; the record key signs the
Region's whole entry, its transport key included, under its name in etcd. So a store that is
replaced needs no authority to name a new transport key, and etcd's administrator can name none.

An entry is replaced by the key that signed it, or by a higher enrolment of the authority; then
the certification of the former key goes with it, because grants that it signed are kept.
Source: design §3 (Identity), protocol §2, R12.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.sealing import transport_key_id
from regionkms.crypto.signing import (
    RecordKey,
    directory_statement,
    incarnation_statement,
    signature_is_true,
)
from regionkms.crypto.trust import RecordKeys
from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName
from regionkms.model.region_entry import (
    NO_WRITER,
    Certification,
    ClusterIncarnation,
    EntryFormatError,
    RegionEntry,
    SignedCertification,
    SignedEntry,
    SignedIncarnation,
    encode_entry,
    encode_incarnation,
    encode_signed_entry,
    encode_signed_incarnation,
    parse_certification,
    parse_entry,
    parse_incarnation,
    parse_signed_entry,
    parse_signed_incarnation,
)

CERTIFICATION: Final = b"regionkms/certification/v1"
"""What the authority signs of a Region."""
FIRST_INCARNATION: Final = b"regionkms/first-incarnation/v1"
"""What the authority signs of a new cluster."""


class DirectoryRejectedError(Exception):
    """A value of the directory that is not believed; the message names the rule, not its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What every Region knows of its cluster's authority, from its enrolment.

    Attributes:
        certificate: Of the authority; its public key is ECDSA P-256.
    """

    cluster: ClusterName
    lab: bool
    certificate: x509.Certificate

    def signed(self, statement: bytes, signature: bytes) -> bool:
        """Whether the authority signed a statement. Total: False for malformed input."""
        key = self.certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            key.verify(signature, statement, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEntry:
    """A Region's entry that has been verified.

    Attributes:
        signed: As it stands in etcd.
        record_keys: The present record key first, then the former ones.
    """

    entry: RegionEntry
    certification: Certification
    record_keys: tuple[bytes, ...]
    signed: SignedEntry


def certification_statement(certification: bytes) -> bytes:
    """What the authority signs when it enrols a Region."""
    return length_prefixed(CERTIFICATION, certification)


def first_incarnation_statement(etcd_key: str, incarnation: bytes) -> bytes:
    """What the authority signs when a cluster is made."""
    return length_prefixed(FIRST_INCARNATION, etcd_key.encode(), incarnation)


def region_host(cluster: ClusterName, region: RegionName) -> str:
    """The DNS name in a Region's certificate. Nothing resolves it: it is what TLS compares."""
    return f"{region}.{cluster}.regionkms.internal"


def region_uri(cluster: ClusterName, region: RegionName) -> str:
    """The URI in a Region's certificate."""
    return f"regionkms://{cluster}/region/{region}"


def region_of_uri(cluster: ClusterName, uri: str) -> RegionName | None:
    """The Region that a certificate's URI names, if it is one of this cluster."""
    prefix = region_uri(cluster, RegionName(""))
    return RegionName(uri.removeprefix(prefix)) if uri.startswith(prefix) else None


def sign_entry(
    entry: RegionEntry,
    record_key: RecordKey,
    certification: SignedCertification,
    former: Sequence[SignedCertification] = (),
) -> bytes:
    """The value for a Region's etcd key."""
    encoded = encode_entry(entry)
    name = Keyspace(entry.cluster).entry(entry.region).decode()
    signed = SignedEntry(
        entry=encoded,
        signature=record_key.sign(directory_statement(name, encoded)),
        certification=certification,
        former=tuple(former),
    )
    return encode_signed_entry(signed)


def verify_entry(value: bytes, region: RegionName, authority: Authority) -> VerifiedEntry:
    """Verify the value under a Region's name in the directory.

    1. the authority certified the record key, for this Region, cluster and lab mark;
    2. so it did every former key;
    3. the record key signed the entry under this name;
    4. the entry is this Region's, its transport key has the id that it says, and its TLS
       certificate is the authority's for this Region (TLS looks at the dates).

    Raises:
        DirectoryRejectedError: One of these does not hold.
    """
    try:
        signed = parse_signed_entry(value)
        entry = parse_entry(signed.entry)
    except EntryFormatError as error:
        raise DirectoryRejectedError(f"the entry of {region}: {error}") from error
    certification = verify_certification(signed.certification, region, authority)
    former = [verify_certification(one, region, authority) for one in signed.former]
    name = Keyspace(authority.cluster).entry(region).decode()
    statement = directory_statement(name, signed.entry)
    if not signature_is_true(certification.record_key, statement, signed.signature):
        raise DirectoryRejectedError(f"the entry of {region} is not signed by its record key")
    if (entry.cluster, entry.region) != (authority.cluster, region):
        raise DirectoryRejectedError(f"the entry of {region} is another Region's or cluster's")
    if transport_key_id(entry.transport_key) != entry.transport_key_id:
        raise DirectoryRejectedError(f"the transport key of {region} has another id")
    verify_certificate(entry.certificate, region, authority)
    return VerifiedEntry(
        entry=entry,
        certification=certification,
        record_keys=(certification.record_key, *(one.record_key for one in former)),
        signed=signed,
    )


def verify_certification(
    signed: SignedCertification, region: RegionName, authority: Authority
) -> Certification:
    """Verify that the authority certified a record key for a Region of this cluster.

    Raises:
        DirectoryRejectedError: It did not, or for another Region, cluster or kind of cluster.
    """
    if not authority.signed(certification_statement(signed.certification), signed.signature):
        raise DirectoryRejectedError(f"the authority did not certify {region}")
    try:
        certification = parse_certification(signed.certification)
    except EntryFormatError as error:
        raise DirectoryRejectedError(f"the certification of {region}: {error}") from error
    if (certification.cluster, certification.region) != (authority.cluster, region):
        raise DirectoryRejectedError(f"the certification of {region} is for another Region")
    _same_kind(certification.lab, authority, f"the Region {region}")
    return certification


def verify_certificate(der: bytes, region: RegionName, authority: Authority) -> None:
    """Verify that a TLS certificate is the authority's, for this Region. Dates are TLS's to check.

    Raises:
        DirectoryRejectedError: It is not.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(authority.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        message = f"the TLS certificate of {region} is not the authority's"
        raise DirectoryRejectedError(message) from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if uris != [region_uri(authority.cluster, region)]:
        raise DirectoryRejectedError(f"the TLS certificate of {region} names another Region")


def check_replacement(before: VerifiedEntry, after: VerifiedEntry) -> None:
    """Check that one verified entry of a Region may follow another one.

    Every Region asks it of what it sees against its own durable copy, and a Region of itself
    before it writes.

    Raises:
        DirectoryRejectedError: The serial or the count of stores falls, or the record key changes
            without a higher enrolment, or the former key is not kept.
    """
    region = after.entry.region
    if after.signed == before.signed:
        return
    if after.entry.serial <= before.entry.serial:
        raise DirectoryRejectedError(f"the entry of {region} has gone back")
    if after.entry.store_replacements < before.entry.store_replacements:
        raise DirectoryRejectedError(f"the entry of {region} names a store of before")
    moved = after.entry.store_id != before.entry.store_id
    if moved and after.entry.store_replacements == before.entry.store_replacements:
        raise DirectoryRejectedError(f"the store of {region} changed without a replacement")
    if not set(before.record_keys) <= set(after.record_keys):
        raise DirectoryRejectedError(f"the entry of {region} leaves out a former record key")
    renewed = after.certification.record_key != before.certification.record_key
    if renewed and after.certification.enrolment <= before.certification.enrolment:
        raise DirectoryRejectedError(f"the record key of {region} changed without an enrolment")


def record_keys(entries: Iterable[VerifiedEntry]) -> RecordKeys:
    """The public record keys of the Regions in a verified directory."""
    return {entry.entry.region: entry.record_keys for entry in entries}


def sign_incarnation(incarnation: ClusterIncarnation, writer: RegionName, key: RecordKey) -> bytes:
    """The value for the incarnation's etcd key when a Region adopts the data (protocol §6)."""
    encoded = encode_incarnation(incarnation)
    name = Keyspace(incarnation.cluster).incarnation.decode()
    signature = key.sign(incarnation_statement(name, encoded))
    signed = SignedIncarnation(incarnation=encoded, writer=writer, signature=signature)
    return encode_signed_incarnation(signed)


def verify_incarnation(value: bytes, authority: Authority, keys: RecordKeys) -> ClusterIncarnation:
    """Verify what the etcd data says of itself.

    Args:
        value: As read from etcd.
        authority: Signed the first incarnation.
        keys: One of these Regions signed any later one.

    Raises:
        DirectoryRejectedError: It is not signed, or of another cluster, or a lab's where this is
            none (or the other way round).
    """
    try:
        signed = parse_signed_incarnation(value)
        incarnation = parse_incarnation(signed.incarnation)
    except EntryFormatError as error:
        raise DirectoryRejectedError(f"the incarnation of etcd's data: {error}") from error
    if not _incarnation_is_signed(signed, authority, keys):
        raise DirectoryRejectedError("the incarnation of etcd's data is not signed")
    if incarnation.cluster != authority.cluster:
        raise DirectoryRejectedError("the incarnation of etcd's data is another cluster's")
    _same_kind(incarnation.lab, authority, "etcd's data")
    return incarnation


def _incarnation_is_signed(
    signed: SignedIncarnation, authority: Authority, keys: Mapping[RegionName, tuple[bytes, ...]]
) -> bool:
    name = Keyspace(authority.cluster).incarnation.decode()
    if signed.writer == NO_WRITER:
        statement = first_incarnation_statement(name, signed.incarnation)
        return authority.signed(statement, signed.signature)
    candidates = keys.get(RegionName(signed.writer), ())
    adopted = incarnation_statement(name, signed.incarnation)
    return any(signature_is_true(key, adopted, signed.signature) for key in candidates)


def _same_kind(lab: bool, authority: Authority, subject: str) -> None:  # noqa: FBT001 - compared, not chosen by
    if lab != authority.lab:
        kinds = ("a lab's", "no lab's") if lab else ("no lab's", "a lab's")
        raise DirectoryRejectedError(
            f"{subject} is {kinds[0]} and this Region's cluster is {kinds[1]}: they refuse"
            " each other"
        )
