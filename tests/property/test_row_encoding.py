"""Row encodings are injective: no two different rows share one."""

import struct
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from regionkms.store.row_encoding import encode_row

VALUES = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(),
)
ROWS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


def meaning(row: Mapping[str, object]) -> dict[str, tuple[str, object]]:
    """What a row says: types count, NULLs and the code do not, floats are their bits."""
    return {
        name: (
            type(value).__name__,
            struct.pack(">d", value) if isinstance(value, float) else value,
        )
        for name, value in row.items()
        if value is not None and name != "row_code"
    }


@given(ROWS, ROWS)
def test_equal_encodings_mean_equal_rows(one: dict[str, object], other: dict[str, object]) -> None:
    assert (encode_row(one) == encode_row(other)) == (meaning(one) == meaning(other))


@given(ROWS, st.text(max_size=3), VALUES)
def test_one_changed_column_changes_the_encoding(
    row: dict[str, object], name: str, value: object
) -> None:
    changed = {**row, name: value}
    assert (encode_row(row) == encode_row(changed)) == (meaning(row) == meaning(changed))
