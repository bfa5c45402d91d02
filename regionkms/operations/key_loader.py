"""From rows of the store to a key in memory: opens material, compiles the policy, reads the mirror.

The mirror was verified when it was stored and its row is authenticated, so it is only parsed here.
"""

from collections import OrderedDict
from typing import Final

from regionkms.crypto.binding import generation_tag
from regionkms.crypto.material import Material
from regionkms.crypto.message_key import GenerationCipher
from regionkms.model.ids import RegionName, StoreId
from regionkms.model.key import KmsKey, StoredGeneration
from regionkms.model.record import Record
from regionkms.model.record_codec import parse_record, parse_signed
from regionkms.operations.loaded_key import KeyRows, LoadedKey
from regionkms.policy.compile import CompiledPolicy, compile_policy
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault

MAX_POLICIES: Final = 10_000
"""Compiled documents kept; keys with the same text share one."""


class KeyLoader:
    """Builds keys of one Region."""

    def __init__(self, *, region: RegionName, store_id: StoreId, vault: Vault) -> None:
        self._region = region
        self._store_id = store_id
        self._vault = vault
        self._policies: OrderedDict[str, CompiledPolicy] = OrderedDict()

    def __call__(self, rows: KeyRows) -> LoadedKey:
        """Build the key of these rows.

        Raises:
            VaultSealed: A domain key is not at hand.
            MaterialUnreadable: A row's material does not open for this key.
        """
        key = rows.key
        binding_key = self._binding_key(key)
        return LoadedKey(
            rows,
            region=self._region,
            store_id=self._store_id,
            policy=self._policy(key.policy),
            ciphers={
                row.generation_id: self._cipher(key, row, binding_key)
                for row in rows.generations
                if binding_key is not None
            },
            binding_key=binding_key,
            mirror=mirror_of(key),
        )

    def _binding_key(self, key: KmsKey) -> Material | None:
        """The key's binding key; None of a replica that has not fetched it yet."""
        stored = key.binding_key
        if not stored.wrapped:
            return None
        identity = MaterialIdentity(
            kind=MaterialKind.BINDING_KEY, account_id=key.account_id, key_id=key.key_id, name=b""
        )
        return self._vault.unwrap(stored.domain_key_id, stored.wrapped, identity)

    def _policy(self, text: str) -> CompiledPolicy:
        found = self._policies.get(text)
        if found is None:
            found = compile_policy(text)
            self._policies[text] = found
            if len(self._policies) > MAX_POLICIES:
                self._policies.popitem(last=False)
        return found

    def _cipher(
        self, key: KmsKey, row: StoredGeneration, binding_key: Material
    ) -> GenerationCipher:
        material = self._vault.unwrap(
            row.domain_key_id,
            row.wrapped,
            MaterialIdentity(
                kind=MaterialKind.KEY_MATERIAL,
                account_id=key.account_id,
                key_id=key.key_id,
                name=row.generation_id,
            ),
        )
        return GenerationCipher(
            material,
            account_id=key.account_id,
            key_id=key.key_id,
            generation_id=row.generation_id,
            generation_tag=generation_tag(binding_key, row.generation_id),
        )


def mirror_of(key: KmsKey) -> Record | None:
    """The record that a multi-Region key's row mirrors; None before its first look."""
    facts = key.multi_region
    if facts is None or not facts.mirror:
        return None
    return parse_record(parse_signed(facts.mirror))
