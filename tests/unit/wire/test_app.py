"""The requests of a tick are served together, and none of them is another one's trouble."""

import asyncio
from collections.abc import Coroutine, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from regionkms.identity.sigv4 import SignatureVerifier, signing_scope
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import RegionName
from regionkms.operations import OPERATIONS
from regionkms.operations.call import Call
from regionkms.operations.pipeline import Finish
from regionkms.wire.app import App
from regionkms.wire.http_exchange import Exchange
from regionkms.wire.pages import Pages
from tests.support.access_keys import FixedAccessKeys
from tests.support.both_verifiers import KEY, NOW, SIGNER
from tests.support.metrics import InMemoryMetrics
from tests.support.signing import RawRequest, kms_request


class Verifier(SignatureVerifier):
    """Fails on one body as no verifier should."""

    def verify(self, request: Any, now: float) -> Any:
        if request.body == b"{}":
            raise ValueError("a fault of ours")
        return super().verify(request, now)


class Address:
    """Fails on one client as no address should."""

    direct = False

    def of(self, exchange: Exchange) -> str:
        if b"x-forwarded-for" in exchange.headers:
            raise ValueError("a fault of ours")
        return exchange.peer


class Calls:
    """A pipeline that ends every call with what a test says."""

    def __init__(self) -> None:
        self.ticks: list[list[Call]] = []
        self.responses: dict[str, object] = {}

    def start(self, calls: Sequence[Call], finish: Finish) -> None:
        self.ticks.append(list(calls))
        for call in calls:
            call.response = self.responses.get(call.operation.name)
            if call.operation.name == "Decrypt":
                call.fail(InvalidCiphertextException())
        finish(calls)


class World:
    def __init__(self, *, caught_up: int = 1) -> None:
        self.calls = Calls()
        self.spawned: list[Coroutine[Any, Any, None]] = []
        keys = SimpleNamespace(arrive=lambda: 1, caught_up=caught_up)
        clock = SimpleNamespace(machine_now=lambda: NOW)
        region = SimpleNamespace(name=RegionName("us-east-1"), keys=keys, clock=clock)
        self.app = App(
            region=cast("Any", region),
            operations=OPERATIONS,
            pipeline=cast("Any", self.calls),
            verifier=Verifier(
                scope=signing_scope(RegionName("us-east-1")), directory=FixedAccessKeys(KEY)
            ),
            metrics=InMemoryMetrics(),
            pages=Pages(ready=lambda: None, metrics=_no_metrics),
            address=cast("Any", Address()),
            date_line=lambda: b"",
            spawn=self.spawned.append,
        )

    def serve(self, *requests: RawRequest) -> list[bytes]:
        """Answers to the requests of one tick, in their order; empty where there is none yet."""
        answers: dict[int, bytes] = {}
        held: list[tuple[Exchange, bytes]] = []
        traffic = SimpleNamespace(due=True, held=held)
        connection: Any = SimpleNamespace(traffic=traffic, peer="192.0.2.1", scheme="http")
        exchanges = [
            Exchange(connection, each.method, each.target, dict(each.headers), each.body)
            for each in requests
        ]
        self.app.serve(exchanges)
        answers = {id(exchange): answer for exchange, answer in held}
        return [answers.get(id(exchange), b"") for exchange in exchanges]


def _no_metrics() -> bytes:
    raise OSError("the memory is gone")


def signed(operation: str, body: bytes = b'{"NumberOfBytes":1}') -> RawRequest:
    return kms_request(SIGNER, operation, body, at=NOW)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_fault_with_one_request_leaves_the_others_of_its_tick_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    answers = world.serve(
        signed("GenerateRandom"),
        signed("GenerateRandom", b"{}"),
        signed("Decrypt"),
        RawRequest(),
        signed("NoSuchOperation"),
        signed("GenerateRandom").with_header(b"x-forwarded-for", b"?"),
        RawRequest(method="GET", target=b"/metrics"),
        signed("GenerateRandom"),
    )
    assert [status_of(answer) for answer in answers] == [200, 500, 400, 403, 400, 500, 500, 200]
    assert b"KMSInternalException" in answers[1]
    assert b"a fault of ours" not in answers[1]
    assert "ValueError" in caplog.text
    [calls] = world.calls.ticks
    assert len({call.request_id for call in calls}) == len(calls) == 3


def test_a_response_that_cannot_be_written_fails_alone() -> None:
    world = World()
    world.calls.responses["GenerateRandom"] = object()
    answers = world.serve(signed("GenerateRandom"), signed("ListAliases", b'{"Limit":1}'))
    assert [status_of(answer) for answer in answers] == [500, 200]


def test_health_is_told_while_the_store_is_behind() -> None:
    world = World(caught_up=0)
    healthy, waiting = world.serve(
        RawRequest(method="GET", target=b"/healthz"), signed("GenerateRandom")
    )
    assert status_of(healthy) == 200
    assert waiting == b""
    [task] = world.spawned
    assert asyncio.iscoroutine(task)
    task.close()


def test_more_requests_than_go_together_are_served_all_the_same() -> None:
    world = World()
    answers = world.serve(*[signed("GenerateRandom")] * 150)
    assert {status_of(answer) for answer in answers} == {200}
    assert [len(calls) for calls in world.calls.ticks] == [64, 64, 22]
