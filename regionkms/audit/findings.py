"""What a verification may find, and what it counts. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from regionkms.audit.chain import ids_of

_FARTHEST: Final = 1 << 30
"""Event ids are counted from 1 and have one bit each up to here (128 MiB for one process)."""
_COUNT_DIGITS: Final = 12


class Fault(StrEnum):
    """What can be wrong with a log; the value says it in a report."""

    ALTERED = "was altered"
    MISSING = "is missing"
    OUT_OF_ORDER = "is out of order"
    DUPLICATED = "stands twice"
    CUT_TAIL = "and all that follow are missing: the end of the chain was cut off"
    MISSING_FILE = "is missing"
    FOREIGN_FILE = "does not belong here"
    UNREADABLE = "can't be read"
    BAD_HEAD = "is not signed by this Region"
    STORE_BEHIND = "is behind the one in etcd: the store was rolled back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        chain: The slot; empty for a file of no chain.
        file: The file that it is in, or should be in.
        n: Number of the line in its chain; None for what concerns a whole file or a head.
        event_id: Of the record, where it is known.
        detail: What tells.
    """

    fault: Fault
    chain: str
    file: str
    n: int | None = None
    event_id: str = ""
    detail: str = ""

    def __str__(self) -> str:
        event = f", event {self.event_id}" if self.event_id else ""
        place = f" in {self.file}" if self.file else ""
        subject = self.file if self.n is None else f"record {self.n} of {self.chain}{place}{event}"
        return f"{subject} {self.fault.value}" + (f" ({self.detail})" if self.detail else "")


@dataclass(slots=True)
class Tally:
    """What was read so far."""

    segments: int = 0
    lines: int = 0
    records: int = 0
    recovered: int = 0
    heads: int = 0
    unfinished: list[str] = field(default_factory=list)


class EventIds:
    """Which event ids were met, in one bit each: they are counted per process."""

    def __init__(self) -> None:
        self._bits: dict[str, bytearray] = {}
        self._others: set[str] = set()

    def add(self, event_id: str) -> bool:
        """Note an event id (a UUID); whether it is new."""
        count = int(event_id.replace("-", "")[-_COUNT_DIGITS:], 16)
        if count >= _FARTHEST:
            new = event_id not in self._others
            self._others.add(event_id)
            return new
        bits = self._bits.setdefault(ids_of(event_id), bytearray())
        byte, mask = count >> 3, 1 << (count & 7)
        if byte >= len(bits):
            bits.extend(bytes(byte + 1 - len(bits)))
        new = not bits[byte] & mask
        bits[byte] |= mask
        return new
