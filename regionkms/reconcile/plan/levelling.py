"""What a look changes in the Region's own store: the local rows of protocol §5, in order.

Every change that follows from a reading carries the mirror (R5), so a crash between two of them
loses nothing: the next look finds the rest. Nothing absent deletes anything (R6): a life that has
ended elsewhere suspends the key and keeps its material.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from regionkms.model.ids import partition_of
from regionkms.model.key import (
    NO_BINDING_KEY,
    NO_DELETION,
    IntentState,
    KmsKey,
    LockKind,
    MultiRegionFacts,
    Phase,
)
from regionkms.model.record import (
    GenerationState,
    Member,
    MemberState,
    ProposalState,
    Record,
)
from regionkms.policy.default import default_policy
from regionkms.reconcile.plan import replicate_lock
from regionkms.reconcile.plan.facts import IN_USE, LocalFacts, Seen, is_member
from regionkms.reconcile.plan.steps import Level

_ENDED = frozenset({MemberState.DELETED, MemberState.RETIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The two clocks at the moment of planning (protocol R14), in seconds since the epoch."""

    kms: float
    machine: float


def level_cut_off(local: LocalFacts, times: Times) -> Level | None:
    """What a Region may change without etcd: expire, and release what was never issued."""
    return replicate_lock.expire(local, times.machine) or replicate_lock.unlock_unissued(local)


def level(local: LocalFacts, seen: Seen, record: Record, times: Times) -> Level | None:
    """The next local change that follows from a reading, or None."""
    for rule in _RULES:
        found = rule(local, seen, record, times)
        if found is not None:
            return found
    return None


def mirrored(local: LocalFacts, seen: Seen, record: Record) -> MultiRegionFacts:
    """The facts with the record as mirror; a record that is not newer changes nothing."""
    facts = local.facts
    if record.seq <= facts.mirror_seq and facts.mirror:
        return facts
    acknowledged = frozenset() if local.fetches else local.acknowledged(record)
    return replace(
        facts,
        mirror=seen.value,
        mirror_seq=record.seq,
        mirror_revision=seen.revision,
        ever_acked=facts.ever_acked | acknowledged,
    )


def _finish_call(local: LocalFacts, seen: Seen, record: Record, _: Times) -> Level | None:
    return replicate_lock.finish(local, record, mirrored(local, seen, record))


def _create(local: LocalFacts, seen: Seen, record: Record, times: Times) -> Level | None:
    """Create (T), and Rejoin of a suspended key: only once this Region's `accepted` has landed."""
    member = local.entry(record)
    if not _begins(local, record, member) or member is None:
        return None
    proposal = seen.proposal
    facts = replace(
        mirrored(local, seen, record),
        life=member.life,
        phase=Phase.CREATING,
        lock=None,
        opened_by=local.store_id,
    )
    policy = "" if proposal is None else proposal.policy
    key = _new_key(local, record, times) if local.key is None else local.key
    key = replace(
        key,
        description="" if proposal is None else proposal.description,
        policy=policy or default_policy(local.account_id, partition_of(local.region)),
        enabled=True,
        deletion=NO_DELETION,
    )
    return Level(
        facts=facts,
        insert=replace(key, multi_region=facts) if local.key is None else None,
        update=None if local.key is None else key,
        tags=() if proposal is None else proposal.tags,
        created_for=proposal,
        note="replica accepted, material is to be fetched"
        if proposal is not None
        else "replica created with the default key policy: nobody has its proposal any more",
        alarm=proposal is None,
    )


def _begins(local: LocalFacts, record: Record, member: Member | None) -> bool:
    return (
        member is not None
        and not record.dead
        and member.request is ProposalState.ACCEPTED
        and member.life > local.facts.life
        and local.phase in {Phase.PURGED, Phase.SUSPENDED}
    )


def _new_key(local: LocalFacts, record: Record, times: Times) -> KmsKey:
    shared = record.shared
    return KmsKey(
        account_id=local.account_id,
        key_id=local.key_id,
        key_spec=shared.key_spec,
        key_usage=shared.key_usage,
        origin=shared.origin,
        policy="",
        created_at=times.kms,
        enabled=True,
        current_generation=None,
        binding_key=NO_BINDING_KEY,
    )


def _suspend(local: LocalFacts, seen: Seen, record: Record, _: Times) -> Level | None:
    """The life of this key has ended by somebody else's word: keep everything, serve nothing."""
    member = local.entry(record)
    if local.phase not in {Phase.LIVE, Phase.CREATING} or local.lock_kind is LockKind.DELETE:
        return None
    if member is None or not (
        member.life > local.facts.life
        or (member.life == local.facts.life and member.state in _ENDED)
    ):
        return None
    outcome = json.dumps(
        {
            "code": "KMSInvalidStateException",
            "message": "This Region is no longer a member of the key's set.",
        }
    )
    facts = replace(mirrored(local, seen, record), phase=Phase.SUSPENDED, lock=None)
    return Level(
        facts=facts,
        intents=replicate_lock.ended(local.intent, IntentState.FAILED, outcome),
        note=f"the key is suspended: its entry is {member.state} in life {member.life}",
        alarm=True,
    )


def _mirror(local: LocalFacts, seen: Seen, record: Record, _: Times) -> Level | None:
    if local.phase not in {Phase.LIVE, Phase.CREATING}:
        return None
    facts = mirrored(local, seen, record)
    return None if facts == local.facts else Level(facts=facts)


def _open(local: LocalFacts, _: Seen, record: Record, __: Times) -> Level | None:
    """Open a replaced store's key once it has all that its Region acknowledged or may need."""
    if local.is_open or local.present_in(record) is None:
        return None
    transition = record.transition
    if transition is not None and transition.from_region == local.region:
        return None
    needed = {
        one.generation_id
        for one in record.generations
        if one.state in IN_USE or (one.state is GenerationState.DISTRIBUTING and one.holders)
    } | local.acknowledged(record)
    if local.fetches and not all(local.holds(record, one) for one in needed):
        return None
    return Level(
        facts=replace(local.facts, opened_by=local.store_id), note="the replaced store's key opens"
    )


def _complete(local: LocalFacts, _: Seen, record: Record, __: Times) -> Level | None:
    """Finish: LIVE only after the Join has landed."""
    if local.phase is not Phase.CREATING or not is_member(local.present_in(record)):
        return None
    if not local.is_open or (local.fetches and local.lacks(record, IN_USE)):
        return None
    return Level(facts=replace(local.facts, phase=Phase.LIVE), note="the replica is complete")


def _current(local: LocalFacts, _: Seen, record: Record, __: Times) -> Level | None:
    """Encrypt with what the mirror calls CURRENT, once it is here (R9)."""
    key, current = local.key, record.current
    if key is None or current is None or local.phase not in {Phase.LIVE, Phase.CREATING}:
        return None
    if key.current_generation == current.generation_id:
        return None
    if not local.holds(record, current.generation_id):
        return None
    return Level(update=replace(key, current_generation=current.generation_id))


def _issue(local: LocalFacts, _: Seen, record: Record, __: Times) -> Level | None:
    return replicate_lock.issue_or_release(local, record)


_RULES: tuple[Callable[[LocalFacts, Seen, Record, Times], Level | None], ...] = (
    _finish_call,
    _create,
    _suspend,
    _mirror,
    _open,
    _complete,
    _current,
    _issue,
)
"""In order: a call is finished against the mirror as it was before this reading."""
