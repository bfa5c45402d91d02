"""The receiver against h11 on the same bytes, and against bytes of no meaning."""

import re
from collections.abc import Callable

import h11
from hypothesis import given
from hypothesis import strategies as st

from regionkms.wire.http_receiver import METHODS, RequestRefusedError
from tests.support.http_receiver import Request as Received
from tests.support.http_receiver import receiver_into
from tests.support.http_wire import Wire, read_answers

Request = tuple[str, bytes, dict[bytes, bytes], bytes]

TOKEN = st.text("abcXYZ019-_.!~", min_size=1, max_size=12).map(lambda name: f"x-{name}".encode())
VALUE = st.one_of(
    st.binary(max_size=30).map(lambda raw: re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", raw)),
    st.sampled_from([b"", b" ", b"a, b", b"\t tab \t", b"caf\xc3\xa9", b"a:b"]),
)
TARGET = st.text("abc/?&=%20.~-", max_size=30).map(lambda rest: b"/" + rest.encode())


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A chunked body with extensions, trailers and sizes in either case."""
    data = b""
    for chunk in draw(st.lists(st.binary(min_size=1, max_size=40), max_size=4)):
        size = b"%x" % len(chunk)
        size = draw(st.sampled_from([size, size.upper(), b"0" + size, size + b";a=1"]))
        data += size + b"\r\n" + chunk + b"\r\n"
    trailers = draw(st.sampled_from([b"", b"X-Trailer: 1\r\n", b"x-t: 1\r\nX-T: 2\r\n"]))
    return data + b"0\r\n" + trailers + b"\r\n"


@st.composite
def request_bytes(draw: st.DrawFn) -> bytes:
    """One well-formed request that keeps its connection."""
    lines = [draw(st.sampled_from(sorted(METHODS))) + b" " + draw(TARGET) + b" HTTP/1.1"]
    pairs = draw(st.lists(st.tuples(TOKEN, VALUE), max_size=6))
    pairs.insert(draw(st.integers(0, len(pairs))), (b"Host", b"kms.example"))
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    body = b""
    if framing == "length":
        body = draw(st.binary(max_size=80))
        pairs.append(
            (draw(st.sampled_from([b"Content-Length", b"content-length"])), b"%d" % len(body))
        )
    elif framing == "chunked":
        body = draw(chunked())
        pairs.append((b"Transfer-Encoding", draw(st.sampled_from([b"chunked", b"CHUNKED"]))))
    space = draw(st.sampled_from([b"", b" ", b"  ", b"\t"]))
    lines += [name + b":" + space + value for name, value in pairs]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def by_h11(data: bytes) -> list[Request]:
    """The plain reading, by another implementation: each request by a fresh h11 server."""
    found: list[Request] = []
    while data:
        server = h11.Connection(h11.SERVER)
        server.receive_data(data)
        head, body = server.next_event(), b""
        assert isinstance(head, h11.Request)
        while isinstance(event := server.next_event(), h11.Data):
            body += bytes(event.data)
        assert isinstance(event, h11.EndOfMessage)
        headers: dict[bytes, bytes] = {}
        for name, value in head.headers:
            headers[name] = headers[name] + b"," + value if name in headers else value
        found.append((head.method.decode(), head.target, headers, body))
        data = server.trailing_data[0]
    return found


def by_receiver(data: bytes, pieces: Callable[[int], int]) -> list[Request]:
    seen: list[Received] = []
    receiver = receiver_into(seen)
    position = 0
    while position < len(data):
        step = pieces(position)
        receiver.feed(data[position : position + step])
        position += step
    return [request[:4] for request in seen]


def plain(requests: list[Request]) -> list[Request]:
    """Undo what h11 normalises: it gives the coding's name in lower case."""
    return [
        (
            method,
            target,
            {
                name: value.lower() if name == b"transfer-encoding" else value
                for name, value in headers.items()
            },
            body,
        )
        for method, target, headers, body in requests
    ]


@given(st.lists(request_bytes(), min_size=1, max_size=4), st.data())
def test_h11_reads_the_same_requests_whole_byte_by_byte_and_in_any_pieces(
    requests: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(requests)
    expected = plain(by_h11(stream))
    assert len(expected) == len(requests)
    assert plain(by_receiver(stream, lambda _: len(stream))) == expected
    assert plain(by_receiver(stream, lambda _: 1)) == expected
    steps = data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=10))
    assert plain(by_receiver(stream, lambda position: steps[position % len(steps)])) == expected


@given(request_bytes(), st.binary(max_size=40))
def test_trailing_bytes_do_not_change_the_request_before_them(
    request: bytes, trailing: bytes
) -> None:
    seen: list[Received] = []
    receiver = receiver_into(seen)
    try:
        receiver.feed(request + trailing)
    except RequestRefusedError as refused:
        assert refused.message  # the trailing bytes are no request  # noqa: PT017 - either outcome is right
    assert plain([seen[0][:4]]) == plain(by_h11(request))


@given(st.lists(request_bytes(), min_size=1, max_size=3), st.data())
def test_what_h11_refuses_is_never_served_differently(
    requests: list[bytes], data: st.DataObject
) -> None:
    """One byte changed anywhere: served as h11 reads it, or refused; never a third reading."""
    stream = bytearray(b"".join(requests))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] = data.draw(st.integers(0, 255))
    seen: list[Received] = []
    receiver = receiver_into(seen)
    try:
        receiver.feed(bytes(stream))
    except RequestRefusedError:
        return
    found = [request[:4] for request in seen]
    try:
        expected = by_h11(bytes(stream))
    except (h11.RemoteProtocolError, AssertionError):
        return  # h11 is stricter here (or the last request is not complete): nothing to compare
    if len(found) == len(expected):
        for (method, _, headers, body), (method_h11, _, headers_h11, body_h11) in zip(
            found, expected, strict=True
        ):
            assert (method, body) == (method_h11, body_h11)
            assert len(headers) == len(headers_h11)


NOISE = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.one_of(
            st.binary(max_size=10),
            st.sampled_from(
                [
                    *sorted(METHODS),
                    b" / HTTP/1.1\r\n",
                    b"Host: kms\r\n",
                    b"Content-Length: ",
                    b"Transfer-Encoding: chunked\r\n",
                    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
                    b"Connection: close\r\n",
                    b"Expect: 100-continue\r\n",
                    b"\r\n\r\n",
                    b"0\r\n\r\n",
                    b"5",
                ]
            ),
        ),
        max_size=20,
    ).map(b"".join),
    request_bytes(),
)


@given(st.lists(NOISE, max_size=6), st.integers(0, 9), st.booleans())
def test_noise_ends_in_answers_and_never_in_an_exception(
    noise: list[bytes], pieces_of: int, tls: object
) -> None:
    wire = Wire(tls=bool(tls), max_body_bytes=100, max_pipeline=3)
    wire.feed(b"".join(noise), pieces_of)
    wire.settle()
    wire.traffic.sweep(0.0)
    wire.traffic.sweep(1e6)
    written = wire.settle()
    wire.connection.connection_lost(None)
    assert wire.traffic.receiving_bytes == 0
    methods = tuple(exchange.method for exchange in wire.exchanges)
    answers = read_answers(written, methods)
    assert all(status == 200 or 400 <= status < 506 for status, _, _ in answers)
    assert not any(status == 500 for status, _, _ in answers)
    assert len(answers) <= len(wire.exchanges) + 1
