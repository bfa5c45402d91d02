from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace

import pytest

from regionkms.model import record_codec
from regionkms.model.ids import GenerationId
from regionkms.model.proto import record_pb2 as pb
from regionkms.model.record import (
    Epoch,
    EpochKind,
    Generation,
    GenerationKind,
    GenerationState,
    Incarnation,
    Member,
    MemberState,
    ProposalState,
    Record,
    Refusal,
    Rotation,
    Transition,
    TransitionRefusal,
)
from regionkms.model.record_codec import (
    MAX_RECORD_BYTES,
    RecordFormatError,
    encode_record,
    encode_signed,
    parse_record,
    parse_signed,
    value_hash,
)
from tests.support.records import AP, EU, SHARED, US, SigningCluster, generation, holder

CLUSTER = SigningCluster()


def full_record() -> Record:
    """Every field of the record set to something that is not its default."""
    record = CLUSTER.founded()
    members = (
        Member(
            region=AP,
            life=3,
            state=MemberState.DELETED,
            grants=(CLUSTER.grant(AP, 3, US), CLUSTER.grant(AP, 1, US)),
            reported_key_state="Disabled",
            refusal=Refusal(code="LimitExceededException", message="too many"),
        ),
        Member(region=EU, life=1, state=MemberState.CREATING, request=ProposalState.PROPOSED),
        replace(record.members[0], reported_key_state="Enabled"),
    )
    return replace(
        record,
        seq=7,
        previous_hash=bytes(range(32)),
        dead=True,
        shared=replace(SHARED, rotation=Rotation(enabled=True, period_days=90, next_at=12.25)),
        generations=(
            generation(1, GenerationState.CURRENT, holder(US), holder(EU)),
            replace(generation(2), fingerprint=b"", kind=GenerationKind.AUTOMATIC),
        ),
        members=members,
        transition=Transition(
            from_region=US,
            to_region=EU,
            transition_id="t-1",
            requester="arn:aws:iam::111122223333:root",
            asked_at=99.5,
        ),
        refused_transition=TransitionRefusal(
            transition_id="t-0", refusal=Refusal(code="DisabledException", message="disabled")
        ),
    )


def read_back(record: Record) -> Record:
    value = encode_signed(encode_record(record), US, b"signature")
    return parse_record(parse_signed(value))


def test_every_field_survives_the_way_through_bytes() -> None:
    record = full_record()
    assert replace(read_back(record), value_hash=record.value_hash) == record


def test_the_hash_of_the_value_comes_with_the_record() -> None:
    value = encode_signed(encode_record(full_record()), US, b"signature")
    assert parse_record(parse_signed(value)).value_hash == value_hash(value)


def test_the_signed_bytes_are_kept_exactly() -> None:
    encoded = encode_record(full_record()) + b"\xfa\x07\x01x"  # an unknown field of the future
    signed = parse_signed(encode_signed(encoded, US, b"signature"))
    assert signed.record == encoded
    assert signed.writer == US
    assert signed.signature == b"signature"


def test_equal_records_give_equal_bytes() -> None:
    record = full_record()
    shuffled = replace(
        record,
        generations=tuple(
            replace(one, holders=frozenset(sorted(one.holders, reverse=True)))
            for one in record.generations
        ),
    )
    assert encode_record(record) == encode_record(shuffled)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (EpochKind, pb.EpochKind),
        (MemberState, pb.MemberState),
        (GenerationState, pb.GenerationState),
        (GenerationKind, pb.GenerationKind),
        (ProposalState, pb.ProposalState),
    ],
)
def test_enumerations_name_the_same_things_as_the_proto(kind: object, message: object) -> None:
    tables = {
        EpochKind: record_codec._EPOCH_KINDS,
        MemberState: record_codec._MEMBER_STATES,
        GenerationState: record_codec._GENERATION_STATES,
        GenerationKind: record_codec._GENERATION_KINDS,
        ProposalState: record_codec._PROPOSAL_STATES,
    }
    table = tables[kind]  # type: ignore[index] # one of the keys above
    names = dict(zip(message.values(), message.keys(), strict=True))  # type: ignore[attr-defined] # an enum wrapper
    for number, member in table.items():
        expected = "UNSPECIFIED" if member is ProposalState.NONE else member.name
        assert names[number].endswith(f"_{expected}")
    assert set(names) - set(table) <= {0}


