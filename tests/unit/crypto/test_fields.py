import pytest

from regionkms.crypto.fields import length_prefixed, unsigned


def test_each_field_stands_after_its_length() -> None:
    assert length_prefixed(b"ab", b"", b"c") == (
        b"\x00\x00\x00\x02ab" + b"\x00\x00\x00\x00" + b"\x00\x00\x00\x01c"
    )


def test_moving_a_byte_between_fields_changes_the_encoding() -> None:
    assert length_prefixed(b"a", b"bc") != length_prefixed(b"ab", b"c")
    assert length_prefixed(b"a") != length_prefixed(b"a", b"")


def test_a_number_has_a_fixed_size() -> None:
    assert unsigned(258, size=4) == b"\x00\x00\x01\x02"


@pytest.mark.parametrize("number", [-1, 256])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        unsigned(number, size=1)
