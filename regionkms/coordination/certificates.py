"""The X.509 certificates of a cluster: its authority's, and one for each Region (RFC 5280).

ECDSA on P-256 with SHA-256: what every TLS library verifies. The key exchange, not the
certificate, is what has to withstand recording today and decrypting later.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from regionkms.crypto.directory_trust import region_host, region_uri
from regionkms.model.ids import RegionName
from regionkms.model.record import ClusterName

AUTHORITY_DAYS: Final = 7305
"""Twenty years: it is replaced by making a new cluster, so it outlives every Region."""
REGION_DAYS: Final = 730
"""Two years; `region enrol` again renews. Between Regions nothing works behind it."""
_BACKDATED: Final = dt.timedelta(hours=1)
"""So that a machine whose clock is a little behind believes a new certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A Region's certificate and its private key, both PEM (PKCS #8)."""

    certificate_pem: bytes
    private_key_pem: bytes


def make_authority(cluster: ClusterName, now: dt.datetime) -> IssuedCertificate:
    """Make a cluster's authority: a new key and a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"regionkms {cluster}")])
    usage = _usage(certificates=True)
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _issued(certificate, key)


def issue_region_certificate(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    *,
    cluster: ClusterName,
    region: RegionName,
    now: dt.datetime,
    days: int = REGION_DAYS,
) -> IssuedCertificate:
    """Issue one Region's TLS certificate, for both ends of a connection, with a new key.

    It names the Region twice: as a URI, which servers read, and as a DNS name, which TLS clients
    compare by themselves before anything is sent.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, region)])
    names = x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier(region_uri(cluster, region)),
            x509.DNSName(region_host(cluster, region)),
        ]
    )
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = (
        _builder(name, authority.subject, key.public_key(), now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(names, critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return _issued(certificate, key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> IssuedCertificate:
    return IssuedCertificate(
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        private_key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
