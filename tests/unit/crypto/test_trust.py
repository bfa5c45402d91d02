from collections.abc import Callable
from dataclasses import replace

import pytest

from regionkms.crypto.trust import (
    RecordKeys,
    Rejection,
    grant_is_traceable,
    rolled_back,
    verify_record,
)
from regionkms.model import record_change as change
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import (
    ClusterName,
    EpochEntry,
    EpochKind,
    GenerationState,
    Incarnation,
    MemberState,
    ProposalState,
    Record,
    SignedRecord,
    Transition,
)
from regionkms.model.record_codec import parse_record
from tests.support.records import (
    ACCOUNT,
    AP,
    EU,
    INCARNATION,
    KEY_ID,
    NAME,
    NAMES,
    US,
    SigningCluster,
    altered,
    generation,
    generation_id,
    holder,
)

CLUSTER = SigningCluster()


def rejection_of(
    record: Record,
    writer: RegionName = US,
    *,
    mirror: Record | None = None,
    keys: RecordKeys | None = None,
) -> Rejection | None:
    return rejection_of_signed(CLUSTER.sign(record, writer), mirror=mirror, keys=keys)


def rejection_of_signed(
    signed: SignedRecord, *, mirror: Record | None = None, keys: RecordKeys | None = None
) -> Rejection | None:
    rejected = verify_record(
        signed,
        parse_record(signed),
        names=NAMES,
        name=NAME,
        keys=CLUSTER.keys if keys is None else keys,
        mirror=mirror,
    )
    return None if rejected is None else rejected.reason


def taken_by(record: Record, region: RegionName, kind: EpochKind = EpochKind.UPDATE) -> Record:
    number = record.epoch.number + 1
    entry = CLUSTER.link(kind, region, number)
    return CLUSTER.written(change.take_primary(record, entry), region)


def with_link(record: Record, entry: EpochEntry) -> Record:
    """The chain and the role as a forger would write them, without the rules of the changes."""
    return replace(
        change.rewrite(record),
        epoch=entry.epoch,
        primary_region=entry.primary_region,
        epochs=(*record.epochs, entry),
    )


def test_honest_histories_are_believed() -> None:
    replicated = CLUSTER.replicated()
    moved = taken_by(replicated, EU)
    back = taken_by(moved, US, EpochKind.PROMOTE)
    for record in (CLUSTER.founded(), CLUSTER.proposed(), replicated, moved, back):
        assert rejection_of(replace(record, value_hash=b"")) is None
        assert rejection_of(replace(record, value_hash=b""), mirror=CLUSTER.founded()) is None


def test_a_rejoin_as_primary_is_believed_because_of_its_older_grant() -> None:
    retired = CLUSTER.written(change.retire(CLUSTER.replicated(), EU))
    entry = CLUSTER.link(EpochKind.REJOIN, EU, 2, taker_life=2)
    grant = CLUSTER.grant(EU, 2, EU)
    rejoined = change.rejoin_as_primary(retired, entry, grant, [generation_id(1)])
    assert rejection_of(rejoined, EU) is None


def test_a_rejoin_of_a_region_that_was_never_granted_is_refused() -> None:
    entry = CLUSTER.link(EpochKind.REJOIN, AP, 2, taker_life=1)
    forged = with_link(
        CLUSTER.written(
            change.propose_replica(CLUSTER.founded(), AP, CLUSTER.grant(AP, 1, AP)), AP
        ),
        entry,
    )
    assert rejection_of(forged, AP) is Rejection.LINK_GRANT


def test_an_adopt_is_believed_when_it_leaves_the_role_where_it_was() -> None:
    second = Incarnation(number=2, random=7)
    record = CLUSTER.replicated()
    entry = CLUSTER.link(EpochKind.ADOPT, US, 1, incarnation=second, taker=EU)
    adopted = replace(with_link(record, entry), incarnation=second)
    assert rejection_of(adopted, EU) is None
    moved = CLUSTER.link(EpochKind.ADOPT, EU, 1, incarnation=second, taker=EU)
    assert rejection_of(replace(with_link(record, moved), incarnation=second), EU) is (
        Rejection.LINK_GRANT
    )


