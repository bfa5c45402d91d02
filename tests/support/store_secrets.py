"""Every secret of a Region, opened by its root key: what must not be found anywhere else."""

from collections.abc import Iterator
from hmac import digest

from regionkms.config import NodeSettings
from regionkms.coordination.enrolment import RECORD_KEY, TLS_KEY, TRANSPORT_KEY, load_identity
from regionkms.crypto.material import Material
from regionkms.crypto.message_key import message_root
from regionkms.crypto.row_code import row_key
from regionkms.crypto.wrapping import domain_wrapping_key, root_wrapping_key
from regionkms.identity.access_keys import secret_identity
from regionkms.model.key import KmsKey
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind
from regionkms.store.bootstrap import read_bootstrap
from regionkms.store.domain_keys import open_domain_keys
from regionkms.store.root_key import RootKeyFile
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault
from tests.support.node import Account

_PAGE = 100_000


async def secrets_of(settings: NodeSettings) -> dict[str, bytes]:
    """Root key, domain keys, all that they wrap, and what is derived from them, by names."""
    root_key = RootKeyFile(settings.root_key_file, data_directory=settings.data_dir).root_key()
    domain_keys = open_domain_keys(root_key, read_bootstrap(settings.store_url).domain_keys)
    vault = DomainVault(domain_keys.materials, domain_keys.current)
    found = {"root key": root_key, "root wrapping key": root_wrapping_key(root_key)}
    for name, key in domain_keys.materials.items():
        found[f"domain key {name}"] = key
        found[f"wrapping key of {name}"] = domain_wrapping_key(key)
        found[f"row key of {name}"] = row_key(key)
    store = open_store(settings.store_url, vault=vault, on_commit=lambda: None, lab=settings.lab)
    try:
        found |= await store.read(lambda tx: dict(_of_accounts(tx, vault)))
        found |= await store.read(lambda tx: dict(_of_keys(tx, vault)))
        identity = await load_identity(store, vault, settings.region, None)
        if identity is not None:
            found[TLS_KEY] = identity.tls_key
            found[RECORD_KEY] = identity.record_key.material
            found[TRANSPORT_KEY] = identity.transport_key.material
    finally:
        await store.close()
    return {f"{settings.region}'s {name}": secret.reveal() for name, secret in found.items()}


def _of_accounts(tx: StoreTransaction, vault: DomainVault) -> Iterator[tuple[str, Material]]:
    for row in tx.access_keys.all():
        identity = secret_identity(row.access_key_id, row.account_id)
        secret = vault.unwrap(row.domain_key_id, row.wrapped_secret, identity)
        yield f"secret of {row.access_key_id}", secret


def _of_keys(tx: StoreTransaction, vault: DomainVault) -> Iterator[tuple[str, Material]]:
    for key in tx.keys.all(after=("", ""), limit=_PAGE):
        yield from _of_key(tx, vault, key)


def _of_key(
    tx: StoreTransaction, vault: DomainVault, key: KmsKey
) -> Iterator[tuple[str, Material]]:
    binding = MaterialIdentity(
        kind=MaterialKind.BINDING_KEY, account_id=key.account_id, key_id=key.key_id, name=b""
    )
    wrapped = key.binding_key
    yield (
        f"binding key of {key.key_id}",
        vault.unwrap(wrapped.domain_key_id, wrapped.wrapped, binding),
    )
    for row in tx.generations.of_key(key.account_id, key.key_id):
        identity = MaterialIdentity(
            kind=MaterialKind.KEY_MATERIAL,
            account_id=key.account_id,
            key_id=key.key_id,
            name=row.generation_id,
        )
        material = vault.unwrap(row.domain_key_id, row.wrapped, identity)
        yield f"material of {key.key_id}", material
        yield (
            f"message root of {key.key_id}",
            message_root(
                material,
                account_id=key.account_id,
                key_id=key.key_id,
                generation_id=row.generation_id,
            ),
        )


def signing_keys_of(account: Account, *, day: str, region: str) -> dict[str, bytes]:
    """What Signature Version 4 derives from an account's secret for a day (YYYYMMDD)."""
    found: dict[str, bytes] = {}
    for service in ("kms", "sts"):
        derived = b"AWS4" + account.secret_access_key.encode()
        for part in (day, region, service, "aws4_request"):
            derived = digest(derived, part.encode(), "sha256")
            found[f"signing key of {account.account_id} for {service}, up to {part}"] = derived
    return found
