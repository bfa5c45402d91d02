"""What the supervisor hands to a child over the socket pair that the child inherits.

One JSON line with settings and numbers, then the domain keys in frames of their own. Nothing of it
is on a command line, in an environment or on disk. The child answers with one byte when it serves;
afterwards the connection only tells either side that the other has ended.
"""

import asyncio
import json
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from regionkms.config import NodeSettings, SettingsAsRead, check_settings
from regionkms.model.errors import ConfigurationError
from regionkms.store.domain_keys import DomainKeys, receive_domain_keys, send_domain_keys

READY: Final = b"\x01"
"""What a child sends once it serves."""
_MAX_LINE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a child needs to begin.

    Attributes:
        settings: As read; the child checks them again, with the same result.
        process: The child's number in shared memory: 0 is the supervisor, 1 the agent.
        processes: Numbers in all; with the release it fixes the layout of shared memory.
        memory_fd: Inherited descriptor of the shared memory.
        domain_keys: The open domain keys of the store.
    """

    settings: SettingsAsRead
    process: int
    processes: int
    memory_fd: int
    domain_keys: DomainKeys = field(repr=False)

    @property
    def checked(self) -> NodeSettings:
        """The settings, checked."""
        return check_settings(self.settings)


def send(connection: socket.socket, handover: Handover) -> None:
    """Send a handover to a child."""
    line = json.dumps(
        {
            "settings": asdict(handover.settings),
            "process": handover.process,
            "processes": handover.processes,
            "memory_fd": handover.memory_fd,
        }
    )
    connection.sendall(line.encode() + b"\n")
    send_domain_keys(connection, handover.domain_keys)


def receive(connection: socket.socket) -> Handover:
    """Read the handover, as a child.

    Raises:
        ConfigurationError: The other side is no supervisor of this release.
    """
    try:
        values = json.loads(_read_line(connection))
        return Handover(
            settings=SettingsAsRead(**values["settings"]),
            process=values["process"],
            processes=values["processes"],
            memory_fd=values["memory_fd"],
            domain_keys=receive_domain_keys(connection),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            "a node's processes are started by `regionkms node`, not by hand, and need it alive"
        ) from error


def _read_line(connection: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte or len(line) > _MAX_LINE_BYTES:
            raise ValueError("no handover")
        line += byte
    return bytes(line)


def announce(channel: socket.socket, stop: asyncio.Event) -> None:
    """Say that this child serves; end when the supervisor's side closes."""
    channel.setblocking(False)  # noqa: FBT003 - the standard library's signature
    loop = asyncio.get_running_loop()
    try:
        channel.send(READY)
    except OSError:
        # The supervisor was killed while this child started; whoever comes next starts another.
        stop.set()
        return

    def on_readable() -> None:
        try:
            gone = channel.recv(1) == b""
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            loop.remove_reader(channel.fileno())
            stop.set()

    loop.add_reader(channel.fileno(), on_readable)


def audit_directory(settings: NodeSettings) -> Path:
    """Where a node's audit segments are."""
    return settings.data_dir / "audit"


def agent_socket(settings: NodeSettings) -> Path:
    """The Unix datagram socket by which workers wake the agent."""
    return settings.data_dir / "agent.sock"


def operator_socket(settings: NodeSettings) -> Path:
    """The Unix socket by which operators command the node (mode 0600)."""
    return settings.data_dir / "operator.sock"