def test_only_an_adopt_starts_another_incarnation_and_it_starts_at_one() -> None:
    second = Incarnation(number=2, random=7)
    record = CLUSTER.replicated()
    for kind, number, incarnation in (
        (EpochKind.PROMOTE, 1, second),
        (EpochKind.ADOPT, 2, second),
        (EpochKind.ADOPT, 2, INCARNATION),
    ):
        entry = CLUSTER.link(kind, US, number, incarnation=incarnation)
        forged = replace(with_link(record, entry), incarnation=incarnation)
        assert rejection_of(forged) is Rejection.CHAIN_ORDER


def test_links_of_former_incarnations_may_repeat_an_epoch_and_known_ones_are_not_checked() -> None:
    second = Incarnation(number=2, random=7)
    record = taken_by(CLUSTER.replicated(), EU)
    twin = CLUSTER.link(EpochKind.PROMOTE, US, 2)
    adopted = CLUSTER.link(EpochKind.ADOPT, US, 1, incarnation=second, taker=EU)
    merged = replace(
        with_link(replace(record, epochs=(*record.epochs, twin)), adopted), incarnation=second
    )
    assert rejection_of(merged, EU) is None
    believed = CLUSTER.written(merged, EU)
    assert rejection_of(change.rewrite(believed), mirror=believed) is None
    assert rejection_of(change.rewrite(believed), mirror=record) is None


def test_an_adopt_by_a_region_without_any_grant_is_refused() -> None:
    second = Incarnation(number=2, random=7)
    entry = CLUSTER.link(EpochKind.ADOPT, US, 1, incarnation=second, taker=AP)
    adopted = replace(with_link(CLUSTER.replicated(), entry), incarnation=second)
    assert rejection_of(adopted, AP) is Rejection.LINK_GRANT


def test_every_flipped_bit_of_a_record_is_refused() -> None:
    signed = CLUSTER.sign(replace(CLUSTER.replicated(), value_hash=b""), US)
    good = parse_record(signed)
    for position in range(len(signed.record)):
        harmed = altered(signed, position)
        rejected = verify_record(
            harmed, good, names=NAMES, name=NAME, keys=CLUSTER.keys, mirror=None
        )
        assert rejected is not None
        assert rejected.reason is Rejection.WRITER_SIGNATURE


def test_a_record_under_another_name_is_refused() -> None:
    signed = CLUSTER.sign(CLUSTER.founded(), US)
    record = parse_record(signed)
    other = NAMES.record(ACCOUNT, KeyId("mrk-" + "f" * 32))
    account = NAMES.record(AccountId("999988887777"), KEY_ID)
    cluster = Keyspace(ClusterName("another-0011223344556677"))
    for names, name in (
        (NAMES, other),
        (NAMES, account),
        (cluster, cluster.record(ACCOUNT, KEY_ID)),
    ):
        rejected = verify_record(
            signed, record, names=names, name=name, keys=CLUSTER.keys, mirror=None
        )
        assert rejected is not None
        assert rejected.reason is Rejection.WRONG_NAME


def test_a_writer_that_is_not_in_the_directory_is_refused() -> None:
    keys = {region: key for region, key in CLUSTER.keys.items() if region != EU}
    assert rejection_of(CLUSTER.founded(), EU, keys=keys) is Rejection.UNKNOWN_WRITER


def test_one_region_cannot_sign_in_the_name_of_another() -> None:
    signed = replace(CLUSTER.sign(CLUSTER.founded(), EU), writer=US)
    assert rejection_of_signed(signed) is Rejection.WRITER_SIGNATURE


