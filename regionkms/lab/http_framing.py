"""Where HTTP/1.1 messages begin and end, for a relay that passes their bytes on unchanged.

Nothing here judges a message: the node behind does. What can't be framed for certain is refused,
so that two readers of one stream never disagree about where the next request begins.

Source: RFC 9112 §6 (message body length), §7.1 (chunked).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a request's or answer's lines; the node's own limit is lower."""
_BLOCK_BYTES: Final = 64 * 1024
_MAX_CHUNK_LINE_BYTES: Final = 4096
_MAX_TRAILER_LINES: Final = 64


class FramingError(Exception):
    """The bytes are no HTTP/1.1 message whose end can be found for certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The lines before a body.

    Attributes:
        raw: As they came, with the empty line.
        first: First line.
        fields: Names in lower case; several values of one name in their order.
    """

    raw: bytes
    first: bytes
    fields: tuple[tuple[bytes, bytes], ...]

    def values(self, name: bytes) -> list[bytes]:
        """All values of a header field."""
        return [value for each, value in self.fields if each == name]

    def has_token(self, name: bytes, token: bytes) -> bool:
        """Whether a list-valued field names a token, in any case."""
        return any(
            part.strip().lower() == token
            for value in self.values(name)
            for part in value.split(b",")
        )

    @property
    def status(self) -> int:
        """Of an answer.

        Raises:
            FramingError: It is no status line.
        """
        parts = self.first.split(b" ", 2)
        if len(parts) < 2 or not parts[1].isdigit():  # noqa: PLR2004 - version and status
            raise FramingError("no status line")
        return int(parts[1])


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read up to the empty line; None if the stream ends before the first byte.

    Raises:
        FramingError: It does not end, is too long or malformed.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial.strip():
            return None
        raise FramingError("the stream ended within a message") from error
    except asyncio.LimitOverrunError as error:
        raise FramingError(f"header lines of more than {MAX_HEAD_BYTES} bytes") from error
    first, *lines = raw[:-4].split(b"\r\n")
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise FramingError("a header line that is none")
        fields.append((name.lower(), value.strip()))
    return Head(raw=raw, first=first, fields=tuple(fields))


CHUNKED: Final = -1
TO_END: Final = -2


def request_body(head: Head) -> int:
    """How a request's body is framed: its length in bytes, or CHUNKED.

    Raises:
        FramingError: The fields contradict each other.
    """
    return _declared(head) or 0


def response_body(head: Head, *, method: bytes) -> int:
    """How an answer's body is framed: its length in bytes, CHUNKED, or TO_END.

    Raises:
        FramingError: The fields contradict each other.
    """
    status = head.status
    if method == b"HEAD" or status in {204, 304} or 100 <= status < 200:  # noqa: PLR2004 - RFC 9112 §6.3
        return 0
    declared = _declared(head)
    return TO_END if declared is None else declared


def _declared(head: Head) -> int | None:
    codings = head.values(b"transfer-encoding")
    lengths = set(head.values(b"content-length"))
    if codings:
        if lengths or len(codings) != 1 or codings[0].lower() != b"chunked":
            raise FramingError("a body whose end is not certain")
        return CHUNKED
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or not length.isdigit():
        raise FramingError("a Content-Length that is no number, or several")
    return int(length)


async def body_blocks(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    """The bytes of a body as they come, with chunk lines and trailers as they are.

    Raises:
        FramingError: The stream ends too early, or chunks are malformed.
    """
    if length == CHUNKED:
        async for block in _chunked(reader):
            yield block
    elif length == TO_END:
        while block := await reader.read(_BLOCK_BYTES):
            yield block
    else:
        async for block in _counted(reader, length):
            yield block


async def _counted(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    while length:
        block = await reader.read(min(length, _BLOCK_BYTES))
        if not block:
            raise FramingError("the stream ended within a body")
        length -= len(block)
        yield block


async def _chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await _line(reader)
        size_text = line.split(b";", 1)[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError as error:
            raise FramingError("a chunk without a size") from error
        yield line
        if size == 0:
            break
        async for block in _counted(reader, size + 2):
            yield block
    for _ in range(_MAX_TRAILER_LINES):
        line = await _line(reader)
        yield line
        if line == b"\r\n":
            return
    raise FramingError("too many trailers")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise FramingError("a chunk line without an end") from error
    if len(line) > _MAX_CHUNK_LINE_BYTES:
        raise FramingError("a chunk line that is too long")
    return line
