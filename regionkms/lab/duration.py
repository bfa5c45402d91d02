"""Durations as people write them: `30d`, `12h`, `1d12h`, `90s`. Pure."""

import re
from typing import Final

from regionkms.model.errors import ConfigurationError

_UNIT_S: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = re.compile(r"([0-9]{1,9})([wdhms])")


def parse_duration_s(text: str) -> int:
    """Read a duration in seconds.

    Raises:
        ConfigurationError: It is none, or is zero.
    """
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        raise ConfigurationError(f"{text[:32]!r} is no duration; write 30d, 12h or 1d12h")
    seconds = sum(int(number) * _UNIT_S[unit] for number, unit in parts)
    if seconds == 0:
        raise ConfigurationError("a duration of nothing moves nothing")
    return seconds
