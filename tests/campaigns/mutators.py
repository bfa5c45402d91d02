"""Ways to spoil a request: its members, the bytes of its body, the bytes of HTTP. Rows in tables.

Each takes the generator that decides and returns something new; what it was given stays as it was.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

Members = dict[str, Any]
Path = tuple[str | int, ...]
"""Where a value is in a body: names and positions from the top."""

LENGTHS: Final = (0, 1, 2, 63, 64, 65, 128, 255, 256, 257, 1024, 2048, 4096, 4097, 6144, 6145)
NUMBERS: Final = (-1, 0, 1, 6, 7, 30, 31, 1000, 1001, 2**31, 2**63, 2**64, 1.5, -0.0, 1e308)
TEXTS: Final = (
    "",
    " ",
    "\x00",
    "\x7f",
    "é",
    "\u202e",
    "\ufeff",
    "\U0001f511",
    "a\r\nX-Injected: 1",
    "../../etc/passwd",
    "%s%n%x",
    "${jndi:ldap://127.0.0.1/a}",
    "' OR 1=1 --",
    "<script>",
    "alias/aws/kms",
    "alias/",
    "arn:aws:kms:eu-west-1:111122223333:key/",
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws-cn:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "SYMMETRIC_DEFAULT",
    "RSA_2048",
    "true",
    "null",
)
_OTHER_TYPES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1.5,
    "text",
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
)
_DEEP: Final = 200
_MANY: Final = 3000


def paths(value: Any, at: Path = ()) -> list[Path]:
    """All places in a body but the top, outer ones first."""
    found: list[Path] = []
    if isinstance(value, dict):
        items: Sequence[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return found
    for name, inner in items:
        found.append((*at, name))
        found += paths(inner, (*at, name))
    return found


def get(value: Any, path: Path) -> Any:
    """The value at a place."""
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """The body with another value at a place."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def _drop(rng: Random, members: Members) -> Any:
    found = [path for path in paths(members) if isinstance(path[-1], str)]
    if not found:
        return members
    path = rng.choice(found)
    outer = dict(get(members, path[:-1]))
    del outer[path[-1]]
    return put(members, path[:-1], outer)


def _other_type(rng: Random, members: Members) -> Any:
    return _replaced(rng, members, rng.choice(_OTHER_TYPES))


def _length(rng: Random, members: Members) -> Any:
    text = rng.choice(("a", "é", "\U0001f511", "="))
    return _replaced(rng, members, text * rng.choice(LENGTHS))


def _number(rng: Random, members: Members) -> Any:
    return _replaced(rng, members, rng.choice(NUMBERS))


def _text(rng: Random, members: Members) -> Any:
    return _replaced(rng, members, rng.choice(TEXTS))


def _damaged_text(rng: Random, members: Members) -> Any:
    """A text of the request with a character changed, added or taken away."""
    found = [path for path in paths(members) if isinstance(get(members, path), str)]
    if not found:
        return members
    path = rng.choice(found)
    text = get(members, path)
    at = rng.randrange(len(text) + 1)
    new = rng.choice((text[:at], text[at:], text[:at] + "x" + text[at + 1 :], text + text))
    if rng.random() < 0.3:
        new = text[:at] + chr(rng.randrange(0x250)) + text[at:]
    return put(members, path, new)


def _blob(rng: Random, members: Members) -> Any:
    encoded = b64encode(rng.randbytes(rng.choice(LENGTHS))).decode()
    damaged = rng.choice((encoded, encoded + "=", encoded[:-1], encoded + "\n", f" {encoded}", "*"))
    return _replaced(rng, members, damaged.replace("+", rng.choice("+-")))


def _unknown(rng: Random, members: Members) -> Any:
    return {**members, rng.choice(("Unknown", "__proto__", "", "keyId", "KEYID")): "x"}


def _swap(rng: Random, members: Members) -> Any:
    found = paths(members)
    if len(found) < 2:
        return members
    one, other = rng.choice(found), rng.choice(found)
    return put(members, one, get(members, other))


def _deep(rng: Random, members: Members) -> Any:
    value: Any = "x"
    for _ in range(rng.choice((3, 17, _DEEP))):
        value = rng.choice(([value], {"a": value}))
    return _replaced(rng, members, value)


