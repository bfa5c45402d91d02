"""One access key, requests it signed, and both signature verifiers, which must agree."""

from collections.abc import Callable

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.sigv4 import SignatureVerifier, Verified, signing_scope, verify_plain
from regionkms.model.errors import (
    KmsError,
)
from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.directory import KnownKey
from tests.support.access_keys import FixedAccessKeys
from tests.support.signing import RawRequest, Signer, kms_request, presign

NOW = 1_790_000_000.0
"""2026-09-21T14:13:20Z."""
SCOPE = signing_scope(RegionName("us-east-1"))
SIGNER = Signer(access_key_id="AKIAEXAMPLEEXAMPLE22", secret_access_key="wJalrXUtnFEMI/K7MDENG+bP")
KEY = KnownKey(
    access_key_id=SIGNER.access_key_id,
    account_id=AccountId("111122223333"),
    secret=Material(SIGNER.secret_access_key.encode()),
)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)
UNKNOWN = "The security token included in the request is invalid."


def good(at: float = NOW) -> RawRequest:
    return kms_request(SIGNER, "Encrypt", b'{"KeyId":"alias/a","Plaintext":"eA=="}', at=at)


def good_url(at: float = NOW, expires_s: int = 3600) -> RawRequest:
    return presign(
        SIGNER, at=at, expires_s=expires_s, url="http://kms.us-east-1.amazonaws.com/?A=b"
    )


class BothVerifiers:
    """The plain check and the fast one, warmed with good requests; they must agree."""

    def __init__(self) -> None:
        self.directory = FixedAccessKeys(KEY)
        self.fast = SignatureVerifier(scope=SCOPE, directory=self.directory)
        self.fast.verify(good(), NOW)

    def verify(self, request: RawRequest, now: float = NOW) -> Verified:
        outcomes = [
            _outcome(lambda: verify_plain(request, now, scope=SCOPE, lookup=self.directory.lookup)),
            _outcome(lambda: self.fast.verify(request, now)),
            _outcome(lambda: self.fast.verify(request, now)),
        ]
        assert outcomes[0] == outcomes[1] == outcomes[2]
        if isinstance(outcomes[0], Verified):
            return outcomes[0]
        raise outcomes[0][0](outcomes[0][1])


def _outcome(check: Callable[[], Verified]) -> Verified | tuple[type[KmsError], str]:
    try:
        return check()
    except KmsError as error:
        return type(error), error.message


def refusal(request: RawRequest, now: float = NOW) -> tuple[type[KmsError], str]:
    with pytest.raises(KmsError) as caught:
        BothVerifiers().verify(request, now)
    return caught.type, caught.value.message


def edited(request: RawRequest, old: bytes, new: bytes) -> RawRequest:
    """Change the Authorization header."""
    authorization = request.headers[b"authorization"]
    assert old in authorization
    return request.with_header(b"authorization", authorization.replace(old, new))
