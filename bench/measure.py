"""One run: a client on its core, a server on its own; answers counted, CPU time read."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.load import drive
from bench.servers import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run saw.

    Attributes:
        cpu_us: CPU time of the server per answer, in microseconds.
        per_second: Answers in a second.
        p50_us: Median latency at the client, in microseconds.
        p99_us: 99th percentile of it.
    """

    cpu_us: float
    per_second: float
    p50_us: float
    p99_us: float


def run(server: Server, requests: Sequence[bytes], *, connections: int, seconds: float) -> Sample:
    """Send requests in turn and measure.

    Raises:
        RuntimeError: An answer was not a success.
    """
    context = server.client_context
    before = server.cpu_ns()
    result = drive(
        "127.0.0.1",
        server.port,
        requests,
        connections=connections,
        seconds=seconds,
        context=context,
    )
    used_ns = server.cpu_ns() - before
    if result.refused or not result.answers:
        raise RuntimeError(
            f"{server.name} refused {result.refused} requests: {result.first_refusal[:400]!r}"
        )
    return Sample(
        cpu_us=used_ns / 1000 / result.answers,
        per_second=result.per_second,
        p50_us=result.latency_us(0.50),
        p99_us=result.latency_us(0.99),
    )
