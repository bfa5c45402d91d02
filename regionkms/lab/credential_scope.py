"""Which Region a request is signed for: the one thing that the front door reads of it. Pure.

The signature itself is not looked at; the Region's node verifies it.

Source: spec 03 §1 AUTH-1; design §7 (front door).
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from regionkms.lab.http_framing import Head

_HEADER: Final = re.compile(rb"AWS4-HMAC-SHA256\s+(?:.*[,\s])?Credential=([^,\s]+)")
_QUERY: Final = re.compile(rb"[?&]X-Amz-Credential=([^&\s]*)")
_SCOPE: Final = re.compile(rb"[^/]+/[^/]*/([^/]*)/([^/]*)/aws4_request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Region and service of a credential scope, as the request spells them."""

    region: str
    service: str


def credential_scope(head: Head) -> Scope | None:
    """Read a request's credential scope; None if it has none, or one that can't be read."""
    match = _QUERY.search(head.first)
    credential = unquote_to_bytes(match[1]) if match is not None else _of_header(head)
    if credential is None:
        return None
    scope = _SCOPE.fullmatch(credential)
    if scope is None:
        return None
    return Scope(region=scope[1].decode("latin-1"), service=scope[2].decode("latin-1"))


def _of_header(head: Head) -> bytes | None:
    for value in head.values(b"authorization"):
        match = _HEADER.match(value)
        if match is not None:
            return match[1]
    return None
