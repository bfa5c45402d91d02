"""How much a request quota admits: so many requests in each window.

A rate below one a second is one request in a longer window (spec 07 §4.2: 0.5, 0.25 and 0.1 a
second are one in 2, 4 and 10 seconds).
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

MAX_WINDOW_S: Final = 3600
"""Seconds; no setting makes a quota slower than one request an hour."""
MAX_COUNT: Final = 1_000_000_000
"""Requests of one window; counts are kept in 32 bits (counters/quota_slots.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit in force.

    Attributes:
        count: Requests admitted in each window; of a token bucket: tokens that come back in it.
        window_s: Length of a window in whole seconds.
        burst: 0 for fixed windows; otherwise the size of a token bucket.
    """

    count: int
    window_s: int = 1
    burst: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"a limit admits 1 to {MAX_COUNT} requests, not {self.count}")
        if not 1 <= self.window_s <= MAX_WINDOW_S:
            raise ValueError(f"a window has 1 to {MAX_WINDOW_S} seconds, not {self.window_s}")
        if self.burst < 0:
            raise ValueError(f"a burst is not negative: {self.burst}")

    @property
    def per_second(self) -> float:
        """Requests a second, as quotas are shown and set."""
        return self.count / self.window_s

    def times(self, factor: float) -> "Limit":
        """The limit at another rate, kept within what a Limit takes.

        A burst grows and shrinks with it, and is never below one.
        """
        rate = Fraction(self.count, self.window_s) * Fraction(factor)
        limit = limit_of_rate(min(max(rate, Fraction(1, MAX_WINDOW_S)), Fraction(MAX_COUNT)))
        burst = max(1, int(self.burst * factor)) if self.burst else 0
        return Limit(count=limit.count, window_s=limit.window_s, burst=burst)


def limit_of_rate(rate: float | Fraction) -> Limit:
    """The limit of fixed windows for a rate in requests a second.

    At one a second and above: whole requests in one-second windows, rounded down. Below: one
    request in the shortest window of whole seconds that does not exceed the rate.

    Raises:
        ValueError: The rate is not positive, or outside of what a Limit takes.
    """
    exact = Fraction(rate).limit_denominator(MAX_WINDOW_S * 100)
    if exact <= 0:
        raise ValueError(f"a rate is positive, not {rate}")
    if exact >= 1:
        return Limit(count=int(exact))
    return Limit(count=1, window_s=math.ceil(1 / exact))
