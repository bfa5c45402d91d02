"""Judges the history of a kill campaign: against the audit log, against the model, against the end.

1. Every answer has exactly one record that says the same: success, or this error.
2. A call without an answer has one record at most.
3. Whether a call without an answer took effect is what its record says; with that, the history of
   a writer is one sequence, and every read in it and the state at the end are what the model has.
   So nothing acknowledged is missing, nothing is half done, no change is without its record.
4. What was encrypted decrypts, then and at the end.
5. A valid call is never refused; an error of the server (5xx) may only come where a process stood
   still, and then its record decides like that of a call without an answer. It may lack one: what
   can't be authenticated because the store does not answer is no call of anybody yet.
"""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.campaigns.kill_traffic import Event
from tests.campaigns.kill_world import READS, World

Record = Mapping[str, Any]
_SERVER_ERROR: Final = 500
_MOST: Final = 20
_STORY: Final = 12
"""Calls before a violation that are told with it."""


@dataclass(slots=True)
class Verdict:
    """What is wrong, and what the history came to.

    Attributes:
        story: What the writers of the violations had done shortly before, for whoever looks.
    """

    violations: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    answered: int = 0
    lost: int = 0
    lost_with_effect: int = 0
    server_errors: int = 0

    def wrong(self, event: Event | None, text: str) -> None:
        where = "" if event is None else f"{event.user_agent} {event.operation}: "
        self.violations.append(where + text)

    def check(self) -> None:
        """Raise AssertionError with the first violations, if there are any."""
        shown = "\n".join((*self.violations[:_MOST], "", *self.story))
        assert not self.violations, f"{len(self.violations)} violations, such as\n{shown}"


def by_user_agent(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records of writers' calls, by the call."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[str(record.get("userAgent"))].append(record)
    return found


def replay(
    histories: Sequence[Sequence[Event]], records: Mapping[str, Sequence[Record]]
) -> tuple[World, Verdict]:
    """Judge all histories (rules 1 to 5 but for the end); the state in which all must be now."""
    verdict, world = Verdict(), World()
    for events in histories:
        blobs: dict[str, str] = {}
        for event in events:
            of_event = records.get(event.user_agent, ())
            known = len(verdict.violations)
            effective = _effective(event, of_event, verdict)
            if event.succeeded:
                _check_answer(event, world, blobs, verdict)
            if len(verdict.violations) > known:
                verdict.story += _before(events, event, records)
            if effective and event.operation not in READS:
                world.apply(event.operation, event.members, _made(of_event))
    return world, verdict


def _before(
    events: Sequence[Event], event: Event, records: Mapping[str, Sequence[Record]]
) -> list[str]:
    earlier = events[max(0, event.number - _STORY) : event.number + 1]
    return [f"{each} ({len(records.get(each.user_agent, ()))} records)" for each in earlier]


def _effective(event: Event, records: Sequence[Record], verdict: Verdict) -> bool:
    """Rules 1, 2 and 5: whether a call took effect, as its records say."""
    successes = [record for record in records if "errorCode" not in record]
    least = 1 if event.answered and event.status < _SERVER_ERROR else 0
    if not least <= len(records) <= 1:
        verdict.wrong(event, f"{len(records)} records, status {event.status}")
    if not event.answered:
        verdict.lost += 1
        verdict.lost_with_effect += bool(successes) and event.operation not in READS
        return bool(successes)
    verdict.answered += 1
    if event.succeeded and records and not successes:
        verdict.wrong(event, "an acknowledged call's record tells of an error")
    if not event.succeeded:
        _check_error(event, records, verdict)
    return bool(successes)


def _check_error(event: Event, records: Sequence[Record], verdict: Verdict) -> None:
    if event.status >= _SERVER_ERROR:
        verdict.server_errors += 1
    else:
        verdict.wrong(event, f"a valid call is refused: {event.answer}")
        codes = [record.get("errorCode") for record in records]
        if not codes or not str(codes[0]).startswith(str(event.answer.get("__type"))[:8]):
            verdict.wrong(event, f"answered {event.answer.get('__type')}, recorded {codes}")


def _check_answer(event: Event, world: World, blobs: dict[str, str], verdict: Verdict) -> None:
    """Rules 3 and 4, for a call that was answered with success."""
    if event.operation == "Encrypt":
        blobs[event.answer["CiphertextBlob"]] = event.members["Plaintext"]
    elif event.operation == "Decrypt":
        if blobs.get(event.members["CiphertextBlob"]) != event.answer["Plaintext"]:
            verdict.wrong(event, "another plaintext than was encrypted")
    elif event.operation == "GenerateDataKey":
        if len(b64decode(event.answer["Plaintext"])) != 32:
            verdict.wrong(event, "a data key of another length")
    else:
        found = world.contradiction(event.operation, event.members, event.answer)
        if found is not None:
            verdict.wrong(event, found)


def _made(records: Sequence[Record]) -> str:
    """The key that a CreateKey made, by its record: its client may never have been told."""
    for record in records:
        elements = record.get("responseElements") or {}
        if "keyMetadata" in elements:
            return str(elements["keyMetadata"]["keyId"])
    return ""
