"""Changes of a record: one function for each compare-and-swap of protocol §5.

Each takes the record as read from etcd (or the mirror) and returns its successor: `seq` + 1, the
hash of the value before it, and the change. Guards are the planner's; a function only refuses
what would make no record (`ValueError`, a programming error). A successor has no successor until
it has been signed, written and read back: so no change is ever applied twice (protocol R2).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName
from regionkms.model.record import (
    ClusterName,
    EpochEntry,
    Generation,
    GenerationState,
    Grant,
    Holder,
    Member,
    MemberState,
    ProposalState,
    Record,
    Refusal,
    Rotation,
    SharedProperties,
    Transition,
    TransitionRefusal,
)

FOUNDING_SEQ = 1
FOUNDER_LIFE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What a new record is made of; the founder is `epoch_entry.primary_region`.

    Attributes:
        grant: The founder's grant to its own life 1.
    """

    cluster: ClusterName
    account_id: AccountId
    key_id: KeyId
    shared: SharedProperties
    generations: tuple[Generation, ...]
    epoch_entry: EpochEntry
    grant: Grant


def found(founding: Founding) -> Record:
    """The first record of a key: its founder is primary, MEMBER in life 1 and holds everything."""
    entry = founding.epoch_entry
    founder = entry.primary_region
    member = Member(
        region=founder, life=FOUNDER_LIFE, state=MemberState.MEMBER, grants=(founding.grant,)
    )
    return Record(
        cluster=founding.cluster,
        account_id=founding.account_id,
        key_id=founding.key_id,
        incarnation=entry.epoch.incarnation,
        seq=FOUNDING_SEQ,
        previous_hash=b"",
        epoch=entry.epoch,
        primary_region=founder,
        epochs=(entry,),
        shared=founding.shared,
        generations=founding.generations,
        members=(member,),
    )


def rewrite(record: Record) -> Record:
    """The fence: the same content again, so that no older compare-and-swap can land (R4)."""
    return _next(record)


def propose_replica(record: Record, region: RegionName, grant: Grant) -> Record:
    """ReplicateKey 2: the Region's next life is CREATING, proposed, with its grant."""
    former = record.member(region)
    life = 1 if former is None else former.life + 1
    if grant.life != life:
        raise ValueError(f"the grant is for life {grant.life}, the proposal for {life}")
    grants = (grant,) if former is None else (*former.grants, grant)
    member = Member(
        region=region,
        life=life,
        state=MemberState.CREATING,
        request=ProposalState.PROPOSED,
        grants=grants,
    )
    return _next(_without_holder(_with_member(record, member), region))


def accept_proposal(record: Record, region: RegionName) -> Record:
    """Answer by the target: it will create the key."""
    member = _proposed(record, region)
    return _next(_with_member(record, replace(member, request=ProposalState.ACCEPTED)))


def refuse_proposal(record: Record, region: RegionName, refusal: Refusal) -> Record:
    """Answer by the target: the life is spent, the error is for the caller."""
    member = replace(_ended(_proposed(record, region), MemberState.DELETED), refusal=refusal)
    return _next(_without_holder(_with_member(record, member), region))


def withdraw_proposal(record: Record, region: RegionName) -> Record:
    """Withdraw by the primary: only while the target has not accepted (R10)."""
    member = _ended(_proposed(record, region), MemberState.DELETED)
    return _next(_without_holder(_with_member(record, member), region))


def acknowledge(
    record: Record, region: RegionName, generation_ids: Iterable[GenerationId]
) -> Record:
    """Ack: the Region holds these generations durably in its present life (R8)."""
    holder = _holder(record, region)
    return _next(_with_holder(record, holder, frozenset(generation_ids)))


def withdraw_acknowledgement(
    record: Record, region: RegionName, generation_ids: Iterable[GenerationId]
) -> Record:
    """Withdraw ack: the Region's store lost these generations (H7)."""
    lost = frozenset(generation_ids)
    generations = tuple(
        _released(one, region) if one.generation_id in lost else one for one in record.generations
    )
    return _next(replace(record, generations=generations))


