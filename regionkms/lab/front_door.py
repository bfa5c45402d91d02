"""The front door: one endpoint that passes each request to the Region it is signed for.

Because one AWS_ENDPOINT_URL often serves clients of several Regions. It passes bytes on as they
are, both ways as they come, and keeps connections alive on both sides; it never looks at a body nor
at the signature itself. A convenience of the lab, never on the path by which isolation is judged.

Source: design §7.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from regionkms.lab.credential_scope import Scope, credential_scope
from regionkms.lab.http_framing import (
    MAX_HEAD_BYTES,
    TO_END,
    FramingError,
    Head,
    body_blocks,
    read_head,
    request_body,
    response_body,
)

IDLE_S: Final = 120.0
"""How long a client's connection may rest between two requests."""
HEALTH_PATH: Final = "/healthz"
"""Answered by the front door itself, to an unsigned GET."""
_HEALTH_REQUEST: Final = re.compile(rb"GET /healthz HTTP/1\.[01]")
_HEALTH_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
    b"Connection: close\r\n\r\nok\n"
)
_CONNECT_S: Final = 2.0
_QUERY_SERVICES: Final = frozenset({"sts", "iam"})
"""Services of the Query protocol: their clients read errors in XML."""
_REASONS: Final = {400: "Bad Request", 503: "Service Unavailable"}
_SWITCHING: Final = 101
_FIRST_FINAL: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer of the front door itself, in the shape of AWS's errors."""

    status: int
    code: str
    message: str

    def encoded(self, scope: Scope | None) -> bytes:
        """The whole HTTP answer, after which the connection ends."""
        if scope is not None and scope.service in _QUERY_SERVICES:
            content_type, body = "text/xml", self._xml()
        else:
            content_type, body = "application/x-amz-json-1.1", self._json()
        head = (
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n"
            f"Content-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + body

    def _json(self) -> bytes:
        return json.dumps({"__type": self.code, "message": self.message}).encode()

    def _xml(self) -> bytes:
        kind = "Sender" if self.status < 500 else "Receiver"  # noqa: PLR2004 - server errors
        text = self.message.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        code = self.code.removesuffix("Exception")
        return (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code>"
            f"<Message>{text}</Message></Error></ErrorResponse>"
        ).encode()


class _NoAnswerError(Exception):
    """The Region ended the connection, and no byte of an answer has been passed on."""


@dataclass(slots=True)
class _Connection:
    """A connection to a Region's endpoint, kept for this client's next request."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class FrontDoor:
    """Listens, and passes requests on."""

    def __init__(self, endpoints: Mapping[str, tuple[str, int]]) -> None:
        """Name the Regions.

        Args:
            endpoints: Host and port of each Region's API.
        """
        self._endpoints: Final = dict(endpoints)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[object]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; the port (0 asks for a free one).

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        regions: dict[str, _Connection] = {}
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            # Cancelled by `close` alone, which waits: the end of the task is what it asks for.
            with contextlib.suppress(
                ConnectionError, FramingError, TimeoutError, asyncio.CancelledError
            ):
                while await self._relay_one(reader, writer, regions):
                    pass
        finally:
            for connection in regions.values():
                connection.writer.close()
            writer.close()

    async def _relay_one(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        regions: dict[str, _Connection],
    ) -> bool:
        """Pass one request and its answer on; False if the connection is to end."""
        async with asyncio.timeout(IDLE_S):
            head = await read_head(reader)
        if head is None:
            return False
        if _HEALTH_REQUEST.fullmatch(head.first):
            writer.write(_HEALTH_ANSWER)
            await writer.drain()
            return False
        scope = credential_scope(head)
        region = self._region_of(scope)
        if isinstance(region, Refusal):
            return await _refuse(writer, region, scope)
        far = await self._connection(region, regions)
        if far is None:
            return await _refuse(writer, _unreachable(region), scope)
        try:
            kept = await _exchange(head, (reader, writer), far)
        except _NoAnswerError:
            regions.pop(region).writer.close()
            return await _refuse(writer, _unreachable(region), scope)
        if not kept:
            regions.pop(region).writer.close()
        return kept and not head.has_token(b"connection", b"close")

    def _region_of(self, scope: Scope | None) -> str | Refusal:
        if scope is None:
            return Refusal(
                status=400,
                code="MissingAuthenticationTokenException",
                message="The front door passes a request on by the Region in its signature's "
                "credential scope, and this request has none. Sign it, or use a Region's endpoint.",
            )
        if scope.region not in self._endpoints:
            known = ", ".join(sorted(self._endpoints))
            return Refusal(
                status=400,
                code="InvalidSignatureException",
                message="Credential should be scoped to a valid region. This lab has "
                f"{known}, not {scope.region[:64]!r}.",
            )
        return scope.region

    async def _connection(self, region: str, known: dict[str, _Connection]) -> _Connection | None:
        """The kept connection to a Region if it still stands, or a new one."""
        kept = known.pop(region, None)
        if kept is not None:
            if not (kept.reader.at_eof() or kept.writer.is_closing()):
                known[region] = kept
                return kept
            kept.writer.close()
        host, port = self._endpoints[region]
        try:
            async with asyncio.timeout(_CONNECT_S):
                made = await asyncio.open_connection(host, port, limit=MAX_HEAD_BYTES)
        except (OSError, TimeoutError):
            return None
        known[region] = _Connection(*made)
        return known[region]


def _unreachable(region: str) -> Refusal:
    return Refusal(
        status=503,
        code="ServiceUnavailableException",
        message=f"{region} does not answer: it is not running, or just starting.",
    )


async def _refuse(writer: asyncio.StreamWriter, refusal: Refusal, scope: Scope | None) -> bool:
    writer.write(refusal.encoded(scope))
    await writer.drain()
    return False


async def _exchange(
    head: Head, near: tuple[asyncio.StreamReader, asyncio.StreamWriter], far: _Connection
) -> bool:
    """Pass a request on and its answer back; whether both connections can be used again.

    Body and answer flow at the same time: a node may answer (100 Continue, or a refusal) before it
    has the whole body.
    """
    reader, writer = near
    length = request_body(head)
    far.writer.write(head.raw)
    sending = asyncio.ensure_future(_send_body(reader, far.writer, length))
    try:
        kept = await _return_answer(far.reader, writer, method=head.first.split(b" ", 1)[0])
        # An answer that came before the body's end leaves the rest of it in the way.
        return kept and sending.done() and sending.exception() is None
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int
) -> None:
    async for block in body_blocks(reader, length):
        writer.write(block)
        await writer.drain()
    await writer.drain()


async def _first_head(reader: asyncio.StreamReader) -> Head:
    try:
        head = await read_head(reader)
    except (ConnectionError, FramingError) as error:
        raise _NoAnswerError from error
    if head is None:
        raise _NoAnswerError
    return head


async def _return_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, method: bytes
) -> bool:
    head = await _first_head(reader)
    while head.status < _FIRST_FINAL:
        if head.status == _SWITCHING:
            raise FramingError("no protocol but HTTP/1.1 goes through the front door")
        writer.write(head.raw)
        await writer.drain()
        further = await read_head(reader)
        if further is None:
            raise FramingError("the Region ended the connection within an answer")
        head = further
    writer.write(head.raw)
    length = response_body(head, method=method)
    async for block in body_blocks(reader, length):
        writer.write(block)
        await writer.drain()
    await writer.drain()
    return length != TO_END and not head.has_token(b"connection", b"close")
