"""What a worker does with complete requests: route, authenticate, decode, run, answer.

Stages 1-3 and 11 of a call (design §5); the others are operations/pipeline.py. Requests are first
made coherent with the store: credentials that another worker has just withdrawn must not sign.

The requests of a tick go through each stage together, one stage after the other: that way a stage
finds its code and data in the processor's caches (ADR 0017: 2.8 of 23 us at 32 requests a tick).
"""

import secrets
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

import msgspec

from regionkms.identity.caller import CallerIdentity, root_caller
from regionkms.identity.sigv4 import Repeat, SignatureVerifier, Verified
from regionkms.identity.sigv4.values import KMS, STS
from regionkms.model.errors import (
    AccessDeniedException,
    InvalidSignatureException,
    KmsError,
    KMSInternalException,
    ThrottlingException,
    UnknownOperationException,
)
from regionkms.model.shape import Shape
from regionkms.operations.call import Call
from regionkms.operations.pipeline import Pipeline
from regionkms.operations.region import Region
from regionkms.policy.request import IdentityVerdict
from regionkms.ports.metrics import Metrics, Outcome
from regionkms.ports.operation import Operation
from regionkms.wire import query
from regionkms.wire.client_address import ClientAddress
from regionkms.wire.errors import answer_json
from regionkms.wire.http import Exchange, format_response
from regionkms.wire.http_exchange import log_failure
from regionkms.wire.http_response import STATUS_LINES
from regionkms.wire.json11 import DECODERS, TARGET_PREFIX
from regionkms.wire.pages import Pages

_TARGET: Final = b"x-amz-target"
_PREFIX: Final = TARGET_PREFIX.encode()
_USER_AGENT: Final = b"user-agent"
_HEAD: Final = b"Content-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: %b\r\n%b"
_SUCCESS: Final = STATUS_LINES[200] + _HEAD + b"Content-Length: %d\r\n\r\n%b"
_EMPTY: Final = b"{}"
_UNSIGNED: Final = "Unauthenticated"
_ALLOW: Final = IdentityVerdict.ALLOW
_OK: Final = Outcome.SUCCESS
_encode: Final = msgspec.json.Encoder().encode

MAX_TOGETHER: Final = 64
"""Requests that go through the stages together: more of them would not fit in the caches."""

_OUTCOMES: Final[Mapping[type[KmsError], Outcome]] = {
    AccessDeniedException: Outcome.DENIED,
    ThrottlingException: Outcome.THROTTLED,
}


def request_ids() -> Iterator[str]:
    """Request ids in the form of a UUID: random once per process, then counted (0.2 us)."""
    digits = secrets.token_hex(10)
    form = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-%012x"
    return map(form.__mod__, count(1))


class _Route(msgspec.Struct, frozen=True):
    """Where X-Amz-Target leads: an operation that is offered, and the reader of its requests."""

    operation: Operation
    decode: Callable[[bytes], Shape]


class _Signed(msgspec.Struct, frozen=True):
    """What the head of an authenticated request says."""

    operation: Operation
    decode: Callable[[bytes], Shape]
    caller: CallerIdentity
    user_agent: str


class _Alike(msgspec.Struct, frozen=True):
    """What a pattern of heads keeps: what they say, and how to check their signatures."""

    signed: _Signed
    repeat: Repeat


