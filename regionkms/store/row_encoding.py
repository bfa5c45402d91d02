"""The bytes of a row that its authentication code covers. Pure.

A row is a set of named values. Encoded are, sorted by name, all columns but the code itself that
are not NULL; each as name and value after their lengths, the value after a mark of its type. So
no two different rows of a table share an encoding, and a column that a later release adds changes
nothing for rows that leave it NULL.

Source: design §2 ("HMAC over table, primary key, columns and version").
"""

import struct
from collections.abc import Mapping
from typing import Final

from regionkms.model.errors import RowTampered

ROW_FORMAT: Final = b"row/v1"
"""First bytes of every encoding; a changed layout gets another number."""
ROW_CODE_COLUMN: Final = "row_code"
ROW_KEY_COLUMN: Final = "row_key"
"""Names the domain key that the code was made under; covered by the code."""

_LENGTH: Final = struct.Struct(">I")
_INTEGER: Final = struct.Struct(">q")
_REAL: Final = struct.Struct(">d")


def encode_row(values: Mapping[str, object]) -> bytes:
    """Encode a row for its authentication code.

    Args:
        values: Columns by name: str, bytes, bool, int (64 bit, signed), float or None. The code's
            own column is left out.

    Returns:
        ROW_FORMAT, then for each column, sorted by name: length (4 bytes, big-endian) and name,
        one byte of type, length and value.

    Raises:
        RowTampered: A value has a type or size that no column of ours has.
    """
    parts = [ROW_FORMAT]
    for name in sorted(values):
        value = values[name]
        if value is None or name == ROW_CODE_COLUMN:
            continue
        encoded_name = name.encode()
        mark, encoded = _encode_value(name, value)
        parts += (
            _LENGTH.pack(len(encoded_name)),
            encoded_name,
            mark,
            _LENGTH.pack(len(encoded)),
            encoded,
        )
    return b"".join(parts)


def _encode_value(name: str, value: object) -> tuple[bytes, bytes]:
    match value:
        case str():
            return b"s", value.encode("utf-8", "surrogatepass")
        case bytes():
            return b"b", value
        case bool():  # before int: a bool is one
            return b"t", b"\x01" if value else b"\x00"
        case int() if -(2**63) <= value < 2**63:
            return b"i", _INTEGER.pack(value)
        case float():
            return b"f", _REAL.pack(value)
        case _:
            raise RowTampered(f"column {name} holds a value of a wrong type or size")
