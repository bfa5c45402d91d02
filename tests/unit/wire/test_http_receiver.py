"""What is a request, and what is refused: bytes in, requests or a refusal out."""

import pytest

from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_receiver import (
    CLOSE,
    DONE,
    HEAD_ONLY,
    SAY_KEEP_ALIVE,
    RequestRefusedError,
)
from regionkms.wire.http_response import Refusal
from tests.support.http_receiver import Request, receiver_into

HOST = b"Host: kms\r\n"


def receive(data: bytes, step: int = 0, limits: HttpLimits | None = None) -> list[Request]:
    found: list[Request] = []
    receiver = receiver_into(found, limits)
    step = step or len(data)
    for start in range(0, len(data), step):
        receiver.feed(data[start : start + step])
    return found


GOOD: dict[str, tuple[bytes, list[Request]]] = {
    "no body": (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
        [("GET", b"/healthz", {b"host": b"kms"}, b"", 0)],
    ),
    "a body with a length": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
        [("POST", b"/", {b"host": b"kms", b"content-length": b"3"}, b"abc", 0)],
    ),
    "chunks, an extension and trailers": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: Chunked\r\n\r\n"
        + b'3;x="y"\r\nabc\r\n2\r\nde\r\n0\r\nHost: trailer\r\nX: y\r\n\r\n',
        [("POST", b"/", {b"host": b"kms", b"transfer-encoding": b"Chunked"}, b"abcde", 0)],
    ),
    "header names lowered, values trimmed, duplicates joined": (
        b"GET /?a=b%20c HTTP/1.1\r\n" + HOST + b"X-A: \t1 \r\nx-a:2\r\nX-Empty:\r\n\r\n",
        [("GET", b"/?a=b%20c", {b"host": b"kms", b"x-a": b"1,2", b"x-empty": b""}, b"", 0)],
    ),
    "two in a pipeline": (
        b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\n\r\nHEAD /2 HTTP/1.1\r\n" + HOST + b"\r\n",
        [
            ("GET", b"/1", {b"host": b"kms"}, b"", 0),
            ("HEAD", b"/2", {b"host": b"kms"}, b"", HEAD_ONLY),
        ],
    ),
    "close, and bytes after it": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        [("GET", b"/", {b"host": b"kms", b"connection": b"close"}, b"", CLOSE)],
    ),
    "HTTP/1.0": (
        b"GET / HTTP/1.0\r\n\r\nGET /again HTTP/1.0\r\n\r\n",
        [("GET", b"/", {}, b"", CLOSE)],
    ),
    "HTTP/1.0 with keep-alive": (
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        [("GET", b"/", {b"connection": b"keep-alive"}, b"", SAY_KEEP_ALIVE)],
    ),
    "an absolute target": (
        b"GET HTTP://KMS/a?b HTTP/1.1\r\n" + HOST + b"\r\n",
        [("GET", b"/a?b", {b"host": b"kms"}, b"", 0)],
    ),
    "an absolute target without path": (
        b"GET http://kms HTTP/1.1\r\n" + HOST + b"\r\n",
        [("GET", b"/", {b"host": b"kms"}, b"", 0)],
    ),
    "an asterisk": (
        b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        [("OPTIONS", b"*", {b"host": b"kms"}, b"", 0)],
    ),
    "an ignored upgrade with a body, and the request after it": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
        + b"GET /next HTTP/1.1\r\n"
        + HOST
        + b"\r\n",
        [
            (
                "POST",
                b"/",
                {
                    b"host": b"kms",
                    b"connection": b"Upgrade",
                    b"upgrade": b"h2c",
                    b"content-length": b"3",
                },
                b"abc",
                0,
            ),
            ("GET", b"/next", {b"host": b"kms"}, b"", 0),
        ],
    ),
    "an ignored upgrade with chunks, to be closed": (
        b"PUT /u HTTP/1.1\r\n"
        + HOST
        + b"Connection: upgrade, close\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"1\r\nz\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        [
            (
                "PUT",
                b"/u",
                {
                    b"host": b"kms",
                    b"connection": b"upgrade, close",
                    b"upgrade": b"x",
                    b"transfer-encoding": b"chunked",
                },
                b"z",
                CLOSE,
            )
        ],
    ),
    "an ignored upgrade without a body": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        [
            (
                "GET",
                b"/",
                {b"host": b"kms", b"connection": b"upgrade", b"upgrade": b"websocket"},
                b"",
                0,
            )
        ],
    ),
}


@pytest.mark.parametrize("step", [0, 1, 2, 7])
@pytest.mark.parametrize("case", GOOD)
def test_a_request_is_the_same_however_its_bytes_arrive(case: str, step: int) -> None:
    data, expected = GOOD[case]
    assert receive(data, step) == expected


