"""A load generator that costs little: signed requests are made before, answers are only counted.

It runs in a process of its own on another core than the server. Each connection keeps one request
in flight, as SDKs do. Times are wall clock of the client; CPU of servers is read from
/proc/PID/schedstat by measure.py.
"""

import asyncio
import ssl as tls
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import uvloop


@dataclass(slots=True, kw_only=True)
class Result:
    """What a run saw."""

    answers: int = 0
    refused: int = 0
    seconds: float = 0.0
    first_refusal: bytes = b""
    latencies_us: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return self.answers / self.seconds if self.seconds else 0.0

    def latency_us(self, part: float) -> float:
        """A quantile of the latencies, in microseconds."""
        ordered = sorted(self.latencies_us)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, run: "_Run", offset: int) -> None:
        self._run = run
        self._next = offset
        self._buffer = b""
        self._need = -1
        self._sent_ns = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the interface's argument
        self._run.lost(self._next)

    def _send(self) -> None:
        assert self._transport is not None
        request = self._run.next(self._next)
        self._next += 1
        if request is None:
            self._transport.close()
            return
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._need < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            self._need = end + 4 + length
        if len(self._buffer) < self._need:
            return
        answer, self._buffer, self._need = self._buffer[: self._need], b"", -1
        self._run.count(answer, self._sent_ns)
        if self._run.going:
            self._send()
        elif self._transport is not None:
            self._transport.close()


class _Run:
    def __init__(
        self,
        address: tuple[str, int],
        requests: Sequence[bytes],
        context: tls.SSLContext | None,
        *,
        once: bool,
    ) -> None:
        self.address = address
        self.context = context
        self.requests = requests
        self._each_once = iter(requests) if once else None
        self.result = Result()
        self.going = True
        self.open = 0
        self.ended = asyncio.Event()
        self._reconnecting: set[asyncio.Future[None]] = set()

    def next(self, number: int) -> bytes | None:
        """The next request of a connection; None when there is none left."""
        if self._each_once is not None:
            return next(self._each_once, None)
        return self.requests[number % len(self.requests)]

    def count(self, answer: bytes, sent_ns: int) -> None:
        result = self.result
        if answer.startswith(b"HTTP/1.1 200"):
            result.answers += 1
            if result.answers % 16 == 0:
                result.latencies_us.append((time.perf_counter_ns() - sent_ns) / 1000)
        else:
            result.refused += 1
            if not result.first_refusal:
                result.first_refusal = answer

    def lost(self, following: int) -> None:
        """A connection has ended; a server that closes after each answer gets another one."""
        self.open -= 1
        if self.going and self._each_once is None:
            self.open += 1
            self._reconnecting.add(task := asyncio.ensure_future(self.connect(following)))
            task.add_done_callback(self._reconnecting.discard)
        elif self.open == 0:
            self.ended.set()

    async def connect(self, following: int) -> None:
        """Open a connection, which begins with this request."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: _Connection(self, following), *self.address, ssl=self.context
            )
        except OSError:
            self.lost(following)


async def _run(
    host: str,
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    context: tls.SSLContext | None,
    once: bool,
) -> Result:
    run = _Run((host, port), requests, context, once=once)
    started = time.perf_counter()
    step = max(1, len(requests) // connections)
    for number in range(connections):
        run.open += 1
        await run.connect(number * step)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await run.ended.wait()
    run.going = False
    run.result.seconds = time.perf_counter() - started
    async with asyncio.timeout(10):
        await run.ended.wait()
    return run.result


def drive(
    host: str,
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int = 32,
    seconds: float = 5.0,
    context: tls.SSLContext | None = None,
    once: bool = False,
) -> Result:
    """Send requests in turn over some connections for some seconds.

    Args:
        host: Address of the server.
        port: Port of the server.
        requests: Whole requests; they are repeated.
        connections: Open at a time, each with one request in flight.
        seconds: How long.
        context: For TLS.
        once: Send each request once, and end when all are answered.
    """
    return uvloop.run(
        _run(
            host,
            port,
            requests,
            connections=connections,
            seconds=seconds,
            context=context,
            once=once,
        )
    )
