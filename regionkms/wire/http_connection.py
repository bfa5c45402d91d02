"""One HTTP/1.1 connection: parser events in, answers out, in request order.

A refused request is answered in its turn, then its connection is closed.

Reading stops (`pause_reading`) while `max_pipeline` requests are unanswered or the client does not
read. What has been received by then waits: complete requests in `_waiting`, bytes in `_held`.
"""

import asyncio
import logging
import math
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from regionkms.wire.http_exchange import Exchange, Traffic, log_failure
from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_pattern import Pattern
from regionkms.wire.http_receiver import (
    BODY,
    CLOSE,
    DONE,
    HEAD,
    HEAD_ONLY,
    IDLE,
    SAY_KEEP_ALIVE,
    SLICE_BYTES,
    RequestReceiver,
    RequestRefusedError,
)
from regionkms.wire.http_response import (
    CLOSE_HEADER,
    CONTINUE,
    INTERNAL_MESSAGE,
    KEEP_ALIVE_HEADER,
    Refusal,
    add_header,
    format_refusal,
    without_body,
)

logger = logging.getLogger(__name__)

_REFUSED: Final = 8
"""Mark, beside those of http_receiver: the exchange is a refusal, its answer is its body."""
_TIMEOUTS: Final[dict[str, Callable[[HttpLimits], float]]] = {
    "head": lambda limits: limits.header_timeout_s,
    "body": lambda limits: limits.body_timeout_s,
    "idle": lambda limits: limits.idle_timeout_s,
    "write": lambda limits: limits.write_timeout_s,
    "linger": lambda limits: limits.linger_timeout_s,
    "handler": lambda _: math.inf,  # how long an operation may take is the operation's matter
}


