"""The stage that decides whether a call may go on, and what a refusal tells (design §5 step 6).

A caller who may not know whether a key exists gets the same bytes whether it does or not.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from regionkms.crypto.blob import MAX_BLOB_BYTES, MIN_BLOB_BYTES, OWNER_BYTES, parse_header
from regionkms.model.errors import (
    AccessDeniedException,
    KmsError,
    KMSInternalException,
    ValidationException,
)
from regionkms.model.ids import AliasName, alias_arn
from regionkms.operations.call import Call
from regionkms.operations.key_cache import Miss
from regionkms.operations.loaded_key import LoadedKey
from regionkms.operations.resolve import Target, find_key, resolve
from regionkms.policy.decision import decide, decide_unknown_key, denial_message
from regionkms.policy.outcome import Decision
from regionkms.policy.prepared import Subject
from regionkms.policy.request import (
    AccessRequest,
    AliasResource,
    ConditionContext,
    NoResource,
)

_log = logging.getLogger(__name__)

CIPHERTEXT_REFUSAL: Final = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this "
    "region, or you are not allowed to access."
)
"""Word for word as AWS KMS refuses a Decrypt that names no key."""
NO_CIPHERTEXT: Final = (
    "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: "
    "Member must not be null"
)
_NO_KEY_TO_TRY: Final = (
    "A request with the DryRunModifiers IGNORE_CIPHERTEXT must name the KMS key to decrypt with."
)
_NO_PAIRS: Final[Mapping[str, str]] = MappingProxyType({})
_MAX_MISSES: Final = 16
"""Misses that one call may have: an alias, two keys, and the cache moving meanwhile."""


def resolve_for(call: Call, identifier: str, *, accepts_alias: bool) -> Target:
    """Find the key that the call names.

    Raises:
        KmsError: As `resolve`.
        Miss: Not in memory.
    """
    return resolve(call.region, call.account_id, identifier, accepts_alias=accepts_alias)


def ciphertext_target(call: Call, identifier: str | None, blob: bytes | None) -> Target:
    """The key that a Decrypt names, or else the one that its ciphertext names.

    Raises:
        InvalidCiphertextException: No key is named, and these bytes are no ciphertext of ours.
        ValidationException: Neither a key nor a ciphertext, or no key in a DryRun that is to
            ignore the ciphertext.
        Miss: Not in memory.
    """
    if identifier is not None:
        return resolve_for(call, identifier, accepts_alias=True)
    if blob is None:
        raise ValidationException(NO_CIPHERTEXT)
    if call.request.dry_run_modifiers:
        raise ValidationException(_NO_KEY_TO_TRY)
    # Parsing a header each time costs 3 us, the look-up 0.2 us.
    keys, owner = call.region.keys, blob[:OWNER_BYTES]
    target = keys.targets.get(owner)
    if target is None or not MIN_BLOB_BYTES <= len(blob) <= MAX_BLOB_BYTES:
        target = _owner_of(call, blob)
        keys.keep_target(owner, target)
    return target


def _owner_of(call: Call, blob: bytes) -> Target:
    header = parse_header(blob)
    found = find_key(call.region, header.account_id, header.key_id)
    return Target(
        key=found.key,
        account_id=found.account_id,
        arn=found.arn,
        absence=AccessDeniedException(CIPHERTEXT_REFUSAL),
        refusal=CIPHERTEXT_REFUSAL,
    )


async def target_of(call: Call, identifier: str) -> Target:
    """Find a key by id or ARN, reading the store if it must (for control-plane handlers).

    Raises:
        KmsError: As `resolve`; KMSInternalException when the store is too slow.
    """
    for _ in range(_MAX_MISSES):
        try:
            return resolve_for(call, identifier, accepts_alias=False)
        except Miss as miss:
            await miss.resolve()
    raise KMSInternalException("The key store is changing too fast. Retry the request.")


def authorize_key(
    call: Call,
    action: str,
    target: Target,
    *,
    encryption_context: Mapping[str, str] | None = None,
    reencrypt_on_same_key: bool | None = None,
) -> LoadedKey:
    """Let an action on a key pass, or raise what its caller may know.

    Raises:
        AccessDeniedException: Refused, or no such key and the caller may not know.
        KmsError: No such key, to a caller who may know.
    """
    key = target.key
    if key is None:
        raise _absence(call, action, target)
    prepared = call.region.decisions.lookup(
        key.policy.digest,
        call.principal.arn,
        action,
        owner=key.key.account_id,
        identity=call.identity,
    ) or call.region.decisions.prepared(key.policy, _subject(call, action, target))
    decision = prepared.constant
    if decision is None:
        decision = prepared.decide(
            AccessRequest(
                principal=call.principal,
                action=action,
                resource=key.resource(),
                identity=call.identity,
                context=_context(
                    call,
                    target,
                    encryption_context,
                    reencrypt_on_same_key=reencrypt_on_same_key,
                ),
            )
        )
    if not decision.allowed:
        raise _refusal(call, decision, action, target)
    return key


def _subject(call: Call, action: str, target: Target) -> Subject:
    return Subject(
        principal=call.principal,
        action=action,
        owner=target.account_id,
        identity=call.identity,
    )


def _absence(call: Call, action: str, target: Target) -> KmsError:
    decision = decide_unknown_key(_subject(call, action, target))
    if decision.allowed and target.absence is not None:
        return target.absence
    return _refusal(call, decision, action, target)


def _refusal(call: Call, decision: Decision, action: str, target: Target) -> KmsError:
    _name_unevaluated(call, decision)
    if target.refusal is not None:
        return AccessDeniedException(target.refusal)
    return AccessDeniedException(
        denial_message(decision, call.principal, action=action, resource_arn=target.arn)
    )


def _name_unevaluated(call: Call, decision: Decision) -> None:
    if decision.unevaluated:
        _log.warning(
            "a policy was refused where it can't be evaluated",
            extra={"request_id": call.request_id, "unevaluated": list(decision.unevaluated)},
        )


def _context(
    call: Call,
    target: Target,
    encryption_context: Mapping[str, str] | None,
    *,
    reencrypt_on_same_key: bool | None,
) -> ConditionContext:
    request = call.request
    pairs = encryption_context
    if pairs is None:
        pairs = getattr(request, "encryption_context", None) or _NO_PAIRS
    return ConditionContext(
        encryption_context=pairs,
        encryption_algorithm=call.encryption_algorithm,
        request_alias=target.alias_name,
        replica_region=getattr(request, "replica_region", None),
        bypass_policy_lockout_safety_check=getattr(
            request, "bypass_policy_lockout_safety_check", None
        ),
        reencrypt_on_same_key=reencrypt_on_same_key,
        secure_transport=call.secure_transport,
    )


def authorize_alias(call: Call, action: str, name: AliasName) -> None:
    """Let an action on an alias of the caller's account pass; no condition key applies to it.

    Raises:
        AccessDeniedException: Refused.
    """
    arn = alias_arn(call.region.name, call.account_id, name)
    request = AccessRequest(
        principal=call.principal,
        action=action,
        resource=AliasResource(arn=arn, account_id=call.account_id),
        identity=call.identity,
    )
    _require(call, decide(request), action, arn)


def require_identity(call: Call, action: str) -> None:
    """Let an action pass that only the identity side can allow (CreateKey, ListKeys, ...).

    Raises:
        AccessDeniedException: Refused.
    """
    request = AccessRequest(
        principal=call.principal,
        action=action,
        resource=NoResource(),
        identity=call.identity,
        context=ConditionContext(secure_transport=call.secure_transport),
    )
    _require(call, decide(request), action, NoResource.arn)


def require_tagging_of_new_key(call: Call) -> None:
    """Tags at creation need kms:TagResource from the identity side (spec 04 §10.1).

    The key does not exist yet and its own policy does not count.

    Raises:
        AccessDeniedException: Refused.
    """
    arn = f"arn:{call.region.partition}:kms:{call.region.name}:{call.account_id}:key/*"
    subject = Subject(
        principal=call.principal,
        action="kms:TagResource",
        owner=call.account_id,
        identity=call.identity,
    )
    _require(call, decide_unknown_key(subject), "kms:TagResource", arn)


def _require(call: Call, decision: Decision, action: str, arn: str) -> None:
    if not decision.allowed:
        raise AccessDeniedException(
            denial_message(decision, call.principal, action=action, resource_arn=arn)
        )