def _many(rng: Random, members: Members) -> Any:
    count = rng.choice((2, 51, 101, _MANY))
    many = rng.choice(([{"TagKey": "k", "TagValue": "v"}] * count, ["t"] * count))
    if rng.random() < 0.5:
        return _replaced(rng, members, {f"k{number}": "v" for number in range(count)})
    return _replaced(rng, members, many)


def _not_an_object(rng: Random, _: Members) -> Any:
    return rng.choice(_OTHER_TYPES)


def _replaced(rng: Random, members: Members, new: Any) -> Any:
    found = paths(members)
    return put(members, rng.choice(found), new) if found else {"KeyId": new}


STRUCTURE: Final[tuple[Callable[[Random, Members], Any], ...]] = (
    _drop,
    _other_type,
    _length,
    _number,
    _text,
    _text,
    _damaged_text,
    _damaged_text,
    _blob,
    _unknown,
    _swap,
    _deep,
    _many,
    _not_an_object,
)
"""Mutations of members: the body stays JSON."""


def _flip(rng: Random, data: bytes) -> bytes:
    if not data:
        return b"\xff"
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _remove(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.choice((1, 2, 16)) :]


def _insert(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    new = rng.choice(
        (
            rng.randbytes(rng.choice((1, 4, 64))),
            b"\xff\xfe",
            b"\\ud800",
            b'"KeyId":"x",',
            b"NaN",
            b"1e999",
            b"\x00",
            b"/**/",
            b"[" * 500,
            b"9" * 400,
        )
    )
    return data[:at] + new + data[at:]


def _repeat(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    end = rng.randrange(start, len(data) + 1)
    return data[:end] + data[start:end] * rng.choice((1, 2, 10)) + data[end:]


def _noise(rng: Random, _: bytes) -> bytes:
    return rng.randbytes(rng.choice(LENGTHS))


def _recoded(rng: Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return rng.choice((text.encode("utf-16"), b"\xef\xbb\xbf" + data, text.encode("utf-7")))


def _twice(rng: Random, data: bytes) -> bytes:
    """A member a second time, with another value."""
    names = [name for name in _names(data) if name]
    if not names or not data.startswith(b"{"):
        return data + data
    return b"{" + json.dumps(rng.choice(names)).encode() + b":null," + data[1:]


def _names(data: bytes) -> list[str]:
    try:
        members = json.loads(data)
    except ValueError:
        return []
    return list(members) if isinstance(members, dict) else []


BYTES: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    _flip,
    _flip,
    _cut,
    _remove,
    _insert,
    _repeat,
    _noise,
    _recoded,
    _twice,
)
"""Mutations of the bytes of a body, which is signed afterwards."""


def _header(rng: Random, data: bytes) -> bytes:
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at = rng.randrange(len(lines))
    new = rng.choice(
        (
            b"Content-Length: 5",
            b"Content-Length: -1",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Host: other",
            b"Expect: 100-continue",
            b"X-Amz-Target: TrentService.Nothing",
            b"Connection: close, keep-alive",
            b"X" * 9000 + b": y",
            b" folded",
            b"A: b" + bytes([rng.randrange(32)]),
        )
    )
    lines[at:at] = [new] * rng.choice((1, 1, 1, 150))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _request_line(rng: Random, data: bytes) -> bytes:
    _, _, rest = data.partition(b"\r\n")
    line = rng.choice(
        (
            b"GET / HTTP/1.1",
            b"POST /?a=b HTTP/1.1",
            b"POST http://h/ HTTP/1.1",
            b"POST / HTTP/1.0",
            b"POST / HTTP/2.0",
            b"POST / HTTP/9.9",
            b"PRI * HTTP/2.0",
            b"DELETE / HTTP/1.1",
            b"POST /%00%ff HTTP/1.1",
            b"POST " + b"/" * 20_000 + b" HTTP/1.1",
            b"\x16\x03\x01\x02\x00",
        )
    )
    return line + b"\r\n" + rest


HTTP: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    _flip,
    _flip,
    _flip,
    _cut,
    _remove,
    _insert,
    _repeat,
    _noise,
    _header,
    _header,
    _request_line,
)
"""Mutations of the bytes of a signed HTTP request, which is not signed again."""
