"""Heads that a client sends again and again, read without the parser. No I/O.

An SDK repeats one head on its connection; only a date, a signature, a random id and the length of
the body differ. So a head that the parser has read is kept as a pattern: fixed bytes, and spans
whose characters may be others of the same harmless kind (letters, digits, hyphen; digits alone for
the length). Bytes of a head that fit the pattern would take llhttp through the same states and give
the same headers, with those spans replaced: so they are read as that. Whatever does not fit
exactly, or does not come as one whole request, goes through the parser.

It takes 1.3 us where parser and callbacks take 4 us. The parser is the oracle of its tests.
"""

from collections.abc import Callable, Mapping
from itertools import chain, pairwise
from struct import Struct
from typing import Any, Final

import msgspec

HEAD_END: Final = b"\r\n\r\n"
MAX_HEAD_BYTES: Final = 4096
"""Longer heads are rare and not kept."""
MAX_PATTERNS: Final = 8
"""Of a connection: operations and lengths that its client uses in turn."""
MAX_LEARNT: Final = 64
"""Of a connection over its life: a client whose heads differ elsewhere costs no more than that."""

_LENGTH: Final = b"content-length"
_AUTHORIZATION: Final = b"authorization"
_SIGNATURE: Final = b"Signature="
_SIGNATURE_BYTES: Final = 64
_VARIABLE: Final = (b"x-amz-date", b"amz-sdk-invocation-id", _AUTHORIZATION, _LENGTH)
_HARMLESS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"


class Pattern(msgspec.Struct, eq=False):
    """A head that was read, and where others like it may differ.

    Attributes:
        size: Of the head in bytes, the empty line included.
        split: Takes a head apart: fixed, variable, fixed, ..., fixed.
        fixed: The fixed parts.
        names: The headers that the variable parts belong to.
        length_at: Which variable part is the length of the body.
        signature_at: Which one is a signature, at the end of its header; -1: none is.
        before_signature: What stands before it in that header.
        headers: Of the head that was read.
        memo: What the handler of requests keeps about all that have this pattern.
    """

    size: int
    split: Callable[[bytes], tuple[bytes, ...]]
    fixed: tuple[bytes, ...]
    names: tuple[bytes, ...]
    length_at: int
    signature_at: int
    before_signature: bytes
    method: str
    target: bytes
    headers: dict[bytes, bytes]
    memo: Any = None

    def read(self, data: bytes) -> tuple[bytes, ...] | None:
        """The variable parts of a request that `data` is the whole of; None if it does not fit."""
        parts = self.split(data)
        if parts[::2] != self.fixed:
            return None
        values = parts[1::2]
        length = values[self.length_at]
        if b"".join(values).translate(None, _HARMLESS) or not length.isdigit():
            return None
        return values if self.size + int(length) == len(data) else None

    def headers_of(self, values: tuple[bytes, ...]) -> dict[bytes, bytes]:
        """The headers of a request with these variable parts."""
        headers = self.headers.copy()
        headers.update(zip(self.names, values, strict=True))
        if self.signature_at >= 0:
            headers[_AUTHORIZATION] = self.before_signature + values[self.signature_at]
        return headers


def pattern_of(
    data: bytes, *, method: str, target: bytes, headers: Mapping[bytes, bytes]
) -> Pattern | None:
    """The pattern of a request that the parser has read, if it has one.

    Args:
        data: The whole request and nothing else.
        method: As read.
        target: As read.
        headers: As read; none came twice.
    """
    size = data.find(HEAD_END) + len(HEAD_END)
    if size > MAX_HEAD_BYTES or len(data) - size != int(headers.get(_LENGTH, b"-1")):
        return None
    spans = [
        (start, end, name)
        for name in _VARIABLE
        if name in headers
        for start, end in _span_of(data[:size], name, headers[name])
    ]
    spans.sort()
    names = tuple(name for _, _, name in spans)
    if _LENGTH not in names:
        return None
    bounds = [0, *chain.from_iterable((start, end) for start, end, _ in spans), size]
    sizes = [after - before for before, after in pairwise(bounds)]
    split = Struct("".join(f"{count}s" for count in sizes)).unpack_from
    signature_at = names.index(_AUTHORIZATION) if _AUTHORIZATION in names else -1
    return Pattern(
        size=size,
        split=split,
        fixed=split(data)[::2],
        names=names,
        length_at=names.index(_LENGTH),
        signature_at=signature_at,
        before_signature=headers.get(_AUTHORIZATION, b"")[:-_SIGNATURE_BYTES],
        method=method,
        target=target,
        headers=dict(headers),
    )


def _span_of(head: bytes, name: bytes, value: bytes) -> list[tuple[int, int]]:
    """Where a header's variable value stands; nothing if it has another form than SDKs send."""
    line = b"\r\n" + name + b": "
    at = head.lower().find(line)
    start, end = at + len(line), at + len(line) + len(value)
    if at < 0 or head[start : end + 2] != value + b"\r\n":
        return []
    if name == _AUTHORIZATION:
        start = end - _SIGNATURE_BYTES
        if not value[:-_SIGNATURE_BYTES].endswith(_SIGNATURE):
            return []
    if head[start:end].translate(None, _HARMLESS):
        return []
    return [(start, end)]