MALFORMED: list[tuple[str, Callable[[pb.Record], object]]] = [
    ("seq is below 1", lambda m: setattr(m, "seq", 0)),
    ("previous_hash does not fit seq", lambda m: setattr(m, "seq", 1)),
    ("previous_hash does not fit seq", lambda m: setattr(m, "previous_hash", b"")),
    ("cluster is empty", lambda m: setattr(m, "cluster", "")),
    ("account_id is malformed", lambda m: setattr(m, "account_id", "../x")),
    ("key_id is malformed", lambda m: setattr(m, "key_id", "0" * 36)),
    ("primary_region is malformed", lambda m: setattr(m, "primary_region", "mars")),
    ("the primary has no entry", lambda m: setattr(m, "primary_region", "sa-east-1")),
    ("format 0", lambda m: setattr(m, "format", 0)),
    ("format 2; this release reads 1 to 1", lambda m: setattr(m, "format", 2)),
    ("epochs is empty", lambda m: m.ClearField("epochs")),
    ("epochs.kind has the unknown value 0", lambda m: setattr(m.epochs[0], "kind", 0)),
    ("epochs.kind has the unknown value 99", lambda m: setattr(m.epochs[0], "kind", 99)),
    ("members are not sorted", lambda m: m.members.reverse()),
    ("members are not sorted", lambda m: m.members.append(m.members[-1])),
    ("a member's life is below 1", lambda m: setattr(m.members[0], "life", 0)),
    ("request does not fit state", lambda m: setattr(m.members[0], "request", 1)),
    ("request does not fit state", lambda m: setattr(m.members[1], "request", 0)),
    ("members.state has the unknown value 0", lambda m: setattr(m.members[0], "state", 0)),
    ("a generation id is not 16 bytes", lambda m: setattr(m.generations[0], "id", b"short")),
    ("a fingerprint is not 32", lambda m: setattr(m.generations[0], "fingerprint", b"short")),
    ("more than one generation is CURRENT", lambda m: setattr(m.generations[1], "state", 2)),
    ("a generation is listed twice", lambda m: m.generations.append(m.generations[1])),
    ("shared.key_spec has an unknown", lambda m: setattr(m.shared, "key_spec", "DES")),
    ("epoch is of a later incarnation", lambda m: setattr(m.epoch.incarnation, "number", 9)),
]


@pytest.mark.parametrize(("message", "harm"), MALFORMED)
def test_a_malformed_record_is_refused_by_name(
    message: str, harm: Callable[[pb.Record], object]
) -> None:
    encoded = pb.Record.FromString(encode_record(full_record()))
    harm(encoded)
    value = encode_signed(encoded.SerializeToString(), US, b"signature")
    with pytest.raises(RecordFormatError, match=message):
        parse_record(parse_signed(value))


@pytest.mark.parametrize("value", [b"\xff", b"not a record", b"\x12\x02\xff\xff"])
def test_bytes_that_are_no_signed_record_are_refused(value: bytes) -> None:
    with pytest.raises(RecordFormatError):
        parse_signed(value)


def test_a_signed_value_without_a_record_in_it_is_refused() -> None:
    with pytest.raises(RecordFormatError, match="not a Record"):
        parse_record(parse_signed(encode_signed(b"\xff", US, b"")))


def test_a_value_that_is_too_long_is_refused_by_its_length() -> None:
    with pytest.raises(RecordFormatError, match=r"at most 1048576"):
        parse_signed(bytes(MAX_RECORD_BYTES + 1))


def test_a_record_that_breaks_a_rule_is_not_written() -> None:
    with pytest.raises(RecordFormatError, match="the primary has no entry"):
        encode_record(replace(full_record(), members=()))


def test_every_truncation_of_a_value_is_refused_or_is_another_record() -> None:
    record = full_record()
    value = encode_signed(encode_record(record), US, b"")
    for end in range(len(value)):
        try:
            shorter = parse_record(parse_signed(value[:end]))
        except RecordFormatError:
            continue
        assert shorter != record


def test_epochs_are_ordered_by_incarnation_first() -> None:
    first, second = Incarnation(number=1, random=9), Incarnation(number=2, random=1)
    assert Epoch(incarnation=first, number=50) < Epoch(incarnation=second, number=1)
    assert Epoch(incarnation=first, number=1) < Epoch(incarnation=first, number=2)


def test_no_value_of_the_record_can_be_changed_in_place() -> None:
    record = full_record()
    for value in (record, record.members[0], record.generations[0], record.epoch, record.shared):
        assert is_dataclass(value)
        with pytest.raises(AttributeError):
            setattr(value, fields(value)[0].name, None)


def test_a_record_says_who_counts_and_what_is_held() -> None:
    record = full_record()
    assert [member.region for member in record.present_members] == [EU, US]
    first = record.generation(GenerationId((1).to_bytes(16, "big")))
    assert isinstance(first, Generation)
    assert record.current == first
    assert record.held_by_all(first)
    assert not record.held_by_all(record.distributing[0])
    assert record.held_by_present(first) == {US, EU}
    stale = replace(first, holders=frozenset({holder(EU, 9), holder(AP, 3)}))
    assert record.held_by_present(stale) == frozenset()
    assert record.is_primary(US, 1)
    assert not record.is_primary(US, 2)
    assert not record.is_primary(EU, 1)
    assert record.member(AP) is not None
    assert record.generation(GenerationId(bytes(16))) is None
    abandoned = replace(record.generations[1], state=GenerationState.ABANDONED)
    listed = replace(record, generations=(first, abandoned))
    assert listed.shared_generations == (first,)


def test_only_an_accepted_or_joined_life_may_receive_material() -> None:
    member = Member(region=EU, life=1, state=MemberState.MEMBER)
    assert member.may_receive
    for state, request, expected in (
        (MemberState.CREATING, ProposalState.PROPOSED, False),
        (MemberState.CREATING, ProposalState.ACCEPTED, True),
        (MemberState.DELETED, ProposalState.NONE, False),
        (MemberState.RETIRED, ProposalState.NONE, False),
    ):
        assert replace(member, state=state, request=request).may_receive is expected