MALFORMED = Refusal.MALFORMED
BAD: dict[str, tuple[bytes, Refusal, str]] = {
    "Content-Length with Transfer-Encoding": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        MALFORMED,
        "Transfer-Encoding can't be present with Content-Length",
    ),
    "Transfer-Encoding with Content-Length": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        MALFORMED,
        "Content-Length can't be present with Transfer-Encoding",
    ),
    "a length among the trailers": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
        MALFORMED,
        "Content-Length can't be present with Transfer-Encoding",
    ),
    "two equal lengths": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        MALFORMED,
        "Duplicate Content-Length",
    ),
    "a list of lengths": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc",
        MALFORMED,
        "Invalid character in Content-Length",
    ),
    "a signed length": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc",
        MALFORMED,
        "Invalid character in Content-Length",
    ),
    "an endless length": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551617\r\n\r\nabc",
        MALFORMED,
        "Content-Length overflow",
    ),
    "another transfer coding": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        MALFORMED,
        "The only transfer coding supported is chunked.",
    ),
    "chunked twice": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        MALFORMED,
        "",
    ),
    "chunked not last": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        MALFORMED,
        "",
    ),
    "chunks in HTTP/1.0": (
        b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        MALFORMED,
        "HTTP/1.0 has no Transfer-Encoding.",
    ),
    "a chunk size that is no number": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        MALFORMED,
        "Invalid character in chunk size",
    ),
    "a chunk size with a bare LF": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\nz\r\n0\r\n\r\n",
        MALFORMED,
        "Missing expected CR after chunk size",
    ),
    "a bare LF after the request line": (
        b"GET / HTTP/1.1\nHost: kms\r\n\r\n",
        MALFORMED,
        "Expected CRLF after version",
    ),
    "a bare LF after a header": (
        b"GET / HTTP/1.1\r\nHost: kms\n\r\n",
        MALFORMED,
        "Missing expected CR after header value",
    ),
    "a bare CR in a header": (
        b"GET / HTTP/1.1\r\nHost: k\rms\r\n\r\n",
        MALFORMED,
        "Missing expected LF after header value",
    ),
    "a folded header": (
        b"GET / HTTP/1.1\r\nHost: kms\r\nX-A: 1\r\n  2\r\n\r\n",
        MALFORMED,
        "Unexpected whitespace after header value",
    ),
    "NUL in a header": (
        b"GET / HTTP/1.1\r\nHost: k\0ms\r\n\r\n",
        MALFORMED,
        "Invalid header value char",
    ),
    "a control character in a header": (
        b"GET / HTTP/1.1\r\nHost: k\x1fms\r\n\r\n",
        MALFORMED,
        "Invalid header value char",
    ),
    "a space before the colon": (
        b"GET / HTTP/1.1\r\nHost : kms\r\n\r\n",
        MALFORMED,
        "Invalid header token",
    ),
    "an empty header name": (
        b"GET / HTTP/1.1\r\nHost: kms\r\n: x\r\n\r\n",
        MALFORMED,
        "Invalid header token",
    ),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", MALFORMED, "The HTTP request has no Host header."),
    "no Host, to be closed": (
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        MALFORMED,
        "The HTTP request has no Host header.",
    ),
    "two Hosts": (
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        MALFORMED,
        "The HTTP request has several Host headers.",
    ),
    "a target of another host": (
        b"GET http://other/ HTTP/1.1\r\n" + HOST + b"\r\n",
        MALFORMED,
        "The request target contradicts the Host header.",
    ),
    "a target of another scheme": (
        b"GET ftp://kms/ HTTP/1.1\r\n" + HOST + b"\r\n",
        MALFORMED,
        "The request target is no path.",
    ),
    "a fragment": (
        b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
        MALFORMED,
        "The request target has a fragment.",
    ),
    "a target with a byte over 127": (
        b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",
        MALFORMED,
        "Invalid char in url path",
    ),
    "a target with a space": (
        b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
        MALFORMED,
        "Expected HTTP/",
    ),
    "CONNECT": (
        b"CONNECT kms:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        Refusal.METHOD,
        "The HTTP method is not supported.",
    ),
    "a method of another protocol": (
        b"M-SEARCH / HTTP/1.1\r\n" + HOST + b"\r\n",
        Refusal.METHOD,
        "The HTTP method is not supported.",
    ),
    "a method nobody knows": (b"BREW / HTTP/1.1\r\n\r\n", MALFORMED, "Invalid method"),
    "HTTP/2.0": (
        b"GET / HTTP/2.0\r\n" + HOST + b"Connection: keep-alive\r\n\r\n",
        Refusal.VERSION,
        "The HTTP version is not supported; use HTTP/1.1.",
    ),
    "HTTP/0.9": (b"GET /\r\n\r\n", Refusal.VERSION, "The HTTP version is not supported"),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", MALFORMED, "Invalid HTTP version"),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED, ""),
    "a TLS client": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", MALFORMED, "Invalid method"),
    "another expectation": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Expect: the-unexpected\r\nContent-Length: 1\r\n\r\n",
        Refusal.EXPECTATION,
        "The only expectation supported is 100-continue.",
    ),
}


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize("case", BAD)
def test_what_could_be_read_in_two_ways_is_refused(case: str, step: int) -> None:
    data, refusal, message = BAD[case]
    with pytest.raises(RequestRefusedError) as caught:
        receive(data, step)
    assert caught.value.refusal is refusal
    assert message in caught.value.message
    if refusal is MALFORMED and not message.endswith("."):
        assert caught.value.message.startswith("The HTTP request is malformed: ")


