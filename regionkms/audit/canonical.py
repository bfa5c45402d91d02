"""The canonical audit record: what each member of spec 02 §3.2 says, in plain code. Pure.

It is built member by member, and is what tests compare the faster encoder with.

A record is one JSON object in printable ASCII: everything else that a client sent, control
characters first of all, is there as a JSON escape, so that no line of the log can move a cursor or
end early.

Source: spec 02 §3.1-3.10, spec 07 §8.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from regionkms.audit.members import Json, request_parameters, response_elements, visible
from regionkms.audit.user_identity import internal_identity, user_identity
from regionkms.model.errors import AccessDeniedException, KmsError
from regionkms.model.ids import AccountId
from regionkms.policy.principal import NO_ACCOUNT, Principal
from regionkms.ports.operation import Operation

EVENT_VERSION: Final = "1.08"
EVENT_SOURCE: Final = "kms.amazonaws.com"
RESOURCE_TYPE: Final = "AWS::KMS::Key"
INTERNAL: Final = "AWS Internal"
"""invokedBy, sourceIPAddress and userAgent of what KMS does by itself."""
MAX_USER_AGENT: Final = 1024
MAX_ERROR_MESSAGE: Final = 2048
MAX_SOURCE_IP: Final = 256

_encode_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Caller(Protocol):
    """What a record tells about who signed; `identity.caller.CallerIdentity` is one."""

    @property
    def principal(self) -> Principal:
        """What policies were decided for."""

    @property
    def access_key_id(self) -> str:
        """The credentials that signed."""


class RecordedCall(Protocol):
    """What a record may choose from; the operation's allow-list decides what is written.

    `operations.call.Call` is one; nothing is copied from it for its record.
    """

    __slots__ = ()

    @property
    def operation(self) -> Operation:
        """Its row."""

    @property
    def caller(self) -> Caller:
        """Who signed."""

    @property
    def event_time(self) -> float:
        """Time of KMS when the call came, in seconds since 1970."""

    @property
    def region_name(self) -> str:
        """The Region that served it."""

    @property
    def source_ip(self) -> str:
        """The client's address; the service's host name when a service called."""

    @property
    def user_agent(self) -> str:
        """As the client sent it."""

    @property
    def request(self) -> Any:
        """The operation's request struct; None when the body could not be decoded."""

    @property
    def response(self) -> Any:
        """The response struct; None for an empty body or a failure."""

    @property
    def error(self) -> KmsError | None:
        """Why the call failed; None for success."""

    @property
    def resources(self) -> tuple[tuple[AccountId, str], ...] | None:
        """(account, ARN) of what was touched, in the order shown.

        None leaves the member out (custom key stores, spec 02 §3.2).
        """

    @property
    def key_arn(self) -> str:
        """ARN of the affected key, for the fill-in of spec 02 §3.5; empty if there is none."""

    @property
    def request_id(self) -> str:
        """As the answer has it."""

    @property
    def additional(self) -> Mapping[str, object]:
        """additionalEventData; left out when empty."""

    @property
    def vpc_endpoint_id(self) -> str:
        """Of the private endpoint that the request came through."""


class CallFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A `RecordedCall` put together from values: of a call that another process took."""

    operation: Operation
    caller: Caller
    event_time: float
    region_name: str
    source_ip: str
    user_agent: str
    request: Any
    response: Any
    error: KmsError | None
    resources: tuple[tuple[AccountId, str], ...] | None
    key_arn: str
    request_id: str
    additional: Mapping[str, object]
    vpc_endpoint_id: str = ""


class InternalEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that KMS did by itself: DeleteKey, RotateKey, SynchronizeMultiRegionKey, ...

    Attributes:
        event_name: Internal name (spec 02 §3.1 T2).
        account_id: Owner of the key; the record goes into its log.
        key_arn: Shown in responseElements (spec 02 §3.5); empty shows null.
        request_id: Only SynchronizeMultiRegionKey has one (spec 02 §3.2).
        service_event_details: Of DeleteExpiredKeyMaterial and RotateKey.
    """

    event_name: str
    account_id: AccountId
    event_time: float
    region: str
    resources: tuple[tuple[AccountId, str], ...]
    key_arn: str = ""
    request_id: str = ""
    additional: Mapping[str, object] = {}
    service_event_details: Mapping[str, str] = {}


