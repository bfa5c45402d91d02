"""Rows of the planner that stories of ReplicateKey seldom reach, one by one."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from regionkms.model import record_change
from regionkms.model.ids import DomainKeyId, GenerationId, RegionName, StoreId
from regionkms.model.key import (
    KmsKey,
    Lock,
    LockKind,
    MultiRegionFacts,
    Phase,
    StoredGeneration,
    WrappedBindingKey,
)
from regionkms.model.key_spec import Origin
from regionkms.model.record import (
    GenerationState,
    MemberState,
    Record,
    Transition,
)
from regionkms.ports.coordinator import Revision
from regionkms.reconcile.plan import (
    Fetch,
    Level,
    LocalFacts,
    Seen,
    Settled,
    Step,
    Stop,
    Times,
    Write,
    damaged,
    plan,
)
from tests.support.records import (
    ACCOUNT,
    AP,
    EU,
    INCARNATION,
    KEY_ID,
    SHARED,
    US,
    SigningCluster,
    generation,
    generation_id,
    holder,
)

STORE = StoreId("5" * 32)
OTHER_STORE = StoreId("6" * 32)
NOW = Times(kms=1_700_000_100.0, machine=1_700_000_100.0)
CLUSTER = SigningCluster()


def stored(number: int, *, good: bool = True) -> StoredGeneration:
    return StoredGeneration(
        generation_id=generation_id(number),
        domain_key_id=DomainKeyId("d0" * 16),
        wrapped=b"wrapped",
        fingerprint=bytes([number if good else 0xEE]) * 32,
        created_at=0.0,
    )


def held(*numbers: int) -> Mapping[GenerationId, StoredGeneration]:
    return {generation_id(number): stored(number) for number in numbers}


def local(record: Record | None, region: RegionName = EU, **changed: object) -> LocalFacts:
    """A complete, open member in life 1 with the record as its mirror, but for what changed."""
    facts = MultiRegionFacts(
        life=1,
        phase=Phase.LIVE,
        mirror=b"mirror",
        mirror_seq=0 if record is None else record.seq,
        opened_by=STORE,
    )
    key = KmsKey(
        account_id=ACCOUNT,
        key_id=KEY_ID,
        key_spec=SHARED.key_spec,
        key_usage=SHARED.key_usage,
        origin=SHARED.origin,
        policy="",
        created_at=0.0,
        enabled=True,
        current_generation=generation_id(1),
        binding_key=WrappedBindingKey(domain_key_id=DomainKeyId("d0" * 16), wrapped=b"wrapped"),
    )
    values: dict[str, object] = {
        "region": region,
        "store_id": STORE,
        "account_id": ACCOUNT,
        "key_id": KEY_ID,
        "key": key,
        "facts": facts,
        "mirror": record,
        "held": held(1),
    }
    return LocalFacts(**{**values, **changed})  # type: ignore[arg-type] # fields by name


def with_facts(facts: LocalFacts, **changed: object) -> LocalFacts:
    return replace(facts, facts=replace(facts.facts, **changed))  # type: ignore[arg-type] # by name


def seen(record: Record | None) -> Seen:
    return Seen(
        record=record,
        value=b"newer",
        revision=Revision(7),
        incarnation=INCARNATION,
        alive=frozenset({US, EU}),
    )


def step(facts: LocalFacts, record: Record | None) -> Step:
    return plan(facts, seen(record), NOW)


def successor(change: Record) -> Record:
    return CLUSTER.written(change)


@pytest.fixture
def record() -> Record:
    return CLUSTER.replicated(EU)


def distributing(record: Record) -> Record:
    new = generation(2, GenerationState.DISTRIBUTING, holder(US))
    return successor(record_change.distribute(record, new))


def test_a_complete_member_has_nothing_to_do(record: Record) -> None:
    assert step(local(record), record) == Settled()
    assert step(local(record, US), record) == Settled()


def test_a_newer_record_becomes_the_mirror(record: Record) -> None:
    newer = distributing(record)
    planned = step(local(record), newer)
    assert isinstance(planned, Level)
    assert planned.facts is not None
    assert (planned.facts.mirror, planned.facts.mirror_seq) == (b"newer", newer.seq)
    assert planned.facts.mirror_revision == 7


def test_a_member_fetches_a_new_generation_from_its_holders(record: Record) -> None:
    newer = distributing(record)
    planned = step(local(newer), newer)
    assert isinstance(planned, Fetch)
    assert planned.generations == (generation_id(2),)
    assert [source.region for source in planned.sources] == [US]
    assert not planned.binding_key


def test_a_member_acknowledges_only_what_it_holds(record: Record) -> None:
    newer = distributing(record)
    planned = step(local(newer, held=held(1, 2)), newer)
    assert isinstance(planned, Write)
    assert planned.name == "ack"
    listed = planned.successor.generation(generation_id(2))
    assert listed is not None
    assert listed.holders == {holder(US), holder(EU)}


def test_bytes_with_another_fingerprint_are_not_acknowledged_or_replaced(record: Record) -> None:
    newer = distributing(record)
    wrong = {**held(1), generation_id(2): stored(2, good=False)}
    facts = local(newer, held=wrong)
    assert step(facts, newer) == Settled()
    assert damaged(facts, newer) == [generation_id(2)]


def test_a_lost_commit_withdraws_its_acknowledgement_first(record: Record) -> None:
    planned = step(local(record, held={}), record)
    assert isinstance(planned, Write)
    assert planned.name == "withdraw ack"
    listed = planned.successor.generation(generation_id(1))
    assert listed is not None
    assert listed.holders == {holder(US)}
    after = successor(planned.successor)
    assert isinstance(step(local(after, held={}), after), Fetch)


def test_an_encrypting_member_follows_current(record: Record) -> None:
    newer = successor(record_change.switch(distributing(record), generation_id(2), 2))
    facts = local(newer, held=held(1, 2))
    planned = step(facts, newer)
    assert isinstance(planned, Level)
    assert planned.update is not None
    assert planned.update.current_generation == generation_id(2)
    assert isinstance(step(local(newer), newer), Fetch)


@pytest.mark.parametrize("end", [record_change.retire, record_change.remove])
def test_a_life_that_ended_elsewhere_suspends_and_keeps_everything(
    record: Record, end: Callable[[Record, RegionName], Record]
) -> None:
    ended = successor(end(record, EU))
    planned = step(local(record), ended)
    assert isinstance(planned, Level)
    assert planned.alarm
    assert planned.facts is not None
    assert (planned.facts.phase, planned.facts.lock) == (Phase.SUSPENDED, None)
    suspended = with_facts(local(ended), phase=Phase.SUSPENDED)
    assert step(suspended, ended) == Settled()


def test_a_lost_store_says_so_itself(record: Record) -> None:
    nothing = local(None, key=None, held={}, facts=MultiRegionFacts(phase=Phase.PURGED))
    planned = step(replace(nothing, mirror=None), record)
    assert isinstance(planned, Write)
    assert planned.name == "self-retire"
    member = planned.successor.member(EU)
    assert member is not None
    assert member.state is MemberState.RETIRED


def test_a_suspended_region_rejoins_in_a_new_life_and_keeps_its_bytes(record: Record) -> None:
    ended = successor(record_change.retire(record, EU))
    proposed = successor(
        record_change.propose_replica(ended, EU, CLUSTER.grant(EU, life=2, granter=US))
    )
    accepted = successor(record_change.accept_proposal(proposed, EU))
    suspended = with_facts(local(ended), phase=Phase.SUSPENDED)
    planned = step(suspended, accepted)
    assert isinstance(planned, Level)
    assert planned.insert is None
    assert planned.facts is not None
    assert (planned.facts.life, planned.facts.phase) == (2, Phase.CREATING)
    creating = with_facts(local(accepted), life=2, phase=Phase.CREATING)
    joins = step(creating, accepted)
    assert isinstance(joins, Write)
    assert joins.name == "join"


def closed(record: Record, region: RegionName = EU, **changed: object) -> LocalFacts:
    return with_facts(local(record, region, **changed), opened_by=OTHER_STORE)


def test_a_replaced_store_opens_a_key_once_it_has_everything(record: Record) -> None:
    planned = step(closed(record), record)
    assert isinstance(planned, Level)
    assert planned.facts is not None
    assert planned.facts.opened_by == STORE


def test_a_replaced_store_withdraws_and_fetches_before_it_opens(record: Record) -> None:
    newer = distributing(record)
    facts = closed(newer)
    assert isinstance(step(facts, newer), Fetch)
    lost = closed(record, held={})
    planned = step(lost, record)
    assert isinstance(planned, Write)
    assert planned.name == "withdraw ack"


def test_a_replaced_store_does_not_open_with_its_own_proposal_pending(record: Record) -> None:
    transition = Transition(
        from_region=US, to_region=EU, transition_id="t", requester="arn", asked_at=0.0
    )
    proposed = successor(record_change.propose_primary(record, transition))
    assert step(closed(proposed, region=US), proposed) == Settled()


def test_imported_material_is_never_fetched(record: Record) -> None:
    newer = distributing(record)
    facts = local(newer, held={})
    assert facts.key is not None
    external = replace(facts, key=replace(facts.key, origin=Origin.EXTERNAL))
    assert step(external, newer) == Settled()


def test_what_the_mirror_knows_must_be_in_the_record(record: Record) -> None:
    newer = distributing(record)
    assert isinstance(step(local(newer, held=held(1, 2)), record), Stop)
    assert isinstance(step(local(record), None), Stop)


def test_a_proposal_in_a_life_that_this_region_has_stops_everything() -> None:
    proposed = CLUSTER.proposed(EU)
    planned = step(local(proposed), proposed)
    assert planned == Stop(reason="a proposal stands in the life of a key that this Region has")


def test_a_new_primary_withdraws_what_nobody_waits_for() -> None:
    proposed = CLUSTER.proposed(AP)
    planned = step(local(proposed, US), proposed)
    assert isinstance(planned, Write)
    assert (planned.name, planned.ends_proposals) == ("withdraw", frozenset({AP}))


def test_an_expired_unissued_lock_is_released_without_etcd(record: Record) -> None:
    lock = Lock(kind=LockKind.REPLICATE, peer=AP, intent_id="i")
    planned = plan(with_facts(local(record, US), lock=lock), None, NOW)
    assert isinstance(planned, Level)  # of an intent that is gone nobody waits any more
    assert planned.facts is not None
    assert planned.facts.lock == replace(lock, expired=True)
    released = plan(with_facts(local(record, US), lock=planned.facts.lock), None, NOW)
    assert isinstance(released, Level)
    assert released.facts is not None
    assert released.facts.lock is None


def test_an_expired_issued_lock_is_fenced_before_it_is_released(record: Record) -> None:
    lock = Lock(
        kind=LockKind.REPLICATE,
        peer=AP,
        intent_id="i",
        base_seq=record.seq,
        issued=True,
        expired=True,
    )
    facts = with_facts(local(record, US), lock=lock)
    assert plan(facts, None, NOW) == Settled()
    fence = step(facts, record)
    assert isinstance(fence, Write)
    assert fence.name == "fence"
    assert replace(fence.successor, seq=record.seq, previous_hash=b"", value_hash=b"") == replace(
        record, previous_hash=b"", value_hash=b""
    )
    fenced = successor(fence.successor)
    mirrored = with_facts(replace(facts, mirror=fenced), mirror_seq=fenced.seq)
    released = step(mirrored, fenced)
    assert isinstance(released, Level)
    assert released.facts is not None
    assert released.facts.lock is None
