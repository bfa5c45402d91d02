"""Which CAS or fetch is next, when the store is level with the reading: one rule for each row.

Acts of a primary come first, then what a Region does as a member; fetching is last, because it may
have to wait for other Regions. Guards read one revision of the record (R2).
"""

from collections.abc import Callable

from regionkms.model import record_change
from regionkms.model.ids import GenerationId
from regionkms.model.key import LockKind, Phase
from regionkms.model.record import (
    Generation,
    GenerationState,
    Holder,
    Member,
    MemberState,
    ProposalState,
    Record,
)
from regionkms.reconcile.plan.facts import LocalFacts, Seen, is_member
from regionkms.reconcile.plan.replicate_lock import landed, refusal, replicate_lock
from regionkms.reconcile.plan.steps import Answer, Fetch, Found, Propose, Step, Write

LISTED = frozenset(GenerationState) - {GenerationState.ABANDONED}
_ABSENT = frozenset({Phase.PURGED, Phase.SUSPENDED})


def found(local: LocalFacts) -> Found | None:
    """CreateKey MultiRegion: write the first record of a key that this Region made.

    Also of keys that were made before the node had etcd. The id is random: nobody else has it.
    """
    key = local.key
    is_founder = local.facts.life == record_change.FOUNDER_LIFE and local.mirror is None
    if key is None or not is_founder or local.phase is not Phase.LIVE or not local.is_open:
        return None
    return Found(key=key, generations=tuple(local.held))


def next_act(local: LocalFacts, seen: Seen, record: Record) -> Step | None:
    """The first rule that has something to do."""
    if record.dead:
        return None
    for rule in _RULES:
        step = rule(local, seen, record)
        if step is not None:
            return step
    return None


def _self_retire(local: LocalFacts, _: Seen, record: Record) -> Step | None:
    """This Region's store is lost: it says so itself, and the others need not wait for it."""
    member = local.entry(record)
    if member is None or member.state is not MemberState.MEMBER or local.phase not in _ABSENT:
        return None
    if member.life <= local.facts.life or local.lock_kind is LockKind.REJOIN:
        return None
    return Write(
        name="self-retire",
        successor=record_change.self_retire(record, local.region),
        ends_proposals=frozenset({local.region}),
    )


def _answer(local: LocalFacts, seen: Seen, record: Record) -> Step | None:
    member = local.entry(record)
    if member is None or member.request is not ProposalState.PROPOSED:
        return None
    if member.life <= local.facts.life or local.phase not in _ABSENT or local.lock_kind is not None:
        return None
    return Answer(record=record, life=member.life, proposal=seen.proposal)


def _propose_or_fence(local: LocalFacts, _: Seen, record: Record) -> Step | None:
    """ReplicateKey 2 on the reading it was issued for, or the fence that makes it impossible."""
    lock = replicate_lock(local)
    if lock is None or not lock.issued or lock.base_seq != record.seq:
        return None
    if landed(local, record, lock.peer) is not None:
        return None
    if lock.expired:
        return Write(name="fence", successor=record_change.rewrite(record))
    intent = local.intent
    guard = local.acts_on(record) and record.transition is None
    if intent is None or not guard or refusal(local, record, lock.peer) is not None:
        return None
    return Propose(record=record, target=lock.peer, intent=intent)


def _withdraw(local: LocalFacts, _: Seen, record: Record) -> Step | None:
    """Withdraw a proposal that nobody waits for any more; the record decides who was first."""
    if not local.acts_on(record):
        return None
    lock = replicate_lock(local)
    awaited = lock.peer if lock is not None and not lock.expired else None
    for member in record.present_members:
        if member.request is ProposalState.PROPOSED and member.region != awaited:
            return Write(
                name="withdraw",
                successor=record_change.withdraw_proposal(record, member.region),
                ends_proposals=frozenset({member.region}),
            )
    return None


def _withdraw_acknowledgement(local: LocalFacts, _: Seen, record: Record) -> Step | None:
    """Take back what this store no longer holds: it lost a commit (H7)."""
    if local.present_in(record) is None or not local.fetches:
        return None
    lost = [one for one in local.acknowledged(record) if not local.holds(record, one)]
    if not lost:
        return None
    successor = record_change.withdraw_acknowledgement(record, local.region, lost)
    return Write(name="withdraw ack", successor=successor)


def _join(local: LocalFacts, _: Seen, record: Record) -> Step | None:
    member = local.present_in(record)
    if member is None or member.request is not ProposalState.ACCEPTED or not local.is_open:
        return None
    if not local.has_binding_key or (local.fetches and local.lacks(record, LISTED)):
        return None
    held = [
        one.generation_id
        for one in record.shared_generations
        if local.holds(record, one.generation_id)
    ]
    return Write(
        name="join",
        successor=record_change.join(record, local.region, held),
        ends_proposals=frozenset({local.region}),
    )


def _acknowledge(local: LocalFacts, _: Seen, record: Record) -> Step | None:
    member = local.present_in(record)
    if member is None or not member.may_receive:
        return None
    mine = Holder(region=local.region, life=local.facts.life)
    new = [
        one.generation_id
        for one in record.shared_generations
        if mine not in one.holders and local.holds(record, one.generation_id)
    ]
    if not new:
        return None
    return Write(name="ack", successor=record_change.acknowledge(record, local.region, new))


def _fetch(local: LocalFacts, seen: Seen, record: Record) -> Step | None:
    member = local.present_in(record)
    if member is None or not member.may_receive:
        return None
    missing = missing_generations(local, record)
    sources = _sources(local, seen, record, missing)
    if not sources or (local.has_binding_key and not missing):
        return None
    return Fetch(
        record=record,
        life=member.life,
        binding_key=not local.has_binding_key,
        generations=tuple(one.generation_id for one in missing),
        sources=sources,
    )


def missing_generations(local: LocalFacts, record: Record) -> list[Generation]:
    """Listed generations without bytes here, CURRENT first.

    Bytes that are here and do not fit the fingerprint are never overwritten: see `damaged`.
    """
    if not local.fetches:
        return []
    missing = [one for one in record.shared_generations if one.generation_id not in local.held]
    return sorted(missing, key=lambda one: (one.state is not GenerationState.CURRENT, -one.order))


def damaged(local: LocalFacts, record: Record) -> list[GenerationId]:
    """Generations whose bytes here are not those that the record names."""
    return [
        one.generation_id
        for one in record.shared_generations
        if one.generation_id in local.held
        and local.has_binding_key
        and not local.holds(record, one.generation_id)
    ]


def _sources(
    local: LocalFacts, seen: Seen, record: Record, missing: list[Generation]
) -> tuple[Member, ...]:
    """Other present members that hold something missing; MEMBERs, if the binding key is."""
    holding = {region for one in missing for region in record.held_by_present(one)}
    if not local.has_binding_key:
        holding |= {one.region for one in record.members if is_member(one)}
    able = [
        one
        for one in record.present_members
        if one.region in holding and one.region != local.region and one.may_receive
    ]
    return tuple(
        sorted(
            able,
            key=lambda one: (
                one.region not in seen.alive,
                one.region != record.primary_region,
                one.region,
            ),
        )
    )


_RULES: tuple[Callable[[LocalFacts, Seen, Record], Step | None], ...] = (
    _self_retire,
    _answer,
    _propose_or_fence,
    _withdraw,
    _withdraw_acknowledgement,
    _join,
    _acknowledge,
    _fetch,
)
