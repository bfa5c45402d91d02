"""What a worker does with a complete request: route, authenticate, decode, run, answer.

Stages 1-3 and 11 of a call (design §5); the others are operations/pipeline.py. A request is first
made coherent with the store: credentials that another worker has just withdrawn must not sign.
"""

import secrets
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from itertools import count
from typing import Any, Final

import msgspec

from regionkms.identity.caller import CallerIdentity, root_caller
from regionkms.identity.sigv4 import SignatureVerifier, Verified
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


class _Ticket(msgspec.Struct, frozen=True):
    """What the answer to a call needs: its place, and when the request came."""

    exchange: Exchange
    started_ns: int


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
        self._verify = verifier.verify
        self._observe = metrics.observe
        self._pages = pages
        self._address = address
        self._direct = address.direct
        self._date_line = date_line
        self._spawn = spawn
        self._request_ids = request_ids()
        self._callers: dict[str, CallerIdentity] = {}

    def handle(self, exchange: Exchange) -> None:
        """Take one complete request; answer now, or later from a task."""
        started = time.perf_counter_ns()
        if exchange.method != "POST" and self._pages.answers(exchange.target):
            self._pages.answer(exchange)
            return
        arrival = self._keys.arrive()
        if self._keys.caught_up < arrival:
            self._spawn(self._catch_up(exchange, started, arrival))
        else:
            self._serve(exchange, started, arrival)

    async def _catch_up(self, exchange: Exchange, started: int, arrival: int) -> None:
        """Wait until credentials and keys are as of the request's arrival; then serve it."""
        request_id = next(self._request_ids)
        try:
            while self._keys.behind(arrival):
                await self._keys.refresh()
            self._serve(exchange, started, arrival)
        except Exception as fault:  # noqa: BLE001 - a task root
            log_failure("a request could not be served", fault, request_id)
            if exchange.answered:
                return
            error = KMSInternalException(
                f"The key store of this Region did not answer. Request id {request_id}."
            )
            self._answer_error(_Ticket(exchange, started), error, request_id, _UNSIGNED)

    def _serve(self, exchange: Exchange, started: int, arrival: int) -> None:
        request_id = next(self._request_ids)
        headers = exchange.headers
        target = headers.get(_TARGET)
        if target is None:
            self._serve_query(exchange, request_id, started)
            return
        name = _UNSIGNED
        try:
            verified = self._verify(exchange, self._machine_now())
            if verified.service != KMS:
                raise _wrong_service(KMS)
            route = self._routes.get(target)
            if route is None:
                name = _operation_name(target)
                raise UnknownOperationException(f"This Region does not offer the operation {name}.")
        except KmsError as error:
            self._answer_error(_Ticket(exchange, started), error, request_id, name)
            return
        request, refusal = None, None
        try:
            request = route.decode(exchange.body)
        except KmsError as error:
            refusal = error
        connection = exchange.connection
        caller = self._callers.get(verified.access_key_id)
        if caller is None or caller.principal.account_id != verified.account_id:
            caller = self._caller(verified)
        call = Call(
            operation=route.operation,
            request=request,
            caller=caller,
            identity=_ALLOW,
            region=self._region,
            request_id=request_id,
            source_ip=connection.peer if self._direct else self._address.of(exchange),
            user_agent=headers.get(_USER_AGENT, b"").decode("latin-1"),
            secure_transport=connection.scheme == "https",
            arrival=arrival,
            ticket=_Ticket(exchange, started),
        )
        if refusal is None:
            self._pipeline.start(call, self._finish)
        else:
            self._pipeline.refuse(call, refusal, self._finish)

    def _caller(self, verified: Verified) -> CallerIdentity:
        caller = root_caller(verified, self._region.name)
        self._callers[verified.access_key_id] = caller
        return caller

    def _finish(self, call: Call, response: Any, error: KmsError | None) -> None:
        """Stage 11: the answer, held until the end of the loop's tick."""
        ticket: _Ticket = call.ticket
        if error is not None:
            self._answer_error(ticket, error, call.request_id, call.operation.name)
            return
        body = _EMPTY if response is None else _encode(response)
        ticket.exchange.respond(
            _SUCCESS % (call.request_id.encode(), self._date_line(), len(body), body)
        )
        elapsed = time.perf_counter_ns() - ticket.started_ns
        self._observe(call.operation.name, _OK, elapsed)

    def _answer_error(self, ticket: _Ticket, error: KmsError, request_id: str, name: str) -> None:
        answer = answer_json(error)
        head = _HEAD % (request_id.encode(), self._date_line())
        ticket.exchange.respond(format_response(answer.status, head, answer.body))
        server = Outcome.SERVER_ERROR if error.fault == "server" else Outcome.CLIENT_ERROR
        elapsed = time.perf_counter_ns() - ticket.started_ns
        self._observe(name, _OUTCOMES.get(type(error), server), elapsed)

    def _serve_query(self, exchange: Exchange, request_id: str, started: int) -> None:
        """Answer a request in the Query protocol: who am I (STS GetCallerIdentity)."""
        head = f"Content-Type: {query.CONTENT_TYPE}\r\nx-amzn-RequestId: {request_id}\r\n".encode()
        outcome = Outcome.SUCCESS
        try:
            verified = self._verify(exchange, self._machine_now())
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
        self._observe("GetCallerIdentity", outcome, time.perf_counter_ns() - started)


def _wrong_service(service: str) -> InvalidSignatureException:
    """A signature for one service must not open another one's door on the same endpoint."""
    return InvalidSignatureException(
        f"Credential should be scoped to correct service: '{service}'."
    )


def _operation_name(target: bytes) -> str:
    """The operation that X-Amz-Target names.

    Raises:
        UnknownOperationException: It names none of KMS.
    """
    name = target[len(_PREFIX) :].decode("latin-1") if target.startswith(_PREFIX) else ""
    if name not in DECODERS:
        raise UnknownOperationException("The operation named by X-Amz-Target does not exist.")
    return name
