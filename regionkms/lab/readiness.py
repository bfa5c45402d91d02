"""Whether parts of a lab serve: questions with short time-outs, never an exception."""

import http.client
import socket
from pathlib import Path
from typing import Any, Final

from regionkms.model.errors import ConfigurationError
from regionkms.node.command_socket import ask

PROBE_S: Final = 1.0
_OK: Final = 200


def answers_http(host: str, port: int, path: str) -> bool:
    """Whether an HTTP server answers a GET with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_free(host: str, port: int) -> bool:
    """Whether a TCP port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def node_status(path: Path) -> dict[str, Any] | None:
    """What a node's agent answers to `status`; None if it does not in time."""
    try:
        answer = ask(path, "status", {}, timeout_s=PROBE_S)
    except ConfigurationError:
        return None
    return answer if isinstance(answer, dict) else None