def join(record: Record, region: RegionName, held: Iterable[GenerationId]) -> Record:
    """Join: MEMBER, and a holder of what it holds (everything listed; EXTERNAL: what it has)."""
    member = _existing(record, region)
    if member.request is not ProposalState.ACCEPTED:
        raise ValueError("only an accepted proposal can join")
    joined = replace(member, state=MemberState.MEMBER, request=ProposalState.NONE)
    changed = _with_member(record, joined)
    return _next(_with_holder(changed, _holder(changed, region), frozenset(held)))


def distribute(record: Record, generation: Generation) -> Record:
    """Rotate 2: list a new generation as DISTRIBUTING; its maker holds it."""
    if record.generation(generation.generation_id) is not None:
        raise ValueError("the generation is listed already")
    if generation.state is not GenerationState.DISTRIBUTING:
        raise ValueError("a new generation is DISTRIBUTING")
    return _next(replace(record, generations=(*record.generations, generation)))


def switch(record: Record, generation_id: GenerationId, order: int) -> Record:
    """Switch: the generation becomes CURRENT; PREVIOUS if its order is below CURRENT's (merge)."""
    current = record.current
    late = current is not None and order < current.order

    def switched(one: Generation) -> Generation:
        if one.generation_id == generation_id:
            state = GenerationState.PREVIOUS if late else GenerationState.CURRENT
            return replace(one, state=state, order=order)
        if one.state is GenerationState.CURRENT and not late:
            return replace(one, state=GenerationState.PREVIOUS)
        return one

    _distributing(record, generation_id)
    return _next(replace(record, generations=tuple(map(switched, record.generations))))


def abandon(record: Record, generation_id: GenerationId) -> Record:
    """Abandon: a DISTRIBUTING generation that no present member holds is never used (H11)."""
    abandoned = replace(_distributing(record, generation_id), state=GenerationState.ABANDONED)
    return _next(_with_generation(record, abandoned))


def propose_primary(record: Record, transition: Transition) -> Record:
    """UpdatePrimary 2: propose a new primary; nothing else changes yet."""
    if record.transition is not None:
        raise ValueError("a change of primary is proposed already")
    return _next(replace(record, transition=transition, refused_transition=None))


def refuse_primary(record: Record, refusal: Refusal) -> Record:
    """UpdatePrimary 3': the target refuses; the error is kept for the caller."""
    transition = record.transition
    if transition is None:
        raise ValueError("no change of primary is proposed")
    refused = TransitionRefusal(transition_id=transition.transition_id, refusal=refusal)
    return _next(replace(record, transition=None, refused_transition=refused))


def withdraw_primary(record: Record) -> Record:
    """UpdatePrimary 3': the primary withdraws its proposal."""
    if record.transition is None:
        raise ValueError("no change of primary is proposed")
    return _next(replace(record, transition=None))


def take_primary(record: Record, entry: EpochEntry) -> Record:
    """Accept of UpdatePrimary, or Promote: the taker is primary in the next epoch."""
    if record.member(entry.primary_region) is None:
        raise ValueError("the new primary has no entry")
    return _next(_with_epoch(record, entry))


def rejoin_as_primary(
    record: Record, entry: EpochEntry, grant: Grant, held: Iterable[GenerationId]
) -> Record:
    """Rejoin as primary 2: MEMBER in the next life, primary in the next epoch (H13)."""
    region = entry.primary_region
    former = _existing(record, region)
    if grant.life != former.life + 1:
        raise ValueError(f"the grant is for life {grant.life}, the rejoin for {former.life + 1}")
    grants = (*former.grants, grant)
    member = Member(region=region, life=grant.life, state=MemberState.MEMBER, grants=grants)
    changed = _without_holder(_with_member(record, member), region)
    changed = _with_holder(changed, _holder(changed, region), frozenset(held))
    return _next(_with_epoch(changed, entry))


def retire(record: Record, region: RegionName) -> Record:
    """Retire, by an operator: the Region no longer counts; a transition to it is cleared."""
    member = _ended(_existing(record, region), MemberState.RETIRED)
    changed = _without_holder(_with_member(record, member), region)
    transition = changed.transition
    if transition is not None and transition.to_region == region:
        changed = replace(changed, transition=None)
    return _next(changed)


