"""The fast verifier and the plain check answer alike, whatever is done to a signed request.

Requests are signed by botocore. Each is verified by the warmed fast verifier, twice, and by the
plain check; then changed in one place and verified again.
"""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from regionkms.crypto.material import Material
from regionkms.identity.sigv4 import SignatureVerifier, Verified, signing_scope, verify_plain
from regionkms.model.errors import KmsError
from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.directory import KnownKey
from tests.support.access_keys import FixedAccessKeys
from tests.support.signing import RawRequest, Signer, presign, sign

NOW = 1_790_000_000
SCOPE = signing_scope(RegionName("us-east-1"))
SIGNER = Signer(access_key_id="AKIAEXAMPLEEXAMPLE22", secret_access_key="wJalrXUtnFEMI/K7MDENG+bP")
DIRECTORY = FixedAccessKeys(
    KnownKey(
        access_key_id=SIGNER.access_key_id,
        account_id=AccountId("111122223333"),
        secret=Material(SIGNER.secret_access_key.encode()),
    )
)
Outcome = Verified | tuple[type[KmsError], str]

names = st.sampled_from(["X-Amz-Target", "Content-Type", "My-Header", "amz-sdk-request", "x-a%b"])
values = st.text(st.sampled_from("aZ09 \t%/:;=,&\"'{}"), max_size=12).map(str.strip)
headers = st.lists(st.tuples(names, values), max_size=4)
bodies = st.binary(max_size=40)
instants = st.integers(NOW - 310, NOW + 310)
paths = st.sampled_from(["/", "/", "/", "/a/../b", "/a%20b/", "/?Action=x&b=%20y", "/?z=1&a=2&a=1"])
methods = st.sampled_from(["POST", "POST", "GET", "PUT"])


@st.composite
def header_signed(draw: st.DrawFn) -> RawRequest:
    return sign(
        SIGNER,
        at=draw(instants),
        method=draw(methods),
        url="http://kms.us-east-1.amazonaws.com" + draw(paths),
        headers=draw(headers),
        body=draw(bodies),
    )


@st.composite
def query_signed(draw: st.DrawFn) -> RawRequest:
    return presign(
        SIGNER,
        at=draw(instants),
        expires_s=draw(st.integers(1, 600)),
        url="http://kms.us-east-1.amazonaws.com" + draw(paths),
        headers=draw(headers),
    )


signed = st.one_of(header_signed(), header_signed(), query_signed())


def outcome(check: Callable[[], Verified]) -> Outcome:
    try:
        return check()
    except KmsError as error:
        return type(error), error.message


def plain(request: RawRequest, now: float) -> Outcome:
    return outcome(lambda: verify_plain(request, now, scope=SCOPE, lookup=DIRECTORY.lookup))


pieces = st.sampled_from([b"", b" ", b",", b"=", b"0", b"/", b";", b"%", b"\xff", b"  ", b"A"])
extra_names = st.sampled_from([b"x-amz-target", b"x-amz-new", b"date", b"accept", b"x-amz-date"])
extra_values = st.sampled_from([b"", b"a", b"20260921T141320Z"])


def splice(data: bytes, draw: st.DrawFn) -> bytes:
    """Replace a few bytes at some place by a few others."""
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(pieces) + data[at + draw(st.integers(0, 2)) :]


def header_of(request: RawRequest, draw: st.DrawFn) -> bytes:
    return draw(st.sampled_from(sorted(request.headers)))


def edit_header(request: RawRequest, draw: st.DrawFn) -> RawRequest:
    name = header_of(request, draw)
    return request.with_header(name, splice(request.headers[name], draw))


def edit_signature(request: RawRequest, draw: st.DrawFn) -> RawRequest:
    authorization = request.headers.get(b"authorization", b"")
    start, end = authorization[:-70], authorization[-70:]
    return request.with_header(b"authorization", start + splice(end, draw))


def reorder_headers(request: RawRequest, draw: st.DrawFn) -> RawRequest:
    return replace(request, headers=dict(draw(st.permutations(list(request.headers.items())))))


EDITS: list[Callable[[RawRequest, st.DrawFn], RawRequest]] = [
    lambda request, draw: replace(request, body=splice(request.body, draw)),
    edit_header,
    edit_header,
    edit_signature,
    reorder_headers,
    lambda request, draw: request.without_header(header_of(request, draw)),
    lambda request, draw: request.with_header(draw(extra_names), draw(extra_values)),
    lambda request, draw: replace(request, method=draw(methods)),
    lambda request, draw: replace(request, target=splice(request.target, draw)),
]


@st.composite
def changed(draw: st.DrawFn, request: RawRequest) -> RawRequest:
    """The request with one thing other than it was signed (or, at times, no different)."""
    return draw(st.sampled_from(EDITS))(request, draw)


