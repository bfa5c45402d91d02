"""The Query protocol, read and written."""

import xml.etree.ElementTree as ET
from typing import cast

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest
from botocore.model import Shape

from regionkms.model.errors import (
    AccessDeniedException,
    InvalidSignatureException,
    KmsError,
    KMSInternalException,
    RequestEntityTooLargeException,
    SerializationException,
    UnknownOperationException,
)
from regionkms.wire import query

_STS = botocore.session.get_session().get_service_model("sts")
_SHAPE = cast("Shape", _STS.operation_model("GetCallerIdentity").output_shape)

_FORM = b"Action=GetCallerIdentity&Version=2011-06-15"
_IDENTITY = {
    "Arn": "arn:aws:iam::111122223333:root",
    "UserId": "111122223333",
    "Account": "111122223333",
}


def test_what_botocore_sends_is_the_action() -> None:
    serializer = botocore.serialize.create_serializer("query")
    sent = serializer.serialize_to_request({}, _STS.operation_model("GetCallerIdentity"))
    form = "&".join(f"{name}={value}" for name, value in sent["body"].items())
    request = query.parse("sts", b"", form.encode())
    assert request.action is query.GET_CALLER_IDENTITY
    assert request.parameters == {}


def test_action_and_signature_may_be_in_the_query_string() -> None:
    request = query.parse("sts", _FORM + b"&X-Amz-Signature=00&Empty=&Text=a+b%C3%A9", b"")
    assert request.action is query.GET_CALLER_IDENTITY
    assert request.parameters == {"X-Amz-Signature": "00", "Empty": "", "Text": "a b\u00e9"}


def test_query_string_and_form_are_one_request() -> None:
    request = query.parse("sts", b"Version=2011-06-15", b"Action=GetCallerIdentity")
    assert request.action is query.GET_CALLER_IDENTITY


@pytest.mark.parametrize(
    ("service", "query_string", "form", "kind", "message"),
    [
        ("sts", b"", b"", UnknownOperationException, "The request has no parameter Action"),
        (
            "sts",
            b"",
            b"Action=Nope&Version=2011-06-15",
            UnknownOperationException,
            "Could not find operation Nope for version 2011-06-15",
        ),
        (
            "sts",
            b"",
            b"Action=GetCallerIdentity",
            UnknownOperationException,
            "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED",
        ),
        (
            "sts",
            b"",
            b"Action=GetCallerIdentity&Version=1999-01-01",
            UnknownOperationException,
            "Could not find operation GetCallerIdentity for version 1999-01-01",
        ),
        (
            "iam",
            b"",
            _FORM,
            UnknownOperationException,
            "Could not find operation GetCallerIdentity for version 2011-06-15",
        ),
        (
            "sts",
            _FORM,
            _FORM,
            SerializationException,
            "The request has the same parameter twice",
        ),
        (
            "sts",
            b"",
            b"Action=%zz",
            SerializationException,
            "Query string or form is not form-encoded UTF-8",
        ),
        (
            "sts",
            b"",
            b"Action=%ff",
            SerializationException,
            "Query string or form is not form-encoded UTF-8",
        ),
        (
            "sts",
            b"",
            b"Action=\xc3\xa9",
            SerializationException,
            "Query string or form is not form-encoded UTF-8",
        ),
        (
            "sts",
            b"",
            b"a=1&" * 64,
            SerializationException,
            "The request has more than 64 parameters",
        ),
        (
            "sts",
            b"a" * 16_000,
            b"a" * 385,
            RequestEntityTooLargeException,
            "Query string and form are longer than 16384 bytes",
        ),
    ],
)
def test_a_request_that_is_none_is_refused(
    service: str, query_string: bytes, form: bytes, kind: type[KmsError], message: str
) -> None:
    with pytest.raises(KmsError) as raised:
        query.parse(service, query_string, form)
    assert type(raised.value) is kind
    assert raised.value.message == message
    assert raised.value.__context__ is None


def test_a_long_action_is_not_repeated_whole() -> None:
    with pytest.raises(UnknownOperationException) as raised:
        query.parse("sts", b"", b"Action=" + b"x" * 9_000)
    assert len(raised.value.message) < 200


def test_the_answer_is_what_botocore_reads() -> None:
    body = query.encode_result(query.GET_CALLER_IDENTITY, _IDENTITY, "id-1")
    assert body.decode() == (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n'
        "  <GetCallerIdentityResult>\n"
        "    <Arn>arn:aws:iam::111122223333:root</Arn>\n"
        "    <UserId>111122223333</UserId>\n"
        "    <Account>111122223333</Account>\n"
        "  </GetCallerIdentityResult>\n"
        "  <ResponseMetadata>\n"
        "    <RequestId>id-1</RequestId>\n"
        "  </ResponseMetadata>\n"
        "</GetCallerIdentityResponse>\n"
    )
    parser = botocore.parsers.create_parser("query")
    parsed = parser.parse({"status_code": 200, "headers": {}, "body": body}, _SHAPE)
    assert parsed["ResponseMetadata"]["RequestId"] == "id-1"
    assert {name: parsed[name] for name in _IDENTITY} == _IDENTITY


def test_an_answer_without_a_member_is_a_programming_error() -> None:
    with pytest.raises(KeyError, match="Account"):
        query.encode_result(query.GET_CALLER_IDENTITY, {"Arn": "a", "UserId": "u"}, "id-1")


def test_an_error_is_xml_with_the_name_of_the_query_protocol() -> None:
    answer = query.answer_error(InvalidSignatureException('no <good> & "fit"'), "sts", "id-2")
    assert answer.status == 403
    assert answer.body.decode() == (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n'
        "  <Error>\n"
        "    <Type>Sender</Type>\n"
        "    <Code>SignatureDoesNotMatch</Code>\n"
        "    <Message>no &lt;good&gt; &amp; &quot;fit&quot;</Message>\n"
        "  </Error>\n"
        "  <RequestId>id-2</RequestId>\n"
        "</ErrorResponse>\n"
    )
    parser = botocore.parsers.create_parser("query")
    parsed = parser.parse({"status_code": 403, "headers": {}, "body": answer.body}, _SHAPE)
    assert parsed["Error"]["Code"] == "SignatureDoesNotMatch"
    assert parsed["Error"]["Message"] == 'no <good> & "fit"'


def test_an_error_of_ours_is_the_receivers() -> None:
    answer = query.answer_error(KMSInternalException("trace 1"), "nowhere", "id-3")
    assert answer.status == 500
    assert b"<Type>Receiver</Type>" in answer.body
    assert b"<Code>InternalFailure</Code>" in answer.body


def test_characters_that_xml_can_not_hold_are_replaced() -> None:
    message = "a\x00b\x1bc\ud800d\ufffee\U0001f511"
    answer = query.answer_error(AccessDeniedException(message), "sts", "id-4")
    root = ET.fromstring(answer.body)  # noqa: S314  # our own output
    text = root.findtext("{*}Error/{*}Message")
    assert text == "a\ufffdb\ufffdc\ufffdd\ufffde\U0001f511"
