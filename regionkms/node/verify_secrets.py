"""Open what a store holds wrapped besides keys: secrets of access keys, the Region's own keys.

For `regionkms keys verify`; a store's key material is in store/verify_keys.py. It stands on this
floor because who wrapped a secret knows what it is bound to: identity/ and coordination/, not the
store. Shown are names and reasons, never a secret.

Source: design §3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from regionkms.coordination.verify_identity import verify_identity
from regionkms.identity.access_keys import secret_identity
from regionkms.model.errors import Fault, RowTampered
from regionkms.node.audit_key import SETTING_AUDIT_KEY, audit_key_fault
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import Vault
from regionkms.store.offline import AccessKeyFound, OfflineReader


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVerification:
    """What became of one secret.

    Attributes:
        subject: Such as `access key AKIA... of 111122223333`, or `identity/record-key`.
        reason: A clause without its full stop; None if the secret opens and is the right one.
    """

    subject: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason or 'good'}"


def verify_access_keys(reader: OfflineReader, vault: Vault) -> Iterator[SecretVerification]:
    """Open the secret of every access key, switched off or not.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    return (_access_key(found, vault) for found in reader.access_keys())


def verify_region_keys(reader: OfflineReader, vault: Vault) -> list[SecretVerification]:
    """Open the Region's private keys and, on a node that is alone, the key of its audit heads.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    return reader.read(lambda tx: list(_region_keys(tx, vault)))


def _access_key(found: AccessKeyFound, vault: Vault) -> SecretVerification:
    row = found.access_key
    if isinstance(row, RowTampered):
        return SecretVerification(subject=f"access key {found.access_key_id}", reason=str(row))
    subject = f"access key {row.access_key_id} of {row.account_id}"
    identity = secret_identity(row.access_key_id, row.account_id)
    try:
        vault.unwrap(row.domain_key_id, row.wrapped_secret, identity)
    except Fault as error:
        return SecretVerification(subject=subject, reason=str(error))
    return SecretVerification(subject=subject, reason=None)


def _region_keys(tx: StoreTransaction, vault: Vault) -> Iterator[SecretVerification]:
    for name, fault in verify_identity(tx, vault):
        yield SecretVerification(subject=name, reason=fault)
    try:
        if tx.settings.get(SETTING_AUDIT_KEY) is None:
            return
        fault = audit_key_fault(tx, vault)
    except Fault as error:
        fault = str(error)
    yield SecretVerification(subject=SETTING_AUDIT_KEY, reason=fault)
