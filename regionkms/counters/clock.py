"""The clocks of a node: the machine's, and in a lab one that can be moved forward (design §4)."""

import time
from typing import Final

from regionkms.counters.area import SharedMemory
from regionkms.model.errors import ConfigurationError

_NS_PER_S: Final = 1_000_000_000
MAX_OFFSET_NS: Final = 200 * 365 * 86_400 * _NS_PER_S
"""200 years: dates must stay in the range that clients can read."""


class SystemClock:
    """Clock of a Region that is no lab: the time of KMS is the machine's."""

    # Functions of C as they are: a method of ours around each would cost as much again.
    now = staticmethod(time.time)  # noqa: TID251 - this is the Clock
    machine_now = staticmethod(time.time)  # noqa: TID251 - this is the Clock
    monotonic = staticmethod(time.monotonic)  # noqa: TID251 - this is the Clock


class SharedClockOffset:
    """How far the lab clock runs ahead of the machine's: one word of the node's memory.

    One process writes it: the one that answers operators. It keeps the offset over restarts in
    the store and sets it again at start.
    """

    def __init__(self, area: SharedMemory) -> None:
        self._word: Final = area.block(area.layout.clock_offset, 0)

    @property
    def ns(self) -> int:
        """The offset in nanoseconds."""
        return self._word[0]

    def set(self, offset_ns: int) -> None:
        """Move the lab clock of all processes.

        Raises:
            ConfigurationError: It would go backward, or beyond MAX_OFFSET_NS.
        """
        if offset_ns < self._word[0]:
            raise ConfigurationError("the lab clock moves forward only")
        if offset_ns > MAX_OFFSET_NS:
            raise ConfigurationError("the lab clock moves at most 200 years ahead")
        self._word[0] = offset_ns


class LabClock:
    """Clock of a lab's Region: the time of KMS runs ahead of the machine's by the offset."""

    def __init__(self, offset: SharedClockOffset) -> None:
        self._offset: Final = offset

    def now(self) -> float:
        """The lab's time in seconds since 1970."""
        return (time.time_ns() + self._offset.ns) / _NS_PER_S

    def machine_now(self) -> float:
        """The machine's wall clock in seconds since 1970."""
        return time.time()  # noqa: TID251 - this is the Clock

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC in seconds; the lab clock does not move it."""
        return time.monotonic()  # noqa: TID251 - this is the Clock
