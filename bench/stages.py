"""What each stage of an Encrypt costs alone, in one process, without a network.

The CPU time of a stage is that of the best of many repetitions: its code and data are in the
caches then. What a request costs as a whole is more than the sum, because each stage finds the
caches full of the others.
"""

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.calls import bodies_of, sign_all
from bench.figures import Stage
from bench.inprocess import Collector, Parts, worker_parts
from bench.servers import Server
from bench.store import make_store
from regionkms.audit.chain import START, chain_records
from regionkms.crypto.blob import RANDOM_BYTES
from regionkms.crypto.context import encode_context
from regionkms.identity.caller import CallerIdentity, root_caller
from regionkms.operations import OPERATIONS
from regionkms.operations.call import Call
from regionkms.operations.pipeline import check
from regionkms.operations.settled import pass_as_settled
from regionkms.policy.request import IdentityVerdict
from regionkms.ports.metrics import Outcome
from regionkms.wire.http import Exchange, format_response
from regionkms.wire.http_connection import PlainConnection
from regionkms.wire.json11 import DECODERS

REQUESTS = 320
PER_TICK = 32
REPETITIONS = 60
MOST_POLLS = 5_000
OPERATION = "Encrypt"
_ANSWER = format_response(200, b"", b"")
Connections = Sequence[tuple[PlainConnection, Collector]]


