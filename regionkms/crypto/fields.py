"""Length-prefixed fields: the one way in which several values become one string of bytes.

Joining values without their lengths makes ("a", "bc") and ("ab", "c") the same bytes, so that a
code over one stands for the other. Everything here that is authenticated, hashed, signed or bound
into an encryption goes through `length_prefixed`, with a versioned label as its first field.
"""

from typing import Final

LENGTH_BYTES: Final = 4
"""Of each length, big-endian, unsigned."""


def length_prefixed(*fields: bytes) -> bytes:
    """Join fields so that no other list of fields gives the same bytes.

    Returns:
        Each field after its length (LENGTH_BYTES, big-endian).

    Raises:
        OverflowError: A field is 4 GiB or longer.
    """
    return b"".join([len(field).to_bytes(LENGTH_BYTES, "big") + field for field in fields])


def unsigned(value: int, *, size: int) -> bytes:
    """A number as a field of fixed size in bytes, big-endian.

    Raises:
        OverflowError: The number is negative or does not fit.
    """
    return value.to_bytes(size, "big")
