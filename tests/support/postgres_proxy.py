"""A proxy before PostgreSQL's Unix socket that loses the answer of a COMMIT."""

import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_SOCKET: Final = ".s.PGSQL.5432"
_CHUNK: Final = 65_536


class CommitCutter:
    """Passes everything on, until a COMMIT that it was told to cut.

    That one reaches the server, which answers; then both sides are closed.
    """

    def __init__(self, server_dir: Path) -> None:
        self.cuts = 0
        self._server = str(server_dir / _SOCKET)
        self._server_dir = server_dir
        self._directory = Path(tempfile.mkdtemp(prefix="regionkms-cut-"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._directory / _SOCKET))
        self._listener.listen()
        self._armed = self._stay_away = self._away = False
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()
        shutil.rmtree(self._directory)

    def url_of(self, url: str) -> str:
        """The URL of the same database through this proxy."""
        return url.replace(str(self._server_dir), str(self._directory))

    def cut_next_commit(self, *, and_stay_away: bool = False) -> None:
        """Lose the answer of the next COMMIT; refuse whoever comes afterwards, if told so."""
        self._armed = True
        self._stay_away = and_stay_away

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._away:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._connections += (client, server)
                threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                if self._armed and b"COMMIT" in data:
                    self.cuts += 1
                    self._away = self._stay_away
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if self._armed and self.cuts:
                    self._armed = False
                    server.shutdown(socket.SHUT_RDWR)
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
