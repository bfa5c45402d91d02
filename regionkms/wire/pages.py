"""What is answered without a signature: `/healthz`, `/readyz`, `/metrics`, and nothing else.

None of it names an account, a key or an address of a client.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from regionkms.wire.http import Exchange, format_response

_TEXT: Final = b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
_HEALTH: Final = b"/healthz"
_READY: Final = b"/readyz"
_METRICS: Final = b"/metrics"


_SHARE: Final = 10
"""Metrics are written anew only after so many times as long as it took: anybody may ask for them,
and the milliseconds that they take are those of all requests."""


class Pages:
    """Health and metrics of one worker.

    Args:
        ready: None when requests are served, else the reason why not.
        metrics: The Prometheus text of the whole node.
        timer: Seconds that only go forward.
    """

    def __init__(
        self,
        *,
        ready: Callable[[], str | None],
        metrics: Callable[[], bytes],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._ready = ready
        self._metrics = metrics
        self._timer = timer
        self._text = b""
        self._good_until = -math.inf

    def answers(self, target: bytes) -> bool:
        """Whether a target is one of these pages."""
        return target in {_HEALTH, _READY, _METRICS}

    def answer(self, exchange: Exchange) -> None:
        """Answer a GET or HEAD of one of these pages."""
        if exchange.method not in {"GET", "HEAD"}:
            exchange.respond(format_response(405, _TEXT, b"use GET\n"))
        elif exchange.target == _METRICS:
            exchange.respond(format_response(200, _TEXT, self._recent_metrics()))
        else:
            reason = self._ready() if exchange.target == _READY else None
            status, body = (200, "ok\n") if reason is None else (503, f"{reason}\n")
            exchange.respond(format_response(status, _TEXT, body.encode()))

    def _recent_metrics(self) -> bytes:
        started = self._timer()
        if started >= self._good_until:
            self._text = self._metrics()
            ended = self._timer()
            self._good_until = ended + _SHARE * (ended - started)
        return self._text
