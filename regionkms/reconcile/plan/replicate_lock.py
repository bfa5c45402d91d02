"""The lock of ReplicateKey: when its intent expires, may be issued, has an outcome, is released.

1. Expire: the caller's time is over; from then on no new CAS (R11). Needs no etcd.
2. Unlock, never issued: nothing was sent, nothing will be. Needs no etcd.
3. Outcome: the record shows what the target answered.
4. Issue: the guard holds in this reading; the mark is durable before the CAS is sent (R3).
5. Unlock, the CAS is dead: the record has moved on without it, it can't land any more (R4).

Source: protocol §1 R3, R4, R11, §5 (ReplicateKey, Withdraw, Expire).
"""

import json
from dataclasses import replace

from regionkms.model.errors import (
    AlreadyExistsException,
    DependencyTimeoutException,
    KmsError,
    KMSInvalidStateException,
    UnsupportedOperationException,
)
from regionkms.model.ids import RegionName, key_arn
from regionkms.model.key import (
    NO_DELETION,
    Intent,
    IntentState,
    Lock,
    LockKind,
    MultiRegionFacts,
)
from regionkms.model.record import Member, MemberState, ProposalState, Record
from regionkms.reconcile.plan.facts import LocalFacts
from regionkms.reconcile.plan.steps import Level

TIMED_OUT = "The Region {target} did not answer in time. Nothing was changed."
WITHDRAWN = "The proposal to {target} was withdrawn."


def replicate_lock(local: LocalFacts) -> Lock | None:
    """The key's lock if it is REPLICATE."""
    lock = local.facts.lock
    return lock if lock is not None and lock.kind is LockKind.REPLICATE else None


def expire(local: LocalFacts, machine_now: float) -> Level | None:
    """Expire the intent durably; of an intent that is gone nobody waits any more."""
    lock, intent = replicate_lock(local), local.intent
    if lock is None or lock.expired:
        return None
    is_open = intent is not None and intent.state is IntentState.OPEN
    if intent is not None and is_open and machine_now < intent.deadline:
        return None
    expired = (
        (replace(intent, state=IntentState.EXPIRED),) if intent is not None and is_open else ()
    )
    return Level(
        facts=replace(local.facts, lock=replace(lock, expired=True)),
        intents=expired,
        note=f"ReplicateKey to {lock.peer} expired",
    )


def unlock_unissued(local: LocalFacts) -> Level | None:
    """Release an expired lock whose CAS was never sent."""
    lock = replicate_lock(local)
    if lock is None or lock.issued or not lock.expired:
        return None
    return _failed(local, lock, _timed_out(lock.peer), local.facts)


def finish(local: LocalFacts, record: Record, mirrored: MultiRegionFacts) -> Level | None:
    """Release the lock in the look that sees what became of the proposal, with the mirror.

    `accepted` is success, also for an intent that has expired meanwhile.
    """
    lock = replicate_lock(local)
    if lock is None or not lock.issued:
        return None
    member = landed(local, record, lock.peer)
    if member is None or member.request is ProposalState.PROPOSED:
        return None
    if member.may_receive or member.state is MemberState.RETIRED:
        return _released(local, mirrored, IntentState.DONE, json.dumps({"life": member.life}))
    if member.refusal is None:
        error: KmsError = DependencyTimeoutException(WITHDRAWN.format(target=lock.peer))
        return _failed(local, lock, error, mirrored)
    refusal = {"code": member.refusal.code, "message": member.refusal.message}
    return _released(local, mirrored, IntentState.FAILED, json.dumps(refusal))


def issue_or_release(local: LocalFacts, record: Record) -> Level | None:
    """Mark the intent as issued on this reading, or release a lock whose CAS can't land.

    `local.mirror` shows this reading already.
    """
    lock = replicate_lock(local)
    if lock is None or landed(local, record, lock.peer) is not None:
        return None
    if lock.issued and lock.base_seq == record.seq:
        return None
    if lock.expired:
        return _failed(local, lock, _timed_out(lock.peer), local.facts)
    error = refusal(local, record, lock.peer)
    if error is not None:
        return _failed(local, lock, error, local.facts)
    if record.transition is not None or not local.acts_on(record):
        return None
    issued = replace(lock, issued=True, base_seq=record.seq)
    return Level(facts=replace(local.facts, lock=issued))


def refusal(local: LocalFacts, record: Record, target: RegionName) -> KmsError | None:
    """Why the proposal can't be made now or later, in the words of spec 05 §3.7."""
    arn = key_arn(local.region, local.account_id, local.key_id)
    member = record.member(target)
    if not record.is_primary(local.region, local.facts.life) or record.dead:
        return UnsupportedOperationException(
            f"{arn} is not the primary key. Only a primary key can be replicated."
        )
    if member is not None and member.present:
        return already_exists(target, local)
    if local.key is not None and local.key.deletion != NO_DELETION:
        return KMSInvalidStateException(f"{arn} is pending deletion.")
    return None


def already_exists(target: RegionName, local: LocalFacts) -> AlreadyExistsException:
    """The set has a key in that Region."""
    arn = key_arn(target, local.account_id, local.key_id)
    return AlreadyExistsException(f"{arn} already exists.")


def landed(local: LocalFacts, record: Record, target: RegionName) -> Member | None:
    """The target's entry if it is what this lock's CAS wrote.

    Only a primary adds members, and of one key it does one thing at a time; so an entry that this
    Region granted, in a life above the mirror's (or that was open in the mirror already), is it.
    The mirror is that of the issue or a later look of the same lock.
    """
    member = record.member(target)
    if member is None or not any(
        grant.life == member.life and grant.granter == local.region for grant in member.grants
    ):
        return None
    former = None if local.mirror is None else local.mirror.member(target)
    is_new = former is None or member.life > former.life or former.present
    return member if is_new else None


def _timed_out(target: RegionName) -> KmsError:
    return DependencyTimeoutException(TIMED_OUT.format(target=target))


def _failed(local: LocalFacts, lock: Lock, error: KmsError, facts: MultiRegionFacts) -> Level:
    outcome = json.dumps({"code": error.code, "message": error.message})
    return _released(local, facts, IntentState.FAILED, outcome, note=f"{lock.peer}: {error.code}")


def _released(
    local: LocalFacts, facts: MultiRegionFacts, state: IntentState, outcome: str, note: str = ""
) -> Level:
    return Level(
        facts=replace(facts, lock=None),
        intents=ended(local.intent, state, outcome),
        note=f"ReplicateKey ended: {note or state.value}",
    )


def ended(intent: Intent | None, state: IntentState, outcome: str) -> tuple[Intent, ...]:
    """The intent with its outcome, unless it has one or is gone."""
    if intent is None or intent.state in {IntentState.DONE, IntentState.FAILED}:
        return ()
    return (replace(intent, state=state, outcome=outcome),)
