"""The TLS context of the endpoint, from two settings: certificate and key."""

import ssl
from pathlib import Path
from typing import Final, NoReturn

from regionkms.model.errors import ConfigurationError

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK"
"""TLS 1.2 suites: ephemeral key exchange and AEAD only (RFC 9325 §4.2). TLS 1.3 has no others."""


def _refuse_password() -> NoReturn:
    # Without a callback OpenSSL would ask on the terminal and the node would hang at start.
    raise ConfigurationError("the TLS key file is encrypted; give an unencrypted one, mode 0600")


def _refuse_open_file(key_file: Path) -> None:
    """A private key that every user of the machine can read is nobody's secret."""
    try:
        mode = key_file.stat().st_mode
    except OSError:
        return  # load_cert_chain names the file and the reason
    if mode & 0o007:
        raise ConfigurationError(
            f"The TLS key {key_file} is open to every user of the machine. "
            f"Run: chmod 600 {key_file}"
        )


def server_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """Build the server's context: TLS 1.2 or later, forward secrecy, HTTP/1.1 by ALPN.

    Args:
        certificate_file: PEM; the server's certificate, then the intermediates.
        key_file: PEM; the certificate's private key, unencrypted.

    Raises:
        ConfigurationError: A file is missing or unreadable, is no PEM, the two do not belong
            together, or the key is open to everybody.
    """
    _refuse_open_file(key_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate_file, key_file, password=_refuse_password)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror
        raise ConfigurationError(
            f"TLS certificate {certificate_file} with key {key_file}: {reason}"
        ) from error
    return context
