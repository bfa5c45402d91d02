"""Walks one chain from its first line, and says what the first thing is that is wrong.

A line is good when its number and the hash it carries are those of its place. When they are not,
the lines around it tell what happened: a line altered in place, one taken out, moved, or repeated.
"""

from collections.abc import Sequence
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from regionkms.audit.chain import (
    START,
    Kind,
    Line,
    Link,
    Torn,
    event_id_of,
    line_hash,
    parse_opened,
    parse_recovered,
)
from regionkms.audit.findings import EventIds, Fault, Finding, Tally
from regionkms.audit.heads import ChainHead
from regionkms.audit.recovery import lines_of, torn_end
from regionkms.audit.segment import SegmentName

_OPENING_LINES: Final = 2
"""`opened`, and `recovered` where a crash came before."""


class _Place(NamedTuple):
    """A line that was good, and where it stands."""

    n: int
    file: str
    event_id: str


class ChainWalk:
    """Checks one chain, once.

    Args:
        directory: Where segments are.
        chain: The slot.
        tally: Counts what was read, over all chains.
        event_ids: Of all chains: no record may stand twice.
        heads: What was signed of the chain: its last head, or two where etcd has another one.
    """

    def __init__(
        self,
        directory: Path,
        chain: str,
        *,
        tally: Tally,
        event_ids: EventIds,
        heads: Sequence[ChainHead],
    ) -> None:
        self._directory: Final = directory
        self._chain: Final = chain
        self._tally: Final = tally
        self._event_ids: Final = event_ids
        self._heads: Final = heads
        self._closed: set[Torn] = set()
        self._link: Link = START
        self._last: _Place | None = None

    def run(self, names: Sequence[SegmentName]) -> Finding | None:
        """Walk the chain's segments, oldest first; the first fault, or None."""
        for position, name in enumerate(names):
            is_last = position == len(names) - 1
            try:
                finding = self._numbered(name, position + 1)
                if finding is None:
                    self._closed = set() if is_last else self._closed_by(names[position + 1 :])
                    finding = self._segment(name, is_last=is_last)
            except OSError as error:
                finding = self._finding(
                    Fault.UNREADABLE, str(name), detail=error.strerror or "I/O error"
                )
            if finding is not None:
                return finding
        return self._end(names)

    def _closed_by(self, later: Sequence[SegmentName]) -> set[Torn]:
        """Torn ends that the next segment with whole lines has closed."""
        for name in later:
            opening = list(islice(lines_of(self._directory / str(name)), _OPENING_LINES))
            if opening and opening[0][1] is not None:
                return {torn for _, line in opening for torn in parse_recovered(line)}
        return set()

    def _numbered(self, name: SegmentName, expected: int) -> Finding | None:
        if name.segment == expected:
            return None
        if name.segment < expected:
            detail = f"there are two segments {name.segment} of {self._chain}"
            return self._finding(Fault.FOREIGN_FILE, str(name), detail=detail)
        missing = f"segment {expected} of {self._chain}"
        return self._finding(Fault.MISSING_FILE, missing, detail=f"{name} comes next")

    def _segment(self, name: SegmentName, *, is_last: bool) -> Finding | None:
        self._tally.segments += 1
        path = self._directory / str(name)
        offset = 0
        for raw, line in lines_of(path):
            fits = line is not None and (line.n, line.previous) == self._link
            if not fits and self._is_closed(path, offset):
                return None
            finding = None if offset else self._foreign(name, line, fits=fits)
            if finding is None and line is not None and fits:
                finding = self._good(path.name, raw, line)
            elif finding is None:
                return self._wrong(path, offset, raw, line, is_last=is_last)
            if finding is not None:
                return finding
            offset += len(raw)
        return None if offset else self._empty(path, is_last=is_last)

    def _foreign(self, name: SegmentName, line: Line | None, *, fits: bool) -> Finding | None:
        """Whether a file's first line belongs to another file."""
        opened = parse_opened(line)
        if opened is None:
            detail = "its first line opens no segment" if fits else ""
        elif (opened.process, opened.segment) == (name.process, name.segment):
            detail = ""
        else:
            detail = f"its first line opens segment {opened.segment} of {opened.process}"
        if not detail:
            return None
        return self._finding(Fault.FOREIGN_FILE, str(name), detail=detail)

    def _empty(self, path: Path, *, is_last: bool) -> Finding | None:
        if self._is_closed(path, 0):
            return None
        if is_last:
            self._tally.unfinished.append(path.name)
            return None
        return self._finding(Fault.MISSING, path.name, self._link.n, detail="the file is empty")

    def _is_closed(self, path: Path, offset: int) -> bool:
        """Whether a `recovered` line of the next start vouches for the rest of a file."""
        if not any((torn.file, torn.offset) == (path.name, offset) for torn in self._closed):
            return False
        if torn_end(path, offset) not in self._closed:
            return False
        self._tally.recovered += 1
        return True

    def _good(self, file: str, raw: bytes, line: Line) -> Finding | None:
        event_id = event_id_of(line.body) if line.kind is Kind.RECORD else ""
        if event_id and not self._event_ids.add(event_id):
            return self._finding(Fault.DUPLICATED, file, line.n, event_id)
        digest = line_hash(raw)
        for head in self._heads:
            if head.n != line.n:
                continue
            if head.hash != digest.decode():
                detail = "its hash is not the one that was signed"
                return self._finding(Fault.ALTERED, file, line.n, event_id, detail)
            self._tally.heads += 1
        self._tally.lines += 1
        self._tally.records += line.kind is Kind.RECORD
        self._last = _Place(line.n, file, event_id)
        self._link = Link(line.n + 1, digest)
        return None

    def _wrong(
        self, path: Path, offset: int, raw: bytes, line: Line | None, *, is_last: bool
    ) -> Finding | None:
        """Say what happened at a line that does not fit its place."""
        if line is None:
            return self._no_line(path, offset, raw, is_last=is_last)
        n, event_id = self._link.n, event_id_of(line.body)
        fits = line.previous == self._link.previous
        if fits or (line.n == n and not self._is_intact(path, offset, raw)):
            return self._finding(Fault.ALTERED, path.name, n, event_id)
        if line.n == n:
            return self._last_altered(path.name)
        if line.n < n:
            return self._finding(Fault.DUPLICATED, path.name, line.n, event_id)
        if self._stands_later(path, offset, n):
            return self._finding(
                Fault.OUT_OF_ORDER, path.name, n, detail=f"it stands behind {line.n}"
            )
        detail = f"{line.n} comes next" if line.n == n + 1 else f"so are those up to {line.n - 1}"
        return self._finding(Fault.MISSING, path.name, n, detail=detail)

    def _no_line(self, path: Path, offset: int, raw: bytes, *, is_last: bool) -> Finding | None:
        whole = raw.endswith(b"\n")
        if is_last and not whole:
            self._tally.unfinished.append(path.name)
            return None
        detail = "" if whole else f"the file breaks off behind byte {offset}"
        return self._finding(Fault.ALTERED, path.name, self._link.n, event_id_of(raw), detail)

    def _is_intact(self, path: Path, offset: int, raw: bytes) -> bool:
        """Whether the line after this one carries this one's hash, so that it is as written."""
        with path.open("rb") as file:
            file.seek(offset + len(raw))
            following = file.readline()
        digest = line_hash(raw)
        if following:
            return b'"previous":"' + digest in following
        return all(head.n != self._link.n or head.hash == digest.decode() for head in self._heads)

    def _last_altered(self, file: str) -> Finding:
        """The line before is not the one that this line was tied to."""
        last = self._last
        if last is None:
            return self._finding(Fault.ALTERED, file, 0)
        return self._finding(Fault.ALTERED, last.file, last.n, last.event_id)

    def _stands_later(self, path: Path, offset: int, n: int) -> bool:
        with path.open("rb") as file:
            file.seek(offset)
            return any(line.startswith(b'{"n":%d,' % n) for line in file)

    def _end(self, names: Sequence[SegmentName]) -> Finding | None:
        head = max(self._heads, key=attrgetter("n"), default=None)
        if head is None or head.n < self._link.n:
            return None
        if not names or head.segment > names[-1].segment:
            missing = f"segment {(names[-1].segment if names else 0) + 1} of {self._chain}"
            detail = f"the signed head is record {head.n} in segment {head.segment}"
            return self._finding(Fault.MISSING_FILE, missing, detail=detail)
        detail = f"the signed head is record {head.n}"
        return self._finding(Fault.CUT_TAIL, str(names[-1]), self._link.n, detail=detail)

    def _finding(
        self, fault: Fault, file: str, n: int | None = None, event_id: str = "", detail: str = ""
    ) -> Finding:
        return Finding(
            fault=fault, chain=self._chain, file=file, n=n, event_id=event_id, detail=detail
        )
