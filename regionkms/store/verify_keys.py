"""Open all stored key material, and say what fails: `regionkms keys verify`.

Runs offline on what `OfflineReader.walk` hands out. It changes nothing, and shows names and
reasons, never material. Of each key it checks, in this order:

1. its row and those of its generations fit their authentication codes;
2. binding key and material open for the identity that their row has, so swapped rows both fail
   (F07-07);
3. what opened has the length of its key spec, and the fingerprint that its row holds;
4. the generation that it encrypts with is there.

Source: design §3; spec 07 §2.1.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regionkms.crypto.binding import fingerprint
from regionkms.crypto.material import Material
from regionkms.model.errors import MaterialUnreadable, RowTampered, VaultSealed
from regionkms.model.ids import AccountId, KeyId
from regionkms.model.key import KmsKey, Phase, StoredGeneration
from regionkms.model.key_spec import Origin
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault
from regionkms.store.offline import KeyFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something stored that can't be used.

    Attributes:
        part: `row`, `binding key`, `generation` (one that does not fit its code and is named in
            the reason), or `generation` and its id in hexadecimal digits.
        reason: A clause without its full stop.
    """

    account_id: AccountId
    key_id: KeyId
    part: str
    reason: str

    def __str__(self) -> str:
        return f"{self.account_id} {self.key_id} {self.part}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVerification:
    """What became of one key.

    Attributes:
        opened_generations: How many of its generations are good.
        problems: Empty if all of the key is.
    """

    account_id: AccountId
    key_id: KeyId
    opened_generations: int
    problems: tuple[Problem, ...]


def verify_keys(found: Iterable[KeyFound], vault: Vault) -> Iterator[KeyVerification]:
    """Open everything of each key, one key after the other.

    Args:
        found: From `OfflineReader.walk`; its errors come through.
        vault: With all domain keys of the store.
    """
    return (_verify(key, vault) for key in found)


def _verify(found: KeyFound, vault: Vault) -> KeyVerification:
    failures: list[tuple[str, str]] = []
    good = 0
    for part, reason in _checks(found, vault):
        if reason is None:
            good += part.startswith("generation ")
        else:
            failures.append((part, reason))
    return KeyVerification(
        account_id=found.account_id,
        key_id=found.key_id,
        opened_generations=good,
        problems=tuple(
            Problem(account_id=found.account_id, key_id=found.key_id, part=part, reason=reason)
            for part, reason in failures
        ),
    )


def _checks(found: KeyFound, vault: Vault) -> Iterator[tuple[str, str | None]]:
    """The parts of a key in turn, each with what is wrong with it, or None."""
    key = found.key
    for generation in found.generations:
        if isinstance(generation, RowTampered):
            yield "generation", str(generation)
    if isinstance(key, RowTampered):
        yield "row", str(key)
        return
    binding_key, reason = _binding_key(key, vault)
    yield "binding key", reason
    held = [one for one in found.generations if not isinstance(one, RowTampered)]
    for generation in held:
        reason = _generation_fault(key, generation, binding_key, vault)
        yield f"generation {generation.generation_id.hex()}", reason
    current = key.current_generation
    if (
        key.origin is Origin.AWS_KMS
        and current is not None
        and all(one.generation_id != current for one in held)
    ):
        yield f"generation {current.hex()}", "the key encrypts with it, and has no good row of it"


def _binding_key(key: KmsKey, vault: Vault) -> tuple[Material | None, str | None]:
    identity = MaterialIdentity(
        kind=MaterialKind.BINDING_KEY, account_id=key.account_id, key_id=key.key_id, name=b""
    )
    stored = key.binding_key
    facts = key.multi_region
    if not stored.wrapped and facts is not None and facts.phase is Phase.CREATING:
        return None, None  # a replica that has not fetched it yet
    try:
        return vault.unwrap(stored.domain_key_id, stored.wrapped, identity), None
    except (MaterialUnreadable, VaultSealed) as error:
        return None, str(error)


def _generation_fault(
    key: KmsKey, generation: StoredGeneration, binding_key: Material | None, vault: Vault
) -> str | None:
    identity = MaterialIdentity(
        kind=MaterialKind.KEY_MATERIAL,
        account_id=key.account_id,
        key_id=key.key_id,
        name=generation.generation_id,
    )
    try:
        material = vault.unwrap(generation.domain_key_id, generation.wrapped, identity)
    except (MaterialUnreadable, VaultSealed) as error:
        return str(error)
    if binding_key is None:
        return "it opens, but without the binding key its fingerprint can't be compared"
    try:
        expected = fingerprint(
            binding_key,
            generation_id=generation.generation_id,
            key_spec=key.key_spec,
            material=material,
        )
    except ValueError as error:
        return str(error)
    if not hmac.compare_digest(expected, generation.fingerprint):
        return "it opens, and is not the material of its fingerprint"
    return None
