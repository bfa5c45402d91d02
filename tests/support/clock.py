"""A clock that stands still until a test moves it."""

from typing import Final

EPOCH: Final = 1_700_000_000.0
"""Seconds since 1970 at which a fake clock starts."""


class FakeClock:
    """Clock whose hands the test moves.

    Attributes:
        lab_ahead_s: How far the time of KMS runs ahead of the machine's.
    """

    def __init__(self, machine_now: float = EPOCH) -> None:
        self._machine_now = machine_now
        self._monotonic = 1000.0
        self.lab_ahead_s = 0.0

    def now(self) -> float:
        return self._machine_now + self.lab_ahead_s

    def machine_now(self) -> float:
        return self._machine_now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass for all three."""
        self._machine_now += seconds
        self._monotonic += seconds

    def advance_lab(self, seconds: float) -> None:
        """Move the time of KMS alone, as `lab clock advance` does."""
        self.lab_ahead_s += seconds

    def step_wall(self, seconds: float) -> None:
        """Let the machine's wall clock jump, as NTP or an operator does."""
        self._machine_now += seconds
