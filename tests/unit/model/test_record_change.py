from collections.abc import Callable
from dataclasses import replace

import pytest

from regionkms.model import record_change as change
from regionkms.model.ids import GenerationId
from regionkms.model.record import (
    EpochKind,
    GenerationState,
    Member,
    MemberState,
    ProposalState,
    Record,
    Refusal,
    Rotation,
    Transition,
)
from tests.support.records import (
    AP,
    EU,
    US,
    SigningCluster,
    generation,
    generation_id,
    holder,
)

CLUSTER = SigningCluster()
REFUSAL = Refusal(code="LimitExceededException", message="The quota is used up.")
TRANSITION = Transition(
    from_region=US, to_region=EU, transition_id="t-1", requester="arn", asked_at=1.0
)


def member_of(record: Record, region: str) -> Member:
    return next(member for member in record.members if member.region == region)


def state_of(record: Record, number: int) -> GenerationState:
    found = record.generation(generation_id(number))
    assert found is not None
    return found.state


def holders_of(record: Record, number: int) -> set[tuple[str, int]]:
    found = record.generation(generation_id(number))
    assert found is not None
    return {(one.region, one.life) for one in found.holders}


def distributing() -> Record:
    record = CLUSTER.replicated()
    second = generation(2, GenerationState.DISTRIBUTING, holder(US))
    return CLUSTER.written(change.distribute(record, second))


def test_a_founded_record_has_its_founder_as_primary_and_only_member() -> None:
    record = CLUSTER.founded()
    assert (record.seq, record.previous_hash) == (1, b"")
    assert record.primary_region == US
    assert record.is_primary(US, 1)
    assert holders_of(record, 1) == {(US, 1)}
    assert record.epochs[0].kind is EpochKind.FOUND


def changes() -> list[Callable[[], tuple[Record, Record]]]:
    """Every change, each from a record that it fits: (before, after)."""
    founded, proposed = CLUSTER.founded(), CLUSTER.proposed()
    replicated, rotating = CLUSTER.replicated(), distributing()
    asked = CLUSTER.written(change.propose_primary(replicated, TRANSITION))
    retired = CLUSTER.written(change.retire(replicated, EU))
    without_fingerprint = CLUSTER.written(
        replace(
            change.rewrite(founded),
            generations=(replace(founded.generations[0], fingerprint=b"", holders=frozenset()),),
        )
    )
    taken = CLUSTER.link(EpochKind.UPDATE, EU, 2)
    rejoined = CLUSTER.link(EpochKind.REJOIN, EU, 2, taker_life=2)
    one, two = generation_id(1), generation_id(2)
    return [
        lambda: (founded, change.rewrite(founded)),
        lambda: (founded, change.propose_replica(founded, EU, CLUSTER.grant(EU, 1, US))),
        lambda: (proposed, change.accept_proposal(proposed, EU)),
        lambda: (proposed, change.refuse_proposal(proposed, EU, REFUSAL)),
        lambda: (proposed, change.withdraw_proposal(proposed, EU)),
        lambda: (rotating, change.acknowledge(rotating, EU, [two])),
        lambda: (replicated, change.withdraw_acknowledgement(replicated, EU, [one])),
        lambda: (replicated, change.distribute(replicated, generation(2))),
        lambda: (rotating, change.switch(rotating, two, 2)),
        lambda: (rotating, change.abandon(rotating, two)),
        lambda: (replicated, change.propose_primary(replicated, TRANSITION)),
        lambda: (asked, change.refuse_primary(asked, REFUSAL)),
        lambda: (asked, change.withdraw_primary(asked)),
        lambda: (asked, change.take_primary(asked, taken)),
        lambda: (
            retired,
            change.rejoin_as_primary(retired, rejoined, CLUSTER.grant(EU, 2, EU), [one]),
        ),
        lambda: (replicated, change.retire(replicated, EU)),
        lambda: (replicated, change.self_retire(replicated, EU)),
        lambda: (replicated, change.remove(replicated, EU)),
        lambda: (founded, change.change_rotation(founded, Rotation(enabled=True))),
        lambda: (replicated, change.report_key_state(replicated, EU, "Disabled")),
        lambda: (
            without_fingerprint,
            change.import_fingerprint(without_fingerprint, one, bytes(32), US),
        ),
    ]


