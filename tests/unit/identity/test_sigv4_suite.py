"""The classes of the public SigV4 test suite (tests/vectors/sigv4) and its presigned requests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.sigv4 import (
    SignatureForm,
    SignatureVerifier,
    SigningScope,
    Verified,
    verify_plain,
)
from regionkms.model.errors import InvalidSignatureException, UnrecognizedClientException
from regionkms.model.ids import AccountId
from regionkms.ports.directory import KnownKey
from tests.support.access_keys import FixedAccessKeys
from tests.support.signing import RawRequest

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "sigv4" / "suite.json").read_text(encoding="utf-8")
)
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in SUITE["cases"]}
NOW = 1_440_938_160.0
"""2015-08-30T12:36:00Z, the suite's instant."""
SCOPE = SigningScope(main="service", services={"service": frozenset({"us-east-1"})})
KEY = KnownKey(
    access_key_id=SUITE["access_key_id"],
    account_id=AccountId("111122223333"),
    secret=Material(SUITE["secret_access_key"].encode()),
)


@dataclass(frozen=True, slots=True)
class OneSession:
    """Temporary credentials whose token is the one of the case."""

    token: bytes | None

    def __call__(self, access_key_id: str, token: bytes) -> KnownKey | None:
        return KEY if (access_key_id, token) == (KEY.access_key_id, self.token) else None


def joined(pairs: list[list[str]]) -> dict[bytes, bytes]:
    """Headers as the HTTP layer gives them."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        key, text = name.lower().encode(), value.strip().encode()
        headers[key] = headers[key] + b"," + text if key in headers else text
    return headers


def request_of(case: Mapping[str, Any]) -> RawRequest:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY.access_key_id}/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={case['signed_headers']}, Signature={case['signature']}"
    )
    return RawRequest(
        method=case["method"],
        target=case["target"].encode(),
        headers={**joined(case["headers"]), b"authorization": authorization.encode()},
        body=case["body"].encode(),
    )


def verify_both(request: RawRequest) -> Verified:
    """Verify twice by the fast verifier and once by the plain one; they must agree."""
    sessions = OneSession(request.headers.get(b"x-amz-security-token"))
    plain = verify_plain(
        request, NOW, scope=SCOPE, lookup=FixedAccessKeys(KEY).lookup, sessions=sessions
    )
    verifier = SignatureVerifier(scope=SCOPE, directory=FixedAccessKeys(KEY), sessions=sessions)
    assert verifier.verify(request, NOW) == plain
    assert verifier.verify(request, NOW) == plain
    return plain


@pytest.mark.parametrize("name", CASES)
def test_a_request_of_the_public_suite_is_verified(name: str) -> None:
    verified = verify_both(request_of(CASES[name]))

    assert verified.access_key_id == "AKIDEXAMPLE"
    assert verified.account_id == "111122223333"
    assert (verified.service, verified.region) == ("service", "us-east-1")
    assert verified.form is SignatureForm.HEADER


@pytest.mark.parametrize("name", CASES)
def test_a_request_of_the_public_suite_with_another_body_is_refused(name: str) -> None:
    request = request_of(CASES[name])
    changed = RawRequest(
        method=request.method,
        target=request.target,
        headers=request.headers,
        body=request.body + b" ",
    )

    with pytest.raises(InvalidSignatureException, match="does not match the signature"):
        verify_both(changed)


@pytest.mark.parametrize("name", CASES)
def test_a_request_of_the_public_suite_with_another_host_is_refused(name: str) -> None:
    request = request_of(CASES[name]).with_header(b"host", b"example.com")

    with pytest.raises(InvalidSignatureException, match="does not match the signature"):
        verify_both(request)


def test_a_token_added_after_signing_is_refused() -> None:
    """Case post-sts-header-after: services may want the token signed, and this one does."""
    request = request_of(CASES["post-vanilla"]).with_header(b"x-amz-security-token", b"later")

    with pytest.raises(InvalidSignatureException, match="not signed: x-amz-security-token"):
        verify_both(request)


def presigned(signature: str, token: str = "") -> RawRequest:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request"
        "&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=3600"
    )
    if token:
        query += f"&X-Amz-Security-Token={token}"
    return RawRequest(
        method="GET",
        target=f"/?{query}&X-Amz-Signature={signature}".encode(),
        headers={b"host": b"example.amazonaws.com"},
    )


def test_the_suites_presigned_request_is_verified() -> None:
    request = presigned("e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d")

    assert verify_both(request).form is SignatureForm.QUERY


def test_the_suites_presigned_request_with_a_session_token_is_verified() -> None:
    token = CASES["get-vanilla-with-session-token"]["headers"][-1][1]
    request = presigned("7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c", token)

    verified = verify_plain(
        request,
        NOW,
        scope=SCOPE,
        lookup=FixedAccessKeys(KEY).lookup,
        sessions=OneSession(token.encode()),
    )

    assert verified.session_token == token.encode()


def test_a_session_token_is_unknown_where_no_sessions_are_issued() -> None:
    request = request_of(CASES["get-vanilla-with-session-token"])

    with pytest.raises(
        UnrecognizedClientException, match="security token included in the request is invalid"
    ):
        verify_plain(request, NOW, scope=SCOPE, lookup=FixedAccessKeys(KEY).lookup)


def test_the_verifier_never_shows_a_session_token() -> None:
    verified = verify_both(request_of(CASES["get-vanilla-with-session-token"]))

    assert verified.session_token is not None
    assert verified.session_token.decode() not in repr(verified)
