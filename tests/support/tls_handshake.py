"""Reads what a TLS 1.3 server said in the clear: which key exchange it selected (RFC 8446)."""

import struct

HANDSHAKE, SERVER_HELLO, KEY_SHARE = 22, 2, 51
RANDOM_AT = 6  # behind the handshake's type and length, and the legacy version


def selected_group(heard: bytes) -> int:
    """The named group of the key share in the first ServerHello of a byte stream."""
    kind, _, length = struct.unpack_from(">BHH", heard)
    assert kind == HANDSHAKE
    hello = heard[5 : 5 + length]
    assert hello[0] == SERVER_HELLO
    position = RANDOM_AT + 32
    position += 1 + hello[position]  # session id
    position += 2 + 1  # cipher suite, compression
    (size,) = struct.unpack_from(">H", hello, position)
    position += 2
    end = position + size
    while position < end:
        extension, size = struct.unpack_from(">HH", hello, position)
        position += 4
        if extension == KEY_SHARE:
            group: int = struct.unpack_from(">H", hello, position)[0]
            return group
        position += size
    raise AssertionError("the ServerHello has no key share: it is no TLS 1.3")