def self_retire(record: Record, region: RegionName) -> Record:
    """Self-retire: the Region's store is lost; a transition to or from it is cleared (H17)."""
    member = _ended(_existing(record, region), MemberState.RETIRED)
    changed = _without_holder(_with_member(record, member), region)
    transition = changed.transition
    if transition is not None and region in {transition.to_region, transition.from_region}:
        changed = replace(changed, transition=None)
    return _next(changed)


def remove(record: Record, region: RegionName) -> Record:
    """Remove: the Region's life is DELETED; when the primary goes, alone, the record is dead."""
    member = _ended(_existing(record, region), MemberState.DELETED)
    changed = _without_holder(_with_member(record, member), region)
    if region == record.primary_region:
        if changed.present_members:
            raise ValueError("a primary with other members is not removed")
        changed = replace(changed, dead=True, transition=None)
    return _next(changed)


def change_rotation(record: Record, rotation: Rotation) -> Record:
    """Enable/DisableKeyRotation, and the next date after a rotation: a shared property."""
    return _next(replace(record, shared=replace(record.shared, rotation=rotation)))


def report_key_state(record: Record, region: RegionName, key_state: str) -> Record:
    """Show a Region's key state to the others; nothing decides by it."""
    member = replace(_existing(record, region), reported_key_state=key_state)
    return _next(_with_member(record, member))


def import_fingerprint(
    record: Record, generation_id: GenerationId, fingerprint: bytes, region: RegionName
) -> Record:
    """First import of an EXTERNAL key, by its lone primary: fix what every import must match."""
    generation = record.generation(generation_id)
    if generation is None or generation.fingerprint:
        raise ValueError("the generation is not listed, or has its fingerprint already")
    changed = _with_generation(record, replace(generation, fingerprint=fingerprint))
    return _next(_with_holder(changed, _holder(changed, region), frozenset({generation_id})))


def _next(record: Record) -> Record:
    if not record.value_hash:
        raise ValueError("this record was never read from etcd; it has no successor")
    return replace(record, seq=record.seq + 1, previous_hash=record.value_hash, value_hash=b"")


def _existing(record: Record, region: RegionName) -> Member:
    member = record.member(region)
    if member is None:
        raise ValueError(f"{region} has no entry")
    return member


def _proposed(record: Record, region: RegionName) -> Member:
    member = _existing(record, region)
    if member.request is not ProposalState.PROPOSED:
        raise ValueError(f"{region} has no open proposal")
    return member


def _ended(member: Member, state: MemberState) -> Member:
    return replace(member, state=state, request=ProposalState.NONE, reported_key_state="")


def _with_member(record: Record, member: Member) -> Record:
    others = [one for one in record.members if one.region != member.region]
    members = tuple(sorted((*others, member), key=lambda one: one.region))
    return replace(record, members=members)


def _holder(record: Record, region: RegionName) -> Holder:
    return Holder(region=region, life=_existing(record, region).life)


def _with_holder(record: Record, holder: Holder, held: frozenset[GenerationId]) -> Record:
    unknown = held - {one.generation_id for one in record.generations}
    if unknown:
        raise ValueError(f"{len(unknown)} generations are not listed")
    generations = tuple(
        replace(one, holders=one.holders | {holder}) if one.generation_id in held else one
        for one in record.generations
    )
    return replace(record, generations=generations)


def _released(generation: Generation, region: RegionName) -> Generation:
    rest = frozenset(one for one in generation.holders if one.region != region)
    return replace(generation, holders=rest)


def _without_holder(record: Record, region: RegionName) -> Record:
    generations = tuple(_released(one, region) for one in record.generations)
    return replace(record, generations=generations)


def _distributing(record: Record, generation_id: GenerationId) -> Generation:
    generation = record.generation(generation_id)
    if generation is None or generation.state is not GenerationState.DISTRIBUTING:
        raise ValueError("the generation is not DISTRIBUTING")
    return generation


def _with_generation(record: Record, generation: Generation) -> Record:
    generations = tuple(
        generation if one.generation_id == generation.generation_id else one
        for one in record.generations
    )
    return replace(record, generations=generations)


def _with_epoch(record: Record, entry: EpochEntry) -> Record:
    if entry.epoch <= record.epoch:
        raise ValueError("an epoch only grows")
    return replace(
        record,
        epoch=entry.epoch,
        primary_region=entry.primary_region,
        epochs=(*record.epochs, entry),
        transition=None,
        refused_transition=None,
    )
