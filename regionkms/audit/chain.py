r"""The lines of a chain: how a record is tied to the one before it. Pure.

A chain belongs to one process slot of a node (`worker-2`, `agent`) and never ends: it goes on over
restarts and over the segment files that hold it. Each line is one JSON object::

    {"n":17,"previous":"<64 hex digits>","record":{...}}\n

`n` counts the chain's lines from 0. `previous` is the SHA-256 of the whole line before, its newline
included, so a line's hash covers everything that was ever written before it. The third member tells
the kind: `record` (an audit record), `opened` (first line of every segment) or `recovered` (closes
torn ends that a crash left).

Source: design §5b; docs/adr/0008-audit-log.md has the forms that lost.
"""

import hashlib
import json
import re
from binascii import hexlify
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

GENESIS: Final = b"0" * 64
"""What the first line of a chain carries as `previous`."""
FORMAT_VERSION: Final = 1

_LINE: Final = re.compile(
    rb'\{"n":(0|[1-9][0-9]{0,18}),"previous":"([0-9a-f]{64})",'
    rb'"(record|opened|recovered)":(\{.*\})\}\n'
)
_RECORD: Final = re.compile(rb"\{[ -~]*\}")
_EVENT_ID: Final = re.compile(
    rb'"eventID":"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",'
    rb'"readOnly":(?:true|false),'
)
# An encryption context may have a member "eventID", but its values are strings: `true` is ours.
_EVENT_TIME: Final = re.compile(rb'"eventTime":"([0-9TZ:-]{20})","eventSource":')


class Kind(StrEnum):
    """What a line holds."""

    RECORD = "record"
    OPENED = "opened"
    RECOVERED = "recovered"


class Line(NamedTuple):
    """A line taken apart.

    Attributes:
        previous: Hash of the line before, as 64 hexadecimal digits.
        body: The third member's JSON.
    """

    n: int
    previous: bytes
    kind: Kind
    body: bytes


class Link(NamedTuple):
    """A place in a chain: what the next line must carry.

    Attributes:
        n: Number of the next line, which is how many lines there are.
        previous: Hash of the last line; GENESIS before the first.
    """

    n: int
    previous: bytes


START: Final = Link(0, GENESIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The first line of a segment.

    Attributes:
        process: The slot.
        segment: Counts the chain's segment files from 1; also in the file's name.
        started: When the file was made, ISO 8601 UTC, machine time.
        ids: 20 hexadecimal digits that begin the event ids of records this process makes.
    """

    process: str
    segment: int
    started: str
    ids: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """Bytes at the end of a segment that are no line of the chain: a crash cut them.

    Attributes:
        offset: Where they begin, in bytes.
        size: How many there are, in bytes; 0 in a file that had no line yet.
        sha256: Their hash, so that nothing can be hidden there later.
    """

    file: str
    offset: int
    size: int
    sha256: str


def line_hash(line: bytes) -> bytes:
    """The hash of a whole line as 64 hexadecimal digits."""
    return hashlib.sha256(line).hexdigest().encode()


def chain_records(link: Link, records: Sequence[bytes]) -> tuple[list[bytes], Link]:
    """Tie records to a chain.

    Returns:
        Their lines, and the place after them.
    """
    n, previous = link
    sha256 = hashlib.sha256
    lines = []
    for record in records:
        line = b'{"n":%d,"previous":"%b","record":%b}\n' % (n, previous, record)
        previous = hexlify(sha256(line).digest())
        n += 1
        lines.append(line)
    return lines, Link(n, previous)


def chain_opened(link: Link, opened: Opened, torn: Sequence[Torn]) -> tuple[list[bytes], Link]:
    """The first lines of a segment: `opened`, and `recovered` when a crash left torn ends."""
    bodies: list[tuple[Kind, dict[str, Any]]] = [
        (
            Kind.OPENED,
            {
                "version": FORMAT_VERSION,
                "process": opened.process,
                "segment": opened.segment,
                "started": opened.started,
                "ids": opened.ids,
            },
        )
    ]
    if torn:
        bodies.append((Kind.RECOVERED, {"torn": [_torn_json(end) for end in torn]}))
    lines = []
    for kind, body in bodies:
        encoded = json.dumps(body, separators=(",", ":")).encode()
        line = b'{"n":%d,"previous":"%b","%b":%b}\n' % (*link, kind.encode(), encoded)
        link = Link(link.n + 1, line_hash(line))
        lines.append(line)
    return lines, link


def _torn_json(end: Torn) -> dict[str, Any]:
    return {"file": end.file, "offset": end.offset, "bytes": end.size, "sha256": end.sha256}


def parse_line(line: bytes) -> Line | None:
    """Take a line apart; None when it is not exactly of the form that is written."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    return Line(int(match[1]), match[2], Kind(match[3].decode()), match[4])


def parse_opened(line: Line | None) -> Opened | None:
    """The members of an `opened` line; None for everything else."""
    body = _body(line, Kind.OPENED)
    try:
        if body.get("version") != FORMAT_VERSION:
            return None
        return Opened(
            process=str(body["process"]),
            segment=int(body["segment"]),
            started=str(body["started"]),
            ids=str(body["ids"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def parse_recovered(line: Line | None) -> tuple[Torn, ...]:
    """The torn ends that a `recovered` line closes; none for everything else."""
    body = _body(line, Kind.RECOVERED)
    try:
        return tuple(
            Torn(
                file=str(end["file"]),
                offset=int(end["offset"]),
                size=int(end["bytes"]),
                sha256=str(end["sha256"]),
            )
            for end in body.get("torn", ())
        )
    except (KeyError, TypeError, ValueError):
        return ()


def _body(line: Line | None, kind: Kind) -> dict[str, Any]:
    if line is None or line.kind is not kind:
        return {}
    try:
        body = json.loads(line.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def event_id_of(record: bytes) -> str:
    """The eventID of a record, without parsing it; empty when it has none."""
    match = _EVENT_ID.search(record)
    return "" if match is None else match[1].decode()


def event_time_of(record: bytes) -> str:
    """The eventTime of a record, without parsing it; empty when it has none."""
    match = _EVENT_TIME.search(record)
    return "" if match is None else match[1].decode()


def is_record(record: bytes, event_id: str) -> bool:
    """Whether bytes from elsewhere may become a line: printable ASCII with this event id."""
    return (
        _RECORD.fullmatch(record) is not None
        and event_id_of(record) == event_id
        and event_time_of(record) != ""
    )


def ids_of(event_id: str) -> str:
    """Which process made an event id: its first 20 hexadecimal digits (see Opened.ids)."""
    return event_id.replace("-", "")[:20]
