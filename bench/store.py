"""Makes the store of a node before the node starts: one account's credentials, and keys in bulk."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from bench.credentials import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET
from regionkms.config import SettingsAsRead, check_settings
from regionkms.crypto.binding import BINDING_KEY_BYTES, fingerprint
from regionkms.crypto.material import Material
from regionkms.identity.access_keys import Credentials, import_access_key
from regionkms.model.ids import (
    GENERATION_ID_BYTES,
    AccountId,
    GenerationId,
    KeyId,
    key_id_from_random,
)
from regionkms.model.key import KmsKey, StoredGeneration, WrappedBindingKey
from regionkms.model.key_spec import KeySpec, KeyUsage, Origin
from regionkms.node.supervisor import open_or_create_store
from regionkms.policy.default import default_policy
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault
from tests.support.bulk_insert import KeyWithGenerations, bulk_insert

_ACCOUNT = AccountId(ACCOUNT)
_CREATED_AT = 1_700_000_000.0


def make_store(directory: Path, *, keys: int) -> list[str]:
    """Make data directory and root key file of a node.

    Args:
        directory: Gets `data/` and `root.key`.
        keys: Symmetric keys with the default key policy.

    Returns:
        The ids of the keys.
    """
    settings = check_settings(
        SettingsAsRead(
            region=REGION,
            data_dir=str(directory / "data"),
            root_key_file=str(directory / "root.key"),
        )
    )
    domain_keys = open_or_create_store(settings)
    vault = DomainVault(domain_keys.materials, domain_keys.current)
    asyncio.run(_import_credentials(settings.store_url, vault))
    ids = [KeyId(key_id_from_random(os.urandom(16), multi_region=False)) for _ in range(keys)]
    bulk_insert(settings.store_url, vault=vault, items=symmetric_keys(vault, ids))
    return list(ids)


async def _import_credentials(url: str, vault: DomainVault) -> None:
    store = open_store(url, vault=vault, on_commit=lambda: None, lab=False)
    credentials = Credentials(access_key_id=ACCESS_KEY_ID, secret=Material(SECRET.encode()))
    await store.write(
        lambda tx: import_access_key(
            tx, vault, account_id=_ACCOUNT, credentials=credentials, created_at=_CREATED_AT
        )
    )
    await store.close()


def symmetric_keys(vault: Vault, ids: list[KeyId]) -> Iterator[KeyWithGenerations]:
    """Symmetric keys of the account with the default key policy and one generation each."""
    policy = default_policy(_ACCOUNT, "aws")
    for key_id in ids:
        binding_key = Material(os.urandom(BINDING_KEY_BYTES))
        domain_key_id, wrapped = vault.wrap(
            binding_key, _identity(MaterialKind.BINDING_KEY, key_id, b"")
        )
        generation = _generation(vault, key_id, binding_key)
        key = KmsKey(
            account_id=_ACCOUNT,
            key_id=key_id,
            key_spec=KeySpec.SYMMETRIC_DEFAULT,
            key_usage=KeyUsage.ENCRYPT_DECRYPT,
            origin=Origin.AWS_KMS,
            policy=policy,
            created_at=_CREATED_AT,
            enabled=True,
            current_generation=generation.generation_id,
            binding_key=WrappedBindingKey(domain_key_id=domain_key_id, wrapped=wrapped),
        )
        yield key, (generation,)


def _generation(vault: Vault, key_id: KeyId, binding_key: Material) -> StoredGeneration:
    material = Material(os.urandom(32))
    generation_id = GenerationId(os.urandom(GENERATION_ID_BYTES))
    domain_key_id, wrapped = vault.wrap(
        material, _identity(MaterialKind.KEY_MATERIAL, key_id, generation_id)
    )
    return StoredGeneration(
        generation_id=generation_id,
        domain_key_id=domain_key_id,
        wrapped=wrapped,
        fingerprint=fingerprint(
            binding_key,
            generation_id=generation_id,
            key_spec=KeySpec.SYMMETRIC_DEFAULT,
            material=material,
        ),
        created_at=_CREATED_AT,
    )


def _identity(kind: MaterialKind, key_id: KeyId, name: bytes) -> MaterialIdentity:
    return MaterialIdentity(kind=kind, account_id=_ACCOUNT, key_id=key_id, name=name)