@settings(max_examples=400, deadline=None)
@given(request=signed, data=st.data(), now=st.integers(NOW - 5, NOW + 5))
def test_fast_and_plain_verification_agree_on_changed_requests(
    request: RawRequest, data: st.DataObject, now: int
) -> None:
    verifier = SignatureVerifier(scope=SCOPE, directory=DIRECTORY)
    mutants = [data.draw(changed(request)) for _ in range(3)]
    for candidate in (request, request, *mutants, request, *mutants):
        expected = plain(candidate, now)
        assert outcome(lambda c=candidate: verifier.verify(c, now)) == expected  # type: ignore[misc] # a lambda's default is untyped


OPEN_NAMES = (b"x-amz-date", b"amz-sdk-invocation-id", b"authorization", b"content-length")


def open_values(request: RawRequest, names: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The values of headers as a pattern leaves them open: of Authorization the signature."""
    return tuple(
        request.headers[name][-64:] if name == b"authorization" else request.headers[name]
        for name in names
    )


def of_one_head(at: int, body: bytes) -> RawRequest:
    headers = [("X-Amz-Target", "a%b"), ("Amz-Sdk-Invocation-Id", "1-f")]
    return sign(SIGNER, at=at, headers=headers, body=body)


@st.composite
def alike(draw: st.DrawFn) -> RawRequest:
    """A request of that head, as the client signed it or changed by somebody."""
    again = of_one_head(draw(instants), draw(st.binary(min_size=1, max_size=40)))
    match draw(st.sampled_from(["as signed", "as signed", "value", "signature", "body"])):
        case "value":
            name = draw(st.sampled_from([b"x-amz-date", b"amz-sdk-invocation-id"]))
            value = again.headers[name]
            return again.with_header(name, draw(st.sampled_from([value[::-1], value[:-1] + b"9"])))
        case "signature":
            authorization = again.headers[b"authorization"]
            other = draw(st.sampled_from([b"0" * 64, b"f" * 64, authorization[-64:].upper()]))
            return again.with_header(b"authorization", authorization[:-64] + other)
        case "body":
            return replace(again, body=draw(bodies))
        case _:
            return again


@settings(max_examples=300, deadline=None)
@given(data=st.data(), now=st.integers(NOW - 310, NOW + 310))
def test_a_repeat_passes_exactly_what_the_plain_check_passes(data: st.DataObject, now: int) -> None:
    verifier = SignatureVerifier(scope=SCOPE, directory=DIRECTORY)
    first = of_one_head(NOW, b"{}")
    verifier.verify(first, NOW)
    names = tuple(name for name in OPEN_NAMES if name in first.headers)
    repeat = verifier.repeat_of(first, names)
    assert repeat is not None
    for _ in range(3):
        candidate = data.draw(alike())
        expected = plain(candidate, now)
        assert outcome(lambda c=candidate: verifier.verify(c, now)) == expected  # type: ignore[misc] # a lambda's default is untyped
        passed = verifier.verify_repeat(repeat, open_values(candidate, names), candidate.body, now)
        same_day = candidate.headers[b"x-amz-date"][:8] == first.headers[b"x-amz-date"][:8]
        assert passed is (isinstance(expected, Verified) and same_day)


@settings(max_examples=200, deadline=None)
@given(request=header_signed(), now=st.integers(NOW - 620, NOW + 620))
def test_what_botocore_signed_is_verified_exactly_within_the_skew(
    request: RawRequest, now: int
) -> None:
    found = plain(request, now)
    stamp = request.headers[b"x-amz-date"]
    second = NOW + (int(stamp[9:11]) - 14) * 3600 + (int(stamp[11:13]) - 13) * 60
    age = now - (second + int(stamp[13:15]) - 20)

    assert isinstance(found, Verified) is (-300 <= age <= 300), (found, age)


@settings(max_examples=300, deadline=None)
@given(
    target=st.binary(max_size=60).map(lambda tail: b"/" + tail),
    authorization=st.binary(max_size=200),
    query_form=st.booleans(),
)
def test_random_bytes_are_refused_with_an_error_of_the_api(
    target: bytes, authorization: bytes, *, query_form: bool
) -> None:
    headers = {b"host": b"a", b"x-amz-date": b"20260921T141320Z"}
    if query_form:
        target += b"?X-Amz-Algorithm=" + authorization
    else:
        headers[b"authorization"] = b"AWS4-HMAC-SHA256 " + authorization
    request = RawRequest(target=target, headers=headers)
    verifier = SignatureVerifier(scope=SCOPE, directory=DIRECTORY)

    refused = plain(request, NOW)

    assert not isinstance(refused, Verified)
    assert outcome(lambda: verifier.verify(request, NOW)) == refused
