"""From an exception to what a client gets: HTTP status and body, in both protocols.

This is the only module with HTTP status codes of errors. The request id goes into the header
(`x-amzn-RequestId`) that the caller of this module writes, and in XML into the body too.

JSON 1.1: `{"__type": "<class>", "message": "..."}`, without `message` where it is empty, as AWS
sends InvalidCiphertextException. AWS writes `Message` for AccessDeniedException and `message`
elsewhere; boto3 and the SDKs for Java, JavaScript, Go and Rust read both, so one spelling is used
for all. The header `x-amzn-ErrorType` is not needed by any of them.

Statuses: AWS answers errors of JSON 1.1 services with 400, also AccessDeniedException, failed
authentication and UnknownOperationException (so clients report); the 403 and 404 of its page of
common errors are those of its XML services. The exceptions are the rows below.

Source: spec 02 §9.5, spec 03 AUTH-3, spec 07 §9; AWS KMS API reference (412, 500 and 503).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from regionkms.model import errors
from regionkms.model.errors import KmsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """How one error is written.

    Attributes:
        status: HTTP status in JSON 1.1.
        query_code: Name in the Query protocol; None: the class name without `Exception`.
        query_status: HTTP status in the Query protocol; None: as in JSON 1.1.
    """

    status: int = 400
    query_code: str | None = None
    query_status: int | None = None


_ROWS: Final[Mapping[type[KmsError], _Row]] = MappingProxyType(
    {
        errors.DryRunOperationException: _Row(status=412),
        errors.RequestEntityTooLargeException: _Row(status=413),
        errors.KMSInternalException: _Row(status=500, query_code="InternalFailure"),
        errors.DependencyTimeoutException: _Row(status=500, query_code="InternalFailure"),
        errors.KeyUnavailableException: _Row(status=500),
        errors.ServiceUnavailableException: _Row(status=503),
        errors.AccessDeniedException: _Row(query_status=403),
        errors.ExpiredTokenException: _Row(query_status=403),
        errors.InvalidClientTokenIdException: _Row(query_status=403),
        errors.InvalidSignatureException: _Row(
            query_code="SignatureDoesNotMatch", query_status=403
        ),
        errors.MissingAuthenticationTokenException: _Row(query_status=403),
        errors.UnrecognizedClientException: _Row(
            query_code="InvalidClientTokenId", query_status=403
        ),
        errors.SerializationException: _Row(query_code="MalformedQueryString"),
        errors.UnknownOperationException: _Row(query_code="InvalidAction"),
        errors.ValidationException: _Row(query_code="ValidationError"),
    }
)

_CLIENT: Final = _Row()
_SERVER: Final = _Row(status=500)

_ENCODER: Final = msgspec.json.Encoder()


def answer_json(error: KmsError) -> Answer:
    """Write an error in JSON 1.1."""
    members = {"__type": error.code}
    if error.message:
        # A text from a header can hold what UTF-8 can't; an error's answer must not fail over it.
        members["message"] = error.message.encode("utf-8", "replace").decode("utf-8")
    return Answer(status=_row(error).status, body=_ENCODER.encode(members))


def query_status(error: KmsError) -> int:
    """Return the HTTP status of an error in the Query protocol."""
    row = _row(error)
    return row.status if row.query_status is None else row.query_status


def query_code(error: KmsError) -> str:
    """Return the name of an error in the Query protocol."""
    return _row(error).query_code or error.code.removesuffix("Exception")


def _row(error: KmsError) -> _Row:
    return _ROWS.get(type(error), _SERVER if error.fault == "server" else _CLIENT)
