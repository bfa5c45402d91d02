"""Judges the history of a kill campaign: against the audit log, against the model, against the end.

1. Every answer has exactly one record that says the same: success, or this error.
2. A call without an answer has one record at most.
3. Whether a call without an answer took effect is what its record says, and it may do so late: a
   writer that is killed while SQLite syncs its commit leaves it in the log unseen by the living,
   and the next recovery finds it there. With that, the history of a writer is one sequence, and
   every read in it and the state at the end are what the model has. So nothing acknowledged is
   missing, nothing is half done, no change is without its record.
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
from tests.campaigns.kill_world import READS, World, names_in

Record = Mapping[str, Any]
_SERVER_ERROR: Final = 500
_MOST: Final = 20
LATE_S: Final = 60.0
"""Longest wait for a recovery: a node that is killed whole is started again at once."""
_STORY: Final = 12
"""Calls before a violation that are told with it."""


@dataclass(slots=True)
class Verdict:
    """What is wrong, and what the history came to.

    Attributes:
        late: Calls without an answer whose effect showed only after a later call.
        story: What the writers of the violations had done shortly before, for whoever looks.
    """

    violations: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    answered: int = 0
    lost: int = 0
    lost_with_effect: int = 0
    late: int = 0
    server_errors: int = 0

    def add(self, other: "Verdict") -> None:
        """Take in what was found of another writer."""
        self.violations += other.violations
        self.story += other.story
        self.answered += other.answered
        self.lost += other.lost
        self.lost_with_effect += other.lost_with_effect
        self.late += other.late
        self.server_errors += other.server_errors

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
        of_writer = _replay_writer(events, records)
        verdict.add(of_writer.verdict)
        world.keys.update(of_writer.world.keys)
        world.aliases.update(of_writer.world.aliases)
    return world, verdict


def _replay_writer(events: Sequence[Event], records: Mapping[str, Sequence[Record]]) -> "_Replay":
    """Replay one writer's calls; those without an answer as late as their reads say."""
    late: dict[int, int] = {}
    while True:
        replayed = _Replay(events, records, late)
        wrong = replayed.first_wrong
        moved = None if wrong is None else _movable(events, records, wrong, late)
        if wrong is None or moved is None:
            replayed.verdict.late = len(late)
            return replayed
        late[moved.number] = wrong.number


def _movable(
    events: Sequence[Event],
    records: Mapping[str, Sequence[Record]],
    wrong: Event,
    late: Mapping[int, int],
) -> Event | None:
    """The last effective call without an answer before a contradiction that may explain it."""
    for event in reversed(events[: wrong.number]):
        if wrong.sent_at - event.ended_at > LATE_S:
            return None
        unproven = not event.answered and event.operation not in READS
        if (
            unproven
            and _successes(records.get(event.user_agent, ()))
            and late.get(event.number, event.number) < wrong.number
            and names_in(event.members) & names_in(wrong.members)
        ):
            return event
    return None


class _Replay:
    """One pass over a writer's calls.

    Args:
        events: In the order of sending.
        records: By call.
        late: Calls without an answer that take effect only after a later call, by their numbers.
    """

    def __init__(
        self,
        events: Sequence[Event],
        records: Mapping[str, Sequence[Record]],
        late: Mapping[int, int],
    ) -> None:
        self.verdict, self.world = Verdict(), World()
        self.first_wrong: Event | None = None
        waiting = {after: events[number] for number, after in late.items()}
        blobs: dict[str, str] = {}
        for event in events:
            of_event = records.get(event.user_agent, ())
            known = len(self.verdict.violations)
            effective = _effective(event, of_event, self.world, self.verdict)
            if event.succeeded:
                _check_answer(event, self.world, blobs, self.verdict)
            if len(self.verdict.violations) > known:
                self.first_wrong = self.first_wrong or event
                self.verdict.story += _before(events, event, records)
            if effective and event.number not in late:
                self._apply(event, of_event)
            if event.number in waiting:
                due = waiting[event.number]
                self._apply(due, records[due.user_agent])

    def _apply(self, event: Event, records: Sequence[Record]) -> None:
        if event.operation not in READS:
            self.world.apply(event.operation, event.members, _made(records))


def _before(
    events: Sequence[Event], event: Event, records: Mapping[str, Sequence[Record]]
) -> list[str]:
    earlier = events[max(0, event.number - _STORY) : event.number + 1]
    return [f"{each} ({len(records.get(each.user_agent, ()))} records)" for each in earlier]


def _successes(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if "errorCode" not in record]


def _effective(event: Event, records: Sequence[Record], world: World, verdict: Verdict) -> bool:
    """Rules 1, 2 and 5: whether a call took effect, as its records say."""
    successes = _successes(records)
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
        _check_error(event, records, world, verdict)
    return bool(successes)


def _check_error(event: Event, records: Sequence[Record], world: World, verdict: Verdict) -> None:
    if event.status >= _SERVER_ERROR:
        verdict.server_errors += 1
    else:
        if world.fits(event.operation, event.members):
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
