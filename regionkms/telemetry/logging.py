"""Logs as JSON lines: one object a line, whatever a message holds.

Fields, in this order: time (UTC, milliseconds), level, logger, message, region, process, and where
the record has them request_id, trace_id, fault, reason, unevaluated and exception. Control
characters are escaped, so no input can forge a line or drive a terminal. What may be said at all is
up to the caller: never material, never bytes of a request. Of exceptions that are not ours, only
type and place are said.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Final

from regionkms.model.errors import Fault, KmsError
from regionkms.model.ids import RegionName

_OPTIONAL: Final = ("request_id", "trace_id", "fault", "reason", "unevaluated")
MAX_MESSAGE_CHARS: Final = 8192
"""Longer messages are cut; a line stays in one write to a pipe or terminal."""
_CUT: Final = "... (cut)"
_UNSAFE: Final = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}
"""What JSON allows unescaped but terminals and readers of lines act on."""


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Args:
        region: Of the node.
        process: What the process is, such as `worker-1` or `agent`.
    """

    def __init__(self, *, region: RegionName, process: str) -> None:
        super().__init__()
        self._region: Final = region
        self._process: Final = process

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON object without a line break."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _bounded(record.getMessage()),
            "region": self._region,
            "process": self._process,
        }
        for name in _OPTIONAL:
            value = getattr(record, name, None)
            if value is not None:
                fields[name] = str(value)
        if record.exc_info:
            fields["exception"] = _bounded(_described(record.exc_info[1]))
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace").decode().translate(_UNSAFE)


def _described(error: BaseException | None) -> str:
    """An exception and what led to it: types and places, and messages where they are ours.

    The message of any other exception stays out: a library's may quote what it was given, and
    that may be plaintext or material.
    """
    told = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        places = [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        told.append("\n".join([*places, _named(error)]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by\n".join(told)


def _named(error: BaseException) -> str:
    name = type(error).__qualname__
    if isinstance(error, Fault | KmsError):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARS else text[:MAX_MESSAGE_CHARS] + _CUT


def log_to_standard_error(level: str, formatter: logging.Formatter) -> None:
    """Send this process's log to standard error, one JSON object a line."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
