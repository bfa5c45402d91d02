"""Scope, access key, body and signature: what is refused, by exception and message."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from regionkms.identity.sigv4 import signing_scope
from regionkms.model.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    UnrecognizedClientException,
)
from regionkms.model.ids import RegionName
from tests.support.both_verifiers import (
    MISMATCH,
    NOW,
    SIGNER,
    UNKNOWN,
    BothVerifiers,
    edited,
    good,
    refusal,
)
from tests.support.signing import RawRequest, kms_request, sign

# 4 Algorithm and credential


@pytest.mark.parametrize("algorithm", [b"AWS4-HMAC-SHA512", b"AWS4-ECDSA-P256-SHA256", b"AWS4-"])
def test_another_algorithm_is_refused(algorithm: bytes) -> None:
    assert refusal(edited(good(), b"AWS4-HMAC-SHA256", algorithm)) == (
        IncompleteSignatureException,
        "Unsupported AWS 'algorithm' (only AWS4-HMAC-SHA256 for now).",
    )


@pytest.mark.parametrize("tail", [b"", b"/aws4_request/x", b"/"])
def test_a_credential_of_another_form_is_refused(tail: bytes) -> None:
    assert refusal(edited(good(), b"/aws4_request", tail)) == (
        IncompleteSignatureException,
        (
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term."
        ),
    )


def scoped(region: str = "us-east-1", service: str = "kms") -> RawRequest:
    return kms_request(replace(SIGNER, region=region, service=service), "ListKeys", at=NOW)


@pytest.mark.parametrize("service", ["kms", "sts", "iam"])
def test_a_service_of_the_endpoint_may_be_signed_for(service: str) -> None:
    assert BothVerifiers().verify(scoped(service=service)).service == service


def test_another_region_is_refused() -> None:
    assert refusal(scoped(region="eu-west-1")) == (
        InvalidSignatureException,
        "Credential should be scoped to a valid region.",
    )


def test_another_service_is_refused() -> None:
    assert refusal(scoped(service="s3")) == (
        InvalidSignatureException,
        "Credential should be scoped to correct service: 'kms'.",
    )


def test_all_that_is_wrong_with_a_scope_is_said_at_once() -> None:
    request = edited(good(), b"20260921/us-east-1/kms/aws4_request", b"20260920/xx/s4/aws5_request")

    assert refusal(request) == (
        InvalidSignatureException,
        (
            "Credential should be scoped to a valid region. "
            "Credential should be scoped to correct service: 'kms'. "
            "Credential should be scoped with a valid terminator: 'aws4_request'. "
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP."
        ),
    )


def test_a_scope_of_another_day_than_the_request_is_refused() -> None:
    assert refusal(edited(good(), b"/20260921/", b"/20260922/")) == (
        InvalidSignatureException,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
    )


def test_bytes_that_are_no_text_in_a_credential_are_refused() -> None:
    assert refusal(edited(good(), b"AKIA", b"\xff\xfe"))[0] is UnrecognizedClientException


@pytest.mark.parametrize(
    ("region", "home"),
    [
        ("eu-west-1", "us-east-1"),
        ("cn-northwest-1", "cn-north-1"),
        ("us-gov-east-1", "us-gov-west-1"),
    ],
)
def test_iam_may_be_signed_for_its_home_region_and_nothing_else_may(region: str, home: str) -> None:
    """Clients sign calls of the global service IAM for one Region of the partition."""
    services = signing_scope(RegionName(region)).services

    assert services == {"kms": {region}, "sts": {region}, "iam": {region, home}}


# 5 Access key


def test_an_unknown_access_key_is_refused() -> None:
    assert refusal(edited(good(), b"AKIA", b"AKIB")) == (UnrecognizedClientException, UNKNOWN)


def test_a_token_with_long_term_credentials_is_refused() -> None:
    request = sign(replace(SIGNER, token="abc"), at=NOW)

    assert refusal(request) == (UnrecognizedClientException, UNKNOWN)


# 6 Body


@pytest.mark.parametrize("stated", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_a_body_that_is_not_signed_is_refused(stated: str) -> None:
    request = sign(SIGNER, at=NOW, headers=[("X-Amz-Content-SHA256", stated)], body=b"{}")

    assert refusal(request) == (
        InvalidSignatureException,
        "The payload must be signed: 'X-Amz-Content-SHA256' must be the hash of the body.",
    )


def test_a_stated_hash_of_another_body_is_a_mismatch() -> None:
    headers = [("X-Amz-Content-SHA256", "0" * 64)]

    assert refusal(sign(SIGNER, at=NOW, headers=headers, body=b"{}")) == (
        InvalidSignatureException,
        MISMATCH,
    )


def test_a_stated_hash_of_the_body_is_accepted_and_then_held_against_every_body() -> None:
    """Node's SDK states the hash in every request."""
    empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    request = sign(SIGNER, at=NOW, headers=[("X-Amz-Content-SHA256", empty)], body=b"{}")
    verifiers = BothVerifiers()

    verifiers.verify(request)
    verifiers.verify(request)
    with pytest.raises(InvalidSignatureException, match="does not match"):
        verifiers.verify(replace(request, body=b"[]"))


