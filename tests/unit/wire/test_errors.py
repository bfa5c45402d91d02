"""Errors as clients get them."""

import json

import botocore.parsers
import pytest

from regionkms.model import errors
from regionkms.model.errors import KmsError
from regionkms.model.shapes import ERROR_FAULTS
from regionkms.wire.errors import answer_json, query_code, query_status
from tests.support import api_values

_SHAPE = api_values.SERVICE.shape_for("DescribeKeyResponse")

_ALL = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, KmsError) and kind is not KmsError
]

# Transcribed from the API reference and from what clients report; 400 for all others.
_STATUS = {
    "DryRunOperationException": 412,
    "RequestEntityTooLargeException": 413,
    "KMSInternalException": 500,
    "DependencyTimeoutException": 500,
    "KeyUnavailableException": 500,
    "ServiceUnavailableException": 503,
}
_QUERY = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "InvalidClientTokenIdException": ("InvalidClientTokenId", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "ThrottlingException": ("Throttling", 400),
    "ValidationException": ("ValidationError", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "SerializationException": ("MalformedQueryString", 400),
    "KMSInternalException": ("InternalFailure", 500),
    "ServiceUnavailableException": ("ServiceUnavailable", 503),
    "RequestEntityTooLargeException": ("RequestEntityTooLarge", 413),
}


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_its_status_name_and_message(kind: type[KmsError]) -> None:
    answer = answer_json(kind('what went wrong: \u00e9 "quoted" \n'))
    assert answer.status == _STATUS.get(kind.__name__, 400)
    assert json.loads(answer.body) == {
        "__type": kind.__name__,
        "message": 'what went wrong: \u00e9 "quoted" \n',
    }


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_a_server_error_is_one_that_clients_retry(kind: type[KmsError]) -> None:
    assert (answer_json(kind()).status >= 500) is (kind.fault == "server")
    if kind.__name__ in ERROR_FAULTS:
        assert kind.fault == ERROR_FAULTS[kind.__name__]


def test_an_empty_message_is_left_out() -> None:
    answer = answer_json(errors.InvalidCiphertextException())
    assert answer.body == b'{"__type":"InvalidCiphertextException"}'


def test_a_message_that_is_no_unicode_text_is_sent_with_replacements() -> None:
    answer = answer_json(errors.NotFoundException("a\ud800b"))
    assert json.loads(answer.body)["message"] == "a?b"


@pytest.mark.parametrize("message", ["", "arn:aws:kms:x:y:key/z is pending deletion."])
def test_botocore_reads_code_and_message(message: str) -> None:
    answer = answer_json(errors.KMSInvalidStateException(message))
    parser = botocore.parsers.create_parser("json")
    parsed = parser.parse(
        {"status_code": answer.status, "headers": {}, "body": answer.body}, _SHAPE
    )
    assert parsed["Error"] == {"Code": "KMSInvalidStateException", "Message": message}


@pytest.mark.parametrize(("name", "expected"), sorted(_QUERY.items()))
def test_the_query_protocol_has_names_and_statuses_of_its_own(
    name: str, expected: tuple[str, int]
) -> None:
    error = getattr(errors, name)()
    assert (query_code(error), query_status(error)) == expected


def test_an_error_without_a_row_is_answered_by_its_fault() -> None:
    class NewException(KmsError):  # noqa: N818  # a wire name
        pass

    class NewServerException(KmsError):  # noqa: N818  # a wire name
        fault = "server"

    assert answer_json(NewException()).status == 400
    assert answer_json(NewServerException()).status == 500
    assert query_status(NewServerException()) == 500
    assert query_code(NewException()) == "New"