class HttpConnection(asyncio.BaseProtocol):
    """The protocol of one connection; see `PlainConnection` and `TlsConnection` for its ends.

    Attributes:
        traffic: What the connections of the loop share.
        peer: IP address of the client.
        scheme: `http` or `https`.
    """

    __slots__ = (
        "_counted_bytes",
        "_deadline",
        "_depth",
        "_eof",
        "_held",
        "_pending",
        "_phase",
        "_reading_paused",
        "_receiver",
        "_requests",
        "_transport",
        "_waiting",
        "_writing_paused",
        "peer",
        "scheme",
        "traffic",
    )

    def __init__(self, traffic: Traffic, scheme: str) -> None:
        self.traffic = traffic
        self.scheme = scheme
        self.peer = ""
        self._transport: asyncio.Transport | None = None
        self._receiver = RequestReceiver(traffic.limits, self._deliver)
        self._counted_bytes = 0  # of the body in receipt, in traffic.receiving_bytes
        # requests received and not yet answered
        self._pending: deque[Exchange] = deque()
        self._waiting: deque[Exchange] = deque()
        self._depth = traffic.limits.max_pipeline
        self._held = b""
        self._reading_paused = False
        self._writing_paused = False
        self._eof = False
        # for the sweep
        self._requests = 0
        self._phase: tuple[str, int] | None = None
        self._deadline = 0.0

    # -- the transport's callbacks ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; a connection too many is refused in its first words."""
        self._transport = cast("asyncio.Transport", transport)
        traffic = self.traffic
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self._transport.set_write_buffer_limits(high=traffic.limits.max_unsent_bytes)
        traffic.connections.add(self)
        traffic.connections_opened += 1
        if len(traffic.connections) > traffic.limits.max_connections:
            self._refuse(Refusal.TOO_MANY_CONNECTIONS, "Too many connections. Try again later.")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the interface's argument
        """Forget what the client can no longer get; running handlers see `closed`."""
        self._transport = None
        self._receiver.stop()
        self._waiting.clear()
        self._held = b""
        self._count_received(0)
        self.traffic.connections.discard(self)

    def eof_received(self) -> bool:
        """Keep a half-closed connection open until what it asked for is answered."""
        self._eof = True
        half_closed = bool(self._pending or self._waiting)
        # TLS knows no half-closed connection: the transport closes, whatever is returned.
        return half_closed and self.scheme == "http"

    def pause_writing(self) -> None:
        """Look at no further request of a client that does not read its answers."""
        self._writing_paused = True
        self._pause_reading()

    def resume_writing(self) -> None:
        """Go on: the client reads again."""
        self._writing_paused = False
        self._resume()

    @property
    def lost(self) -> bool:
        """The client went away, or was cut off."""
        return self._transport is None or self._transport.is_closing()

    def abort(self) -> None:
        """Drop the connection with whatever is buffered."""
        if self._transport is not None:
            self._transport.abort()

    # -- bytes in --------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes as they come."""
        size = len(data)
        self.traffic.bytes_received += size
        if size <= SLICE_BYTES and not (self._reading_paused or self._held):
            try:
                alone = self._receiver.feed(data)
            except Exception as error:  # noqa: BLE001 - see _refuse_for
                self._refuse_for(error)
                alone = False
            if not alone or len(self._pending) >= self._depth:
                self._fed()
        elif self._receiver.state == DONE:
            return
        elif self._reading_paused or self._held:
            self._held += data  # what the transport had read before it heard of the pause
        else:
            self._feed_slices(data)

    def _feed_slices(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), SLICE_BYTES):
            if self._reading_paused:
                self._held = bytes(view[start:])
                return
            self._feed(bytes(view[start : start + SLICE_BYTES]))

    def _feed(self, data: bytes) -> None:
        try:
            self._receiver.feed(data)
        except Exception as error:  # noqa: BLE001 - see _refuse_for
            self._refuse_for(error)
        self._fed()

    def _refuse_for(self, error: Exception) -> None:
        """The edge: whatever fails, the client gets an answer and no traceback."""
        if isinstance(error, RequestRefusedError):
            self._refuse(error.refusal, error.message)
            return
        trace_id = str(uuid.uuid4())
        log_failure("receiving a request failed", error, trace_id)
        self._refuse(Refusal.INTERNAL, INTERNAL_MESSAGE, trace_id)

    def _fed(self) -> None:
        if self._receiver.state == BODY:
            self._check_partial_body()
        if len(self._pending) >= self._depth:
            self._pause_reading()

    def _check_partial_body(self) -> None:
        receiver = self._receiver
        self._count_received(receiver.partial_body_bytes)
        if self.traffic.receiving_bytes > self.traffic.limits.max_receiving_bytes:
            self._refuse(Refusal.TOO_MANY_BYTES, "Too many requests in receipt. Try again later.")
        elif receiver.continue_wanted and not self._pending and self._transport is not None:
            receiver.continue_wanted = False
            self._transport.write(CONTINUE)

    def _count_received(self, size: int) -> None:
        self.traffic.receiving_bytes += size - self._counted_bytes
        self._counted_bytes = size

    # -- requests on, answers out ----------------------------------------------------------------

    def _deliver(  # noqa: PLR0917 - the receiver's callback: by name it would cost more
        self,
        method: str,
        target: bytes,
        headers: dict[bytes, bytes] | None,
        body: bytes,
        marks: int,
        pattern: Pattern | None,
        values: tuple[bytes, ...],
    ) -> None:
        """Hand a complete request on, or let it wait for its turn."""
        traffic = self.traffic
        if not traffic.due:
            traffic.begin_tick()
        self._requests += 1
        if self._counted_bytes:
            self._count_received(0)
        exchange = Exchange(
            self, method, target, headers, body, traffic.tick_ns, pattern, values, marks
        )
        pending = self._pending
        if self._waiting or len(pending) >= self._depth:
            self._waiting.append(exchange)
        else:
            pending.append(exchange)
            traffic.arrived.append(exchange)

    def _hand_on(self, exchange: Exchange) -> None:
        self._pending.append(exchange)
        if exchange.marks & _REFUSED:
            exchange.respond(exchange.body)
        else:
            if not self.traffic.due:
                self.traffic.begin_tick()
            self.traffic.arrived.append(exchange)

    def _format(self, refusal: Refusal, message: str, request_id: str) -> bytes:
        return format_refusal(
            refusal, message, request_id=request_id, date_line=self.traffic.date_line
        )

    def _refuse(self, refusal: Refusal, message: str, request_id: str = "") -> None:
        """Answer in turn that what comes next is not served, and take nothing more."""
        request_id = request_id or str(uuid.uuid4())
        self.traffic.refused[refusal.value.counter] += 1
        logger.debug("refused %s from %s: %s", request_id, self.peer, refusal.value.counter)
        self._receiver.stop()
        self._held = b""
        self._count_received(0)
        answer = self._format(refusal, message, request_id)
        exchange = Exchange(self, "", b"", {}, answer, marks=CLOSE | _REFUSED)
        if self._waiting:
            self._waiting.append(exchange)
        else:
            self._hand_on(exchange)

    def send_ready(self) -> None:
        """Write the released answers that are next in request order."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        pending, traffic = self._pending, self.traffic
        data = b""
        marks = 0
        while pending:
            answer = pending[0].answer
            if answer is None:
                break
            marks = pending.popleft().marks
            if marks or traffic.draining:
                answer, marks = self._dressed(answer, marks)
            data = data + answer if data else answer
        if not data:
            return
        traffic.bytes_sent += len(data)
        transport.write(data)
        if marks & CLOSE:
            self._end(transport, marks)
        elif self._reading_paused or self._receiver.continue_wanted or self._eof:
            self._resume()

    def _dressed(self, answer: bytes, marks: int) -> tuple[bytes, int]:
        if self.traffic.draining and self.idle:
            marks |= CLOSE
        return _dress(answer, marks), marks

    def _end(self, transport: asyncio.Transport, marks: int) -> None:
        """Close after the last answer; a refused client first gets the time to read it."""
        self._receiver.stop()
        if self._eof or not marks & _REFUSED:
            transport.close()
            return
        if transport.can_write_eof():
            transport.write_eof()
        self._resume_reading()  # to notice when the client closes

    def _pause_reading(self) -> None:
        if not self._reading_paused and not self.lost:
            self._reading_paused = True
            cast("asyncio.Transport", self._transport).pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and not self.lost:
            self._reading_paused = False
            cast("asyncio.Transport", self._transport).resume_reading()

    def _resume(self) -> None:
        """Go on where the depth of the pipeline, or a client that did not read, stopped us."""
        depth = self._depth
        while self._waiting and len(self._pending) < depth and not self._writing_paused:
            self._hand_on(self._waiting.popleft())
        if self._waiting or len(self._pending) >= depth or self._writing_paused:
            return
        self._resume_reading()
        held, self._held = self._held, b""
        if held:
            self._feed_slices(held)
        if self._receiver.state == BODY:
            self._check_partial_body()
        if self._eof and not self._pending:
            self.close()

    # -- time and the end ------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """No request is in receipt, waiting or unanswered."""
        return self._receiver.state == IDLE and not (self._pending or self._waiting or self._held)

    @property
    def fresh(self) -> bool:
        """No request has come yet."""
        return self._requests == 0

    def close(self) -> None:
        """Close when what is written has left."""
        self._receiver.stop()
        if self._transport is not None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Cut off a client that overran the deadline of its phase.

        A phase is timed from the first sweep that sees it, so requests read no clock.
        """
        phase = self._timed_phase()
        seen = (phase, self._requests)
        if seen != self._phase:
            self._phase = seen
            self._deadline = now + _TIMEOUTS[phase](self.traffic.limits)
        elif now >= self._deadline:
            self._overrun(phase)

    def _timed_phase(self) -> str:
        if self._transport is None or self._transport.is_closing() or self._writing_paused:
            return "write"
        if self._reading_paused or (self._pending and self._receiver.state in {IDLE, DONE}):
            return "handler"
        if self._receiver.state == IDLE:
            return "head" if self.fresh else "idle"
        return {HEAD: "head", BODY: "body"}.get(self._receiver.state, "linger")

    def _overrun(self, phase: str) -> None:
        if phase == "write":
            self.traffic.refused["unread"] += 1
            self.abort()
        elif self._receiver.state in {HEAD, BODY}:
            self._refuse(Refusal.TIMEOUT, "The request was not received in time.")
        else:
            self.close()


def _dress(answer: bytes, marks: int) -> bytes:
    """Fit an answer to its request: HEAD, and what becomes of the connection."""
    if marks & HEAD_ONLY:
        answer = without_body(answer)
    if marks & CLOSE:
        return add_header(answer, CLOSE_HEADER)
    if marks & SAY_KEEP_ALIVE:
        return add_header(answer, KEEP_ALIVE_HEADER)
    return answer


class PlainConnection(HttpConnection, asyncio.Protocol):
    """A connection without TLS."""

    __slots__ = ()

    data_received = HttpConnection.receive


class TlsConnection(HttpConnection, asyncio.BufferedProtocol):
    """A connection with TLS, read into one buffer that all connections of the loop share.

    With `asyncio.Protocol` uvloop reads TLS into 256 KiB of its own and pays mmap and munmap per
    request (measured: 32-57 us). Without TLS BufferedProtocol would cost 8 %, so it is for TLS
    only. Sharing is sound because the buffer is filled and handed over in one step of the loop.
    """

    __slots__ = ("_buffer",)

    def __init__(self, traffic: Traffic, buffer: memoryview) -> None:
        super().__init__(traffic, "https")
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the interface's argument
        """Give the buffer to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self.receive(bytes(self._buffer[:nbytes]))
