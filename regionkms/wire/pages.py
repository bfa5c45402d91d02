"""What is answered without a signature: `/healthz`, `/readyz`, `/metrics`, and nothing else.

None of it names an account, a key or an address of a client.
"""

from collections.abc import Callable
from typing import Final

from regionkms.wire.http import Exchange, format_response

_TEXT: Final = b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
_HEALTH: Final = b"/healthz"
_READY: Final = b"/readyz"
_METRICS: Final = b"/metrics"


class Pages:
    """Health and metrics of one worker.

    Args:
        ready: None when requests are served, else the reason why not.
        metrics: The Prometheus text of the whole node.
    """

    def __init__(self, *, ready: Callable[[], str | None], metrics: Callable[[], bytes]) -> None:
        self._ready = ready
        self._metrics = metrics

    def answers(self, target: bytes) -> bool:
        """Whether a target is one of these pages."""
        return target in {_HEALTH, _READY, _METRICS}

    def answer(self, exchange: Exchange) -> None:
        """Answer a GET or HEAD of one of these pages."""
        if exchange.method not in {"GET", "HEAD"}:
            exchange.respond(format_response(405, _TEXT, b"use GET\n"))
        elif exchange.target == _METRICS:
            exchange.respond(format_response(200, _TEXT, self._metrics()))
        else:
            reason = self._ready() if exchange.target == _READY else None
            status, body = (200, "ok\n") if reason is None else (503, f"{reason}\n")
            exchange.respond(format_response(status, _TEXT, body.encode()))
