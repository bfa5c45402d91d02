"""Pages and their markers."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regionkms.model.errors import InvalidMarkerException
from regionkms.operations.paging import INVALID_MARKER, Page, cut, decode_marker, encode_marker

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@given(NAMES)
def test_a_marker_is_the_name_that_it_was_made_of(name: str) -> None:
    assert decode_marker(encode_marker(name)) == name


@given(st.text(max_size=60))
def test_every_other_text_is_refused(marker: str) -> None:
    with suppress(InvalidMarkerException):
        assert encode_marker(decode_marker(marker)) == marker


@pytest.mark.parametrize("written", [b"2:a", b"a", b"", b"1:a\0", b"1:\xff", b"1"])
def test_a_marker_of_another_form_is_refused(written: bytes) -> None:
    with pytest.raises(InvalidMarkerException, match=INVALID_MARKER):
        decode_marker(base64.urlsafe_b64encode(written).decode())


@pytest.mark.parametrize("spoilt", ["MTph=", "MTph\n", " MTph", "MTp", "MTphé", "MTq/"])
def test_a_marker_is_taken_in_one_spelling(spoilt: str) -> None:
    assert decode_marker("MTph") == "a"
    with pytest.raises(InvalidMarkerException):
        decode_marker(spoilt)


def test_a_page_has_a_marker_exactly_when_more_follows() -> None:
    whole = cut(["a", "b"], limit=2, name=str)
    assert (whole.rows, whole.truncated, whole.next_marker) == (["a", "b"], False, None)
    part = cut(["a", "b", "c"], limit=2, name=str)
    assert (part.rows, part.truncated) == (["a", "b"], True)
    assert part.next_marker is not None
    assert decode_marker(part.next_marker) == "b"
    nothing: Page[str] = cut([], limit=1, name=str)
    assert (nothing.rows, nothing.truncated, nothing.next_marker) == ([], False, None)
