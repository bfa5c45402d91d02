"""A TCP proxy on loopback that can cut connections or swallow one direction."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forwards to a local port; `mute_server` swallows what the server says, `cut` ends all, and
    while it is to `refuse`, new connections end at once.

    `heard` is all that the server said.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.mute_server = False
        self.refuse = False
        self.heard = bytearray()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer, of_server=False))
                group.create_task(self._pump(far_reader, writer, of_server=True))
        finally:
            self._writers -= pair
            for end in pair:
                end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, of_server: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if of_server:
                    self.heard += data
                if not (of_server and self.mute_server):
                    writer.write(data)
                    await writer.drain()
        writer.close()
