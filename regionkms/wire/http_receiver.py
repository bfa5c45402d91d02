"""Bytes of one client in, complete requests out. No I/O, no clock: the parser's callbacks.

llhttp (httptools) parses strictly; what it lets through and the RFCs forbid is refused here:

1. versions other than 1.0 and 1.1; Transfer-Encoding in 1.0; transfer codings besides chunked
   (RFC 9112 §6.1)
2. no Host or several (RFC 9112 §3.2); an absolute target that contradicts Host
3. targets with a fragment; CONNECT; methods outside RFC 9110 and RFC 5789
4. whatever passes `HttpLimits`

After a refusal nothing more is taken: where the next request would start is no longer known.
Upgrades are ignored (RFC 9110 §7.8): the request is served as plain HTTP/1.1.
"""

from collections.abc import Callable
from typing import Final, NoReturn

import httptools
import msgspec

from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_pattern import (
    HEAD_END,
    MAX_LEARNT,
    MAX_PATTERNS,
    Pattern,
    pattern_of,
)
from regionkms.wire.http_response import Refusal

METHODS: Final = {
    name.encode(): name
    for name in ("POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")
}

SLICE_BYTES: Final = 16_384
"""Most bytes to feed at once: llhttp cannot be stopped inside, so this bounds how many requests
come out beyond what the connection wants at a time."""

# What the bytes of the client are now. Plain integers: compared several times a request.
IDLE: Final = 0  # between requests
HEAD: Final = 1  # inside request line and headers
BODY: Final = 2  # inside the body
DONE: Final = 3  # no further request is taken: bytes are discarded

# What the answer of a request must look like besides its own bytes; may be combined.
HEAD_ONLY: Final = 1  # HEAD: no body
CLOSE: Final = 2  # the client's last request
SAY_KEEP_ALIVE: Final = 4  # HTTP/1.0 that asked for keep-alive

Deliver = Callable[
    [str, bytes, dict[bytes, bytes] | None, bytes, int, Pattern | None, tuple[bytes, ...]], None
]
"""Takes a complete request: method, target, headers, body and marks; where its head was read by a
pattern, that and its variable parts in place of the headers."""


class RequestRefusedError(Exception):
    """What the client sends is no request that we take.

    Attributes:
        refusal: The reason, with its status.
        message: One sentence for the client; never bytes of the request.
    """

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.message = message


class _Kind(msgspec.Struct, frozen=True):
    """What the names of a request's header lines tell.

    Attributes:
        names: The same in lower case.
        duplicates: Whether one comes twice.
        plain: One Host, and nothing about how the message is framed or the connection goes on.
    """

    names: tuple[bytes, ...]
    duplicates: bool
    plain: bool


_KINDS: Final[dict[tuple[bytes, ...], _Kind]] = {}
"""By the names as sent. Clients send the same ones again and again: one look-up and one `zip` cost
1 us less than lower-casing and comparing each."""
_MAX_KINDS: Final = 512
_MAX_KIND_BYTES: Final = 1024
_NOT_PLAIN: Final = frozenset({b"connection", b"transfer-encoding", b"expect", b"upgrade"})
_NO_HEADERS: Final[dict[bytes, bytes]] = {}
_strip: Final = bytes.strip


def _kind_of(names: tuple[bytes, ...]) -> _Kind:
    lower = tuple(map(bytes.lower, names))
    distinct = set(lower)
    kind = _Kind(
        names=lower,
        duplicates=len(distinct) != len(lower),
        plain=lower.count(b"host") == 1 and not distinct & _NOT_PLAIN,
    )
    if sum(map(len, names)) <= _MAX_KIND_BYTES:
        if len(_KINDS) >= _MAX_KINDS:
            _KINDS.clear()
        _KINDS[names] = kind
    return kind


