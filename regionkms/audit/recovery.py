"""Where a chain ends that an earlier process of the same slot has written.

The last segment is read whole: after a power failure its unsynced end may have holes, so the chain
ends before the first line that does not fit, whatever stands behind it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regionkms.audit.chain import (
    START,
    Line,
    Link,
    Torn,
    line_hash,
    parse_line,
    parse_opened,
)
from regionkms.audit.segment import SegmentName, segments_of
from regionkms.model.errors import AuditUnavailable

MAX_LINE_BYTES: Final = 4 << 20
"""No line is longer: a request's body is limited, and escapes make it six times as long at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """How a chain goes on.

    Attributes:
        segment: Number of the next segment.
        link: What its first line carries.
        torn: Torn ends that no `recovered` line has closed yet, oldest first.
    """

    segment: int
    link: Link
    torn: tuple[Torn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """The whole lines at the beginning of a segment that are tied to one another.

    Attributes:
        link: The place after them; None when the first line is no `opened` line of this file.
        size: Their bytes.
        torn: The bytes behind them, if there are any, or no line at all.
    """

    link: Link | None
    size: int
    torn: Torn | None


def find_end(directory: Path, process: str) -> ChainEnd:
    """Find where the chain of a slot goes on; nobody else may be writing it.

    Raises:
        AuditUnavailable: A segment can't be read, or no segment of the chain has a whole line.
    """
    names = segments_of(directory, process)
    torn: list[Torn] = []
    try:
        for name in reversed(names):
            prefix = read_prefix(directory, name)
            if prefix.torn is not None:
                torn.insert(0, prefix.torn)
            if prefix.link is not None:
                return ChainEnd(segment=names[-1].segment + 1, link=prefix.link, torn=tuple(torn))
    except OSError as error:
        raise AuditUnavailable(f"the chain of {process} can't be read: {error.strerror}") from error
    if names and names[0].segment != 1:
        raise AuditUnavailable(
            f"no segment of {process} has a whole line and the older ones are missing; "
            "run `regionkms audit verify`"
        )
    number = names[-1].segment + 1 if names else 1
    return ChainEnd(segment=number, link=START, torn=tuple(torn))


def read_prefix(directory: Path, name: SegmentName) -> Prefix:
    """Read a segment up to the first bytes that are not tied to what stands before.

    Raises:
        OSError: It can't be read.
    """
    link: Link | None = None
    size = 0
    for raw, line in chained_lines(directory, name):
        link = Link(line.n + 1, line_hash(raw))
        size += len(raw)
    path = directory / str(name)
    torn = None
    if link is None or size < path.stat().st_size:
        torn = torn_end(path, size)
    return Prefix(link=link, size=size, torn=torn)


def chained_lines(directory: Path, name: SegmentName) -> Iterator[tuple[bytes, Line]]:
    """The lines of a segment, up to the first that is not tied to the one before.

    Raises:
        OSError: It can't be read.
    """
    link: Link | None = None
    for raw, line in lines_of(directory / str(name)):
        if line is None or not _fits(line, link, name):
            return
        link = Link(line.n + 1, line_hash(raw))
        yield raw, line


def _fits(line: Line, link: Link | None, name: SegmentName) -> bool:
    if link is not None:
        return (line.n, line.previous) == link
    opened = parse_opened(line)
    return opened is not None and (opened.process, opened.segment) == (name.process, name.segment)


def lines_of(path: Path) -> Iterator[tuple[bytes, Line | None]]:
    """The lines of a file and what they say; one without an end, or too long, says nothing.

    Raises:
        OSError: The file can't be read.
    """
    with path.open("rb", buffering=1 << 20) as file:
        while raw := file.readline(MAX_LINE_BYTES):
            yield raw, parse_line(raw)


def torn_end(path: Path, offset: int) -> Torn:
    """Describe the bytes of a file from an offset on.

    Raises:
        OSError: The file can't be read.
    """
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        file.seek(offset)
        while part := file.read(1 << 20):
            digest.update(part)
            size += len(part)
    return Torn(file=path.name, offset=offset, size=size, sha256=digest.hexdigest())
