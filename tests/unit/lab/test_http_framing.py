import asyncio

import pytest

from regionkms.lab.http_framing import (
    CHUNKED,
    MAX_HEAD_BYTES,
    TO_END,
    FramingError,
    Head,
    body_blocks,
    read_head,
    request_body,
    response_body,
)


def stream(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def head_of(data: bytes) -> Head:
    head = await read_head(stream(data))
    assert head is not None
    return head


async def test_a_head_is_read_with_its_exact_bytes() -> None:
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nX-Two:  one \r\nx-two: two\r\n\r\n"
    reader = stream(raw + b"body")
    head = await read_head(reader)
    assert head is not None
    assert head.raw == raw
    assert head.values(b"x-two") == [b"one", b"two"]
    assert await reader.read() == b"body"


async def test_the_end_of_a_stream_is_no_head() -> None:
    assert await read_head(stream(b"")) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nname : value\r\n\r\n",
        b"POST / HTTP/1.1\r\n: value\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
    ],
)
async def test_a_malformed_head_is_refused(raw: bytes) -> None:
    with pytest.raises(FramingError):
        await read_head(stream(raw))


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        (b"", 0),
        (b"Content-Length: 7\r\n", 7),
        (b"Content-Length: 7\r\nContent-Length: 7\r\n", 7),
        (b"Transfer-Encoding: chunked\r\n", CHUNKED),
    ],
)
async def test_a_requests_body_has_a_certain_end(fields: bytes, framing: int) -> None:
    assert request_body(await head_of(b"POST / HTTP/1.1\r\n" + fields + b"\r\n")) == framing


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 7\r\nContent-Length: 8\r\n",
        b"Content-Length: +7\r\n",
        b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ],
)
async def test_a_body_whose_end_two_readers_could_see_differently_is_refused(
    fields: bytes,
) -> None:
    head = await head_of(b"POST / HTTP/1.1\r\n" + fields + b"\r\n")
    with pytest.raises(FramingError):
        request_body(head)


@pytest.mark.parametrize(
    ("status", "method", "framing"),
    [(200, b"POST", 5), (200, b"HEAD", 0), (204, b"POST", 0), (304, b"GET", 0), (100, b"POST", 0)],
)
async def test_some_answers_have_no_body_whatever_they_declare(
    status: int, method: bytes, framing: int
) -> None:
    head = await head_of(b"HTTP/1.1 %d x\r\nContent-Length: 5\r\n\r\n" % status)
    assert response_body(head, method=method) == framing


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    head = await head_of(b"HTTP/1.1 200 OK\r\n\r\n")
    assert response_body(head, method=b"POST") == TO_END


async def collected(data: bytes, length: int) -> tuple[bytes, bytes]:
    reader = stream(data)
    body = b"".join([block async for block in body_blocks(reader, length)])
    return body, await reader.read()


async def test_bodies_are_passed_on_as_they_are_and_no_further() -> None:
    assert await collected(b"12345next", 5) == (b"12345", b"next")
    chunked = b"3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n"
    assert await collected(chunked + b"next", CHUNKED) == (chunked, b"next")
    assert await collected(b"to the end", TO_END) == (b"to the end", b"")


@pytest.mark.parametrize("data", [b"zz\r\n", b"3\r\nab", b"3", b"0\r\n" + b"a: b\r\n" * 65])
async def test_malformed_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(FramingError):
        await collected(data, CHUNKED)


async def test_a_body_that_ends_too_early_is_refused() -> None:
    with pytest.raises(FramingError):
        await collected(b"123", 5)
