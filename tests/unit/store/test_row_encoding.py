"""The bytes that a row's authentication code covers."""

import pytest

from regionkms.model.errors import RowTampered
from regionkms.store.row_encoding import encode_row


def test_encoding_is_pinned() -> None:
    """Stored codes depend on these bytes: a change here makes every stored row unreadable."""
    row = {
        "text": "é",
        "bytes": b"\0\xff",
        "yes": True,
        "no": False,
        "integer": -2,
        "real": 1.5,
        "absent": None,
        "row_code": b"the code itself",
    }
    assert encode_row(row).hex() == (
        "726f772f7631"  # row/v1
        "000000056279746573" "62" "00000002" "00ff"
        "00000007696e7465676572" "69" "00000008" "fffffffffffffffe"
        "000000026e6f" "74" "00000001" "00"
        "000000047265616c" "66" "00000008" "3ff8000000000000"
        "0000000474657874" "73" "00000002" "c3a9"
        "00000003796573" "74" "00000001" "01"
    )  # fmt: skip


def test_order_of_columns_does_not_matter() -> None:
    assert encode_row({"a": 1, "b": "2"}) == encode_row({"b": "2", "a": 1})


def test_column_that_a_later_release_adds_keeps_codes_while_it_is_null() -> None:
    assert encode_row({"a": 1, "later": None}) == encode_row({"a": 1})


def test_code_does_not_cover_itself() -> None:
    assert encode_row({"a": 1, "row_code": b"x"}) == encode_row({"a": 1, "row_code": b"y"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "1"}, {"a": b"1"}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 0}, {"a": None}),
        ({"a": ""}, {"a": None}),
        ({"a": "b"}, {"ab": ""}),
        ({"a": "x", "b": "y"}, {"a": "xb", "y": ""}),
        ({"a": 0.0}, {"a": -0.0}),
    ],
)
def test_rows_that_differ_never_share_an_encoding(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert encode_row(one) != encode_row(other)


@pytest.mark.parametrize("value", [[], {}, 2**63, -(2**63) - 1, 1j, memoryview(b"x")])
def test_value_that_no_column_has_is_refused_by_name(value: object) -> None:
    with pytest.raises(RowTampered, match=r"^column a holds a value of a wrong type or size$"):
        encode_row({"a": value})


def test_integers_reach_both_ends() -> None:
    assert encode_row({"a": 2**63 - 1}) != encode_row({"a": -(2**63)})
