import hashlib

import pytest

from regionkms.audit.chain import (
    GENESIS,
    START,
    Kind,
    Link,
    Opened,
    Torn,
    chain_opened,
    chain_records,
    event_id_of,
    event_time_of,
    ids_of,
    is_record,
    line_hash,
    parse_line,
    parse_opened,
    parse_recovered,
)
from regionkms.audit.record import RecordEncoder
from tests.support.audit import SEED, change, encrypt_request, facts

_OPENED = Opened(process="worker-2", segment=3, started="2026-09-01T00:00:00+00:00", ids="0" * 20)
_TORN = Torn(file="worker-2-20260901T000000Z-000002.jsonl", offset=7, size=3, sha256="a" * 64)


def test_each_line_carries_the_hash_of_the_whole_line_before() -> None:
    lines, link = chain_records(START, [b'{"a":1}', b'{"a":2}'])
    assert lines[0] == b'{"n":0,"previous":"' + GENESIS + b'","record":{"a":1}}\n'
    digest = hashlib.sha256(lines[0]).hexdigest().encode()
    assert lines[1] == b'{"n":1,"previous":"' + digest + b'","record":{"a":2}}\n'
    assert link == Link(2, line_hash(lines[1]))


def test_a_chain_of_nothing_stays_where_it_is() -> None:
    assert chain_records(Link(7, b"a" * 64), []) == ([], Link(7, b"a" * 64))


def test_a_line_comes_apart_as_it_was_put_together() -> None:
    (raw,), _ = chain_records(Link(12, b"b" * 64), [b'{"a":{}}'])
    line = parse_line(raw)
    assert line is not None
    assert (line.n, line.previous, line.kind, line.body) == (
        12,
        b"b" * 64,
        Kind.RECORD,
        b'{"a":{}}',
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"{}\n",
        b'{"n":1,"previous":"' + b"a" * 64 + b'","record":{}}',
        b'{"n":01,"previous":"' + b"a" * 64 + b'","record":{}}\n',
        b'{"n":-1,"previous":"' + b"a" * 64 + b'","record":{}}\n',
        b'{"n":1,"previous":"' + b"a" * 63 + b'","record":{}}\n',
        b'{"n":1,"previous":"' + b"A" * 64 + b'","record":{}}\n',
        b'{"n":1,"previous":"' + b"a" * 64 + b'","other":{}}\n',
        b'{"n":1,"previous":"' + b"a" * 64 + b'","record":[]}\n',
        b'{"n":1, "previous":"' + b"a" * 64 + b'","record":{}}\n',
        b'{"n":1,"previous":"' + b"a" * 64 + b'","record":{}}\n\n',
    ],
)
def test_what_is_not_written_exactly_so_is_no_line(raw: bytes) -> None:
    assert parse_line(raw) is None


def test_a_segment_begins_with_its_opening_and_the_torn_ends_it_closes() -> None:
    lines, link = chain_opened(Link(4, b"c" * 64), _OPENED, [_TORN])
    opened, recovered = map(parse_line, lines)
    assert parse_opened(opened) == _OPENED
    assert parse_recovered(recovered) == (_TORN,)
    assert parse_opened(recovered) is None
    assert parse_recovered(opened) == ()
    assert link == Link(6, line_hash(lines[1]))


@pytest.mark.parametrize("body", [b"{}", b'{"version":2}', b'{"version":1}', b"{x}"])
def test_an_opening_that_says_too_little_is_none(body: bytes) -> None:
    raw = b'{"n":0,"previous":"' + GENESIS + b'","opened":' + body + b"}\n"
    assert parse_opened(parse_line(raw)) is None


@pytest.mark.parametrize("body", [b"{}", b'{"torn":[{}]}', b'{"torn":1}', b"{x}"])
def test_a_recovery_that_says_too_little_closes_nothing(body: bytes) -> None:
    raw = b'{"n":0,"previous":"' + GENESIS + b'","recovered":' + body + b"}\n"
    assert parse_recovered(parse_line(raw)) == ()
    assert parse_recovered(None) == ()


def test_the_event_id_is_found_though_a_context_pretends_to_have_one() -> None:
    other = "00000000-0000-0000-0000-00000000beef"
    context = {"eventID": other, "readOnly": "true", "eventTime": "x", f'"eventID":"{other}"': ""}
    call = facts(request=encrypt_request(encryption_context=context))
    (record,) = RecordEncoder(seed=SEED).records(call)
    assert event_id_of(record) == "00010203-0405-0607-0809-000000000001"
    assert event_time_of(record) == "2023-11-14T22:13:20Z"
    assert event_id_of(b"{}") == event_time_of(b"{}") == ""


def test_an_event_id_tells_which_process_made_it() -> None:
    encoder = RecordEncoder(seed=SEED)
    assert ids_of(encoder.event_id()) == SEED.hex()


def test_only_a_record_with_its_own_event_id_may_become_a_line() -> None:
    record = change(RecordEncoder(seed=SEED))
    assert is_record(record.record, record.event_id)
    assert not is_record(record.record, "00000000-0000-0000-0000-00000000beef")
    assert not is_record(record.record + b"\n{}", record.event_id)
    assert not is_record(record.record.replace(b"eventTime", b"eventTema"), record.event_id)
