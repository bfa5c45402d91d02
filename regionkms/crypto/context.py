"""The encryption context as additional authenticated data: one encoding, for ever.

It is not JSON on purpose: ciphertexts outlive every release, and so would a library's escaping.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Final

from regionkms.model.errors import ValidationException
from regionkms.model.limits import MAX_ENCRYPTION_CONTEXT_BYTES

_length: Final = Struct(">I").pack
# As fields.length_prefixed, without its calls: 0.8 us for two pairs against 1.4 us.
_SHORTS: Final = 256
_SHORT: Final = tuple(map(_length, range(_SHORTS)))
"""Lengths of nearly all keys and values, encoded."""


def encode_context(context: Mapping[str, str]) -> bytes:
    """Encode an encryption context as additional authenticated data (AAD).

    Args:
        context: Pairs of text, at most MAX_ENCRYPTION_CONTEXT_BYTES encoded; empty: no context.

    Returns:
        Pairs sorted by key, each key and value in UTF-8 after its length (4 bytes, big-endian).
        No two contexts share an encoding; the order of the pairs is free.

    Raises:
        ValidationException: The encoding is longer than MAX_ENCRYPTION_CONTEXT_BYTES, or the text
            has no UTF-8 form (half of a surrogate pair).

    Source: spec 01 §4.5 E1, E2 (order is free; every byte and its case count).
    """
    if not context:
        return b""
    parts: list[bytes] = []
    try:
        for key in sorted(context):
            field, value = key.encode(), context[key].encode()
            of_field, of_value = len(field), len(value)
            parts += (
                _SHORT[of_field] if of_field < _SHORTS else _length(of_field),
                field,
                _SHORT[of_value] if of_value < _SHORTS else _length(of_value),
                value,
            )
    except UnicodeEncodeError:
        raise ValidationException(
            "The encryption context contains text that is not valid Unicode."
        ) from None
    encoded = b"".join(parts)
    if len(encoded) > MAX_ENCRYPTION_CONTEXT_BYTES:
        raise ValidationException(
            f"The encryption context is {len(encoded)} bytes long when encoded. "
            f"It must not be longer than {MAX_ENCRYPTION_CONTEXT_BYTES} bytes."
        )
    return encoded
