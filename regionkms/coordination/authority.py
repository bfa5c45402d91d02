"""The authority of a cluster: made offline by `regionkms cluster init`, used by `region enrol`.

It lives in a folder of its own (0700), on a machine of its own outside the lab: no Region and no
etcd ever needs it while it runs. The folder::

    authority.json   cluster, lab mark, first incarnation (signed), how often each Region enrolled
    authority.pem    certificate
    authority.key    private key, 0600

An enrolment goes into a folder of the Region, which enrolment.py takes in. Its private files are
the only copies: the authority keeps none.
"""

import base64
import datetime as dt
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from regionkms.coordination.certificates import issue_region_certificate, make_authority
from regionkms.coordination.enrolment_files import EnrolmentFiles, write_enrolment
from regionkms.coordination.private_files import (
    make_private_folder,
    read_private,
    write_private,
)
from regionkms.crypto.directory_trust import certification_statement, first_incarnation_statement
from regionkms.crypto.signing import RecordKey
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName, is_region_name
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName, Incarnation
from regionkms.model.region_entry import (
    NO_WRITER,
    Certification,
    ClusterIncarnation,
    SignedCertification,
    SignedIncarnation,
    encode_certification,
    encode_incarnation,
    encode_signed_incarnation,
)

_FACTS: Final = "authority.json"
_CERTIFICATE: Final = "authority.pem"
_PRIVATE_KEY: Final = "authority.key"
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,19}(?:-[a-z0-9]{1,10}){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    cluster: ClusterName
    lab: bool
    first_incarnation: bytes
    enrolments: dict[str, int]

    def encode(self) -> bytes:
        shown = {
            "cluster": self.cluster,
            "lab": self.lab,
            "first_incarnation": base64.b64encode(self.first_incarnation).decode(),
            "enrolments": self.enrolments,
        }
        return json.dumps(shown, indent=2).encode() + b"\n"

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        shown: dict[str, Any] = json.loads(encoded)
        return cls(
            cluster=ClusterName(shown["cluster"]),
            lab=shown["lab"],
            first_incarnation=base64.b64decode(shown["first_incarnation"]),
            enrolments=shown["enrolments"],
        )


class ClusterAuthority:
    """A cluster's authority, opened from its folder. No repr of its key, one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Open an authority.

        Raises:
            ConfigurationError: The folder holds none, or others may read its key.
        """
        self._folder = folder
        try:
            self._facts = _Facts.decode(read_private(folder / _FACTS))
            self._pem = (folder / _CERTIFICATE).read_bytes()
            self._certificate = x509.load_pem_x509_certificate(self._pem)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigurationError(f"{folder} holds no authority of a cluster") from error
        self._key = _private_key(read_private(folder / _PRIVATE_KEY))

    @classmethod
    def create(cls, folder: Path, name: str, *, lab: bool, now: dt.datetime) -> Self:
        """Make a new cluster: its authority, its full name and its first incarnation.

        Args:
            folder: A new folder; it becomes 0700.
            name: Lower-case letters, digits and hyphens; random digits are added.
            lab: Whether the cluster is a lab for ever (design §7).
            now: The machine's time, for the certificate.

        Raises:
            ConfigurationError: The name is malformed, or the folder is not new.
        """
        if _NAME.fullmatch(name) is None:
            raise ConfigurationError(
                "a cluster's name has up to 20 lower-case letters and digits, such as `lab`"
            )
        make_private_folder(folder)
        cluster = ClusterName(f"{name}-{secrets.token_hex(8)}")
        issued = make_authority(cluster, now)
        key = _private_key(issued.private_key_pem)
        facts = _Facts(
            cluster=cluster,
            lab=lab,
            first_incarnation=_first_incarnation(cluster, key, lab=lab),
            enrolments={},
        )
        write_private(folder / _PRIVATE_KEY, issued.private_key_pem)
        write_private(folder / _CERTIFICATE, issued.certificate_pem)
        write_private(folder / _FACTS, facts.encode())
        return cls(folder)

    @property
    def cluster(self) -> ClusterName:
        """The cluster's full name."""
        return self._facts.cluster

    @property
    def lab(self) -> bool:
        """Whether the cluster is a lab."""
        return self._facts.lab

    def enrol(self, region: RegionName, folder: Path, *, now: dt.datetime) -> int:
        """Enrol a Region, or enrol it anew: new keys, new certificate, a higher number.

        Args:
            region: Its name.
            folder: A new folder for the Region's enrolment; it becomes 0700.
            now: The machine's time, for the certificate.

        Returns:
            The number of the enrolment, 1 for the first.

        Raises:
            ConfigurationError: The name is malformed, or the folder is not new.
        """
        if not is_region_name(region):
            raise ConfigurationError(f"{region} is no name of a Region, such as eu-west-1")
        make_private_folder(folder)
        number = self._facts.enrolments.get(region, 0) + 1
        # Counted before it is handed out: two enrolments never share a number.
        self._count(region, number)
        record_key = RecordKey.generate()
        issued = issue_region_certificate(
            self._certificate, self._key, cluster=self.cluster, region=region, now=now
        )
        files = EnrolmentFiles(
            cluster=self.cluster,
            lab=self.lab,
            region=region,
            certification=self._certify(region, number, record_key.public_key),
            first_incarnation=self._facts.first_incarnation,
            authority_pem=self._pem,
            certificate_pem=issued.certificate_pem,
        )
        write_enrolment(folder, files, tls_key=issued.private_key_pem, record_key=record_key)
        return number

    def _certify(self, region: RegionName, number: int, key: bytes) -> SignedCertification:
        certification = encode_certification(
            Certification(
                cluster=self.cluster, lab=self.lab, region=region, enrolment=number, record_key=key
            )
        )
        statement = certification_statement(certification)
        signature = self._key.sign(statement, ec.ECDSA(hashes.SHA256()))
        return SignedCertification(certification=certification, signature=signature)

    def _count(self, region: RegionName, number: int) -> None:
        enrolments = {**self._facts.enrolments, region: number}
        self._facts = _Facts(
            cluster=self.cluster,
            lab=self.lab,
            first_incarnation=self._facts.first_incarnation,
            enrolments=enrolments,
        )
        new = self._folder / f"{_FACTS}.{secrets.token_hex(4)}"
        write_private(new, self._facts.encode())
        new.replace(self._folder / _FACTS)


def _first_incarnation(
    cluster: ClusterName, key: ec.EllipticCurvePrivateKey, *, lab: bool
) -> bytes:
    incarnation = encode_incarnation(
        ClusterIncarnation(
            cluster=cluster,
            lab=lab,
            incarnation=Incarnation(number=1, random=secrets.randbits(64)),
        )
    )
    statement = first_incarnation_statement(Keyspace(cluster).incarnation.decode(), incarnation)
    signature = key.sign(statement, ec.ECDSA(hashes.SHA256()))
    signed = SignedIncarnation(incarnation=incarnation, writer=NO_WRITER, signature=signature)
    return encode_signed_incarnation(signed)


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError("the authority's private key can't be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError("the authority's private key is no elliptic curve key")
    return key
