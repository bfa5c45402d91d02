"""Time, as the rest of the project may ask for it (design §4, Clocks).

Two clocks, because a lab may move the one and never the other: facts of KMS (deletion, rotation,
expiry, dates shown, eventTime) follow `now`; what clients and peers agree on (signatures, TLS,
leases, quotas, time-outs) follows the machine's.
"""

from typing import Protocol


class Clock(Protocol):
    """The clocks of one Region. Every method is cheap and never fails."""

    def now(self) -> float:
        """The time of KMS: seconds since 1970-01-01T00:00Z. In a lab it may run ahead."""

    def machine_now(self) -> float:
        """The machine's wall clock: seconds since 1970-01-01T00:00Z. It may jump."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never jumps, and is the same in all local processes."""
