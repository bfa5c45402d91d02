"""Follows the chains of a node, for people: newest records, filtered, as they come.

It reads what the kernel has, durable or not, and checks no hash (verify does). What it renders has
no control character, whatever is in the files.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from regionkms.audit.chain import Kind, parse_line
from regionkms.audit.recovery import MAX_LINE_BYTES, lines_of
from regionkms.audit.segment import SegmentName, processes_in, segments_of

Record = dict[str, Any]
"""A record as JSON has it."""

_COLUMNS: Final = ("eventTime", "recipientAccountId", "eventName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records are wanted; an empty member lets all pass.

    Attributes:
        key: Key id, key ARN, alias or any part of one: of `resources` or of the request.
        operation: eventName, in any case.
        account: The account whose log it is, or the caller's.
        error: errorCode, in any case; `*` for every failure.
    """

    key: str = ""
    operation: str = ""
    account: str = ""
    error: str = ""

    def wants(self, record: Record) -> bool:
        """Whether a record passes."""
        return (
            (not self.key or any(self.key in name for name in _key_names(record)))
            and (not self.operation or _same(record.get("eventName"), self.operation))
            and (not self.account or self.account in _accounts(record))
            and (not self.error or self._wants_error(record.get("errorCode")))
        )

    def _wants_error(self, code: object) -> bool:
        return code is not None if self.error == "*" else _same(code, self.error)


ALL: Final = Filter()


def _same(value: object, wanted: str) -> bool:
    return str(value or "").casefold() == wanted.casefold()


def _key_names(record: Record) -> Iterator[str]:
    for resource in record.get("resources") or ():
        yield str(resource.get("ARN", ""))
    for name, value in (record.get("requestParameters") or {}).items():
        if name.lower().endswith("keyid") or name == "aliasName":
            yield str(value)


def _accounts(record: Record) -> set[object]:
    return {
        record.get("recipientAccountId"),
        (record.get("userIdentity") or {}).get("accountId"),
    }


def escape(text: str) -> str:
    r"""Replace whatever can move a cursor: `\x1b` and its kind become visible escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def render(record: Record) -> str:
    """One line for people: time, account, operation, outcome, keys, and who called from where."""
    keys = [str(resource.get("ARN", "")) for resource in record.get("resources") or ()]
    identity = record.get("userIdentity") or {}
    caller = identity.get("arn") or identity.get("invokedBy") or ""
    parts = [str(record.get(name, "")) for name in _COLUMNS]
    parts += [str(record.get("errorCode") or "ok"), ",".join(keys) or "-"]
    parts += [str(caller), str(record.get("sourceIPAddress", ""))]
    return escape("  ".join(parts))


def to_json(record: Record) -> str:
    """The record as one line of printable ASCII."""
    return json.dumps(record, separators=(",", ":"))


def newest(directory: Path, count: int, wanted: Filter = ALL) -> list[Record]:
    """The newest records that a filter wants, oldest of them first.

    Segments are read from the newest back until each chain has given enough.

    Raises:
        OSError: The directory can't be read.
    """
    found: list[Record] = []
    for process in processes_in(directory):
        found += _newest_of(directory, process, count, wanted)
    found.sort(key=lambda record: str(record.get("eventTime", "")))
    return found[-count:] if count else []


def _newest_of(directory: Path, process: str, count: int, wanted: Filter) -> list[Record]:
    found: list[Record] = []
    for name in reversed(segments_of(directory, process)):
        lines = (raw for raw, _ in lines_of(directory / str(name)))
        found = [*_records(lines, wanted), *found]
        if len(found) >= count:
            break
    return found[-count:] if count else []


def _records(lines: Iterator[bytes] | Sequence[bytes], wanted: Filter) -> Iterator[Record]:
    for raw in lines:
        line = parse_line(raw)
        if line is None or line.kind is not Kind.RECORD:
            continue
        record = json.loads(line.body)
        if wanted.wants(record):
            yield record


class Follower:
    """Gives the records that were written since it last looked, of all chains.

    Args:
        directory: Where segments are.
        wanted: Which records to give.
    """

    def __init__(self, directory: Path, wanted: Filter = ALL) -> None:
        self._directory: Final = directory
        self._wanted: Final = wanted
        self._places: dict[str, tuple[SegmentName, int]] = {}
        for process in processes_in(directory):
            name = segments_of(directory, process)[-1]
            self._places[process] = (name, (directory / str(name)).stat().st_size)

    def poll(self) -> list[Record]:
        """New records, by time. A chain that is new since the last look is given whole.

        Raises:
            OSError: The directory can't be read.
        """
        found: list[Record] = []
        for process in processes_in(self._directory):
            found += _records(list(self._new_lines(process)), self._wanted)
        found.sort(key=lambda record: str(record.get("eventTime", "")))
        return found

    def _new_lines(self, process: str) -> Iterator[bytes]:
        last = self._places.get(process)
        for name in segments_of(self._directory, process):
            if last is not None and name < last[0]:
                continue
            offset = last[1] if last is not None and name == last[0] else 0
            with (self._directory / str(name)).open("rb") as file:
                file.seek(offset)
                while (raw := file.readline(MAX_LINE_BYTES)).endswith(b"\n"):
                    offset += len(raw)
                    yield raw
            self._places[process] = (name, offset)
