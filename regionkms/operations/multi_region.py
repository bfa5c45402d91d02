"""ReplicateKey, the worker's half: the agent (reconcile/) carries the intent out, this waits.

1. what can be seen from here is checked first: key, Region, policy, tags (spec 05 §3.7, §3.8);
2. one transaction takes the key's lock with an intent (protocol §5, ReplicateKey 1);
3. the agent answers within the deadline, or the intent is expired durably (R11);
4. one transaction writes the record of the call and marks its intent as recorded. The agent does
   it for a call that never came here (reconcile/missing_records.py); whoever is first has done it.

Source: spec 05 §3.7-3.8, §3.11; protocol §4, §5.
"""

import asyncio
import json
from dataclasses import replace
from typing import Final

from regionkms.model import errors, shapes
from regionkms.model.errors import (
    AlreadyExistsException,
    KmsError,
    KMSInternalException,
    UnsupportedOperationException,
    ValidationException,
)
from regionkms.model.ids import RegionName, key_arn, partition_of
from regionkms.model.key import (
    Intent,
    IntentState,
    KmsKey,
    Lock,
    LockKind,
    MultiRegionFacts,
)
from regionkms.model.key_state import KeyState
from regionkms.model.proposal import Proposal
from regionkms.model.record import MemberState, Record
from regionkms.model.replicate_request import (
    ACCESS_KEY_ID,
    EVENT_TIME,
    KEY_ID,
    REPLICATE_KEY,
    REQUEST_ID,
    asks_the_same,
    encode_replicate_request,
)
from regionkms.operations.call import Call
from regionkms.operations.key_creation import check_text, checked_policy, checked_tags
from regionkms.operations.key_loader import mirror_of
from regionkms.operations.key_metadata import key_metadata
from regionkms.policy.default import default_policy
from regionkms.policy.request import KeyResource
from regionkms.ports.operation import Audited, Operation, Plane, Resource
from regionkms.ports.store import StoreTransaction

CALL_S: Final = 5.0
"""How long a call waits for the other Region before its error (protocol §4)."""
_BUSY_POLL_S: Final = 0.02
"""How often a call that waits for another one's lock looks again."""
_INTENT_ID_BYTES: Final = 16
_BUSY: Final = "Another operation on {arn} has not ended in time. Nothing was changed. Retry."


async def replicate_key(call: Call) -> shapes.ReplicateKeyResponse:
    """Make a replica of a primary key in another Region; returns once that Region has accepted."""
    request: shapes.ReplicateKeyRequest = call.request
    region = call.region
    target = RegionName(request.replica_region)
    check_replicable(call, call.key.key, call.key.mirror, target)
    await _check_region(call, target)
    proposal = _proposal(call, request, target)
    fresh = _fresh_intent(call, proposal)
    intent = await _begin(call, proposal, fresh)
    ended = await region.agent.outcome(intent)
    if ended.state is not IntentState.DONE:
        raise error_of(ended)
    is_own = intent.intent_id == fresh.intent_id

    def end(tx: StoreTransaction) -> shapes.ReplicateKeyResponse:
        if is_own:
            call.recorded = not mark_recorded(tx, intent)
        return _response(tx, call, proposal)

    return await call.commit(end)


def check_replicable(call: Call, key: KmsKey, mirror: Record | None, target: RegionName) -> None:
    """Refuse what can't be replicated, or not there, as far as this Region can see.

    Raises:
        UnsupportedOperationException: A single-Region key, a replica, or a node without etcd.
        AlreadyExistsException: The set has a key in that Region.
    """
    name, arn = call.region.name, call.key.arn
    if key.multi_region is None:
        raise UnsupportedOperationException(f"{arn} is not a multi-Region key.")
    if mirror is not None and mirror.primary_region != name:
        raise UnsupportedOperationException(
            f"{arn} is not the primary key. Only a primary key can be replicated."
        )
    if not call.region.agent.clustered:
        raise UnsupportedOperationException(
            f"The Region {name} is not part of a cluster: it has no other Region to replicate to."
        )
    member = None if mirror is None else mirror.member(target)
    if target == name or (member is not None and member.present):
        existing = key_arn(target, key.account_id, key.key_id)
        raise AlreadyExistsException(f"{existing} already exists.")


