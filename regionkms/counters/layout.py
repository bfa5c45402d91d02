"""The declared layout of a node's shared memory: which word is whose.

The supervisor and its children compute it from the same values; the first words of the area carry
its fingerprint, so that processes of different releases refuse each other. All words are unsigned
and 64 bits wide, little-endian as on every platform with a memfd that we run on.
"""

import hashlib
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from regionkms.ports.metrics import DURATION_BUCKETS, Outcome
from regionkms.quota.table import REQUEST_QUOTAS

WORD_BYTES: Final = 8
LINE_WORDS: Final = 8
"""Words of a cache line: sections start on one, so that writers do not share lines."""
MAGIC: Final = int.from_bytes(b"rkmsarea", sys.byteorder)
MAX_PROCESSES: Final = 256
SLOT_WORDS: Final = 4
"""Of a quota slot: two of its digest, the instant it expires, and its count."""
DEFAULT_QUOTA_SLOTS: Final = 65_536
"""Per process; memory is used as slots are (32 bytes each)."""
UNKNOWN_OPERATION: Final = "Unknown"
"""Where requests of undeclared operations are counted."""
SERIES_WORDS: Final = 2 + DURATION_BUCKETS + 1
"""Of one series of requests: count, sum in ns, buckets."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the area: one block of words for each process, or a single block.

    Attributes:
        start: First word.
        words: Of each block.
        blocks: How many.
    """

    start: int
    words: int
    blocks: int

    @property
    def end(self) -> int:
        """The word after the last."""
        return self.start + self.words * self.blocks

    def block(self, number: int) -> slice:
        """The words of a block.

        Raises:
            ValueError: There is no such block.
        """
        if not 0 <= number < self.blocks:
            raise ValueError(f"process {number} of {self.blocks}")
        first = self.start + number * self.words
        return slice(first, first + self.words)


@dataclass(frozen=True, kw_only=True)
class AreaLayout:
    """What an area holds.

    Attributes:
        processes: How many processes of the node write to it; each has a fixed number, which a
            restarted one takes over. Two that live at the same time never share a number.
        operations: Names that requests are counted under.
        counters: Names of other counters.
        gauges: Names of gauges.
        quota_slots: Of each process, a power of two.
    """

    processes: int
    operations: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    gauges: tuple[str, ...] = ()
    quota_slots: int = field(default=DEFAULT_QUOTA_SLOTS)

    def __post_init__(self) -> None:
        if not 1 <= self.processes <= MAX_PROCESSES:
            raise ValueError(f"an area serves 1 to {MAX_PROCESSES} processes")
        if self.quota_slots < 1 or self.quota_slots & (self.quota_slots - 1):
            raise ValueError("the number of quota slots is a power of two")

    @property
    def series(self) -> int:
        """How many series of requests there are."""
        return (len(self.operations) + 1) * len(Outcome)

    @cached_property
    def header(self) -> Section:
        """MAGIC and the fingerprint."""
        return Section(0, LINE_WORDS, 1)

    @cached_property
    def clock_offset(self) -> Section:
        """Nanoseconds that the lab clock runs ahead; written by one process."""
        return self._after(self.header, 1, blocks=1)

    @cached_property
    def change(self) -> Section:
        """The value of the change counter; every writer stores values of its own."""
        return self._after(self.clock_offset, 1, blocks=1)

    @cached_property
    def change_counts(self) -> Section:
        """How often each process has bumped."""
        return self._after(self.change, 1)

    @cached_property
    def quota_usage(self) -> Section:
        """Of each process: admitted requests by quota position, then throttled ones."""
        return self._after(self.change_counts, 2 * len(REQUEST_QUOTAS))

    @cached_property
    def quota_inserts(self) -> Section:
        """How often each process has given a slot to another key."""
        return self._after(self.quota_usage, 1)

    @cached_property
    def quota_slots_section(self) -> Section:
        """The quota slots of each process."""
        return self._after(self.quota_inserts, self.quota_slots * SLOT_WORDS)

    @cached_property
    def requests(self) -> Section:
        """The series of requests of each process, by operation and outcome."""
        return self._after(self.quota_slots_section, self.series * SERIES_WORDS)

    @cached_property
    def named_counters(self) -> Section:
        """The other counters of each process, in the order declared."""
        return self._after(self.requests, len(self.counters))

    @cached_property
    def named_gauges(self) -> Section:
        """The gauges of each process, in the order declared."""
        return self._after(self.named_counters, len(self.gauges))

    @cached_property
    def size_bytes(self) -> int:
        """Of the whole area."""
        return self.named_gauges.end * WORD_BYTES

    @cached_property
    def fingerprint(self) -> int:
        """Equal where two processes agree on every word."""
        said = repr((self.processes, self.operations, self.counters, self.gauges, self.quota_slots))
        said += repr((tuple(REQUEST_QUOTAS), SERIES_WORDS, SLOT_WORDS, list(Outcome)))
        return int.from_bytes(hashlib.sha256(said.encode()).digest()[:WORD_BYTES], sys.byteorder)

    def _after(self, section: Section, words: int, *, blocks: int | None = None) -> Section:
        lines = -(-max(words, 1) // LINE_WORDS)
        number = self.processes if blocks is None else blocks
        return Section(section.end, lines * LINE_WORDS, number)
