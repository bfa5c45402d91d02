"""One way of the lab's network: a TCP proxy on loopback that can be cut.

Cut means what a cable that was pulled means: bytes of connections that stand go nowhere, and new
ones get no answer. Connections that stood when the cut came are reset, so that both ends notice at
once and tests need not wait for time-outs; new ones are taken and left in silence (a black hole,
the nastier of the two ways to fail) until the way is whole again, when they are reset too.
"""

import asyncio
import socket
import struct
from typing import Final

from regionkms.lab.layout import Way

_HIGH_WATER_BYTES: Final = 256 * 1024
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST."""
LOOPBACK: Final = "127.0.0.1"


class _End(asyncio.Protocol):
    """One of the two connections of a passage; what it reads, the other end writes."""

    def __init__(self, pipe: "Pipe", other: "_End | None" = None) -> None:
        self.pipe = pipe
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = other
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP has no other
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER_BYTES)
        self.pipe.ends.add(self)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.other is None or self.other.transport is None:
            return False
        self.other.transport.write_eof()
        if self.other.ended:
            self.other.transport.close()
        return not self.other.ended

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.pipe.ends.discard(self)
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            if exc is None and other.transport is not None:
                other.transport.close()
            else:
                other.reset()

    def reset(self) -> None:
        """End the connection by RST, dropping what is buffered."""
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class _Near(_End):
    """The connection that the source made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None  # noqa: S101 - just set
        self.transport.pause_reading()
        if not self.pipe.is_cut:
            self.pipe.connect(self)


class Pipe:
    """A listening port and what goes through it."""

    def __init__(self, way: Way, *, tasks: asyncio.TaskGroup) -> None:
        self.way: Final = way
        self.is_cut = False
        self.ends: set[_End] = set()
        self._tasks = tasks
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), LOOPBACK, self.way.port)

    def cut(self) -> None:
        """Reset what stands; leave what comes in silence."""
        if not self.is_cut:
            self.is_cut = True
            self._reset_all()

    def heal(self) -> None:
        """Let traffic through again; what was left in silence is reset, so that it comes anew."""
        if self.is_cut:
            self.is_cut = False
            self._reset_all()

    def close(self) -> None:
        """Stop listening and end what stands."""
        if self._server is not None:
            self._server.close()
        self._reset_all()

    def connect(self, near: _End) -> None:
        """Make the second connection of a passage."""
        self._tasks.create_task(self._connect(near))

    async def _connect(self, near: _End) -> None:
        loop = asyncio.get_running_loop()
        # The far end knows the near one from its first byte: a server may speak first.
        far = _End(self, near)
        try:
            await loop.create_connection(lambda: far, LOOPBACK, self.way.target_port)
        except OSError:
            near.reset()
            return
        if self.is_cut or near.transport is None or near.transport.is_closing():
            far.reset()
            near.reset()
            return
        near.other = far
        near.transport.resume_reading()

    def _reset_all(self) -> None:
        for end in list(self.ends):
            end.reset()
