"""A way of the lab's network between real sockets: passed through, cut and healed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from regionkms.lab.layout import Way
from regionkms.lab.pipe import Pipe
from regionkms.model.ids import RegionName
from tests.support.node import free_port

WITHIN_S = 5.0
SILENCE_S = 0.2


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def piped(target_port: int | None = None) -> AsyncIterator[Pipe]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    way = Way(
        source=RegionName("eu-west-1"),
        target="etcd",
        port=free_port(),
        target_port=target_port or server.sockets[0].getsockname()[1],
    )
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as tasks:
        pipe = Pipe(way, tasks=tasks)
        await pipe.start()
        try:
            yield pipe
        finally:
            pipe.close()
            server.close()


async def connected(pipe: Pipe) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", pipe.way.port)


async def echoes(pipe: Pipe, data: bytes) -> bytes:
    reader, writer = await connected(pipe)
    writer.write(data)
    writer.write_eof()
    found = await reader.read()
    writer.close()
    return found


async def test_bytes_and_ends_pass_through_both_ways() -> None:
    async with piped() as pipe:
        assert await echoes(pipe, b"hello") == b"hello"
        assert await echoes(pipe, b"x" * 3_000_000) == b"x" * 3_000_000
        await asyncio.sleep(0)
        assert not pipe.ends


async def test_a_cut_resets_what_stands() -> None:
    async with piped() as pipe:
        reader, writer = await connected(pipe)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        pipe.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_new_connections_of_a_cut_way_get_no_answer_at_all() -> None:
    async with piped() as pipe:
        pipe.cut()
        reader, writer = await connected(pipe)
        writer.write(b"anybody there?")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), SILENCE_S)
        writer.close()


async def test_healing_resets_the_silent_and_lets_new_ones_through() -> None:
    async with piped() as pipe:
        pipe.cut()
        reader, writer = await connected(pipe)
        writer.write(b"anybody there?")
        await asyncio.sleep(0.05)
        pipe.heal()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert await echoes(pipe, b"again") == b"again"


async def test_a_target_that_is_down_resets_the_connection() -> None:
    async with piped(target_port=free_port()) as pipe:
        reader, writer = await connected(pipe)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_cutting_and_healing_twice_is_the_same_as_once() -> None:
    async with piped() as pipe:
        pipe.heal()
        assert await echoes(pipe, b"whole") == b"whole"
        pipe.cut()
        pipe.cut()
        pipe.heal()
        assert await echoes(pipe, b"whole") == b"whole"


def test_a_way_is_of_both_its_ends() -> None:
    way = Way(source=RegionName("eu-west-1"), target="us-east-1", port=1, target_port=2)
    assert way.of("eu-west-1")
    assert way.of("us-east-1")
    assert not way.of("ap-southeast-2")
