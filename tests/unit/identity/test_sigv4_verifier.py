"""What the fast verifier keeps, and what it must never keep."""

from dataclasses import replace

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.sigv4 import SignatureVerifier, signing_scope
from regionkms.identity.sigv4 import verifier as module
from regionkms.model.errors import (
    InvalidSignatureException,
    KmsError,
    UnrecognizedClientException,
)
from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.directory import KnownKey
from tests.support.access_keys import FixedAccessKeys
from tests.support.signing import RawRequest, Signer, kms_request, presign, sign

NOW = 1_790_000_000.0
SIGNER = Signer(access_key_id="AKIAEXAMPLEEXAMPLE22", secret_access_key="wJalrXUtnFEMI/K7MDENG+bP")
KEY = KnownKey(
    access_key_id=SIGNER.access_key_id,
    account_id=AccountId("111122223333"),
    secret=Material(SIGNER.secret_access_key.encode()),
)


def make(directory: FixedAccessKeys | None = None) -> SignatureVerifier:
    return SignatureVerifier(
        scope=signing_scope(RegionName("us-east-1")),
        directory=directory if directory is not None else FixedAccessKeys(KEY),
    )


def kept(verifier: SignatureVerifier) -> tuple[int, int, int]:
    return len(verifier._parses), len(verifier._signing_keys), len(verifier._instants)


def call(operation: str = "Encrypt", at: float = NOW) -> RawRequest:
    return kms_request(SIGNER, operation, b"{}", at=at)


def test_calls_of_one_client_share_one_parse() -> None:
    verifier = make()

    verified = [verifier.verify(call(operation), NOW) for operation in ("Encrypt", "Decrypt")]

    assert kept(verifier) == (1, 1, 1)
    assert verified[0] is verified[1], "made once"
    assert verifier.verify(call("Sign", NOW + 1), NOW) == verified[0]
    assert verifier.verify(call("Verify", NOW + 1), NOW) is verifier.verify(call(), NOW)


def test_garbage_fills_no_cache() -> None:
    verifier = make()
    request = call()
    authorization = request.headers[b"authorization"]
    for index in range(200):
        for garbage in (
            authorization[:-64] + b"%064x" % index,
            authorization.replace(b"AKIA", b"AKI%d" % index),
            authorization.replace(b"Signature=", b"Signature=%d" % index),
        ):
            with pytest.raises(KmsError):
                verifier.verify(request.with_header(b"authorization", garbage), NOW)
        with pytest.raises(KmsError):
            verifier.verify(
                request.with_header(b"x-%d" % index, b"").with_header(b"host", b"b"), NOW
            )
        stamp = b"20260921T14%02d%02dZ" % divmod(index + 600, 60)
        with pytest.raises(KmsError):
            verifier.verify(request.with_header(b"x-amz-date", stamp), NOW)

    assert kept(verifier) == (0, 1, 0), "one signing key, of the known access key"


def test_a_client_that_varies_its_headers_pushes_out_only_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verifier = make()
    monkeypatch.setattr(module, "MAX_PARSES", 8)
    for index in range(20):
        verifier.verify(call().with_header(b"x-%d" % index, b""), NOW)

    assert kept(verifier) == (8, 1, 1)
    assert b"x-19" in list(verifier._parses)[-1][1]


def test_many_days_keep_a_bounded_number_of_dates_and_signing_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verifier = make()
    for name in ("MAX_INSTANTS", "MAX_SIGNING_KEYS"):
        monkeypatch.setattr(module, name, 3)
    for day in range(6):
        now = NOW + day * 86_400
        verifier.verify(call(at=now), now)

    assert kept(verifier)[1:] == (3, 3)


def test_a_huge_set_of_header_names_is_verified_but_not_kept() -> None:
    verifier = make()
    request = call().with_header(b"x" * module.MAX_PARSE_BYTES, b"")

    verifier.verify(request, NOW)

    assert kept(verifier)[0] == 0


@pytest.mark.parametrize(
    "request_",
    [
        presign(SIGNER, at=NOW),
        sign(SIGNER, at=NOW, method="GET"),
        sign(SIGNER, at=NOW, url="http://kms.us-east-1.amazonaws.com/?a=b"),
        sign(SIGNER, at=NOW, headers=[("Date", "now")]),
    ],
)
def test_what_no_sdk_sends_for_kms_is_verified_but_not_kept(request_: RawRequest) -> None:
    verifier = make()

    verifier.verify(request_, NOW)

    assert kept(verifier)[0] == 0


