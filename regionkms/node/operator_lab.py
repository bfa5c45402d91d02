"""Operator commands that exist in labs alone: the clock, and keys with given ids and material.

Source: design §7 (seed), §4 (Clocks).
"""

import binascii
from base64 import b64decode
from typing import Annotated, Final

import msgspec

from regionkms.crypto.binding import BINDING_KEY_BYTES, fingerprint
from regionkms.crypto.material import Material
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import (
    ALIAS_PREFIX,
    AWS_ALIAS_PREFIX,
    GENERATION_ID_BYTES,
    AccountId,
    AliasName,
    GenerationId,
    KeyId,
    is_key_id,
    is_multi_region_key_id,
    key_arn,
    partition_of,
)
from regionkms.model.key import (
    Alias,
    KmsKey,
    MultiRegionFacts,
    Phase,
    StoredGeneration,
    Tag,
    WrappedBindingKey,
)
from regionkms.model.key_spec import KEY_SPECS, KeySpec, KeyUsage, Origin
from regionkms.node.lab_clock import MAX_OFFSET_NS, SETTING_OFFSET_NS
from regionkms.node.operator import OperatorCall, OperatorCommand, OperatorPorts
from regionkms.node.operator_accounts import AccountIdText
from regionkms.policy.default import default_policy
from regionkms.policy.document import parse_new_document
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind

_FOUNDER_LIFE: Final = 1
_NS_PER_S: Final = 1_000_000_000


class SetClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `clock set`: how far the lab clock is to run ahead of the machine's."""

    offset_ns: Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET_NS)]


class SeedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `seed key`.

    Attributes:
        key_id: Its form tells whether it is a multi-Region key.
        material: Base64; random if empty.
    """

    account_id: AccountIdText
    key_id: str
    key_spec: KeySpec = KeySpec.SYMMETRIC_DEFAULT
    material: str = ""
    description: str = ""
    policy: str = ""
    enabled: bool = True
    tags: dict[str, str] = {}
    aliases: list[str] = []

    def __repr__(self) -> str:
        return f"<seed of key {self.key_id}>"


async def set_clock(call: OperatorCall) -> object:
    """Move the lab clock forward, in every process and over restarts."""
    ports = call.ports
    wanted: int = call.arguments.offset_ns
    before = ports.clock_offset.ns
    if wanted < before:
        raise ConfigurationError(
            f"the lab clock moves forward only, and is {before / _NS_PER_S:.0f} s ahead already"
        )
    # The store first: a clock that runs ahead and then falls back would break a promise.
    await call.commit(lambda tx: tx.settings.put(SETTING_OFFSET_NS, str(wanted)))
    ports.clock_offset.set(wanted)
    ports.wake()
    return {"offset_s": wanted / _NS_PER_S}


async def seed_key(call: OperatorCall) -> object:
    """Make a key with a given id, once; a key that is there is left as it is."""
    arguments: SeedKey = call.arguments
    ports = call.ports
    key, generation = _new_key(ports, arguments)
    aliases = [_alias(name, key) for name in arguments.aliases]
    tags = [Tag(tag_key=name, tag_value=value) for name, value in arguments.tags.items()]

    def work(tx: StoreTransaction) -> bool:
        if tx.keys.get(key.account_id, key.key_id) is not None:
            return False
        if tx.multi_region.get(key.account_id, key.key_id) is not None:
            raise ConfigurationError(f"key {key.key_id} was here and is deleted; use another id")
        tx.keys.insert(key)
        tx.generations.put(key.account_id, key.key_id, generation)
        if tags:
            tx.tags.put(key.account_id, key.key_id, tags)
        for alias in aliases:
            taken = tx.aliases.get(alias.account_id, AliasName(alias.alias_name))
            if taken is not None:
                raise ConfigurationError(
                    f"{alias.alias_name} is taken by key {taken.target_key_id}"
                )
            tx.aliases.put(alias)
        return True

    made = await call.commit(work)
    if made and key.multi_region is not None:
        ports.wake()
    return {"arn": key_arn(ports.region, key.account_id, key.key_id), "made": made}


def _new_key(ports: OperatorPorts, seed: SeedKey) -> tuple[KmsKey, StoredGeneration]:
    account_id, key_id = AccountId(seed.account_id), KeyId(seed.key_id)
    if not is_key_id(seed.key_id):
        raise ConfigurationError(
            f"{seed.key_id[:64]!r} is no key id (a UUID, or mrk- and 32 hexadecimal digits)"
        )
    policy = seed.policy or default_policy(account_id, partition_of(ports.region))
    parse_new_document(policy)
    binding_key = Material(ports.random_bytes(BINDING_KEY_BYTES))
    generation = _new_generation(ports, seed, binding_key)
    facts = MultiRegionFacts(life=_FOUNDER_LIFE, phase=Phase.LIVE, opened_by=ports.store.store_id)
    key = KmsKey(
        account_id=account_id,
        key_id=key_id,
        key_spec=seed.key_spec,
        key_usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=Origin.AWS_KMS,
        description=seed.description,
        policy=policy,
        created_at=generation.created_at,
        enabled=seed.enabled,
        current_generation=generation.generation_id,
        binding_key=_wrapped_binding_key(ports, account_id, key_id, binding_key),
        multi_region=facts if is_multi_region_key_id(key_id) else None,
    )
    return key, generation


def _wrapped_binding_key(
    ports: OperatorPorts, account_id: AccountId, key_id: KeyId, binding_key: Material
) -> WrappedBindingKey:
    identity = MaterialIdentity(
        kind=MaterialKind.BINDING_KEY, account_id=account_id, key_id=key_id, name=b""
    )
    domain_key_id, wrapped = ports.vault.wrap(binding_key, identity)
    return WrappedBindingKey(domain_key_id=domain_key_id, wrapped=wrapped)


def _new_generation(ports: OperatorPorts, seed: SeedKey, binding_key: Material) -> StoredGeneration:
    material = _material(ports, seed)
    generation_id = GenerationId(ports.random_bytes(GENERATION_ID_BYTES))
    identity = MaterialIdentity(
        kind=MaterialKind.KEY_MATERIAL,
        account_id=AccountId(seed.account_id),
        key_id=KeyId(seed.key_id),
        name=generation_id,
    )
    domain_key_id, wrapped = ports.vault.wrap(material, identity)
    return StoredGeneration(
        generation_id=generation_id,
        domain_key_id=domain_key_id,
        wrapped=wrapped,
        fingerprint=fingerprint(
            binding_key, generation_id=generation_id, key_spec=seed.key_spec, material=material
        ),
        created_at=ports.clock.now(),
    )


def _material(ports: OperatorPorts, seed: SeedKey) -> Material:
    row = KEY_SPECS[seed.key_spec]
    if row.material_bytes is None or not row.offered:
        raise ConfigurationError(f"keys of spec {seed.key_spec} can't be seeded in this release")
    if not seed.material:
        return Material(ports.random_bytes(row.material_bytes))
    try:
        given = b64decode(seed.material, validate=True)
    except binascii.Error as error:
        raise ConfigurationError(f"the material of key {seed.key_id} is no base64") from error
    if len(given) != row.material_bytes:
        raise ConfigurationError(
            f"{seed.key_spec} takes {row.material_bytes} bytes of material, key {seed.key_id} has "
            f"{len(given)}"
        )
    return Material(given)


def _alias(name: str, key: KmsKey) -> Alias:
    if not name.startswith(ALIAS_PREFIX) or name.startswith(AWS_ALIAS_PREFIX):
        raise ConfigurationError(f"{name[:64]!r} is no name that an alias may have (alias/...)")
    return Alias(
        account_id=key.account_id,
        alias_name=name,
        target_key_id=key.key_id,
        created_at=key.created_at,
        updated_at=key.created_at,
    )


COMMANDS: Final = (
    OperatorCommand(
        name="clock set",
        handler=set_clock,
        arguments=SetClock,
        audited=("offset_ns",),
        lab_only=True,
    ),
    OperatorCommand(
        name="seed key",
        handler=seed_key,
        arguments=SeedKey,
        audited=("account_id", "key_id", "key_spec", "description", "aliases"),
        lab_only=True,
    ),
)
"""Rows of this family."""