def test_a_former_record_key_still_verifies_what_it_signed() -> None:
    renewed = SigningCluster(AP, EU, US)  # the same Regions with other keys
    keys = {region: (renewed.keys[region][0], CLUSTER.keys[region][0]) for region in (US, EU)}
    assert rejection_of(CLUSTER.replicated(), keys=keys) is None
    assert rejection_of(CLUSTER.replicated(), keys=renewed.keys) is Rejection.WRITER_SIGNATURE


def test_a_region_cannot_make_itself_primary_without_a_grant() -> None:
    forged = with_link(CLUSTER.founded(), CLUSTER.link(EpochKind.PROMOTE, EU, 2))
    members = CLUSTER.proposed().members
    no_grant = tuple(replace(one, grants=()) if one.region == EU else one for one in members)
    assert rejection_of(replace(forged, members=no_grant), EU) is Rejection.LINK_GRANT
    own_grant = tuple(
        replace(one, grants=(CLUSTER.grant(EU, 1, EU),)) if one.region == EU else one
        for one in members
    )
    assert rejection_of(replace(forged, members=own_grant), EU) is Rejection.LINK_GRANT


def test_a_region_cannot_take_the_role_in_a_life_that_was_not_granted() -> None:
    entry = CLUSTER.link(EpochKind.PROMOTE, EU, 2, taker_life=2)
    assert rejection_of(with_link(CLUSTER.replicated(), entry), EU) is Rejection.LINK_GRANT


def test_a_region_cannot_give_the_role_to_another() -> None:
    entry = CLUSTER.link(EpochKind.UPDATE, EU, 2, taker=US)
    assert rejection_of(with_link(CLUSTER.replicated(), entry), US) is Rejection.LINK_GRANT


def test_a_link_signed_by_another_region_is_refused() -> None:
    entry = CLUSTER.link(EpochKind.UPDATE, US, 2)
    forged = replace(entry, primary_region=EU, taker=EU)
    assert rejection_of(with_link(CLUSTER.replicated(), forged), US) is Rejection.LINK_SIGNATURE


def test_a_second_founding_is_refused() -> None:
    entry = CLUSTER.link(EpochKind.FOUND, EU, 2)
    assert rejection_of(with_link(CLUSTER.replicated(), entry), EU) is Rejection.LINK_GRANT


def test_a_record_that_somebody_else_founded_anew_is_refused_by_a_region_with_a_mirror() -> None:
    mirror = CLUSTER.founded()
    forged = replace(
        mirror,
        primary_region=EU,
        epochs=(CLUSTER.link(EpochKind.FOUND, EU, 1),),
        members=(replace(mirror.members[0], region=EU, grants=(CLUSTER.grant(EU, 1, EU),)),),
    )
    assert rejection_of(forged, EU, mirror=mirror) is Rejection.CHAIN_START


def test_a_chain_that_does_not_end_in_the_epoch_is_refused() -> None:
    record = CLUSTER.replicated()
    entry = CLUSTER.link(EpochKind.UPDATE, EU, 2)
    forged = replace(with_link(record, entry), primary_region=US)
    assert rejection_of(forged, EU) is Rejection.CHAIN_ORDER


def test_a_chain_with_a_gap_is_refused() -> None:
    entry = CLUSTER.link(EpochKind.UPDATE, EU, 3)
    assert rejection_of(with_link(CLUSTER.replicated(), entry), EU) is Rejection.CHAIN_ORDER


def test_a_chain_that_starts_with_anything_but_a_founding_is_refused() -> None:
    record = CLUSTER.founded()
    entry = CLUSTER.link(EpochKind.PROMOTE, US, 1)
    assert rejection_of(replace(record, epochs=(entry,))) is Rejection.CHAIN_START


def test_a_member_without_a_grant_for_its_life_is_refused() -> None:
    record = CLUSTER.replicated()
    raised = tuple(replace(one, life=2) if one.region == EU else one for one in record.members)
    assert rejection_of(replace(record, members=raised)) is Rejection.MEMBER_GRANT


