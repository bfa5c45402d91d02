"""An HTTP connection without a network: a transport that remembers, and a tick run by hand."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import h11

from regionkms.wire.http_connection import PlainConnection, TlsConnection
from regionkms.wire.http_exchange import Exchange, Traffic
from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_response import format_response


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; closes only when told that the close has gone through."""

    def __init__(self, peer: str = "192.0.2.7") -> None:
        super().__init__({"peername": (peer, 40_000)})
        self.written = bytearray()
        self.reading = True
        self.closing = False
        self.aborted = False
        self.eof_written = False
        self.high_water = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing
        self.written += data

    def write_eof(self) -> None:
        self.eof_written = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def is_aborted(self) -> bool:
        return self.aborted

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        assert not self.closing
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.closing
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high_water = high or 0


def echo(exchange: Exchange) -> None:
    """Answer with what was asked."""
    head = b"%b %b " % (exchange.method.encode(), exchange.target)
    exchange.respond(format_response(200, b"", head + exchange.body))


def one_by_one(handle: Callable[[Exchange], None]) -> Callable[[Sequence[Exchange]], None]:
    """Serve the requests of a tick by a handler of one."""

    def serve(exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            handle(exchange)

    return serve


class Wire:
    """One worker's traffic with one connection (more by `connect`), driven by hand."""

    def __init__(
        self,
        handle: Callable[[Exchange], None] = echo,
        before_answers: Callable[[], bool | None] = lambda: None,
        *,
        tls: bool = False,
        **limits: Any,
    ) -> None:
        self.soon: list[Callable[[], None]] = []
        self.exchanges: list[Exchange] = []
        self.buffer = bytearray(65_536)
        self.tls = tls

        def remember_and_handle(exchange: Exchange) -> None:
            self.exchanges.append(exchange)
            handle(exchange)

        self.traffic = Traffic(
            serve=one_by_one(remember_and_handle),
            before_answers=before_answers,
            call_soon=self.soon.append,
            limits=HttpLimits(**limits),
        )
        self.connection, self.transport = self.connect()

    def connect(self) -> tuple[PlainConnection | TlsConnection, MemoryTransport]:
        connection: PlainConnection | TlsConnection = (
            TlsConnection(self.traffic, memoryview(self.buffer))
            if self.tls
            else PlainConnection(self.traffic, "http")
        )
        transport = MemoryTransport()
        connection.connection_made(transport)
        return connection, transport

    def feed(self, data: bytes, pieces_of: int = 0) -> None:
        """Receive `data`, whole or in pieces, as the loop would hand it over."""
        step = pieces_of or len(data) or 1
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            if isinstance(self.connection, TlsConnection):
                self.connection.get_buffer(-1)[: len(piece)] = piece
                self.connection.buffer_updated(len(piece))
            else:
                self.connection.data_received(piece)

    def tick(self) -> None:
        """End the loop's tick."""
        soon, self.soon[:] = self.soon[:], []
        for callback in soon:
            callback()

    def settle(self) -> bytes:
        """Run ticks until nothing is left to do; everything written so far."""
        while self.soon:
            self.tick()
        return bytes(self.transport.written)

    def answers(self) -> list[tuple[int, dict[bytes, bytes], bytes]]:
        """Status, headers and body of every answer written, read by h11."""
        return read_answers(self.settle())


def read_answers(
    data: bytes, methods: tuple[str, ...] = ()
) -> list[tuple[int, dict[bytes, bytes], bytes]]:
    """Read complete answers with h11; `methods` are those of the requests, GET by default."""
    found: list[tuple[int, dict[bytes, bytes], bytes]] = []
    while data:
        client = h11.Connection(h11.CLIENT)
        method = methods[len(found)] if len(found) < len(methods) else "GET"
        client.send(h11.Request(method=method, target="/", headers=[("Host", "kms")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        client.receive_data(b"")
        status, headers, body = 0, {}, b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status, headers = event.status_code, dict(event.headers)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            else:
                assert isinstance(event, h11.InformationalResponse), event
        found.append((status, headers, body))
        data = client.trailing_data[0]
    return found
