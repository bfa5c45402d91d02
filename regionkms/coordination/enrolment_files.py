"""The folder that an enrolment comes in: public facts, and private keys until they are taken in.

::

    region.json      cluster, Region, lab mark, certification, first incarnation
    authority.pem    certificate of the cluster's authority
    region.pem       the Region's TLS certificate
    region.key       its private key, 0600      } removed once the Region's
    record.key       record key, raw, 0600      } store holds them wrapped
"""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from regionkms.coordination.private_files import read_private, write_private
from regionkms.crypto.directory_trust import (
    Authority,
    DirectoryRejectedError,
    verify_certificate,
    verify_certification,
)
from regionkms.crypto.material import Material
from regionkms.crypto.signing import RecordKey
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName
from regionkms.model.record import ClusterName
from regionkms.model.region_entry import Certification, SignedCertification

_FACTS: Final = "region.json"
_AUTHORITY: Final = "authority.pem"
_CERTIFICATE: Final = "region.pem"
_TLS_KEY: Final = "region.key"
_RECORD_KEY: Final = "record.key"
_PRIVATE: Final = (_TLS_KEY, _RECORD_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentFiles:
    """The public part of an enrolment."""

    cluster: ClusterName
    lab: bool
    region: RegionName
    certification: SignedCertification
    first_incarnation: bytes
    authority_pem: bytes
    certificate_pem: bytes

    @property
    def authority(self) -> Authority:
        """The authority that it names.

        Raises:
            ConfigurationError: Its certificate can't be read.
        """
        try:
            certificate = x509.load_pem_x509_certificate(self.authority_pem)
        except ValueError as error:
            raise ConfigurationError("the authority's certificate can't be read") from error
        return Authority(cluster=self.cluster, lab=self.lab, certificate=certificate)

    def verified(self) -> Certification:
        """Check that the parts are of one cluster and Region.

        Raises:
            ConfigurationError: They are not.
        """
        try:
            der = _der(self.certificate_pem)
            verify_certificate(der, self.region, self.authority)
            return verify_certification(self.certification, self.region, self.authority)
        except DirectoryRejectedError as error:
            raise ConfigurationError(f"the enrolment does not fit together: {error}") from error

    def encode(self) -> str:
        """JSON, with all public parts in it."""
        return json.dumps(
            {
                "cluster": self.cluster,
                "lab": self.lab,
                "region": self.region,
                "certification": _text(self.certification.certification),
                "certification_signature": _text(self.certification.signature),
                "first_incarnation": _text(self.first_incarnation),
                "authority": self.authority_pem.decode(),
                "certificate": self.certificate_pem.decode(),
            },
            indent=2,
        )

    @classmethod
    def decode(cls, encoded: str) -> "EnrolmentFiles":
        """Read what `encode` gave.

        Raises:
            ConfigurationError: It is something else.
        """
        try:
            shown: dict[str, Any] = json.loads(encoded)
            return cls(
                cluster=ClusterName(shown["cluster"]),
                lab=shown["lab"],
                region=RegionName(shown["region"]),
                certification=SignedCertification(
                    certification=base64.b64decode(shown["certification"]),
                    signature=base64.b64decode(shown["certification_signature"]),
                ),
                first_incarnation=base64.b64decode(shown["first_incarnation"]),
                authority_pem=shown["authority"].encode(),
                certificate_pem=shown["certificate"].encode(),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError("the facts of an enrolment can't be read") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKeys:
    """The private part of an enrolment."""

    tls_key: Material
    record_key: RecordKey


def write_enrolment(
    folder: Path, files: EnrolmentFiles, *, tls_key: bytes, record_key: RecordKey
) -> None:
    """Write an enrolment into a folder that is there and empty; all files 0600."""
    write_private(folder / _TLS_KEY, tls_key)
    write_private(folder / _RECORD_KEY, record_key.material.reveal())
    write_private(folder / _AUTHORITY, files.authority_pem)
    write_private(folder / _CERTIFICATE, files.certificate_pem)
    write_private(folder / _FACTS, files.encode().encode() + b"\n")


def read_enrolment(folder: Path) -> EnrolmentFiles | None:
    """Read the public part; None if the folder holds no enrolment.

    Raises:
        ConfigurationError: It can't be read, or its parts do not fit together.
    """
    facts = folder / _FACTS
    if not facts.exists():
        return None
    files = EnrolmentFiles.decode(read_private(facts).decode("utf-8", "replace"))
    files.verified()
    return files


def read_private_keys(folder: Path) -> PrivateKeys | None:
    """Read the private part; None when it has been taken in already.

    Raises:
        ConfigurationError: A file is there that others may read, or that can't be read.
    """
    if not all((folder / name).exists() for name in _PRIVATE):
        return None
    return PrivateKeys(
        tls_key=Material(read_private(folder / _TLS_KEY)),
        record_key=RecordKey(Material(read_private(folder / _RECORD_KEY))),
    )


def remove_private_keys(folder: Path) -> None:
    """Remove the private files, after a store holds their content durably.

    They are overwritten first, which helps on plain disks and can't on copy-on-write ones.
    """
    for name in _PRIVATE:
        path = folder / name
        if path.exists():
            _overwrite(path)
            path.unlink()


def _overwrite(path: Path) -> None:
    """Write zeros over a file's own blocks; to cut it first would only give them back."""
    with path.open("r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _der(pem: bytes) -> bytes:
    try:
        return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except ValueError as error:
        raise ConfigurationError("the Region's certificate can't be read") from error
