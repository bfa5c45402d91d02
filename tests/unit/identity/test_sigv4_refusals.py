"""Refusals of what a request says of its signature: exception and message."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from regionkms.model.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)
from tests.support.both_verifiers import (
    MISMATCH,
    NOW,
    SIGNER,
    BothVerifiers,
    edited,
    good,
    good_url,
    refusal,
)
from tests.support.signing import RawRequest


def test_a_good_request_names_its_signer() -> None:
    verified = BothVerifiers().verify(good())

    assert verified.access_key_id == SIGNER.access_key_id
    assert verified.account_id == "111122223333"
    assert (verified.service, verified.region) == ("kms", "us-east-1")
    assert verified.session_token is None


def test_a_repeated_signature_is_accepted_as_in_aws() -> None:
    verifiers, request = BothVerifiers(), good()

    assert verifiers.verify(request) == verifiers.verify(request, NOW + 299)


def test_a_good_presigned_request_is_accepted_until_it_expires() -> None:
    assert BothVerifiers().verify(good_url(), NOW + 3600).access_key_id == SIGNER.access_key_id


# 1 The claim


@pytest.mark.parametrize("value", [None, b"", b"Basic dXNlcjpwYXNz", b"Bearer abc", b"aws4-hmac"])
def test_a_request_without_a_signature_is_told_so(value: bytes | None) -> None:
    request = good().without_header(b"authorization")
    if value is not None:
        request = request.with_header(b"authorization", value)

    assert refusal(request) == (MissingAuthenticationTokenException, "Missing Authentication Token")


def test_two_signatures_are_refused() -> None:
    request = good_url().with_header(b"authorization", good().headers[b"authorization"])

    assert refusal(request) == (
        InvalidSignatureException,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    )


def test_all_missing_parts_of_an_authorization_are_named_at_once() -> None:
    request = (
        good().with_header(b"authorization", b"AWS4-HMAC-SHA256").without_header(b"x-amz-date")
    )

    assert refusal(request) == (
        IncompleteSignatureException,
        (
            "Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        ),
    )


def test_a_parameter_without_an_equal_sign_is_refused() -> None:
    request = good().with_header(b"authorization", b"AWS4-HMAC-SHA256 Credential, Signature=b")

    assert refusal(request) == (
        IncompleteSignatureException,
        "Not a valid key=value pair (missing equal-sign) in Authorization header.",
    )


@pytest.mark.parametrize("extra", [b", Signature=00", b", Realm=kms", b",SignedHeaders=host"])
def test_a_repeated_or_unknown_parameter_is_refused(extra: bytes) -> None:
    request = good()
    request = request.with_header(b"authorization", request.headers[b"authorization"] + extra)

    assert refusal(request) == (
        IncompleteSignatureException,
        "Authorization header has a repeated or unknown parameter.",
    )


def test_a_repeated_authorization_header_is_refused() -> None:
    value = good().headers[b"authorization"]

    assert refusal(good().with_header(b"authorization", value + b"," + value))[0] is (
        IncompleteSignatureException
    )


def test_a_huge_authorization_is_refused_before_it_is_read() -> None:
    request = good().with_header(b"authorization", b"AWS4-HMAC-SHA256 " + b"a=b," * 4096)

    assert refusal(request) == (
        IncompleteSignatureException,
        "Authorization header is longer than 8192 bytes.",
    )


def test_a_query_of_very_many_parameters_is_refused_before_it_is_read() -> None:
    request = replace(good(), target=b"/?" + b"a=b&" * 256)

    assert refusal(request) == (
        IncompleteSignatureException,
        "The query string has more than 256 parameters.",
    )


def test_all_missing_parts_of_a_presigned_request_are_named_at_once() -> None:
    request = RawRequest(
        method="GET", target=b"/?X-Amz-Algorithm=AWS4-HMAC-SHA256", headers={b"host": b"a"}
    )

    assert refusal(request) == (
        IncompleteSignatureException,
        (
            "AWS query-string parameters must include 'X-Amz-Credential'. "
            "AWS query-string parameters must include 'X-Amz-Signature'. "
            "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
            "AWS query-string parameters must include 'X-Amz-Date'. "
            "Re-examine the query-string parameters."
        ),
    )


def test_a_repeated_query_parameter_of_the_signature_is_refused() -> None:
    request = good_url()
    request = replace(request, target=request.target + b"&X-Amz-Date=20150830T123600Z")

    assert refusal(request) == (
        IncompleteSignatureException,
        "The query string has the parameter 'X-Amz-Date' more than once.",
    )


@pytest.mark.parametrize("expires_s", ["0", "604801", "-1", "1.5", "99999999999", "", "abc"])
def test_an_expiry_out_of_bounds_is_refused(expires_s: str) -> None:
    request = good_url()
    target = request.target.replace(b"X-Amz-Expires=3600", f"X-Amz-Expires={expires_s}".encode())

    assert refusal(replace(request, target=target)) == (
        IncompleteSignatureException,
        "X-Amz-Expires must be a number of seconds between 1 and 604800.",
    )


@pytest.mark.parametrize(
    "stamp",
    ["201", "2026-09-21T14:13:20Z", "20260931T141320Z", "20260921T141360Z", "20260921T141320"],
)
def test_a_date_that_is_none_is_refused(stamp: str) -> None:
    assert refusal(good().with_header(b"x-amz-date", stamp.encode())) == (
        IncompleteSignatureException,
        "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601",
    )


# 2 Time


@pytest.mark.parametrize("skew_s", [-300, -299, 0, 300, 300.9])
def test_a_signature_within_five_minutes_is_current(skew_s: float) -> None:
    BothVerifiers().verify(good(), NOW + skew_s)


def test_a_signature_older_than_five_minutes_has_expired() -> None:
    assert refusal(good(), NOW + 301) == (
        InvalidSignatureException,
        (
            "Signature expired: 20260921T141320Z is now earlier than 20260921T141321Z "
            "(20260921T141821Z - 5 min.)"
        ),
    )


def test_a_signature_more_than_five_minutes_ahead_is_not_yet_current() -> None:
    assert refusal(good(), NOW - 301) == (
        InvalidSignatureException,
        (
            "Signature not yet current: 20260921T141320Z is still later than 20260921T141319Z "
            "(20260921T140819Z + 5 min.)"
        ),
    )


def test_a_presigned_request_expires_when_it_says() -> None:
    assert refusal(good_url(expires_s=90), NOW + 91) == (
        InvalidSignatureException,
        (
            "Signature expired: 20260921T141320Z is now earlier than 20260921T141321Z "
            "(20260921T141451Z - 90 sec.)"
        ),
    )


def test_a_presigned_request_from_the_future_is_not_yet_current() -> None:
    assert "not yet current" in refusal(good_url(), NOW - 301)[1]


def test_a_presigned_request_that_names_no_expiry_is_good_for_five_minutes() -> None:
    request = good_url()
    request = replace(request, target=request.target.replace(b"&X-Amz-Expires=3600", b""))

    assert refusal(request, NOW + 300) == (InvalidSignatureException, MISMATCH)
    assert "Signature expired" in refusal(request, NOW + 301)[1]


# 3 Signed headers


@pytest.mark.parametrize(
    "names", [b"Host;x-amz-date", b"x-amz-date;host", b"host;host", b"host;;x", b"host;a b", b";"]
)
def test_signed_headers_out_of_form_are_refused(names: bytes) -> None:
    old = b"amz-sdk-invocation-id;amz-sdk-request;content-type;host;x-amz-date;x-amz-target"
    request = edited(good(), old, names.replace(b" ", b"\t"))

    assert refusal(request) == (
        IncompleteSignatureException,
        "SignedHeaders must be lower-case header names in order, separated by ';'.",
    )


def test_an_unsigned_host_is_refused() -> None:
    assert refusal(edited(good(), b"content-type;host;", b"content-type;")) == (
        InvalidSignatureException,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    )


@pytest.mark.parametrize(
    ("name", "request_of"),
    [
        (b"x-amz-target", lambda: good().with_header(b"x-amz-target", b"TrentService.Decrypt")),
        (b"x-amz-anything", good),
        (b"x-amz-security-token", good),
        (b"x-amz-anything", good_url),
    ],
)
def test_an_unsigned_amz_header_is_refused(
    name: bytes, request_of: Callable[[], RawRequest]
) -> None:
    """Also when the same client has been verified a moment ago (hot path, trap 1)."""
    request = request_of()
    if name in request.headers:
        request = edited(request, b";x-amz-target", b"")

    assert refusal(request.with_header(name, b"a")) == (
        InvalidSignatureException,
        f"There were headers present in the request which were not signed: {name.decode()}",
    )


def test_an_unsigned_header_of_another_kind_is_accepted() -> None:
    BothVerifiers().verify(good().with_header(b"x-amzn-trace-id", b"Root=1-2-3"))


def test_a_signed_header_that_is_absent_is_a_mismatch() -> None:
    assert refusal(good().without_header(b"content-type")) == (InvalidSignatureException, MISMATCH)
