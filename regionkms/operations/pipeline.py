"""The stages of a call (design §5, steps 4-10), in one order for every operation.

 4. resolve the key identifier, silently        resolve.py, KeyCache
 5. request quota and hot-key limiter           charging.py
 6. authorize                                   authorize.py
 7. key state                                   model/key_state.py
 8. the operation's handler
 9. DryRun stops here                           Call.stop_if_dry_run
10. audit record                                audit/record.py

Steps 1-3 (HTTP, authentication, decoding) and 11 (the answer) are wire's. A DATA call runs to its
end without await; where memory can't answer it is run again after the store was read. It changes
nothing, so a DryRun runs it whole and drops what it made: only a call that would succeed says so
(spec 04 §11). Everything that is not a KmsError becomes one here, with the request id in the log
and nothing else outside.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

from regionkms.model.errors import (
    AuditUnavailable,
    CoordinatorUnavailable,
    DependencyTimeoutException,
    Fault,
    KmsError,
    KMSInternalException,
    OutcomeUnknown,
)
from regionkms.operations.authorize import (
    authorize_key,
    ciphertext_target,
    require_identity,
    resolve_for,
)
from regionkms.operations.call import Call
from regionkms.operations.charging import charge
from regionkms.operations.key_cache import Miss
from regionkms.operations.resolve import Target
from regionkms.operations.settled import pass_as_settled, settle
from regionkms.ports.operation import Plane, Resource

_log = logging.getLogger(__name__)

_MAX_RUNS: Final = 16
"""Times that a call is run again because memory lacked something; each run finds more."""
_DEPENDENCIES: Final = (CoordinatorUnavailable, OutcomeUnknown)

# Members of enumerations that each request asks for: a global is found in a third of the time.
_CONTROL: Final = Plane.CONTROL
_NONE: Final = Resource.NONE
_COMPOSITE: Final = Resource.COMPOSITE
_CIPHERTEXT: Final = Resource.CIPHERTEXT
_KEY_OR_ALIAS: Final = Resource.KEY_OR_ALIAS

Finish = Callable[[Sequence[Call]], None]
"""Takes calls that have ended, each once: with `error`, or else with `response`."""
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Pipeline:
    """Runs calls of one Region.

    Args:
        spawn: Starts a task in the node's TaskGroup.
    """

    def __init__(self, *, spawn: Spawn) -> None:
        self._spawn = spawn

    def start(self, calls: Sequence[Call], finish: Finish) -> None:
        """Run calls that came together.

        Args:
            calls: All of one Region. One that has its error already, because its request can't be
                read, is charged and recorded like any other.
            finish: Called before this returns with those that memory can answer, and from tasks
                with the others.
        """
        ended: list[Call] = []
        event_time = calls[0].region.clock.now() if calls else 0.0
        for call in calls:
            call.event_time = event_time
            try:
                if call.error is not None:
                    charge(call, None)
                elif call.operation.plane is _CONTROL:
                    self._spawn(self._run(call, _checked_and_handled(call), finish))
                    continue
                else:
                    call.response = run_data(call)
            except Miss as miss:
                self._spawn(self._run(call, _with_store(call, miss, run_data), finish))
                continue
            except KmsError as error:
                call.fail(error)
            except Exception as fault:  # noqa: BLE001 - the one place where the unexpected ends
                call.fail(as_kms_error(call, fault))
            ended.append(call)
        if ended:
            self._end(ended, finish)

    async def _run(self, call: Call, work: Awaitable[Any], finish: Finish) -> None:
        try:
            call.response = await work
        except KmsError as error:
            call.fail(error)
        except Exception as fault:  # noqa: BLE001 - a task root
            call.fail(as_kms_error(call, fault))
        self._end([call], finish)

    def _end(self, calls: Sequence[Call], finish: Finish) -> None:
        """Stage 10: the records stand before the answers go out (design §5b)."""
        region = calls[0].region
        records_of, append = region.recorder.records, region.audit.append
        for call in calls:
            if call.recorded:
                continue
            try:
                for record in records_of(call):
                    append(record)
            except Exception as fault:  # noqa: BLE001 - no success without a record, and no task ends the worker
                call.fail(as_kms_error(call, fault))
        finish(calls)


async def _checked_and_handled(call: Call) -> Any:
    await _with_store(call, None, check)
    return await call.operation.handler(call)


def run_data(call: Call) -> Any:
    """Stages 4 to 9 of a DATA call, in memory.

    Raises:
        KmsError: The call's answer.
        Miss: Memory can't answer.
    """
    if not pass_as_settled(call):
        check(call)
    operation = call.operation
    response = operation.handler(call)
    if operation.dry_run and call.request.dry_run:
        call.stop_if_dry_run()
    return response


def check(call: Call) -> None:
    """Stages 4 to 7.

    Raises:
        KmsError: The call's answer.
        Miss: Memory can't answer.
    """
    operation = call.operation
    if operation.resource is _NONE:
        charge(call, None)
        require_identity(call, operation.permission)
    elif operation.resource is not _COMPOSITE:
        _check_key(call)
    elif operation.plane is _CONTROL:
        charge(call, None)


def _check_key(call: Call) -> None:
    operation = call.operation
    try:
        target = _target(call)
    except KmsError:
        charge(call, None)
        raise
    charge(call, target.key)
    if target.key is not None and target.account_id == call.account_id:
        call.resources = target.key.touched
    call.loaded = key = authorize_key(call, operation.permission, target)
    # A stranger's call reaches the owner's log, and names the key, only once it is allowed.
    call.resources = key.touched
    if operation.checks_state:
        key.check_state(operation.name)
    settle(call)


def _target(call: Call) -> Target:
    operation = call.operation
    identifier = getattr(call.request, operation.key_member)
    if operation.resource is _CIPHERTEXT:
        return ciphertext_target(call, identifier, call.request.ciphertext_blob)
    return resolve_for(call, identifier, accepts_alias=operation.resource is _KEY_OR_ALIAS)


async def _with_store(call: Call, miss: Miss | None, run: Callable[[Call], Any]) -> Any:
    """Run until memory can answer, reading the store in between."""
    for _ in range(_MAX_RUNS):
        if miss is not None:
            await miss.resolve()
        try:
            call.region.keys.require(call.arrival)
            return run(call)
        except Miss as again:
            miss = again
    raise KMSInternalException("The key store is changing too fast. Retry the request.")


def as_kms_error(call: Call, fault: BaseException) -> KmsError:
    """What a caller sees of a fault of ours; the rest is in the log under the request id."""
    known = isinstance(fault, Fault)
    _log.error(
        "%s failed",
        call.operation.name,
        exc_info=None if known else fault,
        extra={
            "request_id": call.request_id,
            "fault": type(fault).__name__,
            "reason": str(fault) if known else "",
        },
    )
    if isinstance(fault, AuditUnavailable) and call.recorded:
        return KMSInternalException(
            f"The change was made and its audit record is not durable yet. Request id "
            f"{call.request_id}."
        )
    if isinstance(fault, AuditUnavailable):
        return KMSInternalException(
            f"The call could not be recorded and is refused. Request id {call.request_id}."
        )
    if isinstance(fault, _DEPENDENCIES):
        return DependencyTimeoutException(
            f"A dependency did not answer in time; the outcome is not known. Request id "
            f"{call.request_id}."
        )
    return KMSInternalException(
        f"An internal error occurred. Request id {call.request_id}. Retry the request."
    )
