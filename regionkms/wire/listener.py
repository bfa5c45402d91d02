"""Accepting connections on one listening socket.

The event loop's own server would do, but for three things that a drain without loss and a bound on
strangers need: what the kernel has queued is accepted before the socket closes, TLS handshakes
under way are counted and bounded, and a connection far over the bound costs one `close`.
"""

import asyncio
import errno
import functools
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

from regionkms.wire.http_connection import PlainConnection, TlsConnection
from regionkms.wire.http_exchange import Traffic
from regionkms.wire.http_response import Refusal

logger = logging.getLogger(__name__)

ACCEPTS_PER_TURN: Final = 64
"""Connections accepted before other callbacks of the loop get their turn."""
TOLD_CONNECTIONS: Final = 64
"""Connections beyond max_connections that are told so with a 503; further ones are just closed."""
TLS_BUFFER_BYTES: Final = 65_536
ACCEPT_PAUSE_S: Final = 1.0
"""Pause when descriptors or memory have run out: accepting at once again would spin."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """One listening socket; workers of a node share the port by SO_REUSEPORT.

    Attributes:
        address: Host and port that are listened on.
    """

    def __init__(
        self, listening: socket.socket, *, traffic: Traffic, context: ssl.SSLContext | None
    ) -> None:
        self._socket = listening
        self._traffic = traffic
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._establishing: set[asyncio.Task[None]] = set()
        self._factory = _connection_factory(traffic, context)
        self._pause: asyncio.TimerHandle | None = None
        host, port = listening.getsockname()[:2]
        self.address: tuple[str, int] = (host, port)
        self._loop.add_reader(listening, self._accept_some)

    @property
    def establishing(self) -> int:
        """Connections accepted that are not yet ready, TLS handshakes above all."""
        return len(self._establishing)

    def close(self) -> None:
        """Accept what the kernel has queued, then listen no more. Idempotent."""
        if self._socket.fileno() < 0:
            return
        while self._accept_some():
            pass
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def cancel(self) -> None:
        """Give up handshakes that are still under way."""
        for task in tuple(self._establishing):
            task.cancel()

    def _accept_some(self) -> bool:
        """Accept up to a turn's worth; true when there may be more."""
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted, _address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._pause_accepting(error)
                return False
            self._take(accepted)
        return True

    def _pause_accepting(self, error: OSError) -> None:
        logger.error("cannot accept connections: %s", error.strerror)
        self._loop.remove_reader(self._socket)
        self._pause = self._loop.call_later(ACCEPT_PAUSE_S, self._accept_again)

    def _accept_again(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket, self._accept_some)

    def _take(self, accepted: socket.socket) -> None:
        traffic = self._traffic
        bound = traffic.limits.max_connections + TOLD_CONNECTIONS
        if len(traffic.connections) + len(self._establishing) >= bound:
            traffic.refused[Refusal.TOO_MANY_CONNECTIONS.value.counter] += 1
            accepted.close()
            return
        accepted.settimeout(0)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._establish(accepted))
        self._establishing.add(task)
        task.add_done_callback(functools.partial(self._established, accepted))

    def _established(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        self._establishing.discard(task)
        if task.cancelled():  # perhaps before its first step, so not in the task itself
            accepted.close()

    async def _establish(self, accepted: socket.socket) -> None:
        limits = self._traffic.limits
        try:
            await self._loop.connect_accepted_socket(
                self._factory,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=limits.header_timeout_s if self._context else None,
                ssl_shutdown_timeout=limits.linger_timeout_s if self._context else None,
            )
        except OSError as error:  # ssl.SSLError, a reset, a handshake that took too long
            self._traffic.refused["handshake"] += 1
            logger.debug("handshake failed: %s", type(error).__name__)
            accepted.close()


def _connection_factory(
    traffic: Traffic, context: ssl.SSLContext | None
) -> Callable[[], PlainConnection | TlsConnection]:
    if context is None:
        return lambda: PlainConnection(traffic, "http")
    buffer = memoryview(bytearray(TLS_BUFFER_BYTES))
    return lambda: TlsConnection(traffic, buffer)


async def listening_sockets(host: str, port: int, *, backlog: int) -> list[socket.socket]:
    """Bind every address of `host`, with SO_REUSEPORT.

    Args:
        host: Name or address; empty for all addresses.
        port: 0 lets the kernel choose, the same port for every address.
        backlog: Connections that the kernel may queue.

    Raises:
        OSError: The name does not resolve, or an address cannot be bound.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listening = socket.socket(family, kind, protocol)
            sockets.append(listening)
            listening.settimeout(0)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind((address[0], port, *address[2:]))
            port = listening.getsockname()[1]
            listening.listen(backlog)
    except OSError:
        for listening in sockets:
            listening.close()
        raise
    return sockets
