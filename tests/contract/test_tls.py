"""A node that speaks TLS (spec 07 §2.2): two settings, and the clients' own checks."""

import datetime as dt
import ipaddress
import socket
import ssl
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.contract.conftest import NodeFactory
from tests.contract.test_key_policies import allow, document
from tests.support.node import OWNER, RunningNode, refused

_REFUSED: Final = "EOF occurred|alert protocol version|alert handshake failure"
"""What a client sees whose hello the node does not take; a hello never sent reads otherwise."""
DAY: Final = dt.timedelta(days=1)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    private.chmod(0o600)
    return chain, private


@pytest.fixture
def secure(start: NodeFactory, tmp_path: Path) -> RunningNode:
    chain, private = certificate(tmp_path)
    return start(
        f"--tls-certificate={chain}", f"--tls-key={private}", "--quotas=x1000", authority=chain
    )


def handshake(node: RunningNode, low: Any, high: Any, *, ciphers: str = "") -> str | None:
    assert node.authority is not None
    context = ssl.create_default_context(cafile=str(node.authority))
    context.minimum_version, context.maximum_version = low, high
    if ciphers:
        context.set_ciphers(ciphers)
    parts = urlsplit(node.url)
    with (
        closing(socket.create_connection((str(parts.hostname), int(parts.port or 0)), 10)) as raw,
        closing(context.wrap_socket(raw, server_hostname="127.0.0.1")) as encrypted,
    ):
        return encrypted.version()


def test_tls_is_spoken_and_policies_know_it(secure: RunningNode) -> None:
    kms = secure.client(OWNER)
    key_id = kms.create_key(
        Policy=document(
            allow({"AWS": OWNER.root_arn}, ["kms:PutKeyPolicy", "kms:Decrypt"]),
            allow(
                {"AWS": OWNER.root_arn},
                "kms:Encrypt",
                Condition={"Bool": {"aws:SecureTransport": "true"}},
            ),
        )
    )["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"over TLS")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"over TLS"
    assert secure.client(OWNER, "sts").get_caller_identity()["Account"] == OWNER.account_id
    assert handshake(secure, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert handshake(secure, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


@pytest.mark.feature("F07-11")
def test_tls_before_1_2_is_refused_by_the_node(secure: RunningNode) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError, match=_REFUSED):
            handshake(secure, old, old, ciphers="ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=_REFUSED):
        handshake(
            secure, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, ciphers="AES128-GCM-SHA256"
        )


def test_without_tls_such_a_statement_does_not_allow(kms: Any) -> None:
    key_id = kms.create_key(
        Policy=document(
            allow({"AWS": OWNER.root_arn}, "kms:PutKeyPolicy"),
            allow(
                {"AWS": OWNER.root_arn},
                "kms:Encrypt",
                Condition={"Bool": {"aws:SecureTransport": "true"}},
            ),
        )
    )["KeyMetadata"]["KeyId"]
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
