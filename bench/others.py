"""Other servers with the same client on the same core, and more workers on all cores."""

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from bench.calls import bodies_of, call, sign_all
from bench.figures import Other, Workers
from bench.measure import run
from bench.servers import (
    SERVER_CORE,
    Server,
    await_port,
    free_port,
    node_server,
    server_process,
)

CONNECTIONS = 32


@contextmanager
def moto_server() -> Iterator[Server]:
    """Moto's server, which checks no signature and stands for mocks of AWS."""
    port = free_port()
    arguments = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with server_process(arguments, core=SERVER_CORE, log=log) as process:
            await_port(process, port, log)
            server = Server(name="moto", port=port, pids=(process.pid,), keys=())
            metadata = call(server, "CreateKey", {})["KeyMetadata"]
            yield replace(server, keys=[metadata["KeyId"]])


def against_moto(*, seconds: float) -> Other:
    """Encrypt on either side: moto, which closes each connection, one by one."""
    with moto_server() as moto, node_server() as node:
        per_second, cpu_us = _one_by_one(moto, seconds)
        requests = sign_all(node, "Encrypt", bodies_of(node, "Encrypt"))
        run(node, requests, connections=CONNECTIONS, seconds=0.5)
        sample = run(node, requests, connections=CONNECTIONS, seconds=seconds)
        return Other(
            name="moto",
            per_second=per_second,
            cpu_us=cpu_us,
            node_per_second=sample.per_second,
            node_cpu_us=sample.cpu_us,
        )


def _one_by_one(server: Server, seconds: float) -> tuple[float, float]:
    """Answers in a second, and CPU of each, for a client that waits for each answer.

    It connects again where the server closes.
    """
    requests = cycle(sign_all(server, "Encrypt", bodies_of(server, "Encrypt")))
    answers, used_ns, started = 0, server.cpu_ns(), time.perf_counter()
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    while time.perf_counter() < started + seconds:
        connection.sendall(next(requests))
        answer, closes = _answer(connection)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{server.name} refused: {answer[:300]!r}")
        answers += 1
        if closes:
            connection.close()
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.close()
    return answers / (time.perf_counter() - started), (server.cpu_ns() - used_ns) / 1000 / answers


def _answer(connection: socket.socket) -> tuple[bytes, bool]:
    """A whole answer, and whether the server closes after it."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65_536)
    return head + body, b"connection: close" in lines


def by_workers(counts: list[int], *, seconds: float) -> list[Workers]:
    """Nodes with so many workers each, on all cores, the client among them."""
    found = []
    for count in counts:
        with node_server(workers=count, core=None) as node:
            requests = sign_all(node, "Encrypt", bodies_of(node, "Encrypt"))
            run(node, requests, connections=CONNECTIONS, seconds=0.5)
            sample = run(node, requests, connections=CONNECTIONS, seconds=seconds)
            found.append(Workers(workers=count, sample=sample))
    return found
