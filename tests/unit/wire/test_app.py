"""The requests of a tick are served together, and none of them is another one's trouble."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from regionkms.identity.sigv4 import SignatureVerifier, signing_scope
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import AccountId, RegionName
from regionkms.operations import OPERATIONS
from regionkms.operations.call import Call
from regionkms.operations.pipeline import Finish
from regionkms.wire.app import App
from regionkms.wire.http_exchange import Exchange
from regionkms.wire.http_pattern import Pattern, pattern_of
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
        self.fault: Exception | None = None

    def start(self, calls: Sequence[Call], finish: Finish) -> None:
        self.ticks.append(list(calls))
        if self.fault is not None:
            raise self.fault
        for call in calls:
            call.response = self.responses.get(call.operation.name)
            if call.operation.name == "Decrypt":
                call.fail(InvalidCiphertextException())
        finish(calls)


class World:
    def __init__(self, *, caught_up: int = 1) -> None:
        self.calls = Calls()
        self.spawned: list[Coroutine[Any, Any, None]] = []
        self.directory = FixedAccessKeys(KEY)
        keys = SimpleNamespace(
            arrive=lambda: 1, caught_up=caught_up, behind=lambda arrival: arrival > 1
        )
        clock = SimpleNamespace(machine_now=lambda: NOW)
        region = SimpleNamespace(name=RegionName("us-east-1"), keys=keys, clock=clock)
        self.app = App(
            region=cast("Any", region),
            operations=OPERATIONS,
            pipeline=cast("Any", self.calls),
            verifier=Verifier(
                scope=signing_scope(RegionName("us-east-1")), directory=self.directory
            ),
            metrics=InMemoryMetrics(),
            pages=Pages(ready=lambda: None, metrics=_no_metrics),
            address=cast("Any", Address()),
            date_line=lambda: b"",
            spawn=self.spawned.append,
        )

    def serve(self, *requests: RawRequest) -> list[bytes]:
        """Answers to the requests of one tick, in their order; empty where there is none yet."""
        exchanges, held = self.arrive(*requests)
        answers = {id(exchange): answer for exchange, answer in held}
        return [answers.get(id(exchange), b"") for exchange in exchanges]

    def arrive(
        self,
        *requests: RawRequest,
        pattern: Pattern | None = None,
        values: tuple[bytes, ...] = (),
    ) -> tuple[list[Exchange], list[tuple[Exchange, bytes]]]:
        """Serve a tick; its requests, and the answers with theirs as they come."""
        held: list[tuple[Exchange, bytes]] = []
        traffic = SimpleNamespace(due=True, held=held)
        connection: Any = SimpleNamespace(traffic=traffic, peer="192.0.2.1", scheme="http")
        exchanges = [
            Exchange(
                connection,
                each.method,
                each.target,
                dict(each.headers) if pattern is None else None,
                each.body,
                pattern=pattern,
                values=values,
            )
            for each in requests
        ]
        self.app.serve(exchanges)
        return exchanges, held


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


async def test_requests_that_waited_for_the_store_are_answered_whatever_fails_then() -> None:
    world = World(caught_up=0)
    requests = signed("GenerateRandom"), RawRequest()
    exchanges, held = world.arrive(*requests)
    [task] = world.spawned
    world.calls.fault = ValueError("a fault of ours")
    await task
    answers = {id(exchange): answer for exchange, answer in held}
    assert [status_of(answers[id(exchange)]) for exchange in exchanges] == [500, 403]


def test_what_a_pattern_keeps_ends_with_the_credentials_that_it_was_kept_of() -> None:
    world = World()
    alike = signed("GenerateRandom")
    data = alike.to_http()
    pattern = pattern_of(data, method="POST", target=b"/", headers=alike.headers)
    assert pattern is not None
    values = pattern.read(data)
    assert values is not None

    def serve() -> tuple[int, list[Call]]:
        world.calls.ticks.clear()
        exchanges, held = world.arrive(alike, pattern=pattern, values=values)
        assert [exchange for exchange, _ in held] == exchanges
        return status_of(held[0][1]), world.calls.ticks[0]

    status, [first] = serve()
    memo = pattern.memo
    status, [second] = serve()
    assert status == 200
    assert pattern.memo is memo is not None
    assert first.caller is second.caller
    world.directory.put(replace(KEY, account_id=AccountId("444455556666")))
    _, [third] = serve()
    assert third.account_id == "444455556666"
    world.directory.remove(KEY.access_key_id)
    assert serve() == (400, [])


def test_more_requests_than_go_together_are_served_all_the_same() -> None:
    world = World()
    answers = world.serve(*[signed("GenerateRandom")] * 150)
    assert {status_of(answer) for answer in answers} == {200}
    assert [len(calls) for calls in world.calls.ticks] == [64, 64, 22]


def test_requests_that_waited_for_the_store_go_together_in_the_same_numbers() -> None:
    world = World(caught_up=0)
    assert set(world.serve(*[signed("GenerateRandom")] * 150)) == {b""}
    [task] = world.spawned
    asyncio.run(task)
    assert [len(calls) for calls in world.calls.ticks] == [64, 64, 22]
