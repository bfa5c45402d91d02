"""The short version of the kill campaign, and that its judge sees what it should."""

from pathlib import Path
from typing import Any

import pytest

from tests.campaigns import kill_campaign
from tests.campaigns.kill_traffic import Event
from tests.campaigns.kill_validate import by_user_agent, replay

KILLS = 10
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_or_half_done_when_processes_are_killed(
    tmp_path: Path,
) -> None:
    outcome = kill_campaign.run(tmp_path, kills=KILLS, seed=1)
    outcome.verdict.check()
    assert outcome.verdict.answered > 100, outcome


def _event(number: int, operation: str, status: int = 200, **members: Any) -> Event:
    answer: dict[str, Any] = {"KeyMetadata": {"KeyId": KEY}} if operation == "CreateKey" else {}
    if operation == "DescribeKey":
        answer = {"KeyMetadata": {"KeyState": "Enabled", "Description": members.pop("shows")}}
    return Event(
        writer=0, number=number, operation=operation, members=members, status=status, answer=answer
    )


def _record(event: Event) -> dict[str, Any]:
    elements = {"keyMetadata": {"keyId": KEY}} if event.operation == "CreateKey" else None
    return {"userAgent": event.user_agent, "responseElements": elements}


CREATED = _event(0, "CreateKey", Description="first", Tags=[])
LOST = _event(1, "UpdateKeyDescription", 0, KeyId=KEY, Description="second")


def _violations(events: list[Event], records: list[dict[str, Any]]) -> list[str]:
    return replay([events], by_user_agent(records))[1].violations


def test_the_judge_accepts_a_lost_call_that_took_effect_and_has_its_record() -> None:
    seen = _event(2, "DescribeKey", KeyId=KEY, shows="second")
    events = [CREATED, LOST, seen]
    assert not _violations(events, [_record(event) for event in events])


def test_the_judge_accepts_a_lost_call_that_took_no_effect_and_has_no_record() -> None:
    seen = _event(2, "DescribeKey", KeyId=KEY, shows="first")
    assert not _violations([CREATED, LOST, seen], [_record(CREATED), _record(seen)])


def test_the_judge_accepts_a_lost_call_whose_effect_shows_after_a_recovery() -> None:
    before = _event(2, "DescribeKey", KeyId=KEY, shows="first")
    after = _event(3, "DescribeKey", KeyId=KEY, shows="second")
    events = [CREATED, LOST, before, after]
    assert not _violations(events, [_record(event) for event in events])


def test_the_judge_finds_a_lost_call_whose_effect_is_taken_back() -> None:
    seen = [
        _event(number, "DescribeKey", KeyId=KEY, shows=shown)
        for number, shown in ((2, "second"), (3, "first"), (4, "second"))
    ]
    events = [CREATED, LOST, *seen]
    assert _violations(events, [_record(event) for event in events])


def test_the_judge_finds_an_acknowledged_call_whose_effect_is_late() -> None:
    answered = _event(1, "UpdateKeyDescription", KeyId=KEY, Description="second")
    before = _event(2, "DescribeKey", KeyId=KEY, shows="first")
    events = [CREATED, answered, before]
    [found] = _violations(events, [_record(event) for event in events])
    assert "not ('Enabled', 'second')" in found


def test_the_judge_finds_a_change_without_its_record() -> None:
    seen = _event(2, "DescribeKey", KeyId=KEY, shows="second")
    [found] = _violations([CREATED, LOST, seen], [_record(CREATED), _record(seen)])
    assert "shows ('Enabled', 'second')" in found


def test_the_judge_finds_a_record_without_its_change() -> None:
    """At the end, when no recovery is to come; the campaign compares it with what is there."""
    seen = _event(2, "DescribeKey", KeyId=KEY, shows="first")
    events = [CREATED, LOST, seen]
    world, _ = replay([events], by_user_agent([_record(event) for event in events]))
    assert world.keys[KEY].description == "second"


def test_the_judge_finds_an_answer_without_a_record_and_one_with_two() -> None:
    seen = _event(1, "DescribeKey", KeyId=KEY, shows="first")
    [found] = _violations([CREATED, seen], [_record(CREATED)])
    assert "0 records" in found
    [found] = _violations([CREATED, seen], [_record(CREATED), _record(seen), _record(seen)])
    assert "2 records" in found


def test_the_judge_finds_a_valid_call_that_is_refused() -> None:
    refused = _event(1, "UpdateKeyDescription", 400, KeyId=KEY, Description="second")
    record = {**_record(refused), "errorCode": "NotFoundException"}
    found = _violations([CREATED, refused], [_record(CREATED), record])
    assert any("a valid call is refused" in text for text in found)