def test_a_removed_access_key_stops_at_once_although_its_parse_is_kept() -> None:
    directory = FixedAccessKeys(KEY)
    verifier = make(directory)
    verifier.verify(call(), NOW)
    directory.remove(KEY.access_key_id)

    with pytest.raises(UnrecognizedClientException):
        verifier.verify(call(), NOW)
    assert kept(verifier)[:2] == (0, 0)


def test_a_changed_secret_counts_at_once_although_the_old_signing_key_was_kept() -> None:
    directory = FixedAccessKeys(KEY)
    verifier = make(directory)
    verifier.verify(call(), NOW)
    directory.put(replace(KEY, secret=Material(b"another secret")))

    with pytest.raises(InvalidSignatureException):
        verifier.verify(call(), NOW)
    renewed = replace(SIGNER, secret_access_key="another secret")
    verifier.verify(kms_request(renewed, "Encrypt", at=NOW), NOW)


def test_header_names_with_a_percent_sign_are_spelled_out() -> None:
    """A kept parse is a bytes format; `%` is a legal character of a header name."""
    verifier = make()
    request = sign(SIGNER, at=NOW, headers=[("x-%b-%s%%", "1")], body=b"{}")

    assert verifier.verify(request, NOW) == verifier.verify(request, NOW)
    assert kept(verifier)[0] == 1
    with pytest.raises(InvalidSignatureException):
        verifier.verify(replace(request, body=b"{ }"), NOW)


def test_values_that_were_signed_as_sent_are_accepted_too() -> None:
    """Some signers do not fold white space; the signature binds the same bytes."""
    verifier = make()
    folding = sign(SIGNER, at=NOW, headers=[("My-Header", "a b")])
    spaced = folding.with_header(b"my-header", b"a  b")

    verifier.verify(spaced, NOW)
    verifier.verify(spaced, NOW)
    assert verifier.verify(folding, NOW) == verifier.verify(spaced, NOW)


def test_a_signing_key_does_not_show_itself() -> None:
    verifier = make()
    verifier.verify(call(), NOW)
    (_, signing_key) = next(iter(verifier._signing_keys.values()))

    assert repr(signing_key) == "<signing key>"
    with pytest.raises(TypeError, match="never pickled"):
        signing_key.__reduce_ex__(2)
    assert SIGNER.secret_access_key not in repr(verifier._parses)


OPEN = (b"x-amz-date", b"authorization")


def values_of(request: RawRequest) -> tuple[bytes, ...]:
    return request.headers[b"x-amz-date"], request.headers[b"authorization"][-64:]


def test_a_repeat_is_good_until_the_directory_moves() -> None:
    directory = FixedAccessKeys(KEY)
    verifier = make(directory)
    verifier.verify(call(), NOW)
    repeat = verifier.repeat_of(call(), OPEN)
    assert repeat is not None
    assert verifier.verify_repeat(repeat, values_of(call()), b"{}", NOW)
    directory.version += 1
    assert not verifier.verify_repeat(repeat, values_of(call()), b"{}", NOW)


def test_a_repeat_ends_with_the_skew_and_with_a_second_that_nobody_has_verified() -> None:
    verifier = make()
    verifier.verify(call(), NOW)
    repeat = verifier.repeat_of(call(), OPEN)
    assert repeat is not None
    assert verifier.verify_repeat(repeat, values_of(call()), b"{}", NOW + 300)
    assert not verifier.verify_repeat(repeat, values_of(call()), b"{}", NOW + 301)
    assert not verifier.verify_repeat(repeat, values_of(call()), b"{}", NOW - 301)
    later = call(at=NOW + 1)
    assert not verifier.verify_repeat(repeat, values_of(later), b"{}", NOW)
    verifier.verify(later, NOW)
    assert verifier.verify_repeat(repeat, values_of(later), b"{}", NOW)


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (call(), (b"x-amz-date",)),
        (call(), (b"authorization",)),
        (replace(call(), method="GET"), OPEN),
        (replace(call(), target=b"/?a=b"), OPEN),
        (sign(SIGNER, at=NOW, headers=[("X-Amz-Content-SHA256", "0" * 64)]), OPEN),
        (presign(SIGNER, at=NOW, expires_s=60), OPEN),
        (RawRequest(), OPEN),
    ],
)
def test_what_must_be_looked_at_whole_has_no_repeat(
    request_: RawRequest, names: tuple[bytes, ...]
) -> None:
    verifier = make()
    verifier.verify(call(), NOW)
    assert verifier.repeat_of(request_, names) is None
