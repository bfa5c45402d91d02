"""Response bytes: the fast formatter of every answer, and the answers of the HTTP layer itself.

Nothing here knows connections. The connection adds `Connection:` and cuts bodies of HEAD requests
(`add_header`, `without_body`), so that handlers format one kind of answer only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final

STATUS_LINES: Final[dict[int, bytes]] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE_HEADER: Final = b"Connection: close\r\n"
KEEP_ALIVE_HEADER: Final = b"Connection: keep-alive\r\n"  # only HTTP/1.0 clients need to be told
JSON_HEADER: Final = b"Content-Type: application/x-amz-json-1.1\r\n"
_FORBIDDEN_IN_HEADER: Final = ("\r", "\n", "\0")


def format_response(status: int, headers: bytes, body: bytes) -> bytes:
    """Format one complete response.

    Args:
        status: HTTP status code.
        headers: Zero or more whole header lines, each with its CRLF (see `encode_headers`); taken
            as they are. Must not hold Content-Length, Transfer-Encoding or Connection.
        body: The whole body; Content-Length is written from it.

    Returns:
        Status line, headers, Content-Length, empty line, body.

    Raises:
        KeyError: `status` is no HTTP status code.
    """
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (STATUS_LINES[status], headers, len(body), body)


def encode_headers(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Encode header lines for `format_response`, to be done once and not per request.

    Raises:
        ValueError: A name or value has CR, LF or NUL (response splitting), or a character that
            is not Latin-1.

    Source: RFC 9112 §11.1.
    """
    lines = []
    for name, value in pairs:
        if any(mark in name or mark in value for mark in _FORBIDDEN_IN_HEADER):
            raise ValueError(f"header {name!r} has a line break or NUL in its name or value")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


def add_header(answer: bytes, line: bytes) -> bytes:
    """Insert one whole header line behind the status line of a complete answer."""
    status_line, _, rest = answer.partition(b"\r\n")
    return b"%b\r\n%b%b" % (status_line, line, rest)


def without_body(answer: bytes) -> bytes:
    """Cut the body off a complete answer, for HEAD; Content-Length stays (RFC 9110 §9.3.2)."""
    head, separator, _ = answer.partition(b"\r\n\r\n")
    return head + separator


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """How one reason to refuse a request looks on the wire.

    Attributes:
        counter: Name of the reason in metrics.
        status: HTTP status code.
        code: `__type`, from the errors common to all AWS services.
    """

    counter: str
    status: int
    code: str


class Refusal(Enum):
    """Why the HTTP layer refused a request before any handler saw it."""

    MALFORMED = RefusalKind("malformed", 400, "MalformedHttpRequestException")
    TIMEOUT = RefusalKind("timeout", 408, "RequestTimeoutException")
    METHOD = RefusalKind("method", 405, "MalformedHttpRequestException")
    BODY_TOO_LARGE = RefusalKind("body_too_large", 413, "RequestEntityTooLargeException")
    TARGET_TOO_LONG = RefusalKind("target_too_long", 414, "MalformedHttpRequestException")
    EXPECTATION = RefusalKind("expectation", 417, "MalformedHttpRequestException")
    HEADERS_TOO_LARGE = RefusalKind("headers_too_large", 431, "MalformedHttpRequestException")
    VERSION = RefusalKind("version", 400, "MalformedHttpRequestException")
    TOO_MANY_CONNECTIONS = RefusalKind("too_many_connections", 503, "ServiceUnavailable")
    TOO_MANY_BYTES = RefusalKind("too_many_bytes", 503, "ServiceUnavailable")
    INTERNAL = RefusalKind("internal", 500, "KMSInternalException")


def format_refusal(refusal: Refusal, message: str, *, request_id: str, date_line: bytes) -> bytes:
    """Format an AWS-shaped JSON error of the HTTP layer.

    Args:
        refusal: The reason; gives status and `__type`.
        message: One sentence for the client; never bytes of the request.
        request_id: Value of `x-amzn-RequestId`.
        date_line: A `Date:` line with CRLF, or nothing.
    """
    kind = refusal.value
    body = json.dumps({"__type": kind.code, "message": message}).encode()
    headers = b"%bx-amzn-RequestId: %b\r\n%b" % (JSON_HEADER, request_id.encode(), date_line)
    return format_response(kind.status, headers, body)


INTERNAL_MESSAGE: Final = "An internal exception occurred. The request can be retried."

INTERNAL_FAILURE: Final = format_response(
    500,
    JSON_HEADER,
    b'{"__type":"KMSInternalException","message":"The request was rejected because an internal'
    b' exception occurred. The request can be retried."}',
)
