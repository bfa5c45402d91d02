"""Dates of signatures: ISO 8601 basic format and HTTP's Date header, to the second, in UTC."""

import re
from datetime import UTC, datetime
from typing import Final

from regionkms.model.errors import IncompleteSignatureException

_ISO_BASIC: Final = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_HTTP_DATE: Final = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4})"
    rb" ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|[+-]0000)"
)
"""RFC 9110 §5.6.7 (IMF-fixdate), and the zones `-0000` and `+0000` that some clients write."""
_MONTHS: Final = (
    *(b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun"),
    *(b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"),
)


def parse_iso_basic(text: bytes) -> float:
    """Read `YYYYMMDDTHHMMSSZ` as seconds since the epoch.

    Raises:
        IncompleteSignatureException: It is no such instant.
    """
    match = _ISO_BASIC.fullmatch(text)
    if match is None:
        raise _malformed()
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise _malformed() from error


def parse_date_header(text: bytes) -> float:
    """Read a Date header, in HTTP's format or in ISO 8601 basic format, as seconds since the epoch.

    Raises:
        IncompleteSignatureException: It is no instant in either format.
    """
    match = _HTTP_DATE.fullmatch(text)
    if match is None:
        return parse_iso_basic(text)
    day, month, year, hour, minute, second = match.groups()
    if month not in _MONTHS:
        raise _malformed()
    number = _MONTHS.index(month) + 1
    return parse_iso_basic(b"%b%02d%bT%b%b%bZ" % (year, number, day, hour, minute, second))


def format_iso_basic(instant: float) -> str:
    """Write seconds since the epoch as `YYYYMMDDTHHMMSSZ`."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y%m%dT%H%M%SZ")


def _malformed() -> IncompleteSignatureException:
    return IncompleteSignatureException(
        "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601"
    )
