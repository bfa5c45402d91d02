"""The decision itself: (now, limit, what is stored) -> verdict. Pure.

Fixed windows, because AWS says so: "all following requests in that second" are throttled and the
next second is free again (spec 07 §4.3 rule 6, §4.4 Q12). Across the edge of two windows twice
the limit may pass, as in AWS. The hot-key limiter is a token bucket (spec 07 §4.5), stored as one
number: the instant at which it will be full again.

Nothing is remembered here: `decide` is followed by `spend` where the verdict admits.
"""

from dataclasses import dataclass
from typing import Final

from regionkms.quota.limit import Limit

THROTTLING_MESSAGE: Final = (
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
)
"""Of ThrottlingException, word for word (spec 07 §4.5)."""

LEASE_SHARE: Final = 0.005
"""Largest part of a limit that one process holds for itself."""
UNUSED_SHARE: Final = 0.015
"""Largest part of a limit that all processes together hold for themselves; of the 2 % allowed."""

_ROUNDING_S: Final = 1e-6
"""Seconds; what sums of floating point instants may be off by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is stored of a fixed window.

    Attributes:
        number: Windows of this length since the clock's zero.
        taken: Requests admitted in it.
    """

    number: int
    taken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision.

    Attributes:
        admitted: Whether the request may go on.
        left: Requests that the quota still admits at this instant; None where the decision was
            made from a lease, or there is no limit.
        retry_after_s: Seconds until the same request can be admitted; 0 when it was.
    """

    admitted: bool
    left: int | None = None
    retry_after_s: float = 0.0


ADMITTED: Final = Verdict(admitted=True)
"""The verdict of a lease: no sum was made."""


def window_number(now: float, window_s: int) -> int:
    """Number of the window that an instant (seconds) lies in."""
    return int(now // window_s)


def decide(*, now: float, limit: Limit, stored: Window | None, cost: int = 1) -> Verdict:
    """Decide on a fixed window.

    Args:
        now: Seconds on the clock that numbers the windows.
        limit: In force for this account and quota.
        stored: The last window counted; None if there was none.
        cost: Requests that the call counts as; all of them are admitted or none.
    """
    number = window_number(now, limit.window_s)
    taken = stored.taken if stored is not None and stored.number == number else 0
    left = limit.count - taken
    if cost <= left:
        return Verdict(admitted=True, left=left - cost)
    return Verdict(
        admitted=False, left=max(left, 0), retry_after_s=(number + 1) * limit.window_s - now
    )


def spend(*, now: float, limit: Limit, stored: Window | None, cost: int = 1) -> Window:
    """The window to store after an admitted call."""
    number = window_number(now, limit.window_s)
    taken = stored.taken if stored is not None and stored.number == number else 0
    return Window(number=number, taken=taken + cost)


def decide_bucket(*, now: float, limit: Limit, full_at: float, cost: int = 1) -> Verdict:
    """Decide on a token bucket.

    Args:
        now: Seconds.
        limit: With its burst.
        full_at: When the bucket is full again; in the past (or 0) if it is full.
        cost: Tokens that the call takes.
    """
    interval_s = limit.window_s / limit.count
    missing_s = max(full_at - now, 0.0)
    wait_s = missing_s + (cost - limit.burst) * interval_s
    if wait_s > _ROUNDING_S:
        left = int((limit.burst * interval_s - missing_s + _ROUNDING_S) // interval_s)
        return Verdict(admitted=False, left=max(left, 0), retry_after_s=wait_s)
    left = int((_ROUNDING_S - wait_s) // interval_s)
    return Verdict(admitted=True, left=left)


def spend_bucket(*, now: float, limit: Limit, full_at: float, cost: int = 1) -> float:
    """When the bucket is full again after an admitted call."""
    return max(full_at, now) + cost * limit.window_s / limit.count


def lease_size(*, limit: int, rest: int, used: int, processes: int) -> int:
    """How many requests of a window a process takes for itself at once; at least one.

    Four bounds: half a percent of the limit; so little that all processes together hold at most
    1.5 % unused; a part of what is left, so that leases shrink to one before the limit; and no
    more than the process has used in this window, so that an idle process keeps little from a
    busy one. Limits below 200 are therefore counted one by one.

    Args:
        limit: Requests of the window.
        rest: Requests not yet taken by any process.
        used: Requests that this process has admitted in this window.
        processes: How many may take leases.
    """
    share = int(limit * min(LEASE_SHARE, UNUSED_SHARE / processes))
    return max(1, min(share, rest // (4 * processes), used))
