"""A KMS key as a worker holds it in memory: facts of its row plus what is computed from them once.

Built when a key is loaded from the store, dropped when the change feed names it; never changed in
between. Plaintext material lives in its ciphers only.
"""

import hmac
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from regionkms.crypto.binding import generation_tag
from regionkms.crypto.material import Material
from regionkms.crypto.message_key import GenerationCipher
from regionkms.model.errors import KmsError
from regionkms.model.ids import AccountId, GenerationId, KeyArn, RegionName, StoreId, key_arn
from regionkms.model.key import Alias, KmsKey, LockKind, Phase, StoredGeneration, Tag
from regionkms.model.key_spec import KEY_SPECS, KeySpec, KeySpecRow, KeyUsage, Origin
from regionkms.model.key_state import KeyState, StateFacts, refusal, state_of
from regionkms.model.record import GenerationState, Record
from regionkms.policy.compile import CompiledPolicy
from regionkms.policy.request import KeyResource

_UPDATING: Final = frozenset({LockKind.UPDATE_FROM, LockKind.UPDATE_TO})
_IN_USE: Final = frozenset({GenerationState.CURRENT, GenerationState.PREVIOUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRows:
    """What one snapshot of the store says of a key."""

    key: KmsKey
    generations: Sequence[StoredGeneration]
    tags: Sequence[Tag]
    aliases: Sequence[Alias]


def state_facts(
    key: KmsKey, held: frozenset[GenerationId], mirror: Record | None, store_id: StoreId
) -> StateFacts:
    """The independent facts that a key's state follows from (protocol §3, spec 02 S16).

    Args:
        key: The key's row.
        held: Generations whose bytes the store has.
        mirror: The last-seen record of a multi-Region key; None before there is one.
        store_id: This store; a multi-Region key opened by another one is closed (R12).
    """
    facts = key.multi_region
    lock = facts.lock.kind if facts is not None and facts.lock is not None else None
    closed = facts is not None and facts.opened_by != store_id
    suspended = facts is not None and facts.phase is Phase.SUSPENDED
    lacks = key.origin is Origin.AWS_KMS and not _needed(key, mirror) <= held
    return StateFacts(
        deletion=key.deletion.kind,
        creating=facts is not None and facts.phase is Phase.CREATING,
        updating=lock in _UPDATING,
        unavailable=closed or suspended or lacks,
        material_missing=key.origin is Origin.EXTERNAL and not held,
        enabled=key.enabled,
    )


def _needed(key: KmsKey, mirror: Record | None) -> frozenset[GenerationId]:
    if mirror is not None:
        return frozenset(
            generation.generation_id
            for generation in mirror.generations
            if generation.state in _IN_USE
        )
    return frozenset() if key.current_generation is None else frozenset({key.current_generation})


class LoadedKey:
    """One key in memory.

    Attributes:
        key: The row.
        arn: Of the key in this Region.
        state: Computed from facts.
        spec: The row of its key spec.
        policy: Its key policy, compiled; shared between keys with the same document.
        current: What it encrypts with; None where the state allows no encryption, and for keys that
            are not `symmetric`.
        ciphers: Everything it can decrypt with, by the prefix of the blobs that it made.
        symmetric: Whether it is a key of SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT.
        mirror: The last-seen record of a multi-Region key.
        account_id: Of its owner; one object for all keys of an account, so that it is found in the
            processor's caches whichever key is used.
    """

    __slots__ = (
        "_binding_key",
        "account_id",
        "aliases",
        "arn",
        "ciphers",
        "current",
        "key",
        "mirror",
        "policy",
        "refusals",
        "region",
        "spec",
        "state",
        "symmetric",
        "tags",
    )

    def __init__(
        self,
        rows: KeyRows,
        *,
        region: RegionName,
        store_id: StoreId,
        policy: CompiledPolicy,
        ciphers: Mapping[GenerationId, GenerationCipher],
        binding_key: Material | None,
        mirror: Record | None,
    ) -> None:
        key = rows.key
        self.key: Final = key
        self.region: Final = region
        self.arn: Final[KeyArn] = key_arn(region, key.account_id, key.key_id)
        held = frozenset(generation.generation_id for generation in rows.generations)
        self.state: Final[KeyState] = state_of(state_facts(key, held, mirror, store_id))
        self.spec: Final[KeySpecRow] = KEY_SPECS[key.key_spec]
        self.symmetric: Final = (
            key.key_spec is KeySpec.SYMMETRIC_DEFAULT and key.key_usage is KeyUsage.ENCRYPT_DECRYPT
        )
        self.policy: Final = policy
        self._binding_key: Final = binding_key
        self.ciphers: Final = {cipher.prefix: cipher for cipher in ciphers.values()}
        self.current: Final = (
            ciphers.get(key.current_generation)
            if self.symmetric and key.current_generation is not None
            else None
        )
        self.mirror: Final = mirror
        self.tags: Final = tuple(rows.tags)
        self.aliases: Final = tuple(alias.alias_name for alias in rows.aliases)
        self.refusals: Final[dict[str, KmsError | None]] = {}
        self.account_id: Final = AccountId(sys.intern(key.account_id))

    @property
    def touched(self) -> tuple[tuple[AccountId, str]]:
        """`Call.resources` of a call on this key alone."""
        return ((self.account_id, self.arn),)

    def check_state(self, operation: str) -> None:
        """Raise what the state table says of an operation on this key.

        Raises:
            KmsError: DisabledException, KMSInvalidStateException or UnsupportedOperationException.
        """
        try:
            error = self.refusals[operation]
        except KeyError:
            error = refusal(operation, self.state, self.key.origin, self.arn)
            self.refusals[operation] = error
        if error is not None:
            raise type(error)(error.message)

    def made_elsewhere(self, generation_id: GenerationId, tag: bytes) -> bool:
        """Whether this key made a generation that its Region does not hold (protocol §4).

        The tag proves it, in constant time: nobody without the binding key can make one.
        """
        held = any(cipher.generation_id == generation_id for cipher in self.ciphers.values())
        if held or self._binding_key is None:
            return False
        return hmac.compare_digest(generation_tag(self._binding_key, generation_id), tag)

    def resource(self) -> KeyResource:
        """The key as policies see it."""
        key = self.key
        return KeyResource(
            arn=self.arn,
            account_id=key.account_id,
            key_spec=key.key_spec.value,
            key_usage=key.key_usage.value,
            origin=key.origin.value,
            multi_region=key.multi_region is not None,
            multi_region_key_type=self.multi_region_key_type,
        )

    @property
    def multi_region_key_type(self) -> str | None:
        """PRIMARY or REPLICA by the record; a key without one is its founder's primary."""
        if self.key.multi_region is None:
            return None
        is_primary = self.mirror is None or self.mirror.primary_region == self.region
        return "PRIMARY" if is_primary else "REPLICA"
