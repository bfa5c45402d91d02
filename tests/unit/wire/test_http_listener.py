"""Accepting under pressure: no descriptors left, far too many clients, handshakes given up."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from regionkms.wire.http import HttpLimits, HttpServer
from regionkms.wire.listener import TOLD_CONNECTIONS, Listener, listening_sockets
from tests.support.http_wire import echo, one_by_one

GET = b"GET /%d HTTP/1.1\r\nHost: kms\r\n\r\n"
PROGRAM = """
import asyncio, signal
from regionkms.wire.http import HttpServer
from tests.support.http_wire import echo, one_by_one
from regionkms.wire.http_limits import HttpLimits
import uvloop

async def main():
    server = HttpServer(
        serve=one_by_one(echo), before_answers=lambda: None, limits=HttpLimits(drain_quiet_s=4.0)
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.start("127.0.0.1", 0)
    print(server.addresses[0][1], flush=True)
    await stop.wait()
    print(await server.drain(10), server.traffic.requests, server.traffic.answers, flush=True)

uvloop.run(main())
"""


async def test_a_process_that_gets_sigterm_under_load_loses_no_request() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    answered: list[int] = []

    def client() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            count, data = 0, b""
            while b"Connection: close" not in data:
                connection.sendall(GET % count)
                data = connection.recv(4_096)
                assert data.endswith(b"GET /%d " % count)
                count += 1
            answered.append(count)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    dropped, requests, answers = (await process.stdout.readline()).split()
    assert await process.wait() == 0
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert len(answered) == 4
    assert (int(dropped), int(requests), int(answers)) == (0, sum(answered), sum(answered))


async def test_clients_far_beyond_the_bound_are_closed_without_a_word() -> None:
    server = HttpServer(
        serve=one_by_one(echo), before_answers=lambda: None, limits=HttpLimits(max_connections=1)
    )
    await server.start("127.0.0.1", 0)
    address = server.addresses[0]
    clients = [socket.create_connection(address) for _ in range(1 + TOLD_CONNECTIONS + 5)]
    for _ in range(1_000):
        await asyncio.sleep(0)
    seen = []
    for client in clients[1:]:
        client.settimeout(5)
        seen.append(client.recv(12))
        client.close()
    assert seen.count(b"HTTP/1.1 503") == TOLD_CONNECTIONS
    assert seen.count(b"") == 5
    assert server.traffic.refused["too_many_connections"] == TOLD_CONNECTIONS + 5
    clients[0].close()
    await server.drain(1)


async def test_a_listener_without_descriptors_pauses_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = HttpServer(serve=one_by_one(echo), before_answers=lambda: None)
    await server.start("127.0.0.1", 0)
    client = socket.socket()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    filler: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
    try:
        with caplog.at_level(logging.ERROR):
            while True:  # lower descriptors may be free
                try:
                    filler.append(os.dup(client.fileno()))
                except OSError:
                    break
            client.connect(server.addresses[0])
            for _ in range(10):
                await asyncio.sleep(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in filler:
            os.close(descriptor)
    assert caplog.messages == ["cannot accept connections: Too many open files"]
    client.sendall(GET % 1)
    client.settimeout(5)
    assert (await asyncio.to_thread(client.recv, 4_096)).endswith(b"GET /1 ")
    client.close()
    await server.drain(1)


async def test_closing_twice_is_closing_once_and_cancel_gives_up_connections_on_their_way() -> None:
    server = HttpServer(serve=one_by_one(echo), before_answers=lambda: None)
    (listening,) = await listening_sockets("127.0.0.1", 0, backlog=8)
    listener = Listener(listening, traffic=server.traffic, context=None)
    client = socket.create_connection(listener.address)
    listener.close()
    listener.close()
    assert listener.establishing == 1
    listener.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert listener.establishing == 0
    client.settimeout(5)
    assert client.recv(1) == b""
    client.close()