# 7 Signature


@pytest.mark.parametrize(
    "changed",
    [
        lambda r: replace(r, body=b"{}"),
        lambda r: replace(r, method="PUT"),
        lambda r: replace(r, target=b"/a"),
        lambda r: replace(r, target=b"/?a=b"),
        lambda r: r.with_header(b"host", b"kms.eu-west-1.amazonaws.com"),
        lambda r: r.with_header(b"x-amz-target", b"TrentService.Decrypt"),
        lambda r: r.with_header(b"content-type", b"application/x-www-form-urlencoded"),
        lambda r: r.with_header(b"x-amz-date", b"20260921T141321Z"),
        lambda r: edited(r, b"Signature=", b"Signature=0"),
        lambda r: r.with_header(b"authorization", r.headers[b"authorization"][:-1]),
        lambda r: r.with_header(b"authorization", r.headers[b"authorization"][:-64] + b"0" * 64),
        lambda r: r.with_header(b"authorization", r.headers[b"authorization"][:-64] + b"\xff" * 64),
    ],
)
def test_whatever_the_signature_covers_can_not_be_changed(
    changed: Callable[[RawRequest], RawRequest],
) -> None:
    assert refusal(changed(good())) == (InvalidSignatureException, MISMATCH)


def test_an_upper_case_signature_is_a_mismatch() -> None:
    request = good()
    signature = request.headers[b"authorization"][-64:]

    assert refusal(edited(request, signature, signature.upper()))[1] == MISMATCH


def test_a_signature_under_another_secret_is_a_mismatch() -> None:
    request = kms_request(replace(SIGNER, secret_access_key="x" * 40), "ListKeys", at=NOW)

    assert refusal(request) == (InvalidSignatureException, MISMATCH)


def test_a_refusal_never_shows_the_callers_bytes() -> None:
    secret = b"c2VjcmV0IG9mIHRoZSBjYWxsZXI"
    request = good().with_header(b"authorization", b"AWS4-HMAC-SHA256 Credential=" + secret)

    assert secret.decode() not in refusal(request)[1]


def test_a_date_header_may_stand_for_x_amz_date() -> None:
    """botocore signs the Date header when the caller sets one."""
    request = sign(SIGNER, at=NOW, headers=[("Date", "now")])

    assert b"x-amz-date" not in request.headers
    BothVerifiers().verify(request)


@pytest.mark.parametrize(
    "date", [b"Mon, 21 Sep 2026 14:13:20 CET", b"Mon, 21 Xyz 2026 14:13:20 GMT", b"21 Sep 2026"]
)
def test_a_date_header_that_is_none_is_refused(date: bytes) -> None:
    request = sign(SIGNER, at=NOW, headers=[("Date", "now")]).with_header(b"date", date)

    assert refusal(request)[1].startswith("Date must be in ISO-8601 'basic format'.")


def test_white_space_in_signed_values_is_folded() -> None:
    request = sign(SIGNER, at=NOW, headers=[("My-Header", "a   b \t c")])

    assert request.headers[b"my-header"] == b"a   b \t c"
    BothVerifiers().verify(request)


def test_a_parameter_order_that_puts_the_signature_first_is_accepted() -> None:
    request = good()
    algorithm, credential, signed, signature = request.headers[b"authorization"].split(b" ")
    text = b" ".join([algorithm, signature + b",", credential, signed.rstrip(b",")])

    BothVerifiers().verify(request.with_header(b"authorization", text))
