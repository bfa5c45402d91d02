import pytest

from regionkms.identity.sigv4.canonical import canonical_path, canonical_query, fold, split_query


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        (b"/", b"/"),
        (b"", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a/b/", b"/a/b/"),
        (b"/a//b", b"/a/b"),
        (b"/../../a", b"/a"),
        (b"/a/../", b"/"),
        (b"/a/./b/..", b"/a"),
        (b"/a%20b", b"/a%2520b"),
        (b"/a:b,c;d=e+f*", b"/a%3Ab%2Cc%3Bd%3De%2Bf%2A"),
        (b"/\xc3\xbc~", b"/%C3%BC~"),
    ],
)
def test_a_path_is_normalised_and_encoded_once_more(sent: bytes, canonical: bytes) -> None:
    assert canonical_path(sent) == canonical


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        (b"", b""),
        (b"a", b"a="),
        (b"a=", b"a="),
        (b"a=b=c", b"a=b%3Dc"),
        (b"b=1&a=2&a=1", b"a=1&a=2&b=1"),
        (b"a=1&&b=2&", b"a=1&b=2"),
        (b"a=x+y", b"a=x%2By"),
        (b"a=%7e%20%2f", b"a=~%20%2F"),
        (b"a=100%", b"a=100%25"),
        (b"a=%zz", b"a=%25zz"),
        (b"a=%C3%BC", b"a=%C3%BC"),
        (b"A=1&a=2&_=3", b"A=1&_=3&a=2"),
    ],
)
def test_a_query_is_sorted_in_one_spelling(sent: bytes, canonical: bytes) -> None:
    assert canonical_query(split_query(sent)) == canonical


@pytest.mark.parametrize(
    ("value", "folded"),
    [(b"a", b"a"), (b"  a  ", b"a"), (b"a \t  b", b"a b"), (b"", b""), (b'"a   b"', b'"a b"')],
)
def test_white_space_is_folded(value: bytes, folded: bytes) -> None:
    assert fold(value) == folded