class Copy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What differs between the records of one call in the logs of several accounts.

    Attributes:
        shared_event_id: The same in all of them; empty when there is only one.
    """

    event_id: str
    recipient: AccountId
    shared_event_id: str = ""


def event_time(seconds: float) -> str:
    """ISO 8601 in UTC with whole seconds: `2022-09-01T19:39:33Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error_code(error: KmsError) -> str:
    """The name that CloudTrail writes (spec 02 §3.2, errorCode)."""
    return "AccessDenied" if isinstance(error, AccessDeniedException) else error.code


def recipients(facts: RecordedCall) -> Sequence[AccountId]:
    """The accounts whose logs show the call: the caller's, then owners of what it touched.

    A call that was denied is shown to the caller's account alone (spec 02 §3.1 T4). An AWS service
    that acts for itself has no account.
    """
    own = facts.caller.principal.account_id
    found = {} if own == NO_ACCOUNT else {own: None}
    if not isinstance(facts.error, AccessDeniedException):
        found.update((account_id, None) for account_id, _ in facts.resources or ())
    return tuple(found)


def encode(facts: RecordedCall, copy: Copy) -> bytes:
    """The canonical record of a call for one account's log, without newline."""
    audited = facts.operation.audited
    record: dict[str, object] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity(facts.caller.principal, facts.caller.access_key_id),
        "eventTime": event_time(facts.event_time),
        "eventSource": EVENT_SOURCE,
        "eventName": facts.operation.name,
        "awsRegion": facts.region_name,
        "sourceIPAddress": facts.source_ip[:MAX_SOURCE_IP],
        "userAgent": facts.user_agent[:MAX_USER_AGENT],
    }
    elements: dict[str, Json] | None = None
    if facts.error is None:
        elements = response_elements(audited, facts.response, facts.key_arn)
    else:
        record["errorCode"] = error_code(facts.error)
        if facts.error.message:
            record["errorMessage"] = facts.error.message[:MAX_ERROR_MESSAGE]
    record["requestParameters"] = request_parameters(audited, facts.request)
    record["responseElements"] = elements
    if facts.additional:
        record["additionalEventData"] = visible(facts.additional)
    record["requestID"] = facts.request_id
    record["eventID"] = copy.event_id
    record["readOnly"] = facts.operation.read_only
    if facts.resources is not None:
        record["resources"] = _resources(facts.resources)
    record["eventType"] = "AwsApiCall"
    return _end(record, copy, {}, facts.vpc_endpoint_id)


def encode_internal(event: InternalEvent, copy: Copy) -> bytes:
    """The record of an internal event (spec 02 §3.2, §3.3 KMS internal)."""
    record: dict[str, object] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": internal_identity(event.account_id, INTERNAL),
        "eventTime": event_time(event.event_time),
        "eventSource": EVENT_SOURCE,
        "eventName": event.event_name,
        "awsRegion": event.region,
        "sourceIPAddress": INTERNAL,
        "userAgent": INTERNAL,
        "requestParameters": None,
        "responseElements": {"keyId": event.key_arn} if event.key_arn else None,
    }
    if event.additional:
        record["additionalEventData"] = visible(event.additional)
    if event.request_id:
        record["requestID"] = event.request_id
    record["eventID"] = copy.event_id
    record["readOnly"] = False
    record["resources"] = _resources(event.resources)
    record["eventType"] = "AwsApiCall" if event.request_id else "AwsServiceEvent"
    return _end(record, copy, event.service_event_details, "")


def _resources(resources: Sequence[tuple[AccountId, str]]) -> list[dict[str, str]]:
    return [
        {"accountId": account_id, "type": RESOURCE_TYPE, "ARN": arn}
        for account_id, arn in resources
    ]


def _end(
    record: dict[str, object], copy: Copy, details: Mapping[str, str], vpc_endpoint_id: str
) -> bytes:
    record["managementEvent"] = True
    record["recipientAccountId"] = copy.recipient
    if copy.shared_event_id:
        record["sharedEventID"] = copy.shared_event_id
    if details:
        record["serviceEventDetails"] = details
    record["eventCategory"] = "Management"
    if vpc_endpoint_id:
        record["vpcEndpointId"] = vpc_endpoint_id
    return _encode_json(record).encode("ascii")