class App:
    """The handler of every request of one worker.

    Args:
        region: What operations may use.
        operations: The operations offered, by name.
        pipeline: Runs calls.
        verifier: Checks signatures.
        metrics: Of this process.
        pages: Health and metrics, which need no signature.
        address: Tells a client's address, also behind trusted proxies.
        date_line: The `Date:` line of answers.
        spawn: Starts a task in the node's TaskGroup.
    """

    def __init__(
        self,
        *,
        region: Region,
        operations: Mapping[str, Operation],
        pipeline: Pipeline,
        verifier: SignatureVerifier,
        metrics: Metrics,
        pages: Pages,
        address: ClientAddress,
        date_line: Callable[[], bytes],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._region = region
        self._keys = region.keys
        self._machine_now = region.clock.machine_now
        self._routes: Final = {
            _PREFIX + name.encode(): _Route(operation, DECODERS[name])
            for name, operation in operations.items()
        }
        self._pipeline = pipeline
        self._verifier = verifier
        self._verify_repeat = verifier.verify_repeat
        self._observe = metrics.observe
        self._pages = pages
        self._address = address
        self._direct = address.direct
        self._date_line = date_line
        self._spawn = spawn
        self._request_ids = request_ids()
        self._callers: dict[str, CallerIdentity] = {}

    def serve(self, exchanges: Sequence[Exchange]) -> None:
        """Serve the requests of a tick: answer now, or later from tasks."""
        exchanges = [each for each in exchanges if each.method == "POST" or not self._page(each)]
        # Read after the last of them has come: what was committed before is seen by each.
        arrival = self._keys.arrive()
        if self._keys.caught_up < arrival:
            self._spawn(self._catch_up(exchanges, arrival))
            return
        self._serve_all(exchanges, arrival)

    def _serve_all(self, exchanges: Sequence[Exchange], arrival: int) -> None:
        for start in range(0, len(exchanges), MAX_TOGETHER):
            self._serve(exchanges[start : start + MAX_TOGETHER], arrival)

    def _page(self, exchange: Exchange) -> bool:
        """Answer a page, whatever the store does; False where none is asked for."""
        if not self._pages.answers(exchange.target):
            return False
        try:
            self._pages.answer(exchange)
        except Exception as fault:  # noqa: BLE001 - the others of the tick must go on
            self._fail(exchange, fault)
        return True

    async def _catch_up(self, exchanges: Sequence[Exchange], arrival: int) -> None:
        """Wait until credentials and keys are as of the requests' arrival; then serve them."""
        try:
            while self._keys.behind(arrival):
                await self._keys.refresh()
            self._serve_all(exchanges, arrival)
        except Exception as fault:  # noqa: BLE001 - a task root: nobody else answers these
            for exchange in exchanges:
                if not exchange.answered:
                    self._fail(exchange, fault)

    def _serve(self, exchanges: Sequence[Exchange], arrival: int) -> None:
        """Take requests through the stages, all of them through one before the next."""
        now, verify_repeat = self._machine_now(), self._verify_repeat
        signed: list[tuple[Exchange, _Signed]] = []
        for exchange in exchanges:
            pattern = exchange.pattern
            alike: _Alike | None = None if pattern is None else pattern.memo
            try:
                head = (
                    alike.signed
                    if alike is not None
                    and verify_repeat(alike.repeat, exchange.values, exchange.body, now)
                    else self._authenticate(exchange, now)
                )
            except KmsError as error:
                name = "" if type(error) is UnknownOperationException else _UNSIGNED
                self._answer_error(exchange, error, next(self._request_ids), name)
            except Exception as fault:  # noqa: BLE001 - the others of the tick must go on
                self._fail(exchange, fault)
            else:
                if head is not None:
                    signed.append((exchange, head))
        calls: list[Call] = []
        for exchange, head in signed:
            try:
                calls.append(self._call(exchange, head, arrival))
            except Exception as fault:  # noqa: BLE001 - the others of the tick must go on
                self._fail(exchange, fault)
        self._pipeline.start(calls, self._finish)

    def _authenticate(self, exchange: Exchange, now: float) -> _Signed | None:
        """Stages 1 and 2: who asks, and what for; None if the request was answered."""
        headers = exchange.headers
        target = headers.get(_TARGET)
        if target is None:
            self._serve_query(exchange, now)
            return None
        verified = self._verifier.verify(exchange, now)
        if verified.service != KMS:
            raise _wrong_service(KMS)
        route = self._routes.get(target)
        if route is None:
            raise UnknownOperationException(_not_offered(target))
        caller = self._callers.get(verified.access_key_id)
        if caller is None or caller.principal.account_id != verified.account_id:
            caller = self._caller(verified)
        user_agent = headers.get(_USER_AGENT, b"").decode("latin-1")
        signed = _Signed(route.operation, route.decode, caller, user_agent)
        pattern = exchange.pattern
        if pattern is not None:
            repeat = self._verifier.repeat_of(exchange, pattern.names)
            pattern.memo = None if repeat is None else _Alike(signed, repeat)
        return signed

    def _call(self, exchange: Exchange, head: _Signed, arrival: int) -> Call:
        """Stage 3: the request, or why it can't be read."""
        request, refusal = None, None
        try:
            request = head.decode(exchange.body)
        except KmsError as error:
            refusal = error
        connection = exchange.connection
        return Call(
            operation=head.operation,
            request=request,
            caller=head.caller,
            identity=_ALLOW,
            region=self._region,
            request_id=next(self._request_ids),
            source_ip=connection.peer if self._direct else self._address.of(exchange),
            user_agent=head.user_agent,
            secure_transport=connection.scheme == "https",
            arrival=arrival,
            error=refusal,
            ticket=exchange,
        )

    def _caller(self, verified: Verified) -> CallerIdentity:
        caller = root_caller(verified, self._region.name)
        self._callers[verified.access_key_id] = caller
        return caller

    def _finish(self, ended: Sequence[Call]) -> None:
        """Stage 11: the answers, held until the end of the loop's tick."""
        date_line, now_ns = self._date_line(), time.perf_counter_ns()
        for call in ended:
            exchange: Exchange = call.ticket
            try:
                if call.error is not None:
                    self._answer_error(exchange, call.error, call.request_id, call.operation.name)
                    continue
                body = _EMPTY if call.response is None else _encode(call.response)
                exchange.respond(_SUCCESS % (call.request_id.encode(), date_line, len(body), body))
                self._observe(call.operation.name, _OK, now_ns - exchange.arrived_ns)
            except Exception as fault:  # noqa: BLE001 - the others of the tick must go on
                self._fail(exchange, fault)

    def _answer_error(
        self, exchange: Exchange, error: KmsError, request_id: str, name: str
    ) -> None:
        answer = answer_json(error)
        head = _HEAD % (request_id.encode(), self._date_line())
        exchange.respond(format_response(answer.status, head, answer.body))
        server = Outcome.SERVER_ERROR if error.fault == "server" else Outcome.CLIENT_ERROR
        elapsed = time.perf_counter_ns() - exchange.arrived_ns
        self._observe(name, _OUTCOMES.get(type(error), server), elapsed)

    def _fail(self, exchange: Exchange, fault: Exception) -> None:
        """Answer a request that met something unexpected outside of its call."""
        request_id = next(self._request_ids)
        log_failure("a request could not be served", fault, request_id)
        if exchange.answered:
            return
        error = KMSInternalException(
            f"The request could not be served. Request id {request_id}. Retry the request."
        )
        self._answer_error(exchange, error, request_id, _UNSIGNED)

    def _serve_query(self, exchange: Exchange, now: float) -> None:
        """Answer a request in the Query protocol: who am I (STS GetCallerIdentity)."""
        request_id = next(self._request_ids)
        head = f"Content-Type: {query.CONTENT_TYPE}\r\nx-amzn-RequestId: {request_id}\r\n".encode()
        outcome = Outcome.SUCCESS
        try:
            verified = self._verifier.verify(exchange, now)
            if verified.service != STS:
                raise _wrong_service(STS)
            _, _, query_string = exchange.target.partition(b"?")
            asked = query.parse(verified.service, query_string, exchange.body)
            caller = self._caller(verified)
            members = {
                "Arn": caller.arn,
                "UserId": caller.principal_id,
                "Account": str(caller.account_id),
            }
            body = query.encode_result(asked.action, members, request_id)
            exchange.respond(format_response(200, head, body))
        except KmsError as error:
            outcome = Outcome.CLIENT_ERROR
            answer = query.answer_error(error, STS, request_id)
            exchange.respond(format_response(answer.status, head, answer.body))
        elapsed = time.perf_counter_ns() - exchange.arrived_ns
        self._observe("GetCallerIdentity", outcome, elapsed)


def _wrong_service(service: str) -> InvalidSignatureException:
    """A signature for one service must not open another one's door on the same endpoint."""
    return InvalidSignatureException(
        f"Credential should be scoped to correct service: '{service}'."
    )


def _not_offered(target: bytes) -> str:
    """Why there is no route for X-Amz-Target."""
    name = target[len(_PREFIX) :].decode("latin-1") if target.startswith(_PREFIX) else ""
    if name not in DECODERS:
        return "The operation named by X-Amz-Target does not exist."
    return f"This Region does not offer the operation {name}."
