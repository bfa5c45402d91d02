"""A client for campaigns: signs in microseconds, keeps its connection, and says when it lost one.

Written apart from regionkms/identity/sigv4, for what botocore's signer is too slow for; a signature
that a node does not take fails the campaign that sends it.
"""

import hmac
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from tests.support.node import Account, Answer

TIMEOUT_S: Final = 60.0
"""Longer than any stop of a process that a campaign makes: a time-out is a hang."""
_STAMP_FOR_S: Final = 30.0


class LostError(Exception):
    """The connection ended without a whole answer: what became of the request is not known."""


@dataclass(slots=True, kw_only=True)
class QuickSigner:
    """Signs requests of one account for one endpoint, with SigV4 in the Authorization header."""

    account: Account
    region: str
    host: str
    _signed_at: float = 0.0
    _stamp: str = ""
    _scope: str = ""
    _key: bytes = field(default=b"", repr=False)

    def request(
        self,
        target: str,
        body: bytes,
        *,
        user_agent: str = "campaign",
        at: float | None = None,
        content_type: str = "application/x-amz-json-1.1",
    ) -> bytes:
        """The bytes of a signed HTTP request."""
        self._refresh(time.time() if at is None else at)
        names = "content-type;host;user-agent;x-amz-date;x-amz-target"
        digest = sha256(body).hexdigest()
        canonical = (
            f"POST\n/\n\ncontent-type:{content_type}\nhost:{self.host}\nuser-agent:{user_agent}\n"
            f"x-amz-date:{self._stamp}\nx-amz-target:{target}\n\n{names}\n{digest}"
        )
        hashed = sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self._stamp}\n{self._scope}\n{hashed}"
        signature = hmac.digest(self._key, text.encode(), "sha256").hex()
        head = (
            f"POST / HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: {content_type}\r\n"
            f"User-Agent: {user_agent}\r\nX-Amz-Date: {self._stamp}\r\nX-Amz-Target: {target}\r\n"
            f"Authorization: AWS4-HMAC-SHA256 Credential={self.account.access_key_id}/"
            f"{self._scope}, SignedHeaders={names}, Signature={signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _refresh(self, now: float) -> None:
        if abs(now - self._signed_at) < _STAMP_FOR_S:
            return
        day = time.strftime("%Y%m%d", time.gmtime(now))
        key = b"AWS4" + self.account.secret_access_key.encode()
        for part in (day, self.region, "kms", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._signed_at, self._key = now, key
        self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        self._scope = f"{day}/{self.region}/kms/aws4_request"


class QuickClient:
    """One client on a connection of its own, which is made again when it is lost."""

    def __init__(self, url: str, account: Account, region: str) -> None:
        parts = urlsplit(url)
        self._address: Final = (str(parts.hostname), int(parts.port or 80))
        self._signer: Final = QuickSigner(account=account, region=region, host=parts.netloc)
        self._socket: socket.socket | None = None
        self._left = b""

    def call(
        self, operation: str, members: Mapping[str, Any], *, user_agent: str = "campaign"
    ) -> Answer:
        """Send a request and read its answer.

        Raises:
            LostError: There is none.
            TimeoutError: There is none in TIMEOUT_S, and the connection stands.
        """
        request = self._signer.request(
            f"TrentService.{operation}", json.dumps(members).encode(), user_agent=user_agent
        )
        try:
            connection = self._connect()
            connection.sendall(request)
            return self._read(connection)
        except TimeoutError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise LostError(str(error)) from error

    def connect(self) -> None:
        """Connect, unless there is a connection.

        Raises:
            OSError: There is nobody.
        """
        self._connect()

    def close(self) -> None:
        """Close the connection; the next call makes a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._left = None, b""

    def _connect(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _read(self, connection: socket.socket) -> Answer:
        received = self._left
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more(connection)
        lines = received[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        need = end + 4 + int(headers.get("content-length", "0"))
        while len(received) < need:
            received += self._more(connection)
        self._left = received[need:]
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(
            status=int(lines[0].split(" ")[1]), headers=headers, body=received[end + 4 : need]
        )

    def _more(self, connection: socket.socket) -> bytes:
        part = connection.recv(65_536)
        if not part:
            self.close()
            raise LostError("the connection was closed")
        return part
