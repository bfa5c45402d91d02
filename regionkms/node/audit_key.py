"""The key that signs heads of audit chains on a node that belongs to no cluster.

In a cluster that is the Region's record key, which the authority certifies. Alone, the store makes
a key of its own: whoever can write files but does not have the domain keys can't sign a head, so a
cut tail shows all the same. It is made at the agent's first start and wrapped like key material.
"""

import json
from base64 import b64decode, b64encode
from typing import Final

from regionkms.crypto.signing import RecordKey
from regionkms.model.ids import AccountId, DomainKeyId, KeyId
from regionkms.ports.store import Store, StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault

SETTING_AUDIT_KEY: Final = "audit/head-key"
_IDENTITY: Final = MaterialIdentity(
    kind=MaterialKind.REGION_PRIVATE_KEY,
    account_id=AccountId(""),
    key_id=KeyId(""),
    name=b"audit heads",
)


async def audit_key(store: Store, vault: Vault) -> RecordKey:
    """The store's own key for heads; made if there is none yet.

    Raises:
        StoreUnavailable: The store could not be read or written.
        MaterialUnreadable, VaultSealed: The key does not open.
    """
    return await store.write(lambda tx: _kept(tx, vault) or _made(tx, vault))


def audit_public_key(tx: StoreTransaction) -> bytes | None:
    """What heads are verified with, by the store's word; None before the agent's first start."""
    text = tx.settings.get(SETTING_AUDIT_KEY)
    return None if text is None else b64decode(json.loads(text)["public_key"])


def audit_key_fault(tx: StoreTransaction, vault: Vault) -> str | None:
    """What is wrong with the stored key: a clause, or None; also None if there is no such key.

    Raises:
        RowTampered, MaterialUnreadable, VaultSealed: As they say.
    """
    key = _kept(tx, vault)
    if key is not None and key.public_key != audit_public_key(tx):
        return "it opens, and is not the private key of the public one beside it"
    return None


def _kept(tx: StoreTransaction, vault: Vault) -> RecordKey | None:
    text = tx.settings.get(SETTING_AUDIT_KEY)
    if text is None:
        return None
    kept = json.loads(text)
    domain_key_id = DomainKeyId(kept["domain_key_id"])
    return RecordKey(vault.unwrap(domain_key_id, b64decode(kept["wrapped"]), _IDENTITY))


def _made(tx: StoreTransaction, vault: Vault) -> RecordKey:
    key = RecordKey.generate()
    domain_key_id, wrapped = vault.wrap(key.material, _IDENTITY)
    kept = {
        "domain_key_id": domain_key_id,
        "wrapped": b64encode(wrapped).decode(),
        "public_key": b64encode(key.public_key).decode(),
    }
    tx.settings.put(SETTING_AUDIT_KEY, json.dumps(kept))
    return key