def test_requests_before_a_malformed_one_are_delivered() -> None:
    found: list[Request] = []
    receiver = receiver_into(found)
    with pytest.raises(RequestRefusedError):
        receiver.feed(b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\nnonsense\r\n\r\n")
    assert [request[1] for request in found] == [b"/1"]


def test_nothing_is_taken_after_stop() -> None:
    found: list[Request] = []
    receiver = receiver_into(found)
    receiver.stop()
    receiver.feed(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert found == []
    assert receiver.state == DONE


SMALL = HttpLimits(
    max_target_bytes=20,
    max_header_count=4,
    max_header_bytes=100,
    max_body_bytes=30,
    max_chunks=5,
)
AT_LIMIT: dict[str, bytes] = {
    "target": b"GET /%b HTTP/1.1\r\n" % (b"x" * 19) + HOST + b"\r\n",
    "header count": b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\r\nB: 1\r\nB: 2\r\n\r\n",
    "header bytes": b"GET / HTTP/1.1\r\n" + HOST + b"A: %b\r\n\r\n" % (b"x" * 84),
    "body": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 30\r\n\r\n" + b"x" * 30,
    "chunks": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"1\r\nx\r\n" * 4
    + b"0\r\n\r\n",
}
OVER_LIMIT: dict[str, tuple[bytes, Refusal, str]] = {
    "target": (
        b"GET /%b HTTP/1.1\r\n" % (b"x" * 20) + HOST + b"\r\n",
        Refusal.TARGET_TOO_LONG,
        "The request target is over 20 bytes.",
    ),
    "header count": (
        b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\r\nB: 1\r\nB: 2\r\nC: 1\r\n\r\n",
        Refusal.HEADERS_TOO_LARGE,
        "The request headers are over 4 lines or 100 bytes.",
    ),
    "one header again and again": (
        b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\r\n" * 7 + b"\r\n",
        Refusal.HEADERS_TOO_LARGE,
        "The request headers are over 4 lines or 100 bytes.",
    ),
    "header bytes": (
        b"GET / HTTP/1.1\r\n" + HOST + b"A: %b\r\n\r\n" % (b"x" * 85),
        Refusal.HEADERS_TOO_LARGE,
        "The request headers are over 4 lines or 100 bytes.",
    ),
    "declared body": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 31\r\n\r\n",
        Refusal.BODY_TOO_LARGE,
        "The request body is over 30 bytes.",
    ),
    "chunked body": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n1f\r\n%b\r\n0\r\n\r\n" % (b"x" * 31),
        Refusal.BODY_TOO_LARGE,
        "The request body is over 30 bytes.",
    ),
    "chunks": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"1\r\nx\r\n" * 5
        + b"0\r\n\r\n",
        Refusal.MALFORMED,
        "The body has more than 5 chunks.",
    ),
    "trailers": (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"T: 1\r\n" * 5
        + b"\r\n",
        Refusal.HEADERS_TOO_LARGE,
        "The request headers are over 4 lines or 100 bytes.",
    ),
}


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("case", AT_LIMIT)
def test_a_request_at_a_limit_is_served(case: str, step: int) -> None:
    assert len(receive(AT_LIMIT[case], step, SMALL)) == 1


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("case", OVER_LIMIT)
def test_a_request_over_a_limit_is_refused(case: str, step: int) -> None:
    data, refusal, message = OVER_LIMIT[case]
    with pytest.raises(RequestRefusedError) as caught:
        receive(data, step, SMALL)
    assert (caught.value.refusal, caught.value.message) == (refusal, message)


@pytest.mark.parametrize("step", [100, 16_384])
def test_one_endless_header_is_refused_before_it_is_complete(step: int) -> None:
    data = b"GET / HTTP/1.1\r\nX: " + b"x" * 80_000
    with pytest.raises(RequestRefusedError) as caught:
        receive(data, step)
    assert caught.value.refusal is Refusal.HEADERS_TOO_LARGE


def test_an_endless_request_line_is_refused_before_it_is_complete() -> None:
    with pytest.raises(RequestRefusedError) as caught:
        receive(b"GET /" + b"x" * 20_000, 1_000)
    assert caught.value.refusal is Refusal.TARGET_TOO_LONG


def test_limits_that_serve_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^HttpLimits.max_pipeline must be positive$"):
        HttpLimits(max_pipeline=0)
