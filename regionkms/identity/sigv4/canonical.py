"""The canonical request: one spelling of everything that a signature covers.

The rules are those for services other than S3: the path is normalised and encoded once more, the
body is always hashed.

Source: AWS General Reference, "Create a canonical request"; the public SigV4 test suite.
"""

from collections.abc import Sequence
from urllib.parse import quote, unquote_to_bytes

QueryPairs = Sequence[tuple[bytes, bytes]]
"""Decoded names and values in the order they came."""


def fold(value: bytes) -> bytes:
    """A header value without white space at its ends, runs of white space as one space."""
    return b" ".join(value.split())


def canonical_path(path: bytes) -> bytes:
    """Normalise a path as it was sent (RFC 3986 §5.2.4, empty segments removed) and encode it.

    What the client encoded is encoded once more: `%20` becomes `%2520`.
    """
    segments: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del segments[-1:]
        elif segment not in {b"", b"."}:
            segments.append(segment)
    end = b"/" if segments and path.endswith(b"/") else b""
    return quote(b"/" + b"/".join(segments) + end, safe="/").encode()


def split_query(query: bytes) -> list[tuple[bytes, bytes]]:
    """Take a query apart and decode it; `+` stands for itself (RFC 3986), empty pairs are left out.

    A `%` that starts no valid escape stands for itself too.
    """
    pairs = []
    for pair in query.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs


def canonical_query(pairs: QueryPairs) -> bytes:
    """Encode decoded pairs and sort them by name, then by value, both as encoded bytes."""
    encoded = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded).encode()


def canonical_headers(names: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """One line per signed header and the list of their names; `names` are sorted."""
    lines = b"".join(b"%b:%b\n" % line for line in zip(names, values, strict=True))
    return b"%b\n%b" % (lines, b";".join(names))
