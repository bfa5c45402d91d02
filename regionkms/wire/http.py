"""The HTTP/1.1 server of a worker: parser events in, bytes out, no framework.

The node gives it two functions. `serve(exchanges)` is called at the end of each tick of the loop
with the requests that were completed in it; it responds at once (data plane) or later from tasks
(control plane). `before_answers()` writes the audit records of a tick before its answers leave.
It knows no operation, no signature and no store. Why it is our own: docs/adr/0007-http-layer.md.
"""

import asyncio
import ssl as tls
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Final

from regionkms.wire.http_exchange import Connection, Exchange, Traffic
from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_response import INTERNAL_FAILURE, encode_headers, format_response
from regionkms.wire.listener import Listener, listening_sockets

__all__ = ["Exchange", "HttpLimits", "HttpServer", "Traffic", "encode_headers", "format_response"]

DRAIN_POLL_S: Final = 0.02
FIRST_REQUEST_GRACE_S: Final = 1.0
"""How long a drain waits for the first request of a connection that has brought none yet: its
client has just connected and is about to send."""


class HttpServer:
    """HTTP/1.1 with keep-alive, pipelining, chunked bodies and TLS, on one event loop.

    Args:
        serve: Takes the complete requests of a tick; must not block. If it raises, those that have
            no answer are answered 500, and a trace id is logged.
        before_answers: Called at the end of each tick that has answers, before any byte of them
            leaves. If it returns False or raises, every answer of the tick is replaced by
            `failure_answer`.
        limits: Bounds on clients.
        unix_time: Seconds since 1970 of the real clock, for `Date:` lines; none without it.
        failure_answer: Complete response bytes, status 500.

    Attributes:
        traffic: Counters, the open connections, and `date_line`.
    """

    def __init__(
        self,
        *,
        serve: Callable[[Sequence[Exchange]], None],
        before_answers: Callable[[], bool | None],
        limits: HttpLimits | None = None,
        unix_time: Callable[[], float] | None = None,
        failure_answer: bytes = INTERNAL_FAILURE,
    ) -> None:
        self.traffic = Traffic(
            serve=serve,
            before_answers=before_answers,
            call_soon=_call_soon,
            limits=limits or HttpLimits(),
            failure_answer=failure_answer,
        )
        self._unix_time = unix_time
        self._listeners: list[Listener] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every listening socket."""
        return [listener.address for listener in self._listeners]

    async def start(self, host: str, port: int, ssl: tls.SSLContext | None = None) -> None:
        """Listen. May be called again, for a second address or for TLS beside plain.

        Args:
            host: Name or address; empty for all.
            port: 0 lets the kernel choose (`addresses` tells).
            ssl: Context of `wire.tls.server_context`; None for plain HTTP.

        Raises:
            OSError: An address cannot be bound.
        """
        sockets = await listening_sockets(host, port, backlog=self.traffic.limits.backlog)
        for listening in sockets:
            self._listeners.append(Listener(listening, traffic=self.traffic, context=ssl))
        if self._timer is None:
            self._sweep_periodically()

    def _sweep_periodically(self) -> None:
        loop = asyncio.get_running_loop()
        interval_s = self.traffic.limits.sweep_interval_s
        self._timer = loop.call_later(interval_s, self._sweep_periodically)
        if self._unix_time is not None:
            date = formatdate(self._unix_time(), usegmt=True)
            self.traffic.date_line = encode_headers([("Date", date)])
        self.traffic.sweep(loop.time())

    async def drain(self, grace_s: float) -> int:
        """Stop without losing a request: answer what is in flight, then close.

        Connections that the kernel has queued are still accepted; requests that have arrived, or
        have begun to, are answered with `Connection: close`; connections on which nothing comes
        for `drain_quiet_s` are closed.

        Args:
            grace_s: How long to wait for requests in flight and for clients to read.

        Returns:
            Connections that had to be dropped when the grace was over; 0 is a clean end.
        """
        for listener in self._listeners:
            listener.close()
        self.traffic.draining = True
        loop = asyncio.get_running_loop()
        started = loop.time()
        while self._busy() and loop.time() < started + grace_s:
            await asyncio.sleep(DRAIN_POLL_S)
            self._close_idle(waited_s=loop.time() - started)
        return await self._drop_rest()

    def _busy(self) -> bool:
        establishing = any(listener.establishing for listener in self._listeners)
        return establishing or bool(self.traffic.connections)

    def _close_idle(self, *, waited_s: float) -> None:
        for connection in tuple(self.traffic.connections):
            wait_s = (
                FIRST_REQUEST_GRACE_S if connection.fresh else self.traffic.limits.drain_quiet_s
            )
            if connection.idle and waited_s >= wait_s:
                connection.close()

    async def _drop_rest(self) -> int:
        rest: list[Connection] = list(self.traffic.connections)
        for connection in rest:
            connection.abort()
        for listener in self._listeners:
            listener.cancel()
        self._listeners.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await asyncio.sleep(0)
        return len(rest)


def _call_soon(callback: Callable[[], None]) -> asyncio.Handle:
    return asyncio.get_running_loop().call_soon(callback)
