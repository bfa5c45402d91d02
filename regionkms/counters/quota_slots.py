"""Quota slots: how much each process has taken of each count, where all others can read it.

Every process has a table of its own and is the only one to write to it, so there is no insertion
to race for and nothing to lock. What a count has given away in all is the sum over the tables.

A slot is four words: a 128-bit digest of the count's name (compared whole: counts that share a
place in the table are never mixed up), the instant at which the slot means nothing any more
(microseconds of the monotonic clock; 0: never used), and a word whose meaning is the caller's. A
slot may be reused from that instant on; it never becomes empty again, so that a search may stop
at the first empty one.
"""

import hashlib
import sys
from typing import Final, NamedTuple

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import SLOT_WORDS

PROBES: Final = 32
"""Slots in which a count may lie, from its home on. If all are alive the count can't be opened."""

_DIGEST_BYTES: Final = 16
_FIRST: Final = 0
_SECOND: Final = 1
_EXPIRES: Final = 2
WORD: Final = 3
"""Offset of the caller's word from the start of a slot."""


class CountName(NamedTuple):
    """The digest of a count's name, as two words."""

    first: int
    second: int


def count_name(code: str, owner: str) -> CountName:
    """The name of a count.

    Args:
        code: Of the quota; has no NUL.
        owner: Account, custom key store or key that it belongs to.
    """
    name = f"{code}\0{owner}".encode()
    digest = hashlib.blake2b(name, digest_size=_DIGEST_BYTES).digest()
    half = _DIGEST_BYTES // 2
    return CountName(
        int.from_bytes(digest[:half], sys.byteorder), int.from_bytes(digest[half:], sys.byteorder)
    )


class QuotaSlots:
    """The tables of all processes, seen from one of them.

    Args:
        area: The node's memory.
        process: The number of this process; the only writer of its table.

    Attributes:
        own: The words of this process's table.
        others: The words of the other processes' tables.
        other_inserts: For each of them a word that moves whenever a slot gets another name.
    """

    def __init__(self, area: SharedMemory, process: int) -> None:
        layout = area.layout
        slots, inserts = layout.quota_slots_section, layout.quota_inserts
        peers = [number for number in range(layout.processes) if number != process]
        self.own: Final = area.block(slots, process)
        self.others: Final = [area.block(slots, number) for number in peers]
        self.other_inserts: Final = [area.block(inserts, number) for number in peers]
        self._own_inserts: Final = area.block(inserts, process)
        self._mask: Final = layout.quota_slots - 1
        self._probes: Final = min(PROBES, layout.quota_slots)

    def find(self, table: "memoryview[int]", name: CountName) -> int:
        """First word of the slot with this name, or -1."""
        first, second = name
        for probe in range(self._probes):
            at = ((first + probe) & self._mask) * SLOT_WORDS
            if table[at] == first and table[at + _SECOND] == second:
                return at
            if not table[at + _EXPIRES]:
                return -1
        return -1

    def open(self, name: CountName, *, now_us: int, expires_us: int) -> int:
        """First word of this process's slot for a count, taken if need be; -1: none is free.

        The slot is kept at least until `expires_us`. Its word is 0 if the slot is new.
        """
        own = self.own
        at = self.find(own, name)
        if at < 0:
            at = self._free(name, now_us)
            if at < 0:
                return -1
            # In this order a reader that finds the old name reads the old word or 0, never ours.
            own[at + WORD] = 0
            own[at + _FIRST], own[at + _SECOND] = name
            self._own_inserts[0] += 1
        own[at + _EXPIRES] = max(expires_us, 1)
        return at

    def holds(self, table: "memoryview[int]", at: int, name: CountName) -> bool:
        """Whether a slot (still) has this name."""
        return table[at] == name.first and table[at + _SECOND] == name.second

    def _free(self, name: CountName, now_us: int) -> int:
        for probe in range(self._probes):
            at = ((name.first + probe) & self._mask) * SLOT_WORDS
            if self.own[at + _EXPIRES] <= now_us:
                return at
        return -1
