"""Segment files: their names, and the appending to one.

A name is `<process>-<UTC start>-<segment>.jsonl`, such as
`worker-2-20260901T193933Z-000017.jsonl`. A segment is written by one process, only ever appended
to, and finished once the next one of its chain exists.
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from regionkms.model.errors import AuditUnavailable

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
LOCK_SUFFIX: Final = ".lock"
"""`<process>.lock` is locked (flock) for as long as a process writes the chain."""

_NAME: Final = re.compile(
    r"(?P<process>[a-z][a-z0-9-]{0,40})-(?P<started>[0-9]{8}T[0-9]{6}Z)-(?P<segment>[0-9]{6,12})"
    r"\.jsonl"
)
_PROCESS: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SegmentName:
    """What a segment's name tells; sorted by chain, then by number."""

    process: str
    segment: int
    started: str

    def __str__(self) -> str:
        return f"{self.process}-{self.started}-{self.segment:06d}.jsonl"


def parse_name(name: str) -> SegmentName | None:
    """Take a file name apart; None when it is no segment's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    parsed = SegmentName(
        process=match["process"], segment=int(match["segment"]), started=match["started"]
    )
    return parsed if str(parsed) == name else None


def is_process_name(name: str) -> bool:
    """Whether a chain may be called so."""
    return _PROCESS.fullmatch(name) is not None


def file_time(machine_time: float) -> str:
    """A moment as names have it: `20260901T193933Z`."""
    return datetime.fromtimestamp(machine_time, UTC).strftime("%Y%m%dT%H%M%SZ")


def segments_of(directory: Path, process: str) -> list[SegmentName]:
    """The segments of one chain, oldest first."""
    found = (parse_name(entry.name) for entry in directory.iterdir())
    return sorted(name for name in found if name is not None and name.process == process)


def processes_in(directory: Path) -> list[str]:
    """The chains of a directory, by name."""
    found = (parse_name(entry.name) for entry in directory.iterdir())
    return sorted({name.process for name in found if name is not None})


def make_directory(directory: Path) -> None:
    """Make the directory of segments, for its owner only.

    Raises:
        AuditUnavailable: It can't be made, or others may write there.
    """
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        mode = directory.stat().st_mode
    except OSError as error:
        raise AuditUnavailable(f"the audit directory can't be used: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o022:
        raise AuditUnavailable(
            f"others may write to the audit directory {directory}; set its mode to 0700"
        )


class SegmentFile:
    """One open segment. Not for use from several threads, but for `sync` and `close`.

    Attributes:
        size: Bytes of whole lines in the file.
        broken: A failed write left bytes behind that could not be cut off.
    """

    def __init__(self, directory: Path, name: SegmentName) -> None:
        """Make the file.

        Raises:
            AuditUnavailable: It exists, or can't be made.
        """
        self.name: Final = name
        self._path: Final = directory / str(name)
        self._directory: Final = directory
        self.size = 0
        self.broken = False
        self._named = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._path, flags, FILE_MODE)
        except OSError as error:
            raise AuditUnavailable(f"{name} can't be made: {error.strerror}") from error

    def append(self, lines: Sequence[bytes]) -> None:
        """Hand whole lines to the kernel: all of them, or none.

        Raises:
            AuditUnavailable: The write failed (disk full, I/O error); nothing was appended.
        """
        data = b"".join(lines)
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:] if done else data)
        except OSError as error:
            if done:
                self._cut_back()
            raise AuditUnavailable(f"{self.name} can't be written: {error.strerror}") from error
        self.size += done

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.broken = True  # the next segment's `recovered` line closes the torn end

    def sync(self) -> None:
        """Return when everything appended is durable, the file's name too.

        Raises:
            OSError: What was appended since the last sync may be lost; a later sync that succeeds
                proves nothing about it.
        """
        os.fdatasync(self._descriptor)
        if not self._named:
            sync_directory(self._directory)
            self._named = True

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Remove the file: its first lines could not be written, so it is part of no chain."""
        self.close()
        self._path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        OSError: They may be lost.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