def test_a_grant_for_another_region_does_not_count() -> None:
    grant = CLUSTER.grant(EU, 1, US)
    forged = change.propose_replica(CLUSTER.founded(), AP, grant)
    assert rejection_of(forged) is Rejection.MEMBER_GRANT


def test_a_grant_by_a_region_that_was_never_primary_does_not_count() -> None:
    forged = change.propose_replica(CLUSTER.replicated(), AP, CLUSTER.grant(AP, 1, EU))
    assert rejection_of(forged, EU) is Rejection.MEMBER_GRANT
    assert not grant_is_traceable(forged, AP, 1, CLUSTER.keys)


def test_a_source_traces_grants_by_life() -> None:
    record = CLUSTER.replicated()
    assert grant_is_traceable(record, EU, 1, CLUSTER.keys)
    assert not grant_is_traceable(record, EU, 2, CLUSTER.keys)
    assert not grant_is_traceable(record, AP, 1, CLUSTER.keys)


def test_a_rejection_says_which_region_it_is_about() -> None:
    record = CLUSTER.replicated()
    raised = tuple(replace(one, life=2) if one.region == EU else one for one in record.members)
    signed = CLUSTER.sign(replace(record, members=raised), US)
    rejected = verify_record(
        signed, parse_record(signed), names=NAMES, name=NAME, keys=CLUSTER.keys, mirror=None
    )
    assert str(rejected) == "a member has no grant for its present life (eu-west-1)"


def test_a_record_that_went_forward_is_not_rolled_back() -> None:
    replicated = CLUSTER.replicated()
    for mirror in (CLUSTER.founded(), CLUSTER.proposed(), replicated):
        assert rolled_back(mirror, replicated) is None
    assert rolled_back(replicated, taken_by(replicated, EU)) is None


@pytest.mark.parametrize(
    ("missing", "harm"),
    [
        ("seq", lambda r: replace(r, seq=1)),
        ("another record has seq", lambda r: replace(r, value_hash=b"other")),
        ("another primary has the epoch", lambda r: replace(r, primary_region=EU)),
        ("links of the chain", lambda r: replace(r, epochs=())),
        ("eu-west-1 has no entry", lambda r: replace(r, members=r.members[1:])),
        ("a generation is missing", lambda r: replace(r, generations=())),
    ],
)
def test_what_a_mirror_has_and_a_record_lacks_is_a_rollback(
    missing: str, harm: Callable[[Record], Record]
) -> None:
    mirror = CLUSTER.replicated()
    shown = rolled_back(mirror, harm(mirror))
    assert shown is not None
    assert missing in shown


def test_a_lower_epoch_an_older_current_and_a_revived_life_are_rollbacks() -> None:
    record = CLUSTER.replicated()
    moved = taken_by(record, EU)
    later = replace(record, seq=99)
    assert rolled_back(moved, later) == "the epoch is lower"
    second = CLUSTER.written(
        change.distribute(record, generation(2, GenerationState.DISTRIBUTING, holder(US)))
    )
    switched = CLUSTER.written(change.switch(second, generation_id(2), 2))
    assert rolled_back(switched, replace(second, seq=99)) == "CURRENT is an older generation"
    retired = CLUSTER.written(change.retire(record, EU))
    revived = tuple(
        replace(one, state=MemberState.CREATING, request=ProposalState.PROPOSED)
        if one.region == EU
        else one
        for one in retired.members
    )
    shown = rolled_back(retired, replace(retired, seq=99, members=revived))
    assert shown == "eu-west-1 is present in a life that had ended"


def test_an_open_transition_changes_nothing_in_what_is_believed() -> None:
    transition = Transition(
        from_region=US, to_region=EU, transition_id="t", requester="arn", asked_at=1.0
    )
    assert rejection_of(change.propose_primary(CLUSTER.replicated(), transition)) is None
    assert INCARNATION.number == 1
