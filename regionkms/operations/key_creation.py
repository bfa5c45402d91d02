"""What CreateKey and the making of a replica have in common: checks of what a caller supplies.

Source: spec 01 §6.1, §11.2; spec 03 §4.2, KP-37; spec 07 §4.1.
"""

from collections.abc import Sequence
from typing import Final

from regionkms.crypto.binding import BINDING_KEY_BYTES, fingerprint
from regionkms.crypto.material import Material
from regionkms.model import shapes
from regionkms.model.errors import (
    LimitExceededException,
    TagException,
    ValidationException,
)
from regionkms.model.ids import (
    GENERATION_ID_BYTES,
    AccountId,
    GenerationId,
    KeyId,
)
from regionkms.model.key import StoredGeneration, Tag, WrappedBindingKey
from regionkms.model.key_spec import KEY_SPECS, KeySpec
from regionkms.model.limits import MAX_POLICY_BYTES, MAX_TAGS
from regionkms.operations.call import Call
from regionkms.operations.region import Region
from regionkms.policy.compile import compile_document, policy_digest
from regionkms.policy.default import default_policy
from regionkms.policy.document import parse_new_document
from regionkms.policy.lockout import check_lockout
from regionkms.policy.request import ConditionContext, KeyResource
from regionkms.ports.vault import MaterialIdentity, MaterialKind

_RESERVED_TAG_PREFIX: Final = "aws:"


def checked_tags(tags: Sequence[shapes.Tag] | None) -> tuple[Tag, ...]:
    """The tags of a request.

    Raises:
        TagException: Too many, duplicate or reserved tag keys (spec 01 §11.2).
        ValidationException: A text has the character U+0000.
    """
    found = tuple(Tag(tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in tags or ())
    check_text(*(text for tag in found for text in (tag.tag_key, tag.tag_value)))
    if len(found) > MAX_TAGS:
        raise TagException("Too many tags")
    if len({tag.tag_key for tag in found}) != len(found):
        raise TagException("Duplicate tag keys")
    if any(tag.tag_key.lower().startswith(_RESERVED_TAG_PREFIX) for tag in found):
        raise TagException("Tags beginning with aws: are reserved")
    return found


def check_text(*texts: str) -> None:
    """Refuse text that not every store can keep.

    Raises:
        ValidationException: A text has the character U+0000, which PostgreSQL does not take.
    """
    if any("\0" in text for text in texts):
        raise ValidationException("Descriptions and tags must not contain the character U+0000.")


def checked_policy(
    document: str | None, *, call: Call, key: KeyResource, bypass_lockout_check: bool | None
) -> str:
    """The key policy that a key gets: the caller's document once it is checked, or the default.

    Args:
        document: As the caller wrote it; None for the default key policy.
        call: The present call; its facts are those that the lockout check goes by.
        key: The key as it will be.
        bypass_lockout_check: As the request says.

    Raises:
        LimitExceededException: Longer than MAX_POLICY_BYTES.
        ValidationException: It has characters that a policy can't have.
        MalformedPolicyDocumentException: Not a key policy, or it would lock the caller out.
    """
    if document is None:
        return default_policy(key.account_id, call.region.partition)
    size_bytes = len(document.encode())
    if size_bytes > MAX_POLICY_BYTES:
        raise LimitExceededException(
            f"A key policy has at most {MAX_POLICY_BYTES} bytes; this one has {size_bytes}."
        )
    policy = compile_document(parse_new_document(document), policy_digest(document))
    if not bypass_lockout_check:
        facts = ConditionContext(
            bypass_policy_lockout_safety_check=bypass_lockout_check,
            secure_transport=call.secure_transport,
        )
        check_lockout(policy, call.principal, key=key, context=facts)
    return document


def new_binding_key(
    region: Region, account_id: AccountId, key_id: KeyId
) -> tuple[Material, WrappedBindingKey]:
    """Make a key's binding key: the plaintext for the moment, and its wrapped form."""
    binding_key = Material(region.random_bytes(BINDING_KEY_BYTES))
    domain_key_id, wrapped = region.vault.wrap(
        binding_key,
        MaterialIdentity(
            kind=MaterialKind.BINDING_KEY, account_id=account_id, key_id=key_id, name=b""
        ),
    )
    return binding_key, WrappedBindingKey(domain_key_id=domain_key_id, wrapped=wrapped)


def new_generation(
    region: Region,
    *,
    account_id: AccountId,
    key_id: KeyId,
    key_spec: KeySpec,
    binding_key: Material,
) -> StoredGeneration:
    """Make a version of key material under a random id, wrapped and fingerprinted (design §3)."""
    size_bytes = KEY_SPECS[key_spec].material_bytes
    if size_bytes is None:
        raise ValueError(f"{key_spec} material is a key pair, not random bytes")
    material = Material(region.random_bytes(size_bytes))
    generation_id = GenerationId(region.random_bytes(GENERATION_ID_BYTES))
    domain_key_id, wrapped = region.vault.wrap(
        material,
        MaterialIdentity(
            kind=MaterialKind.KEY_MATERIAL,
            account_id=account_id,
            key_id=key_id,
            name=generation_id,
        ),
    )
    return StoredGeneration(
        generation_id=generation_id,
        domain_key_id=domain_key_id,
        wrapped=wrapped,
        fingerprint=fingerprint(
            binding_key, generation_id=generation_id, key_spec=key_spec, material=material
        ),
        created_at=region.clock.now(),
    )
