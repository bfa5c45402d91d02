"""Values of the directory of Regions, and their bytes.

What the authority certifies, what a Region says of itself, and what the etcd data says of itself.
Bytes that were signed are kept exactly, never re-encoded. Pure; whether to believe them is
crypto/directory_trust.py's. Source: protocol §2 (other keys), R12, design §3 (Identity).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from regionkms.model.ids import RegionName, StoreId, is_region_name
from regionkms.model.proto import directory_pb2 as pb
from regionkms.model.record import ClusterName, Incarnation
from regionkms.model.record_codec import incarnation_message, incarnation_of

MAX_ENTRY_BYTES: Final = 65_536
"""Of a value in the directory; real ones have about 3 KiB."""
NO_WRITER: Final = ""
"""Writer of the first incarnation: the authority itself."""

T = TypeVar("T")


class EntryFormatError(ValueError):
    """Bytes that are no value of the directory; the message says which member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certification:
    """The authority's word: this record key is the Region's, in this cluster.

    Attributes:
        lab: The cluster is a lab; labs and others refuse each other (design §7).
        enrolment: +1 each time the Region is enrolled; the higher one replaces.
        record_key: Ed25519 public key.
    """

    cluster: ClusterName
    lab: bool
    region: RegionName
    enrolment: int
    record_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCertification:
    """A certification in the exact bytes that the authority signed (ECDSA P-256, SHA-256)."""

    certification: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEntry:
    """A Region's own word about itself, signed with its record key.

    Attributes:
        serial: 1 when registered, +1 at every change.
        certificate: TLS certificate, DER.
        transport_key: HPKE public key (crypto/sealing.py).
        address: host:port of its KeyTransport.
        store_id: The one store that is this Region (protocol R12).
        store_replacements: How often `region replace-store` pinned another one.
        store_commit_number: Of the store when the entry was written: an older store is noticed.
        record_format: Highest format of the record that its release reads.
    """

    cluster: ClusterName
    region: RegionName
    serial: int
    certificate: bytes
    transport_key: bytes
    transport_key_id: str
    address: str
    store_id: StoreId
    store_replacements: int
    store_commit_number: int
    software_version: str
    record_format: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEntry:
    """A value of the directory, taken apart but not verified.

    Attributes:
        entry: Exact bytes that the record key signed, under the etcd key.
        former: Certifications of former record keys: grants that they signed are kept.
    """

    entry: bytes
    signature: bytes
    certification: SignedCertification
    former: tuple[SignedCertification, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterIncarnation:
    """What the etcd data says of itself: cluster, lab mark, incarnation (protocol §6)."""

    cluster: ClusterName
    lab: bool
    incarnation: Incarnation


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIncarnation:
    """The incarnation in its exact bytes; `writer` is NO_WRITER for the authority's first one."""

    incarnation: bytes
    writer: str
    signature: bytes


def encode_certification(certification: Certification) -> bytes:
    """The bytes for the authority to sign."""
    return pb.Certification(
        cluster=certification.cluster,
        lab=certification.lab,
        region=certification.region,
        enrolment=certification.enrolment,
        record_key=certification.record_key,
    ).SerializeToString(deterministic=True)


def parse_certification(encoded: bytes) -> Certification:
    """Read what the authority signed.

    Raises:
        EntryFormatError: It is no certification.
    """
    message = _decoded(pb.Certification.FromString, encoded, "certification")
    return Certification(
        cluster=ClusterName(message.cluster),
        lab=message.lab,
        region=_region(message.region),
        enrolment=message.enrolment,
        record_key=message.record_key,
    )


def encode_entry(entry: RegionEntry) -> bytes:
    """The bytes for the record key to sign."""
    return pb.RegionEntry(
        cluster=entry.cluster,
        region=entry.region,
        serial=entry.serial,
        certificate=entry.certificate,
        transport_key=entry.transport_key,
        transport_key_id=entry.transport_key_id,
        address=entry.address,
        store_id=entry.store_id,
        store_replacements=entry.store_replacements,
        store_commit_number=entry.store_commit_number,
        software_version=entry.software_version,
        record_format=entry.record_format,
    ).SerializeToString(deterministic=True)


def parse_entry(encoded: bytes) -> RegionEntry:
    """Read what a Region says of itself.

    Raises:
        EntryFormatError: It is no entry.
    """
    message = _decoded(pb.RegionEntry.FromString, encoded, "entry")
    if message.serial < 1 or not message.store_id:
        raise EntryFormatError("an entry has a serial and a store id")
    return RegionEntry(
        cluster=ClusterName(message.cluster),
        region=_region(message.region),
        serial=message.serial,
        certificate=message.certificate,
        transport_key=message.transport_key,
        transport_key_id=message.transport_key_id,
        address=message.address,
        store_id=StoreId(message.store_id),
        store_replacements=message.store_replacements,
        store_commit_number=message.store_commit_number,
        software_version=message.software_version,
        record_format=message.record_format,
    )


def encode_signed_entry(signed: SignedEntry) -> bytes:
    """The value of a Region's etcd key."""
    return pb.SignedRegionEntry(
        entry=signed.entry,
        signature=signed.signature,
        certification=_certification_message(signed.certification),
        former=[_certification_message(one) for one in signed.former],
    ).SerializeToString(deterministic=True)


def parse_signed_entry(value: bytes) -> SignedEntry:
    """Take the value of a Region's etcd key apart.

    Raises:
        EntryFormatError: It is no SignedRegionEntry.
    """
    if len(value) > MAX_ENTRY_BYTES:
        raise EntryFormatError(f"value of {len(value)} bytes; at most {MAX_ENTRY_BYTES}")
    message = _decoded(pb.SignedRegionEntry.FromString, value, "signed entry")
    return SignedEntry(
        entry=message.entry,
        signature=message.signature,
        certification=_certification(message.certification),
        former=tuple(_certification(one) for one in message.former),
    )


def encode_incarnation(incarnation: ClusterIncarnation) -> bytes:
    """The bytes to sign."""
    return pb.ClusterIncarnation(
        cluster=incarnation.cluster,
        lab=incarnation.lab,
        incarnation=incarnation_message(incarnation.incarnation),
    ).SerializeToString(deterministic=True)


def parse_incarnation(encoded: bytes) -> ClusterIncarnation:
    """Read what the etcd data says of itself.

    Raises:
        EntryFormatError: It is no incarnation.
    """
    message = _decoded(pb.ClusterIncarnation.FromString, encoded, "incarnation")
    if message.incarnation.number < 1:
        raise EntryFormatError("an incarnation's number is at least 1")
    return ClusterIncarnation(
        cluster=ClusterName(message.cluster),
        lab=message.lab,
        incarnation=incarnation_of(message.incarnation),
    )


def encode_signed_incarnation(signed: SignedIncarnation) -> bytes:
    """The value of the incarnation's etcd key."""
    return pb.SignedIncarnation(
        incarnation=signed.incarnation, writer=signed.writer, signature=signed.signature
    ).SerializeToString(deterministic=True)


def parse_signed_incarnation(value: bytes) -> SignedIncarnation:
    """Take the value of the incarnation's etcd key apart.

    Raises:
        EntryFormatError: It is no SignedIncarnation.
    """
    message = _decoded(pb.SignedIncarnation.FromString, value, "signed incarnation")
    return SignedIncarnation(
        incarnation=message.incarnation, writer=message.writer, signature=message.signature
    )


def _certification(message: pb.SignedCertification) -> SignedCertification:
    return SignedCertification(certification=message.certification, signature=message.signature)


def _certification_message(signed: SignedCertification) -> pb.SignedCertification:
    return pb.SignedCertification(certification=signed.certification, signature=signed.signature)


def _decoded(decode: Callable[[bytes], T], encoded: bytes, name: str) -> T:
    try:
        return decode(encoded)
    except DecodeError as error:
        raise EntryFormatError(f"not a {name}") from error


def _region(text: str) -> RegionName:
    if not is_region_name(text):
        raise EntryFormatError("the Region is malformed")
    return RegionName(text)
