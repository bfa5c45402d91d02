"""Whether a reading lacks what this Region durably knows: then every CAS stops (protocol §6)."""

from regionkms.crypto.trust import rolled_back
from regionkms.model.key import Phase
from regionkms.model.record import ProposalState, Record
from regionkms.reconcile.plan.facts import LocalFacts, Seen


def missing_knowledge(local: LocalFacts, seen: Seen) -> str | None:
    """What the reading lacks; None if etcd only went forward."""
    record = seen.record
    if record is None:
        return "the record is missing" if local.mirror is not None else None
    if record.incarnation != seen.incarnation:
        return "the record is of another incarnation than the etcd data"
    behind = None if local.mirror is None else rolled_back(local.mirror, record)
    return behind or _own_life(local, record)


def _own_life(local: LocalFacts, record: Record) -> str | None:
    """A Region's own life is its own word."""
    member = record.member(local.region)
    life = local.facts.life
    if member is None:
        return "this Region has the key and no entry" if local.key is not None else None
    if local.phase is Phase.PURGED:
        ended = life > 0 and member.present and member.life <= life
        return "this Region is present in a life that it has ended" if ended else None
    if member.life < life:
        return "this Region's entry has a lower life than its key"
    if member.life == life and member.request is ProposalState.PROPOSED:
        return "a proposal stands in the life of a key that this Region has"
    return None
