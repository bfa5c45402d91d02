"""Commands over a Unix socket: one JSON line asks, one JSON line answers.

Whoever can open the socket file commands: it has mode 0600, and other users than its owner (and
root) are refused by what the kernel says of them. A question is `{"command", "arguments"}`, an
answer `{"result"}` or `{"error"}`, a sentence that tells the fix.

The operator socket of a node and the network of a lab are served by it.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from regionkms.model.errors import ConfigurationError, Fault, KmsError
from regionkms.node.socket_path import short_path

_log = logging.getLogger(__name__)

OPERATOR_SOCKET_NAME: Final = "operator.sock"
"""File name of a node's operator socket in its data directory (handover.operator_socket)."""
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""Of a question or an answer."""
IDLE_S: Final = 60.0
_ROOT: Final = 0
_CREDENTIALS: Final = struct.Struct("3i")


class NobodyListensError(ConfigurationError):
    """Nobody answers on the socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, as the kernel says.

    Attributes:
        uid: User id; -1 where the system does not tell.
        pid: Process id; -1 likewise.
    """

    uid: int
    pid: int


class _Question(msgspec.Struct, frozen=True):
    command: str
    arguments: dict[str, Any] = {}


_QUESTIONS: Final = msgspec.json.Decoder(_Question)

Handle = Callable[[str, Mapping[str, Any], Asker], Awaitable[object]]
"""(command, arguments, who asks) -> what JSON can carry. It may raise Fault or KmsError."""


class CommandSocket:
    """Serves commands, each connection one after the other."""

    def __init__(self, path: Path, handle: Handle) -> None:
        self._path: Final = path
        self._handle: Final = handle
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a file that an earlier process left is replaced.

        Raises:
            ConfigurationError: The socket can't be made.
        """
        self._path.unlink(missing_ok=True)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, sock=_private_socket(self._path), limit=MAX_LINE_BYTES
            )
        except OSError as error:
            raise ConfigurationError(f"the socket {self._path} can't be made: {error}") from error

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asker = _asker(writer.get_extra_info("socket"))
            if asker.uid not in {-1, _ROOT, os.geteuid()}:
                return
            with contextlib.suppress(ConnectionError, TimeoutError, ValueError):
                while line := await asyncio.wait_for(reader.readline(), IDLE_S):
                    writer.write(await self._answer(line, asker) + b"\n")
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, line: bytes, asker: Asker) -> bytes:
        try:
            question = _QUESTIONS.decode(line)
        except msgspec.MsgspecError:
            return _error("a question is a JSON object with command and arguments")
        try:
            result = await self._handle(question.command, question.arguments, asker)
            return json.dumps({"result": result}).encode()
        except (Fault, KmsError) as error:
            return _error(str(error) or type(error).__name__)
        except Exception:  # noqa: BLE001 - the edge: said to the log, and the process goes on
            _log.exception("the command %r failed", question.command[:64])
            return _error("the command failed for a reason that the node's log tells")


def _private_socket(path: Path) -> socket.socket:
    """A bound socket whose file nobody but the owner can open, not even for a moment.

    Raises:
        OSError: It can't be bound.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with short_path(path) as text:
            made.bind(text)
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def _asker(connection: socket.socket) -> Asker:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return Asker(uid=-1, pid=-1)
    raw = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return Asker(uid=uid, pid=pid)


def ask(
    path: Path, command: str, arguments: Mapping[str, object], *, timeout_s: float = 30.0
) -> Any:
    """Ask once and wait for the answer.

    Args:
        path: Of the socket.
        command: Its name.
        arguments: What JSON can carry.
        timeout_s: For the whole of it.

    Raises:
        NobodyListensError: Nobody listens.
        ConfigurationError: The command was refused; the message is the other side's.
    """
    question = json.dumps({"command": command, "arguments": dict(arguments)}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            with short_path(path) as text:
                connection.connect(text)
            connection.sendall(question)
            with connection.makefile("rb") as answers:
                line = answers.readline(MAX_LINE_BYTES)
        except TimeoutError as error:
            raise NobodyListensError(f"{path} gave no answer within {timeout_s:g} s") from error
        except OSError as error:
            raise NobodyListensError(
                f"nobody listens on {path} ({error.strerror}); is the node running, and is this "
                "its user?"
            ) from error
    return _result(line, path)


def _result(line: bytes, path: Path) -> Any:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise NobodyListensError(f"{path} ended the connection without an answer") from error
    if "error" in answer:
        raise ConfigurationError(str(answer["error"]))
    return answer["result"]
