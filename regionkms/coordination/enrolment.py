"""A Region takes its enrolment in: private keys go from files into its store, wrapped.

After that the store and the root key are needed to be the Region; the folder, etcd's content or
the store's file alone are not enough. The transport key never was in a file: it is made with the
store, because a replaced store has another one (protocol §5, Replace store).
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from regionkms.coordination.enrolment_files import (
    EnrolmentFiles,
    PrivateKeys,
    read_enrolment,
    read_private_keys,
    remove_private_keys,
)
from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.crypto.sealing import TransportKey
from regionkms.crypto.signing import RecordKey
from regionkms.model.errors import ConfigurationError, MaterialUnreadable
from regionkms.model.ids import AccountId, DomainKeyId, KeyId, RegionName
from regionkms.ports.store import Store, StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault

ENROLMENT: Final = "identity/enrolment"
"""Setting: the public part (JSON)."""
TLS_KEY: Final = "identity/tls-key"
RECORD_KEY: Final = "identity/record-key"
TRANSPORT_KEY: Final = "identity/transport-key"
"""Settings: private keys, wrapped (JSON)."""


async def load_identity(
    store: Store, vault: Vault, region: RegionName, folder: Path | None
) -> RegionIdentity | None:
    """Be the Region that the store, or an enrolment beside it, says.

    An enrolment with private keys in the folder is taken in if it is newer than the store's; the
    files are removed when the store holds them durably. A transport key is made if there is none.

    Args:
        store: The Region's store.
        vault: Wraps and opens private keys.
        region: As the node is configured.
        folder: Of the enrolment; None to look into the store only.

    Returns:
        The identity, or None if neither store nor folder has one.

    Raises:
        ConfigurationError: The enrolment is another Region's or cluster's, or can't be read.
        MaterialUnreadable, VaultSealed: The store's private keys do not open.
        StoreUnavailable: The store could not be read or written.
    """
    offered = None if folder is None else read_enrolment(folder)
    if folder is not None and offered is not None:
        keys = read_private_keys(folder)
        if keys is not None:
            _check_offer(offered, keys, region)
            await store.write(lambda tx: _take_in(tx, vault, offered, keys))
            remove_private_keys(folder)
    if await store.read(_lacks_transport_key):
        await store.write(lambda tx: _put_transport_key(tx, vault))
    return await store.read(lambda tx: _load(tx, vault, region))


async def renew_transport_key(store: Store, vault: Vault) -> None:
    """Make a new transport key: a part of `region replace-store` (protocol §5)."""
    await store.write(lambda tx: _put_transport_key(tx, vault))


def _check_offer(offered: EnrolmentFiles, keys: PrivateKeys, region: RegionName) -> None:
    if offered.region != region:
        raise ConfigurationError(f"the enrolment is for {offered.region}, this node is {region}")
    if offered.verified().record_key != keys.record_key.public_key:
        raise ConfigurationError("the enrolment's record key is not the one that was certified")


def _take_in(
    tx: StoreTransaction, vault: Vault, offered: EnrolmentFiles, keys: PrivateKeys
) -> None:
    stored = tx.settings.get(ENROLMENT)
    if stored is not None:
        known = EnrolmentFiles.decode(stored)
        if known.cluster != offered.cluster or known.authority_pem != offered.authority_pem:
            raise ConfigurationError(
                f"this store belongs to the cluster {known.cluster}, not to {offered.cluster}"
            )
        if known.verified().enrolment >= offered.verified().enrolment:
            return
    tx.settings.put(ENROLMENT, offered.encode())
    tx.settings.put(TLS_KEY, _wrapped(vault, _identity(TLS_KEY, offered), keys.tls_key))
    record_key = keys.record_key.material
    tx.settings.put(RECORD_KEY, _wrapped(vault, _identity(RECORD_KEY, offered), record_key))


def _lacks_transport_key(tx: StoreTransaction) -> bool:
    return tx.settings.get(ENROLMENT) is not None and tx.settings.get(TRANSPORT_KEY) is None


def _put_transport_key(tx: StoreTransaction, vault: Vault) -> None:
    files = EnrolmentFiles.decode(tx.settings.get(ENROLMENT) or "")
    key = TransportKey.generate()
    tx.settings.put(TRANSPORT_KEY, _wrapped(vault, _identity(TRANSPORT_KEY, files), key.material))


def _load(tx: StoreTransaction, vault: Vault, region: RegionName) -> RegionIdentity | None:
    stored = tx.settings.get(ENROLMENT)
    if stored is None:
        return None
    files = EnrolmentFiles.decode(stored)
    files.verified()
    if files.region != region:
        raise ConfigurationError(f"this store is {files.region}'s, this node is {region}")
    return RegionIdentity(
        region=region,
        authority=files.authority,
        authority_pem=files.authority_pem,
        certificate_pem=files.certificate_pem,
        certification=files.certification,
        first_incarnation=files.first_incarnation,
        tls_key=open_private_key(tx, vault, TLS_KEY, files),
        record_key=RecordKey(open_private_key(tx, vault, RECORD_KEY, files)),
        transport_key=TransportKey(open_private_key(tx, vault, TRANSPORT_KEY, files)),
    )


def _wrapped(vault: Vault, identity: MaterialIdentity, material: Material) -> str:
    domain_key_id, wrapped = vault.wrap(material, identity)
    encoded = base64.b64encode(wrapped).decode()
    return json.dumps({"domain_key_id": domain_key_id, "wrapped": encoded})


def open_private_key(
    tx: StoreTransaction, vault: Vault, name: str, files: EnrolmentFiles
) -> Material:
    """A private key of the Region.

    Args:
        tx: Of the Region's store.
        vault: Opens it.
        name: TLS_KEY, RECORD_KEY or TRANSPORT_KEY.
        files: The enrolment that it was taken in with.

    Raises:
        MaterialUnreadable, VaultSealed: It is not there, or does not open.
    """
    stored = tx.settings.get(name)
    if stored is None:
        raise MaterialUnreadable(f"the store has no {name}")
    shown: dict[str, Any] = json.loads(stored)
    wrapped = base64.b64decode(shown["wrapped"])
    return vault.unwrap(DomainKeyId(shown["domain_key_id"]), wrapped, _identity(name, files))


def _identity(name: str, files: EnrolmentFiles) -> MaterialIdentity:
    """What the wrapping of a private key is bound to.

    The authority is part of it: who can write the store could otherwise put an authority of his
    own beside the Region's true keys, and the Region would seal material to whom he certifies.
    """
    kind = b"lab" if files.lab else b"no lab"
    trusted = length_prefixed(
        name.encode(), files.cluster.encode(), kind, files.region.encode(), files.authority_pem
    )
    # A Region's own keys belong to no account and no KMS key.
    return MaterialIdentity(
        kind=MaterialKind.REGION_PRIVATE_KEY,
        account_id=AccountId(""),
        key_id=KeyId(""),
        name=hashlib.sha256(trusted).digest(),
    )
