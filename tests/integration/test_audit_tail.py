"""What people see of a log."""

from pathlib import Path
from typing import Any

import pytest

from regionkms.audit.record import RecordEncoder
from regionkms.audit.tail import Filter, Follower, escape, newest, render, to_json
from regionkms.model import shapes
from regionkms.model.errors import AccessDeniedException
from tests.support.audit import (
    ACCOUNT,
    KEY_ARN,
    OTHER_ACCOUNT,
    change,
    encrypt_request,
    facts,
    files_in,
    open_log,
    record_of,
    write_chain,
)
from tests.support.clock import EPOCH


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (Filter(), True),
        (Filter(key=KEY_ARN), True),
        (Filter(key="1234abcd-12ab-34cd-56ef-1234567890ab"), True),
        (Filter(key="alias/example"), True),
        (Filter(key="alias/other"), False),
        (Filter(operation="encrypt"), True),
        (Filter(operation="Decrypt"), False),
        (Filter(account=ACCOUNT), True),
        (Filter(account=OTHER_ACCOUNT), False),
        (Filter(error="accessdenied"), True),
        (Filter(error="*"), True),
        (Filter(error="NotFoundException"), False),
        (Filter(key="alias/example", operation="Encrypt", error="*"), True),
        (Filter(key="alias/example", operation="Decrypt", error="*"), False),
    ],
)
def test_a_filter_lets_what_it_names_pass(wanted: Filter, passes: bool) -> None:  # noqa: FBT001 - a column
    record = record_of(facts(request=encrypt_request(), error=AccessDeniedException("no")))
    assert wanted.wants(record) is passes


def test_a_success_is_no_error() -> None:
    record = record_of(facts(request=encrypt_request()))
    assert not Filter(error="*").wants(record)


def test_an_alias_that_is_made_is_found_by_its_name() -> None:
    request = shapes.CreateAliasRequest(alias_name="alias/new", target_key_id="k")
    assert Filter(key="alias/new").wants(record_of(facts("CreateAlias", request)))


def test_what_is_shown_has_no_control_character() -> None:
    nasty = "\x1b]0;owned\x07\n\r\x7f\x9b\u202e"
    assert escape(nasty).isprintable()
    record = record_of(
        facts(request=encrypt_request(), source_ip=nasty, error=AccessDeniedException(nasty))
    )
    assert render(record).isprintable()
    assert to_json(record).isascii()
    assert to_json(record).isprintable()


def test_a_line_tells_what_happened_to_whom() -> None:
    record = record_of(facts(request=encrypt_request(), error=AccessDeniedException("no")))
    assert render(record) == (
        f"2023-11-14T22:13:20Z  {ACCOUNT}  Encrypt  AccessDenied  {KEY_ARN}  "
        f"arn:aws:iam::{ACCOUNT}:root  192.0.2.0"
    )


def test_a_line_about_no_key_and_no_caller_is_still_a_line() -> None:
    assert render({"eventName": "X"}).split() == ["X", "ok", "-"]


async def test_the_newest_records_of_all_chains_come_in_their_order(directory: Path) -> None:
    for slot, offset in (("worker-2", 0), ("worker-3", 5)):
        async with open_log(directory, slot, max_segment_bytes=1) as (log, encoder):
            for i in range(4):
                log.append(change(encoder, event_time=EPOCH + 10 * i + offset).record)
                log.flush()
    times = [record["eventTime"][-3:] for record in newest(directory, 3)]
    assert times == ["45Z", "50Z", "55Z"]
    assert len(newest(directory, 100)) == 8
    assert newest(directory, 0) == []
    assert newest(directory, 5, Filter(operation="Encrypt")) == []


async def test_a_follower_gives_each_record_once_over_segments_and_new_chains(
    directory: Path,
) -> None:
    await write_chain(directory, "worker-2", records=2)
    follower = Follower(directory)
    assert follower.poll() == []
    async with open_log(directory, "worker-2", max_segment_bytes=2000) as (log, encoder):
        sent: list[Any] = []
        for _ in range(3):
            for _ in range(3):
                record = change(encoder)
                sent.append(record.event_id)
                log.append(record.record)
                log.flush()
            seen = [record["eventID"] for record in follower.poll()]
            assert seen == sent[-3:]
        await write_chain(directory, "agent", records=2)
        assert len(follower.poll()) == 2
        assert follower.poll() == []


async def test_a_follower_waits_for_the_end_of_a_line(directory: Path) -> None:
    await write_chain(directory, records=1)
    follower = Follower(directory, Filter(operation="DeleteKey"))
    (path,) = files_in(directory)
    record = change(RecordEncoder(seed=bytes(10))).record
    line = b'{"n":2,"previous":"' + b"0" * 64 + b'","record":' + record + b"}\n"
    with path.open("ab", buffering=0) as file:
        file.write(line[:100])
        assert follower.poll() == []
        file.write(line[100:])
    assert [found["eventName"] for found in follower.poll()] == ["DeleteKey"]