def stages() -> list[Stage]:
    """Measure every stage."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        keys = make_store(directory, keys=20)
        return asyncio.run(_measured(directory, keys))


async def _measured(directory: Path, keys: Sequence[str]) -> list[Stage]:
    async with worker_parts(directory) as parts:
        signing = Server(name="in process", port=8101, pids=(), keys=keys)
        requests = sign_all(signing, OPERATION, bodies_of(signing, OPERATION, REQUESTS))
        connections = [parts.connection() for _ in range(PER_TICK)]
        exchanges = await _warm_up(parts, connections, requests)
        traffic = parts.server.traffic
        traffic.call_soon = lambda _: None  # ticks end where we say
        gc.collect()
        gc.freeze()
        whole = _best(lambda: _serve(parts, connections, requests))
        serve, before_answers = traffic.serve, traffic.before_answers
        traffic.serve, traffic.before_answers = _answer_at_once, lambda: None
        http = _best(lambda: _serve(parts, connections, requests))
        traffic.serve, traffic.before_answers = serve, before_answers
        alone = [Stage(name="HTTP, in and out", cost_us=http), *_alone(parts, exchanges)]
        rest = whole - sum(stage.cost_us for stage in alone)
        return [
            *alone,
            Stage(name="between the stages: dispatch, cold caches", cost_us=rest),
            Stage(name="whole request, without the network", cost_us=whole),
        ]


async def _warm_up(
    parts: Parts, connections: Connections, requests: Sequence[bytes]
) -> list[Exchange]:
    """Bring every key into memory; returns the exchanges of the requests."""
    seen: list[Exchange] = []
    serve = parts.server.traffic.serve

    def keep(exchanges: Sequence[Exchange]) -> None:
        seen.extend(exchanges)
        serve(exchanges)

    parts.server.traffic.serve = keep
    for number, request in enumerate(requests):
        connection, transport = connections[number % PER_TICK]
        connection.data_received(request)
        for _ in range(MOST_POLLS):
            if transport.written:
                break
            await asyncio.sleep(0.001)
        assert transport.written.pop().startswith(b"HTTP/1.1 200")
    parts.server.traffic.serve = serve
    return seen


def _answer_at_once(exchanges: Sequence[Exchange]) -> None:
    for exchange in exchanges:
        exchange.respond(_ANSWER)


def _serve(parts: Parts, connections: Connections, requests: Sequence[bytes]) -> None:
    for start in range(0, REQUESTS, PER_TICK):
        for (connection, _), request in zip(
            connections, requests[start : start + PER_TICK], strict=True
        ):
            connection.data_received(request)
        parts.server.traffic.end_tick()
    for _, transport in connections:
        transport.written.clear()


def _best(work: Callable[[], object], count: int = REQUESTS) -> float:
    """Microseconds of CPU for one of `count` in the best of some repetitions."""
    best_ns = 1 << 62
    for _ in range(REPETITIONS):
        started = time.thread_time_ns()
        work()
        best_ns = min(best_ns, time.thread_time_ns() - started)
    return best_ns / 1000 / count


def _each(function: Callable[..., object], arguments: Sequence[tuple[Any, ...]]) -> float:
    def work() -> None:
        for given in arguments:
            function(*given)

    return _best(work, len(arguments))


def _alone(parts: Parts, exchanges: Sequence[Exchange]) -> list[Stage]:
    region, verifier, decode = parts.region, parts.verifier, DECODERS[OPERATION]
    now = time.time()
    alike = [each for each in exchanges if each.pattern is not None and each.pattern.memo]
    signature = _each(
        lambda repeat, exchange: verifier.verify_repeat(
            repeat, exchange.values, exchange.body, now
        ),
        [(each.pattern.memo.repeat, each) for each in alike if each.pattern is not None],
    )
    decoded = _each(decode, [(exchange.body,) for exchange in exchanges])
    caller = root_caller(verifier.verify(exchanges[0], now), region.name)
    calls = [_call(parts, caller, exchange) for exchange in exchanges]
    contexts = [call.request.encryption_context for call in calls]
    cipher = calls[0].key.current
    assert cipher is not None
    aad, plaintext = encode_context(contexts[0]), calls[0].request.plaintext
    responses = [call.operation.handler(call) for call in calls]
    records = [region.recorder.records(each)[0] for each in calls]
    ticks = [(START, records[at : at + PER_TICK]) for at in range(0, REQUESTS, PER_TICK)]
    costs = {
        "signature": signature,
        "decode and validate": decoded,
        "resolve, authorize, state (settled before), quota": _each(_settled, _single(calls)),
        "encryption context": _each(encode_context, _single(contexts)),
        "key derivation and AES-256-GCM": _each(
            lambda _: cipher.encrypt(plaintext, aad, region.random_bytes(RANDOM_BYTES)),
            _single(calls),
        ),
        "audit record": _each(region.recorder.records, _single(calls)),
        "audit chain (hash)": _each(chain_records, ticks) / PER_TICK,
        "audit write": _audit_write(parts, records),
        "answer": _each(msgspec.json.Encoder().encode, _single(responses)),
        "metrics": _each(
            lambda elapsed: parts.metrics.observe(OPERATION, Outcome.SUCCESS, elapsed),
            [(number,) for number in range(REQUESTS)],
        ),
    }
    costs["audit write"] = max(costs["audit write"] - costs["audit chain (hash)"], 0.0)
    return [Stage(name=name, cost_us=cost) for name, cost in costs.items()]


def _single(values: Sequence[object]) -> list[tuple[object]]:
    return [(value,) for value in values]


def _audit_write(parts: Parts, records: Sequence[bytes]) -> float:
    def work() -> None:
        for at in range(0, REQUESTS, PER_TICK):
            for record in records[at : at + PER_TICK]:
                parts.audit.append(record)
            parts.audit.flush()

    return _best(work)


def _settled(call: Call) -> None:
    call.charged = False
    assert pass_as_settled(call)


def _call(parts: Parts, caller: CallerIdentity, exchange: Exchange) -> Call:
    """The call of an exchange, checked."""
    call = Call(
        operation=OPERATIONS[OPERATION],
        request=DECODERS[OPERATION](exchange.body),
        caller=caller,
        identity=IdentityVerdict.ALLOW,
        region=parts.region,
        request_id="caf82e17-c9a6-6508-b33b-00000000e8a8",
        source_ip=exchange.peer,
        user_agent=exchange.headers[b"user-agent"].decode("latin-1"),
        secure_transport=False,
        event_time=time.time(),
    )
    check(call)
    return call
