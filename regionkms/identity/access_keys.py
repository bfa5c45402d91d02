"""Access keys of accounts in the Region's store: made, imported, listed, switched off.

Every function works inside one transaction of the store and is called by operators only: through
the node's socket, never through the listener (design §2). The same values are imported in every
Region, so that one client signs for all of them; nothing of it is in etcd (design §3, Accounts).

An account exists, as far as a Region knows, when it has an access key.
"""

import re
from base64 import b32encode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from regionkms.crypto.material import Material
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId, KeyId, is_account_id
from regionkms.model.key import AccessKey
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault

ID_RANDOM_BYTES: Final = 10
SECRET_RANDOM_BYTES: Final = 30
RANDOM_BYTES: Final = ID_RANDOM_BYTES + SECRET_RANDOM_BYTES
"""What `new_access_key` takes: 80 bits name the key, 240 bits are its secret."""

LONG_TERM_PREFIX: Final = "AKIA"
TEMPORARY_PREFIX: Final = "ASIA"
"""Prefixes of access key ids, as in IAM: long-term and temporary credentials."""

_NO_KEY: Final = KeyId("")
_ACCESS_KEY_ID: Final = re.compile(r"[A-Za-z0-9_]{16,128}")
"""IAM's AccessKeyIdType."""
_SECRET: Final = re.compile(rb"[\x21-\x7e]{16,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key id and its secret access key (text in ASCII)."""

    access_key_id: str
    secret: Material = field(repr=False)


def new_access_key(random_bytes: bytes) -> Credentials:
    """Form long-term credentials: `AKIA` and 16 base32 digits, a secret of 40 base64 digits.

    Args:
        random_bytes: RANDOM_BYTES from the system's generator.

    Raises:
        ValueError: Another number of bytes.
    """
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(
            f"an access key takes {RANDOM_BYTES} random bytes, not {len(random_bytes)}"
        )
    name, secret = random_bytes[:ID_RANDOM_BYTES], random_bytes[ID_RANDOM_BYTES:]
    return Credentials(
        access_key_id=LONG_TERM_PREFIX + b32encode(name).decode(),
        secret=Material(b64encode(secret)),
    )


def secret_identity(access_key_id: str, account_id: AccountId) -> MaterialIdentity:
    """What a wrapped secret is bound to, so that rows can't be swapped between accounts."""
    return MaterialIdentity(
        kind=MaterialKind.ACCESS_KEY_SECRET,
        account_id=account_id,
        key_id=_NO_KEY,
        name=access_key_id.encode(),
    )


def import_access_key(
    transaction: StoreTransaction,
    vault: Vault,
    *,
    account_id: AccountId,
    credentials: Credentials,
    created_at: float,
) -> AccessKey:
    """Store credentials of an account's root user; nothing happens if they are there already.

    Args:
        transaction: Of the Region's store, for writing.
        vault: Wraps the secret.
        account_id: Whose root user the credentials are.
        credentials: New ones, or those of another Region.
        created_at: KMS time, seconds since the epoch.

    Returns:
        The stored row. A key that was switched off stays so.

    Raises:
        ConfigurationError: A value has not the form that clients can sign with, or the id is
            taken by another account or another secret.
        VaultSealed: Domain keys are not at hand.
        MaterialUnreadable: The stored secret of that id does not open.
    """
    _check_form(account_id, credentials)
    stored = transaction.access_keys.get(credentials.access_key_id)
    if stored is not None:
        _check_same(stored, vault, account_id, credentials)
        return stored
    identity = secret_identity(credentials.access_key_id, account_id)
    domain_key_id, wrapped = vault.wrap(credentials.secret, identity)
    row = AccessKey(
        access_key_id=credentials.access_key_id,
        account_id=account_id,
        domain_key_id=domain_key_id,
        wrapped_secret=wrapped,
        created_at=created_at,
    )
    transaction.access_keys.put(row)
    return row


def set_access_key_active(
    transaction: StoreTransaction, access_key_id: str, *, active: bool
) -> AccessKey:
    """Switch an access key on or off; requests that it signs are refused while it is off.

    Raises:
        ConfigurationError: There is no such access key.
    """
    stored = transaction.access_keys.get(access_key_id)
    if stored is None:
        raise ConfigurationError(
            f"There is no access key {access_key_id[:128]!r} in this Region; "
            "`regionkms account list` shows those there are."
        )
    if stored.active is active:
        return stored
    row = replace(stored, active=active)
    transaction.access_keys.put(row)
    return row


def access_keys_of(transaction: StoreTransaction, account_id: AccountId) -> Sequence[AccessKey]:
    """The access keys of an account, active or not, by id."""
    rows = (row for row in transaction.access_keys.all() if row.account_id == account_id)
    return sorted(rows, key=lambda row: row.access_key_id)


def accounts(transaction: StoreTransaction) -> Sequence[AccountId]:
    """The accounts that the Region knows, in order."""
    return sorted({row.account_id for row in transaction.access_keys.all()})


def _check_form(account_id: AccountId, credentials: Credentials) -> None:
    if not is_account_id(account_id):
        raise ConfigurationError("An account id has twelve decimal digits.")
    if _ACCESS_KEY_ID.fullmatch(credentials.access_key_id) is None:
        raise ConfigurationError("An access key id has 16 to 128 letters, digits and underscores.")
    if credentials.access_key_id.startswith(TEMPORARY_PREFIX):
        raise ConfigurationError(
            f"Access key ids that start with {TEMPORARY_PREFIX} are those of temporary credentials "
            f"and can't be imported; use one that starts with {LONG_TERM_PREFIX}."
        )
    if _SECRET.fullmatch(credentials.secret.reveal()) is None:
        raise ConfigurationError(
            "A secret access key has 16 to 128 printable ASCII characters and no space."
        )


def _check_same(
    stored: AccessKey, vault: Vault, account_id: AccountId, credentials: Credentials
) -> None:
    if stored.account_id != account_id:
        raise ConfigurationError(
            f"The access key id {stored.access_key_id} is taken by account {stored.account_id}."
        )
    identity = secret_identity(stored.access_key_id, stored.account_id)
    if vault.unwrap(stored.domain_key_id, stored.wrapped_secret, identity) != credentials.secret:
        raise ConfigurationError(
            f"The access key id {stored.access_key_id} is there with another secret; make a new "
            "access key instead."
        )
