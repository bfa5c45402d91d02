"""Temporary credentials, as far as signatures go."""

from dataclasses import dataclass, replace

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.sigv4 import SignatureVerifier
from regionkms.model.errors import (
    ExpiredTokenException,
    InvalidSignatureException,
    UnrecognizedClientException,
)
from regionkms.model.ids import AccountId
from regionkms.ports.directory import KnownKey
from tests.support.access_keys import FixedAccessKeys
from tests.support.both_verifiers import (
    KEY,
    NOW,
    SCOPE,
)
from tests.support.signing import Signer, presign, sign


@dataclass
class Sessions:
    """Temporary credentials by (access key id, token)."""

    known: dict[tuple[str, bytes], KnownKey]

    def __call__(self, access_key_id: str, token: bytes) -> KnownKey | None:
        return self.known.get((access_key_id, token))


SESSION_SIGNER = Signer(
    access_key_id="ASIAEXAMPLE", secret_access_key="temporary", token="tok/en=="
)
SESSION = KnownKey(
    access_key_id="ASIAEXAMPLE",
    account_id=AccountId("111122223333"),
    secret=Material(b"temporary"),
    expires_at=NOW + 100,
)


def session_verifier() -> tuple[Sessions, SignatureVerifier]:
    sessions = Sessions({("ASIAEXAMPLE", b"tok/en=="): SESSION})
    return sessions, SignatureVerifier(
        scope=SCOPE, directory=FixedAccessKeys(KEY), sessions=sessions
    )


def test_a_session_signs_until_it_expires() -> None:
    _, verifier = session_verifier()
    request = sign(SESSION_SIGNER, at=NOW)

    for now in (NOW, NOW, NOW + 99.9):
        assert verifier.verify(request, now).session_token == b"tok/en=="
    for _ in range(2):
        with pytest.raises(ExpiredTokenException) as caught:
            verifier.verify(request, NOW + 100)
        assert caught.value.message == "The security token included in the request is expired"


def test_a_session_that_ends_no_longer_signs_although_its_parse_is_kept() -> None:
    sessions, verifier = session_verifier()
    request = sign(SESSION_SIGNER, at=NOW)
    verifier.verify(request, NOW)
    sessions.known.clear()

    with pytest.raises(UnrecognizedClientException, match="token included in the request is inv"):
        verifier.verify(request, NOW)


def test_a_session_whose_secret_changed_is_verified_with_the_new_one() -> None:
    sessions, verifier = session_verifier()
    request = sign(SESSION_SIGNER, at=NOW)
    verifier.verify(request, NOW)
    renewed = replace(SESSION, secret=Material(b"renewed"))
    sessions.known["ASIAEXAMPLE", b"tok/en=="] = renewed

    with pytest.raises(InvalidSignatureException, match="does not match"):
        verifier.verify(request, NOW)
    verifier.verify(sign(replace(SESSION_SIGNER, secret_access_key="renewed"), at=NOW), NOW)


def test_another_token_of_the_same_access_key_is_refused() -> None:
    _, verifier = session_verifier()
    request = sign(SESSION_SIGNER, at=NOW)
    verifier.verify(request, NOW)

    with pytest.raises(UnrecognizedClientException):
        verifier.verify(request.with_header(b"x-amz-security-token", b"other"), NOW)


def test_a_presigned_request_of_a_session_is_accepted() -> None:
    _, verifier = session_verifier()

    assert verifier.verify(presign(SESSION_SIGNER, at=NOW), NOW).session_token == b"tok/en=="
