"""The front door between real sockets: raw clients on one side, small Regions on the other."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from regionkms.lab.front_door import FrontDoor

WITHIN_S = 5.0
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


def request(region: str, body: bytes = b"{}", *fields: bytes, service: str = "kms") -> bytes:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential=AKIA/20261124/{region}/{service}/aws4_request, "
        "SignedHeaders=host, Signature=00"
    )
    lines = [
        b"POST / HTTP/1.1",
        b"Host: front-door",
        b"Authorization: " + authorization.encode(),
        b"Content-Length: %d" % len(body),
        *fields,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass(slots=True)
class Region:
    """Answers each request with its own name, and keeps what it got."""

    name: str
    received: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.received.append(head + await reader.readexactly(length))
                name = self.name.encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + name)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[tuple[str, int]]:
    tasks: list[asyncio.Task[None]] = []

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.ensure_future(serve(reader, writer)))
        await asyncio.wait(tasks[-1:])
        writer.close()

    server = await asyncio.start_server(tracked, "127.0.0.1", 0)
    try:
        yield "127.0.0.1", server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def front_door(
    **endpoints: tuple[str, int],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    door = FrontDoor({name.replace("_", "-"): address for name, address in endpoints.items()})
    port = await door.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(WITHIN_S):
            yield reader, writer
    finally:
        writer.close()
        await door.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), await reader.readexactly(length)


async def test_each_request_of_one_connection_goes_to_its_own_region() -> None:
    here, there = Region("here"), Region("there")
    async with (
        serving(here.serve) as first,
        serving(there.serve) as second,
        front_door(us_east_1=first, eu_west_1=second) as (reader, writer),
    ):
        for region, expected in (("us-east-1", b"here"), ("eu-west-1", b"there")) * 3:
            writer.write(request(region))
            assert await answer(reader) == (200, expected)
    assert (here.connections, there.connections) == (1, 1)


async def test_requests_are_passed_on_byte_by_byte() -> None:
    region = Region("here")
    sent = request("us-east-1", b'{"a": 1}', b"X-Odd:   spaced  ", b"x-case: Kept")
    async with (
        serving(region.serve) as address,
        front_door(us_east_1=address) as (reader, writer),
    ):
        for byte in sent:
            writer.write(bytes([byte]))
            await writer.drain()
        assert await answer(reader) == (200, b"here")
    assert region.received == [sent]


async def test_pipelined_requests_are_answered_in_order() -> None:
    here, there = Region("here"), Region("there")
    async with (
        serving(here.serve) as first,
        serving(there.serve) as second,
        front_door(us_east_1=first, eu_west_1=second) as (reader, writer),
    ):
        writer.write(request("us-east-1") + request("eu-west-1") + request("us-east-1"))
        answers = [await answer(reader) for _ in range(3)]
    assert answers == [(200, b"here"), (200, b"there"), (200, b"here")]


async def test_large_bodies_flow_through() -> None:
    region = Region("here")
    body = bytes(range(256)) * 8192
    async with (
        serving(region.serve) as address,
        front_door(us_east_1=address) as (reader, writer),
    ):
        writer.write(request("us-east-1", body))
        assert await answer(reader) == (200, b"here")
    assert region.received[0].endswith(body)


async def test_a_client_may_wait_for_100_continue() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await reader.readexactly(4)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with (
        serving(serve) as address,
        front_door(us_east_1=address) as (reader, writer),
    ):
        head, _, _ = request("us-east-1", b"body", b"Expect: 100-continue").rpartition(b"body")
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert await answer(reader) == (200, b"ok")


async def test_an_answer_before_the_bodys_end_ends_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with (
        serving(serve) as address,
        front_door(us_east_1=address) as (reader, writer),
    ):
        writer.write(request("us-east-1", b"x" * 100)[:-50])
        assert await answer(reader) == (413, b"")
        assert await reader.read() == b""


async def test_a_region_that_the_lab_does_not_have_is_refused_as_aws_refuses() -> None:
    async with front_door(us_east_1=("127.0.0.1", 1)) as (reader, writer):
        writer.write(request("eu-north-1"))
        status, body = await answer(reader)
        assert await reader.read() == b""
    assert status == 400
    assert json.loads(body) == {
        "__type": "InvalidSignatureException",
        "message": "Credential should be scoped to a valid region. This lab has us-east-1, "
        "not 'eu-north-1'.",
    }


async def test_query_services_are_refused_in_xml() -> None:
    async with front_door(us_east_1=("127.0.0.1", 1)) as (reader, writer):
        writer.write(request("<>", service="sts"))
        status, body = await answer(reader)
    assert status == 400
    assert b"<Code>InvalidSignature</Code>" in body
    assert b"not '&lt;&gt;'" in body


async def test_an_unsigned_request_is_refused() -> None:
    async with front_door(us_east_1=("127.0.0.1", 1)) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        status, body = await answer(reader)
    assert (status, json.loads(body)["__type"]) == (400, "MissingAuthenticationTokenException")


async def test_a_region_that_is_down_is_said_to_be_unavailable() -> None:
    async with serving(Region("gone").serve) as (host, port):
        pass
    async with front_door(us_east_1=(host, port)) as (reader, writer):
        writer.write(request("us-east-1"))
        status, body = await answer(reader)
    assert status == 503
    assert json.loads(body) == {
        "__type": "ServiceUnavailableException",
        "message": "us-east-1 does not answer: it is not running, or just starting.",
    }


async def test_a_region_that_dies_instead_of_answering_is_said_to_be_unavailable() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with (
        serving(serve) as address,
        front_door(us_east_1=address) as (reader, writer),
    ):
        writer.write(request("us-east-1"))
        status, _ = await answer(reader)
    assert status == 503


async def test_the_health_page_needs_no_signature() -> None:
    async with front_door(us_east_1=("127.0.0.1", 1)) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await answer(reader) == (200, b"ok\n")


@pytest.mark.parametrize(
    "spoilt",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: " + b"a" * 100_000,
        request("us-east-1", b"{}", b"Transfer-Encoding: chunked"),
    ],
)
async def test_noise_is_answered_or_cut_off_and_the_door_stays_open(spoilt: bytes) -> None:
    region = Region("here")
    async with serving(region.serve) as address:
        async with front_door(us_east_1=address) as (reader, writer):
            writer.write(spoilt)
            writer.write_eof()
            await reader.read()
        assert region.received == []
        async with front_door(us_east_1=address) as (reader, writer):
            writer.write(request("us-east-1"))
            assert await answer(reader) == (200, b"here")
