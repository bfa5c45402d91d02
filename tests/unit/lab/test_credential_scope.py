import pytest

from regionkms.lab.credential_scope import Scope, credential_scope
from regionkms.lab.http_framing import Head

SIGNED = (
    b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/eu-west-1/kms/aws4_request, "
    b"SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64
)


def head(first: bytes = b"POST / HTTP/1.1", **fields: bytes) -> Head:
    return Head(
        raw=b"",
        first=first,
        fields=tuple((name.encode(), value) for name, value in fields.items()),
    )


def test_the_region_is_read_from_the_authorization_header() -> None:
    found = credential_scope(head(authorization=SIGNED))
    assert found == Scope(region="eu-west-1", service="kms")


def test_the_parts_of_the_header_may_come_in_any_order() -> None:
    value = (
        b"AWS4-HMAC-SHA256 SignedHeaders=host,Signature=00,"
        b"Credential=AKIAIOSFODNN7EXAMPLE/20261124/us-east-1/sts/aws4_request"
    )
    assert credential_scope(head(authorization=value)) == Scope(region="us-east-1", service="sts")


@pytest.mark.parametrize("slash", [b"/", b"%2F", b"%2f"])
def test_the_region_is_read_from_a_presigned_query(slash: bytes) -> None:
    credential = slash.join((b"AKIA", b"20261124", b"ap-southeast-2", b"kms", b"aws4_request"))
    target = b"GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%b&a=b HTTP/1.1" % credential
    assert credential_scope(head(target)) == Scope(region="ap-southeast-2", service="kms")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer token",
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 Credential=AKIA",
        b"AWS4-HMAC-SHA256 Credential=AKIA/20261124/eu-west-1/kms",
        b"AWS4-HMAC-SHA256 Credential=AKIA/20261124/eu-west-1/kms/aws5_request",
        b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e/aws4_request",
    ],
)
def test_a_scope_that_can_not_be_read_is_none(value: bytes) -> None:
    assert credential_scope(head(authorization=value)) is None


def test_bytes_that_are_no_text_do_no_harm() -> None:
    value = b"AWS4-HMAC-SHA256 Credential=AKIA/20261124/\xff\xfe/kms/aws4_request"
    found = credential_scope(head(authorization=value))
    assert found == Scope(region="\xff\xfe", service="kms")
