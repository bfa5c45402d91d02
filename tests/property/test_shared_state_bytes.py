"""Bytes from etcd and from peers: parsing is total, whatever whoever wrote there."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regionkms.model import record_change as change
from regionkms.model.ids import RegionName
from regionkms.model.proposal import (
    Proposal,
    ProposalFormatError,
    encode_proposal,
    parse_proposal,
    parse_signed_proposal,
)
from regionkms.model.record import GenerationState, Record
from regionkms.model.record_codec import (
    RecordFormatError,
    encode_record,
    encode_signed,
    parse_record,
    parse_signed,
)
from regionkms.model.region_entry import (
    EntryFormatError,
    parse_certification,
    parse_entry,
    parse_incarnation,
    parse_signed_entry,
    parse_signed_incarnation,
)
from regionkms.ports.key_transport import FetchRefused
from regionkms.transport.fetch_codec import parse_request, parse_response
from tests.support.records import ACCOUNT, EU, KEY_ID, US, SigningCluster, generation, generation_id

CLUSTER = SigningCluster()
REPLICATED = CLUSTER.replicated()
VALUE = CLUSTER.sign(REPLICATED, US).value


def whole(value: bytes) -> Record:
    return parse_record(parse_signed(value))


@pytest.mark.parametrize(
    ("parse", "refusal"),
    [
        (whole, RecordFormatError),
        (parse_proposal, ProposalFormatError),
        (parse_signed_proposal, ProposalFormatError),
        (parse_entry, EntryFormatError),
        (parse_signed_entry, EntryFormatError),
        (parse_certification, EntryFormatError),
        (parse_incarnation, EntryFormatError),
        (parse_signed_incarnation, EntryFormatError),
        (lambda value: parse_request(value, US), FetchRefused),
        (parse_response, FetchRefused),
    ],
)
@given(value=st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(
    parse: Callable[[bytes], object], refusal: type[Exception], value: bytes
) -> None:
    try:
        parse(value)
    except refusal:
        return


@given(st.lists(st.tuples(st.integers(0, len(VALUE) - 1), st.integers(1, 255)), min_size=1))
def test_a_mutated_record_is_read_or_refused(mutations: list[tuple[int, int]]) -> None:
    value = bytearray(VALUE)
    for position, difference in mutations:
        value[position] ^= difference
    try:
        record = whole(bytes(value))
    except RecordFormatError:
        return
    # What can be read can be written, and reads the same again.
    again = whole(encode_signed(encode_record(record), US, b""))
    assert encode_record(again) == encode_record(record)


@given(st.text(), st.text(), st.dictionaries(st.text(), st.lists(st.text()).map(tuple)))
def test_any_text_survives_a_proposal(
    policy: str, description: str, context: dict[str, tuple[str, ...]]
) -> None:
    proposal = Proposal(
        account_id=ACCOUNT,
        key_id=KEY_ID,
        region=RegionName("eu-west-1"),
        policy=policy,
        description=description,
        request_context=context,
    )
    assert parse_proposal(encode_proposal(proposal)) == proposal


ROTATIONS = st.lists(st.sampled_from(["distribute", "ack", "switch", "abandon"]), max_size=12)


@given(ROTATIONS)
def test_generations_move_forward_only_and_one_at_most_is_current(steps: list[str]) -> None:
    order = {
        GenerationState.DISTRIBUTING: 0,
        GenerationState.CURRENT: 1,
        GenerationState.PREVIOUS: 2,
        GenerationState.ABANDONED: 3,
    }
    record, number = REPLICATED, 1
    for step in steps:
        open_ones = record.distributing
        before = {one.generation_id: one for one in record.generations}
        if step == "distribute":
            number += 1
            record = CLUSTER.written(change.distribute(record, generation(number)))
        elif not open_ones:
            continue
        elif step == "ack":
            ids = [one.generation_id for one in open_ones]
            record = CLUSTER.written(change.acknowledge(record, EU, ids))
        elif step == "switch":
            last = open_ones[-1].generation_id
            record = CLUSTER.written(change.switch(record, last, number + 1))
        else:
            record = CLUSTER.written(change.abandon(record, open_ones[0].generation_id))
        for one in record.generations:
            known = before.get(one.generation_id, one)
            assert order[one.state] >= order[known.state]
            assert one.order >= known.order
            assert one.holders >= known.holders
        assert record.current is not None
        assert record.generation(generation_id(1)) is not None