@pytest.mark.parametrize("made", changes())
def test_every_change_counts_up_names_what_it_replaces_and_only_grows(
    made: Callable[[], tuple[Record, Record]],
) -> None:
    before, after = made()
    assert after.seq == before.seq + 1
    assert after.previous_hash == before.value_hash
    assert after.value_hash == b""
    assert after.epoch >= before.epoch
    assert set(before.epochs) <= set(after.epochs)
    ids = [one.generation_id for one in before.generations]
    assert [one.generation_id for one in after.generations][: len(ids)] == ids
    for known in before.members:
        now = after.member(known.region)
        assert now is not None
        assert now.life >= known.life
        assert set(known.grants) <= set(now.grants)
    assert (before.account_id, before.key_id, before.cluster) == (
        after.account_id,
        after.key_id,
        after.cluster,
    )
    CLUSTER.written(after)  # and it can be written


@pytest.mark.parametrize("made", changes())
def test_a_change_is_never_applied_to_its_own_result(
    made: Callable[[], tuple[Record, Record]],
) -> None:
    _, after = made()
    with pytest.raises(ValueError, match="never read from etcd"):
        change.rewrite(after)


def test_a_proposal_is_a_new_life_with_its_grant() -> None:
    member = member_of(CLUSTER.proposed(), EU)
    assert (member.life, member.state, member.request) == (
        1,
        MemberState.CREATING,
        ProposalState.PROPOSED,
    )
    assert [grant.life for grant in member.grants] == [1]


def test_a_proposal_after_a_refusal_is_the_next_life_and_keeps_the_grants() -> None:
    refused = CLUSTER.written(change.refuse_proposal(CLUSTER.proposed(), EU, REFUSAL))
    assert member_of(refused, EU).refusal == REFUSAL
    again = change.propose_replica(refused, EU, CLUSTER.grant(EU, 2, US))
    member = member_of(again, EU)
    assert member.life == 2
    assert member.refusal is None
    assert [grant.life for grant in member.grants] == [1, 2]


def test_a_proposal_needs_the_grant_of_its_own_life() -> None:
    with pytest.raises(ValueError, match="the grant is for life 2, the proposal for 1"):
        change.propose_replica(CLUSTER.founded(), EU, CLUSTER.grant(EU, 2, US))


def test_an_accepted_proposal_is_neither_refused_nor_withdrawn() -> None:
    accepted = CLUSTER.written(change.accept_proposal(CLUSTER.proposed(), EU))
    with pytest.raises(ValueError, match="eu-west-1 has no open proposal"):
        change.withdraw_proposal(accepted, EU)
    with pytest.raises(ValueError, match="eu-west-1 has no open proposal"):
        change.refuse_proposal(accepted, EU, REFUSAL)


def test_only_an_accepted_proposal_joins() -> None:
    with pytest.raises(ValueError, match="only an accepted proposal can join"):
        change.join(CLUSTER.proposed(), EU, {generation_id(1)})
    joined = CLUSTER.replicated()
    assert member_of(joined, EU).state is MemberState.MEMBER
    assert holders_of(joined, 1) == {(US, 1), (EU, 1)}


def test_a_holder_of_an_unlisted_generation_is_refused() -> None:
    with pytest.raises(ValueError, match="1 generations are not listed"):
        change.acknowledge(CLUSTER.replicated(), EU, [generation_id(9)])


def test_a_switch_makes_the_former_generation_previous() -> None:
    rotating = CLUSTER.written(change.acknowledge(distributing(), EU, [generation_id(2)]))
    switched = change.switch(rotating, generation_id(2), 2)
    assert state_of(switched, 1) is GenerationState.PREVIOUS
    assert state_of(switched, 2) is GenerationState.CURRENT
    assert switched.generations[1].order == 2


def test_a_late_switch_never_makes_current_older() -> None:
    record = distributing()
    high = replace(record.generations[0], order=5)
    merged = replace(record, generations=(high, record.generations[1]))
    switched = change.switch(merged, generation_id(2), 3)
    assert state_of(switched, 1) is GenerationState.CURRENT
    assert state_of(switched, 2) is GenerationState.PREVIOUS