def _joined(lines: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers of which one comes twice, joined by commas (RFC 9110 §5.3)."""
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        lower, text = name.lower(), value.strip()
        if lower in headers:
            if lower == b"host":
                _refuse(Refusal.MALFORMED, "The HTTP request has several Host headers.")
            text = b"%b,%b" % (headers[lower], text)
        headers[lower] = text
    return headers


class RequestReceiver:
    """The receiving half of one HTTP/1.1 connection.

    Attributes:
        state: `IDLE`, `HEAD`, `BODY` or `DONE`.
        continue_wanted: The request in receipt waits for `100 Continue` before its body.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_deliver",
        "_fed_bytes",
        "_headers",
        "_learnable",
        "_learnt",
        "_limits",
        "_lines",
        "_marks",
        "_method",
        "_parser",
        "_patterns",
        "_slice",
        "_take_line",
        "_target",
        "_upgrading",
        "continue_wanted",
        "state",
    )

    def __init__(self, limits: HttpLimits, deliver: Deliver) -> None:
        self.state = IDLE
        self.continue_wanted = False
        self._limits = limits
        self._deliver = deliver
        self._parser = httptools.HttpRequestParser(self)
        self._method = ""
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        # Header lines of the head in receipt; behind the head, the trailers.
        self._lines: list[tuple[bytes, bytes]] = []
        self._take_line = self._lines.append
        self._body: bytes | bytearray = b""
        self._chunks = 0
        self._marks = 0
        self._upgrading = False
        self._slice = b""  # what is in the parser now
        self._fed_bytes = 0  # of the request in receipt, in slices before this one
        self._patterns: dict[int, Pattern] = {}  # by the size of the head
        self._learnable = False  # the request in receipt
        # Patterns are learnt where no limit but that of a slice can matter to what fits them.
        self._learnt = 0 if limits.max_body_bytes >= SLICE_BYTES else MAX_LEARNT

    @property
    def partial_body_bytes(self) -> int:
        """Bytes held of a body that is not complete."""
        return len(self._body)

    def stop(self) -> None:
        """Take no further request and forget the one in receipt."""
        self.state = DONE
        self._body = b""
        self._headers = {}
        self._lines.clear()

    def feed(self, data: bytes) -> bool:
        """Parse the next bytes; each request that they complete is delivered from here.

        Args:
            data: At most `SLICE_BYTES`.

        Returns:
            Whether they are one request, whole and of a known pattern.

        Raises:
            RequestRefusedError: What came is malformed or passes a limit. The receiver is of no
                further use; requests delivered before stay valid.
        """
        if self.state == IDLE:
            pattern = self._patterns.get(data.find(HEAD_END))
            values = None if pattern is None else pattern.read(data)
            if pattern is not None and values is not None:
                body = data[pattern.size :]
                self._deliver(pattern.method, pattern.target, None, body, 0, pattern, values)
                return True
        self._parse(data)
        return False

    def _parse(self, data: bytes) -> None:
        if self.state == DONE:
            return
        self._slice = data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(memoryview(data)[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._failed(error)
        if self.state != IDLE:
            self._check_partial()

    def _failed(self, error: Exception) -> None:
        if self.state == DONE:  # bytes after the last request: ignored, RFC 9112 §9.6
            return
        cause = error.__context__  # what a callback raised; httptools puts it there
        if isinstance(error, httptools.HttpParserCallbackError) and cause is not None:
            raise cause
        reason = error.args[0] if error.args else "syntax error"
        raise RequestRefusedError(
            Refusal.MALFORMED, f"The HTTP request is malformed: {reason}."
        ) from error

    def _check_partial(self) -> None:
        """Bound a request of which only a part is here."""
        limits = self._limits
        self._fed_bytes += len(self._slice)
        if len(self._lines) > limits.max_header_count:
            self._refuse_headers()
        if self.state == HEAD:
            # Slack, because the first slice may hold the end of the request before this one.
            if self._fed_bytes > limits.max_header_bytes + limits.max_target_bytes + SLICE_BYTES:
                self._refuse_headers()
        elif self.state == BODY:
            declared = int(self._headers.get(b"content-length", b"0"))
            if declared > limits.max_body_bytes:
                self._refuse_body()

    def _go_on_without_upgrade(self, rest: memoryview) -> None:
        """Parse the body of a request that asked for an upgrade, which httptools would skip.

        A new parser is told the framing by a head of our own, whose events are swallowed.
        """
        framing = b"Content-Length: " + self._headers.get(b"content-length", b"0")
        if b"transfer-encoding" in self._headers:
            framing = b"Transfer-Encoding: chunked"
        if self._marks & CLOSE:
            framing += b"\r\nConnection: close"
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
        if rest:
            self._parse(bytes(rest))

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """Start a request."""
        if not self._upgrading:
            self.state = HEAD

    def on_url(self, part: bytes) -> None:
        """Take (a part of) the request target."""
        if self._upgrading:
            return
        self._target += part
        if len(self._target) > self._limits.max_target_bytes:
            limit = self._limits.max_target_bytes
            _refuse(Refusal.TARGET_TOO_LONG, f"The request target is over {limit} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line, or a trailer, which is only counted (RFC 9110 §6.5.1)."""
        self._take_line((name, value))

    def on_headers_complete(self) -> None:
        """Check the head as a whole and how the message goes on."""
        lines = self._lines
        if self._upgrading:
            self._upgrading = False  # the swallowed head of _go_on_without_upgrade ends here
            lines.clear()
            return
        limits = self._limits
        names, values = zip(*lines, strict=True) if lines else ((), ())
        kind = _KINDS.get(names) or _kind_of(names)
        if kind.duplicates:
            self._headers = _joined(lines)
        else:
            self._headers = dict(zip(kind.names, map(_strip, values), strict=True))
        count = len(lines)
        lines.clear()
        method = METHODS.get(self._parser.get_method())
        if method is None:
            _refuse(Refusal.METHOD, "The HTTP method is not supported.")
        self._method = method
        if not (kind.plain and self._parser.should_keep_alive()):
            self._check_version()
        # A cheap upper bound first: exact sums only for a request that may be too large.
        if (
            self._fed_bytes + len(self._slice) > limits.max_header_bytes
            or count > limits.max_header_count
        ):
            self._check_head_size(count)
        if self._target != b"/":
            self._check_target()
        if not kind.plain:
            self._check_rare_headers()
        self._chunks = 0
        self._learnable = kind.plain and not kind.duplicates and self._learnt < MAX_LEARNT
        self.state = BODY

    def _check_version(self) -> None:
        """Look at the version, where the cheap test has not shown that it is 1.1 with a Host.

        llhttp keeps a connection without a Connection header alive for HTTP/1.1 only.
        """
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            _refuse(Refusal.VERSION, "The HTTP version is not supported; use HTTP/1.1.")
        if version == "1.1" and b"host" not in self._headers:
            _refuse(Refusal.MALFORMED, "The HTTP request has no Host header.")
        if not self._parser.should_keep_alive():
            self._marks |= CLOSE
        elif version == "1.0":
            self._marks |= SAY_KEEP_ALIVE

    def _check_head_size(self, count: int) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in self._headers.items())
        if count > self._limits.max_header_count or size > self._limits.max_header_bytes:
            self._refuse_headers()

    def _check_target(self) -> None:
        if self._target[:1] == b"/" and b"#" not in self._target:
            return
        if b"#" in self._target:
            _refuse(Refusal.MALFORMED, "The request target has a fragment.")
        scheme, separator, rest = self._target.partition(b"://")
        if separator and scheme.lower() in {b"http", b"https"}:
            authority, slash, path = rest.partition(b"/")
            if authority.lower() != self._headers.get(b"host", authority).lower():
                _refuse(Refusal.MALFORMED, "The request target contradicts the Host header.")
            self._target = slash + path if slash else b"/"
        elif self._target != b"*":
            _refuse(Refusal.MALFORMED, "The request target is no path.")

    def _check_rare_headers(self) -> None:
        headers = self._headers
        if b"transfer-encoding" in headers:
            self._check_transfer_encoding()
        if b"expect" in headers:
            self._check_expectation()
        if b"upgrade" in headers and self._parser.should_upgrade():
            self._upgrading = True

    def _check_transfer_encoding(self) -> None:
        # llhttp has refused Content-Length beside it; it would take `gzip, chunked`.
        if self._headers[b"transfer-encoding"].lower() != b"chunked":
            _refuse(Refusal.MALFORMED, "The only transfer coding supported is chunked.")
        if self._parser.get_http_version() == "1.0":
            _refuse(Refusal.MALFORMED, "HTTP/1.0 has no Transfer-Encoding.")

    def _check_expectation(self) -> None:
        if self._headers[b"expect"].lower() != b"100-continue":
            _refuse(Refusal.EXPECTATION, "The only expectation supported is 100-continue.")
        self.continue_wanted = self._parser.get_http_version() == "1.1"

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        if not self._body:
            self._body = part
        elif isinstance(self._body, bytearray):
            self._body += part
        else:
            self._body = bytearray(self._body) + part
        if len(self._body) > self._limits.max_body_bytes:
            self._refuse_body()

    def on_chunk_header(self) -> None:
        """Count chunks: each costs callbacks, however small it is."""
        self._chunks += 1
        if self._chunks > self._limits.max_chunks:
            limit = self._limits.max_chunks
            _refuse(Refusal.MALFORMED, f"The body has more than {limit} chunks.")

    def on_message_complete(self) -> None:
        """Deliver the request."""
        if self._upgrading:
            return  # its body is still to come: _go_on_without_upgrade
        target, headers, body = self._target, self._headers, self._body
        self._target, self._headers, self._body = b"", _NO_HEADERS, b""
        self._fed_bytes = 0
        self.state = IDLE
        self.continue_wanted = False
        if type(body) is not bytes:
            body = bytes(body)
        marks = self._marks
        if marks or self._lines or self._method == "HEAD":
            marks = self._end_rare_message()
        elif self._learnable:
            self._learn(target, headers)
        self._deliver(self._method, target, headers, body, marks, None, ())

    def _learn(self, target: bytes, headers: dict[bytes, bytes]) -> None:
        """Keep the head of a request that was the whole of a slice, as a pattern for others."""
        self._learnt += 1
        pattern = pattern_of(self._slice, method=self._method, target=target, headers=headers)
        if pattern is not None:
            if len(self._patterns) >= MAX_PATTERNS:
                self._patterns.clear()
            self._patterns[pattern.size - len(HEAD_END)] = pattern

    def _end_rare_message(self) -> int:
        """End a message that has trailers, or whose answer must be dressed; returns its marks."""
        marks, self._marks = self._marks, 0
        if len(self._lines) > self._limits.max_header_count:
            self._refuse_headers()
        self._lines.clear()
        if self._method == "HEAD":
            marks |= HEAD_ONLY
        if marks & CLOSE:
            self.state = DONE
        return marks

    def _refuse_headers(self) -> NoReturn:
        limits = self._limits
        message = (
            f"The request headers are over {limits.max_header_count} lines or"
            f" {limits.max_header_bytes} bytes."
        )
        _refuse(Refusal.HEADERS_TOO_LARGE, message)

    def _refuse_body(self) -> NoReturn:
        message = f"The request body is over {self._limits.max_body_bytes} bytes."
        _refuse(Refusal.BODY_TOO_LARGE, message)


def _refuse(refusal: Refusal, message: str) -> NoReturn:
    raise RequestRefusedError(refusal, message)