async def _check_region(call: Call, target: RegionName) -> None:
    """Raise ValidationException for a Region that no key of this set can be in."""
    if partition_of(target) != call.region.partition:
        raise ValidationException(
            f"The Region {target} is in another partition than the primary key."
        )
    if target not in await call.region.agent.known_regions():
        raise ValidationException(f"The Region {target} is not a Region of this service.")


def _proposal(call: Call, request: shapes.ReplicateKeyRequest, target: RegionName) -> Proposal:
    """What the target is asked for, once the caller's part of it has been checked."""
    key = call.key.key
    check_text(request.description or "")
    tags = checked_tags(request.tags)
    checked_policy(
        request.policy,
        call=call,
        key=KeyResource(
            arn=key_arn(target, key.account_id, key.key_id),
            account_id=key.account_id,
            key_spec=key.key_spec.value,
            key_usage=key.key_usage.value,
            origin=key.origin.value,
            multi_region=True,
            multi_region_key_type="REPLICA",
        ),
        bypass_lockout_check=request.bypass_policy_lockout_safety_check,
    )
    return Proposal(
        account_id=key.account_id,
        key_id=key.key_id,
        region=target,
        policy=request.policy or "",
        bypass_policy_lockout_safety_check=bool(request.bypass_policy_lockout_safety_check),
        description=request.description or "",
        tags=tags,
        caller_arn=call.principal.arn,
        caller_account_id=call.account_id,
        request_context={
            "aws:SourceIp": (call.source_ip,),
            "aws:UserAgent": (call.user_agent,),
            "aws:SecureTransport": (str(call.secure_transport).lower(),),
            ACCESS_KEY_ID: (call.caller.access_key_id,),
            REQUEST_ID: (call.request_id,),
            EVENT_TIME: (repr(call.event_time),),
            KEY_ID: (request.key_id,),
        },
    )


def _fresh_intent(call: Call, proposal: Proposal) -> Intent:
    now = call.region.clock.machine_now()
    return Intent(
        intent_id=call.region.random_bytes(_INTENT_ID_BYTES).hex(),
        kind=REPLICATE_KEY,
        account_id=proposal.account_id,
        key_id=proposal.key_id,
        request=encode_replicate_request(proposal),
        created_at=now,
        deadline=now + CALL_S,
    )


async def _begin(call: Call, proposal: Proposal, fresh: Intent) -> Intent:
    """Take the lock with an intent, or join the same call's; wait for another call's lock.

    Raises:
        KMSInternalException: The lock was not free in time; nothing was changed.
        KmsError: The key has changed meanwhile, and can't be replicated.
    """
    region = call.region
    while True:
        intent = await region.store.write(lambda tx: _lock(tx, call, proposal, fresh))
        if intent is not None:
            return intent
        if region.clock.machine_now() >= fresh.deadline:
            raise KMSInternalException(_BUSY.format(arn=call.key.arn))
        await asyncio.sleep(_BUSY_POLL_S)


def _lock(tx: StoreTransaction, call: Call, proposal: Proposal, fresh: Intent) -> Intent | None:
    """ReplicateKey 1; None while another call has the lock."""
    key = call.recheck(tx)
    facts = key.multi_region
    if facts is None:
        raise ValueError("a multi-Region key has lost its facts")
    if facts.lock is not None:
        return _joined(tx, facts.lock, proposal)
    check_replicable(call, key, mirror_of(key), proposal.region)
    lock = Lock(
        kind=LockKind.REPLICATE,
        peer=proposal.region,
        intent_id=fresh.intent_id,
        base_seq=facts.mirror_seq,
    )
    tx.intents.put(fresh)
    tx.multi_region.put(key.account_id, key.key_id, _locked(facts, lock))
    return fresh


