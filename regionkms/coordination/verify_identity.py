"""Open the Region's private keys and compare each with what was certified: for `keys verify`."""

from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from regionkms.coordination.enrolment import (
    ENROLMENT,
    RECORD_KEY,
    TLS_KEY,
    TRANSPORT_KEY,
    open_private_key,
)
from regionkms.coordination.enrolment_files import EnrolmentFiles
from regionkms.crypto.material import Material
from regionkms.crypto.sealing import TransportKey
from regionkms.crypto.signing import RecordKey
from regionkms.model.errors import Fault
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import Vault

_PRIVATE_KEYS: Final = (TLS_KEY, RECORD_KEY, TRANSPORT_KEY)


def verify_identity(tx: StoreTransaction, vault: Vault) -> Iterator[tuple[str, str | None]]:
    """The enrolment and each private key by the name of its setting, with what is wrong, or None.

    Nothing comes of a store that was never enrolled. A transport key that is not there yet is no
    fault: the agent makes one when it starts.

    Args:
        tx: Of the Region's store.
        vault: With all domain keys of the store.
    """
    try:
        stored = tx.settings.get(ENROLMENT)
        files = None if stored is None else EnrolmentFiles.decode(stored)
        if files is not None:
            files.verified()
    except Fault as error:
        yield ENROLMENT, str(error)
        return
    for name in _PRIVATE_KEYS:
        is_there, fault = _look(tx, vault, name, files)
        if is_there or fault is not None:
            yield name, fault


def _look(
    tx: StoreTransaction, vault: Vault, name: str, files: EnrolmentFiles | None
) -> tuple[bool, str | None]:
    """Whether a key is there, and what is wrong with it."""
    try:
        is_there = tx.settings.get(name) is not None
        if files is None:
            return is_there, "it is there without its enrolment" if is_there else None
        if not is_there and name == TRANSPORT_KEY:
            return False, None
        return is_there, _fault(name, open_private_key(tx, vault, name, files), files)
    except Fault as error:
        return True, str(error)
    except (KeyError, TypeError, ValueError):
        return True, "it has not the form of a private key"


def _fault(name: str, material: Material, files: EnrolmentFiles) -> str | None:
    """Whether an opened key is the one that it should be.

    Raises:
        ValueError, TypeError: It is no key of its kind.
    """
    if name == TRANSPORT_KEY:
        TransportKey(material)
        return None
    if name == RECORD_KEY:
        fits = RecordKey(material).public_key == files.verified().record_key
    else:
        certificate = x509.load_pem_x509_certificate(files.certificate_pem)
        private = load_pem_private_key(material.reveal(), password=None)
        fits = private.public_key() == certificate.public_key()
    return None if fits else "it opens, and is not the key that was certified"
