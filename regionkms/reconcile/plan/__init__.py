"""The planner: durable facts of one key and one reading of its record -> the next step.

Pure and total: no I/O, no clock, no memory between calls. Whoever carries out a step (execute.py)
throws its result away and looks again, so a crash, a lost reply and a slow reconciler are the same
thing (R1). Each row of protocol §5 is one rule:

- detection.py: does the reading lack what this Region knows? Then no CAS (§6);
- levelling.py: what the look changes in the Region's own store, with the mirror (R5);
- replicate_lock.py: the life of ReplicateKey's lock and intent (R3, R4, R11);
- rules.py: the CAS or fetch that is next.

Rotation, changes of primary and deletion are further rules in the same lists.
"""

from regionkms.model.key import LockKind
from regionkms.reconcile.plan.detection import missing_knowledge
from regionkms.reconcile.plan.facts import NEVER_HAD, LocalFacts, Seen
from regionkms.reconcile.plan.levelling import Times, level, level_cut_off
from regionkms.reconcile.plan.rules import damaged, found, next_act
from regionkms.reconcile.plan.steps import (
    Answer,
    Fetch,
    Found,
    Level,
    Propose,
    Settled,
    Step,
    Stop,
    Write,
)

__all__ = [
    "NEVER_HAD",
    "Answer",
    "Fetch",
    "Found",
    "Level",
    "LocalFacts",
    "Propose",
    "Seen",
    "Settled",
    "Step",
    "Stop",
    "Times",
    "Write",
    "damaged",
    "missing_knowledge",
    "plan",
]


def plan(local: LocalFacts, seen: Seen | None, times: Times) -> Step:
    """The next step for one key.

    Args:
        local: The key in this Region's store.
        seen: A believed reading of its record, newer than `local.mirror` or the same; None while
            etcd does not answer.
        times: For expiry, and for the dates of a new replica.
    """
    offline = level_cut_off(local, times)
    if offline is not None:
        return offline
    if seen is None:
        return _settled(local)
    lacking = missing_knowledge(local, seen)
    if lacking is not None:
        return Stop(reason=lacking)
    if seen.record is None:
        return found(local) or _settled(local)
    record = seen.record
    return level(local, seen, record, times) or next_act(local, seen, record) or _settled(local)


def _settled(local: LocalFacts) -> Settled:
    lock, intent = local.facts.lock, local.intent
    awaits = lock is not None and lock.kind is LockKind.REPLICATE and not lock.expired
    return Settled(wake_at=intent.deadline if awaits and intent is not None else None)
