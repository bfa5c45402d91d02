"""Response bytes."""

import json

import pytest

from regionkms.wire.http_response import (
    INTERNAL_FAILURE,
    Refusal,
    add_header,
    encode_headers,
    format_refusal,
    format_response,
    without_body,
)
from tests.support.http_wire import read_answers


def test_a_response_has_status_headers_length_and_body() -> None:
    headers = encode_headers([("Content-Type", "text/plain"), ("X-A", "b")])
    assert format_response(404, headers, b"none") == (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX-A: b\r\n"
        b"Content-Length: 4\r\n\r\nnone"
    )


def test_a_status_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(KeyError, match=r"^299$"):
        format_response(299, b"", b"")


@pytest.mark.parametrize(
    "pair", [("X-A", "b\r\nSet-Cookie: c"), ("X\n", "b"), ("X", "b\0"), ("X\r", "")]
)
def test_a_header_cannot_smuggle_another(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"has a line break or NUL in its name or value$"):
        encode_headers([pair])


def test_a_header_is_latin_1() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_headers([("X", "☃")])


def test_a_line_is_added_and_a_body_cut_without_touching_the_rest() -> None:
    answer = format_response(200, b"X-A: b\r\n", b"a\r\n\r\nb")
    assert add_header(answer, b"Connection: close\r\n") == (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: b\r\nContent-Length: 6\r\n\r\na\r\n\r\nb"
    )
    assert without_body(answer) == b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 6\r\n\r\n"


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_is_json_as_aws_shapes_it(refusal: Refusal) -> None:
    date = b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    answer = format_refusal(refusal, 'A "reason".', request_id="r-1", date_line=date)
    status, headers, body = read_answers(answer)[0]
    assert status == refusal.value.status
    assert headers[b"date"] == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert headers[b"x-amzn-requestid"] == b"r-1"
    assert json.loads(body) == {"__type": refusal.value.code, "message": 'A "reason".'}


def test_the_prebuilt_failure_is_an_internal_exception() -> None:
    status, _, body = read_answers(INTERNAL_FAILURE)[0]
    assert status == 500
    assert json.loads(body)["__type"] == "KMSInternalException"