@pytest.mark.parametrize("act", [lambda r, g: change.switch(r, g, 3), change.abandon])
def test_only_a_distributing_generation_is_switched_or_abandoned(
    act: Callable[[Record, GenerationId], Record],
) -> None:
    with pytest.raises(ValueError, match="the generation is not DISTRIBUTING"):
        act(CLUSTER.replicated(), generation_id(1))


def test_a_generation_is_listed_once_and_starts_as_distributing() -> None:
    record = CLUSTER.replicated()
    with pytest.raises(ValueError, match="listed already"):
        change.distribute(record, generation(1))
    with pytest.raises(ValueError, match="a new generation is DISTRIBUTING"):
        change.distribute(record, generation(2, GenerationState.CURRENT))


def test_taking_the_role_clears_the_proposal_and_needs_a_higher_epoch() -> None:
    asked = CLUSTER.written(change.propose_primary(CLUSTER.replicated(), TRANSITION))
    taken = change.take_primary(asked, CLUSTER.link(EpochKind.UPDATE, EU, 2))
    assert taken.primary_region == EU
    assert taken.transition is None
    with pytest.raises(ValueError, match="an epoch only grows"):
        change.take_primary(asked, CLUSTER.link(EpochKind.UPDATE, EU, 1))
    with pytest.raises(ValueError, match="the new primary has no entry"):
        change.take_primary(asked, CLUSTER.link(EpochKind.UPDATE, AP, 2))


def test_a_refused_change_of_primary_keeps_the_error_for_its_caller() -> None:
    asked = CLUSTER.written(change.propose_primary(CLUSTER.replicated(), TRANSITION))
    refused = change.refuse_primary(asked, REFUSAL)
    assert refused.transition is None
    assert refused.refused_transition is not None
    assert refused.refused_transition.transition_id == "t-1"
    with pytest.raises(ValueError, match="proposed already"):
        change.propose_primary(asked, TRANSITION)
    with pytest.raises(ValueError, match="no change of primary is proposed"):
        change.withdraw_primary(CLUSTER.founded())
    with pytest.raises(ValueError, match="no change of primary is proposed"):
        change.refuse_primary(CLUSTER.founded(), REFUSAL)


def test_retiring_drops_holders_and_clears_a_transition_to_the_region_only() -> None:
    asked = CLUSTER.written(change.propose_primary(CLUSTER.replicated(), TRANSITION))
    retired = change.retire(asked, EU)
    assert member_of(retired, EU).state is MemberState.RETIRED
    assert holders_of(retired, 1) == {(US, 1)}
    assert retired.transition is None
    assert change.retire(asked, US).transition == TRANSITION
    assert change.self_retire(asked, US).transition is None


def test_removing_the_lone_primary_makes_the_record_a_tombstone() -> None:
    removed = change.remove(CLUSTER.founded(), US)
    assert removed.dead
    assert member_of(removed, US).state is MemberState.DELETED
    with pytest.raises(ValueError, match="a primary with other members is not removed"):
        change.remove(CLUSTER.replicated(), US)
    assert not change.remove(CLUSTER.replicated(), EU).dead


def test_a_rejoin_as_primary_is_a_new_life_that_holds_what_it_has() -> None:
    retired = CLUSTER.written(change.retire(CLUSTER.replicated(), EU))
    entry = CLUSTER.link(EpochKind.REJOIN, EU, 2, taker_life=2)
    rejoined = change.rejoin_as_primary(
        retired, entry, CLUSTER.grant(EU, 2, EU), [generation_id(1)]
    )
    assert rejoined.is_primary(EU, 2)
    assert holders_of(rejoined, 1) == {(US, 1), (EU, 2)}
    with pytest.raises(ValueError, match="the grant is for life 3, the rejoin for 2"):
        change.rejoin_as_primary(retired, entry, CLUSTER.grant(EU, 3, EU), [])


def test_a_fingerprint_is_fixed_once() -> None:
    with pytest.raises(ValueError, match="has its fingerprint already"):
        change.import_fingerprint(CLUSTER.founded(), generation_id(1), bytes(32), US)


def test_changes_about_a_region_without_entry_are_refused() -> None:
    with pytest.raises(ValueError, match="ap-southeast-2 has no entry"):
        change.retire(CLUSTER.founded(), AP)
