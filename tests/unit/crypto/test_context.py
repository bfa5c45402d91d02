import pytest

from regionkms.crypto.context import encode_context
from regionkms.model.errors import ValidationException
from regionkms.model.limits import MAX_ENCRYPTION_CONTEXT_BYTES


def test_no_context_is_no_bytes() -> None:
    assert encode_context({}) == b""


def test_order_of_pairs_is_free() -> None:
    assert encode_context({"b": "2", "a": "1"}) == encode_context({"a": "1", "b": "2"})


def test_layout_is_sorted_and_length_prefixed() -> None:
    assert encode_context({"b": "zz", "a": "1"}).hex() == (
        "000000016100000001310000000162000000027a7a"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "bc"}, {"ab": "c"}),
        ({"a": "b"}, {"A": "b"}),
        ({"a": "b"}, {"a": "B"}),
        ({"a": "b"}, {"a": "b", "c": "d"}),
        ({"a": ""}, {"": "a"}),
        ({"a": "b"}, {}),
        ({"é": "1"}, {"e\u0301": "1"}),
    ],
)
def test_contexts_that_differ_have_other_bytes(one: dict[str, str], other: dict[str, str]) -> None:
    assert encode_context(one) != encode_context(other)


def test_the_largest_context_is_taken_and_one_byte_more_is_refused() -> None:
    room = MAX_ENCRYPTION_CONTEXT_BYTES - 8 - 1
    assert len(encode_context({"k": "v" * room})) == MAX_ENCRYPTION_CONTEXT_BYTES
    with pytest.raises(ValidationException) as refusal:
        encode_context({"k": "v" * (room + 1)})
    assert refusal.value.message == (
        "The encryption context is 8193 bytes long when encoded. "
        "It must not be longer than 8192 bytes."
    )


def test_the_bound_counts_bytes_of_utf_8() -> None:
    with pytest.raises(ValidationException, match="12012 bytes long"):
        encode_context({"ключ": "я" * 5998})


@pytest.mark.parametrize("context", [{"\ud800": "x"}, {"x": "\udfff"}])
def test_half_a_surrogate_pair_is_refused_without_echo(context: dict[str, str]) -> None:
    with pytest.raises(ValidationException) as refusal:
        encode_context(context)
    assert refusal.value.message == (
        "The encryption context contains text that is not valid Unicode."
    )
    assert refusal.value.__suppress_context__
