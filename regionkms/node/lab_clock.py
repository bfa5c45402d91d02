"""The lab clock's offset, kept in the store over restarts (design §4, Clocks)."""

from collections.abc import Mapping
from typing import Final

SETTING_OFFSET_NS: Final = "lab/clock-offset-ns"


def stored_offset_ns(settings: Mapping[str, str]) -> int:
    """The offset that a lab's store keeps, in nanoseconds; 0 if the clock was never moved."""
    text = settings.get(SETTING_OFFSET_NS, "0")
    return int(text) if text.isdigit() else 0
