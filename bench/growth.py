"""100,000 keys against 100: data-plane cost, start and memory."""

import random
from collections.abc import Sequence
from dataclasses import replace

from bench.calls import bodies_of, sign_all
from bench.figures import Growth, best
from bench.load import drive
from bench.measure import Sample, run
from bench.servers import Server, node_server

FEW = 100
MANY = 100_000
CONNECTIONS = 32
TRIES = 3
_SIGN_AT_ONCE = 5_000


def growth(*, few: int = FEW, many: int = MANY, rounds: int, seconds: float) -> Growth:
    """Use every key once, then keys at random, and compare."""
    with node_server(keys=few) as small, node_server(keys=many) as large:
        use_each(small)
        first_use_us = use_each(large)
        pairs = [(_random_use(small, seconds), _random_use(large, seconds)) for _ in range(rounds)]
        return Growth(
            few=few,
            many=many,
            few_sample=best([below for below, _ in pairs]),
            many_sample=best([above for _, above in pairs]),
            ratios=[below.cpu_us / above.cpu_us for below, above in pairs],
            start_s=large.start_s,
            memory_mb=large.memory_mb(),
            first_use_us=first_use_us,
        )


def use_each(server: Server) -> float:
    """Encrypt once under each key; returns the CPU of one such call in microseconds."""
    used_ns = server.cpu_ns()
    for start in range(0, len(server.keys), _SIGN_AT_ONCE):
        some = replace(server, keys=server.keys[start : start + _SIGN_AT_ONCE])
        requests = sign_all(some, "Encrypt", bodies_of(some, "Encrypt", len(some.keys)))
        _send_once(server, requests)
    return (server.cpu_ns() - used_ns) / 1000 / len(server.keys)


def _send_once(server: Server, requests: Sequence[bytes]) -> None:
    refusal = b""
    for _ in range(TRIES):  # a disk that stalls for a second fails what waits; clients retry
        result = drive(
            "127.0.0.1", server.port, requests, connections=CONNECTIONS, seconds=120.0, once=True
        )
        if not result.refused:
            return
        refusal = result.first_refusal
    raise RuntimeError(f"a key could not be used: {refusal[:300]!r}")


def _random_use(server: Server, seconds: float) -> Sample:
    keys = _sample(server.keys)
    some = replace(server, keys=keys)
    requests = sign_all(some, "Encrypt", bodies_of(some, "Encrypt", len(keys)))
    return run(server, requests, connections=CONNECTIONS, seconds=seconds)


def _sample(keys: Sequence[str]) -> list[str]:
    """As many requests on either side, so that the client's memory is no difference."""
    return random.choices(keys, k=_SIGN_AT_ONCE)