def _locked(facts: MultiRegionFacts, lock: Lock) -> MultiRegionFacts:
    return replace(facts, lock=lock)


def _joined(tx: StoreTransaction, lock: Lock, proposal: Proposal) -> Intent | None:
    """The intent that a repeated call joins; one that has expired is waited for instead (§5)."""
    if lock.kind is not LockKind.REPLICATE or lock.expired:
        return None
    intent = tx.intents.get(lock.intent_id)
    if intent is None or intent.state is not IntentState.OPEN:
        return None
    return intent if asks_the_same(intent, proposal) else None


def mark_recorded(tx: StoreTransaction, intent: Intent) -> bool:
    """Mark a DONE intent in the transaction of its record; False: the agent has recorded it.

    An intent that is gone was recorded: others are not pruned.
    """
    found = tx.intents.get(intent.intent_id)
    if found is None or found.recorded:
        return False
    tx.intents.put(replace(found, recorded=True))
    return True


def error_of(ended: Intent) -> KmsError:
    """The error that a failed or expired intent stands for, as ReplicateKey's model knows it."""
    outcome = json.loads(ended.outcome or "{}")
    code, message = outcome.get("code", ""), outcome.get("message", "")
    found = getattr(errors, code, None)
    if code not in _KNOWN or not (isinstance(found, type) and issubclass(found, KmsError)):
        return KMSInternalException(message or "The request could not be completed. Retry.")
    return found(message)


def _response(tx: StoreTransaction, call: Call, proposal: Proposal) -> shapes.ReplicateKeyResponse:
    primary = call.key.key
    # As it is now, whatever its state has become: the replica stands.
    key = tx.keys.get(primary.account_id, primary.key_id) or primary
    return replicated(key, mirror_of(key), proposal, call.event_time)


def replicated(
    key: KmsKey, mirror: Record | None, proposal: Proposal, event_time: float
) -> shapes.ReplicateKeyResponse:
    """The replica as the primary's Region knows it: Creating, unless it is a MEMBER already."""
    member = None if mirror is None else mirror.member(proposal.region)
    complete = member is not None and member.state is MemberState.MEMBER
    replica = replace(key, created_at=event_time, description=proposal.description)
    metadata = key_metadata(
        replica,
        region=proposal.region,
        state=KeyState.ENABLED if complete else KeyState.CREATING,
        mirror=mirror,
    )
    policy = proposal.policy or default_policy(key.account_id, partition_of(proposal.region))
    return shapes.ReplicateKeyResponse(
        replica_key_metadata=metadata,
        replica_policy=policy,
        replica_tags=[
            shapes.Tag(tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in proposal.tags
        ],
    )


_KNOWN: Final = frozenset(
    {
        *shapes.OPERATIONS[REPLICATE_KEY].errors,
        "AccessDeniedException",
        "ThrottlingException",
        "ValidationException",
    }
)
"""Errors of the operation's model, and those that every operation may answer. What the model lacks
(DependencyTimeoutException) is answered as KMSInternalException (protocol §4)."""

OPERATIONS: Final = (
    Operation(
        name=REPLICATE_KEY,
        handler=replicate_key,
        plane=Plane.CONTROL,
        resource=Resource.KEY,
        permission="kms:ReplicateKey",
        read_only=False,
        audited=Audited(
            request=(
                "KeyId",
                "ReplicaRegion",
                "BypassPolicyLockoutSafetyCheck",
                "Description",
            ),
            defaults={"Description": "", "BypassPolicyLockoutSafetyCheck": False},
            response=("ReplicaKeyMetadata", "ReplicaPolicy"),
        ),
    ),
)
"""Rows of this family."""
