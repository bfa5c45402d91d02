"""Verification of a signature, step by step and without any cache.

The steps, in the order in which AWS's services answer:

1. Read the claim: one signature, complete (claim.py).
2. Time: signed at most MAX_CLOCK_SKEW_S ahead of the machine's clock, and not longer ago than
   that, or than X-Amz-Expires says.
3. Signed headers: well formed, with `host` and every `x-amz-*` header of the request among them.
4. Algorithm and credential: form, Region, service, terminator and day of the scope.
5. Access key: known and active; with a session token: a session that is known and has not expired.
6. Body: hashed always; what x-amz-content-sha256 says must be that hash.
7. Signature: compared in constant time.

A signature that was seen before is accepted, as in AWS: there is no replay list.

Source: spec 03 §1 AUTH-1, AUTH-3; design §5 step 2.
"""

import re
from binascii import hexlify
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from regionkms.identity.sigv4.canonical import (
    canonical_headers,
    canonical_path,
    canonical_query,
    fold,
)
from regionkms.identity.sigv4.claim import Claim, read_claim
from regionkms.identity.sigv4.instant import format_iso_basic
from regionkms.identity.sigv4.signing import (
    ALGORITHM,
    TERMINATOR,
    SigningKey,
    credential_scope,
    derive_signing_key,
    string_to_sign,
)
from regionkms.identity.sigv4.values import (
    HttpRequest,
    SessionLookup,
    SigningScope,
    Verified,
)
from regionkms.model.errors import (
    ExpiredTokenException,
    IncompleteSignatureException,
    InvalidSignatureException,
    UnrecognizedClientException,
)
from regionkms.model.ids import RegionName
from regionkms.model.limits import MAX_CLOCK_SKEW_S
from regionkms.ports.directory import KnownKey

X_AMZ_CONTENT_SHA256: Final = b"x-amz-content-sha256"

_HEADER_NAME: Final = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]{1,256}")
"""A token of RFC 9110 §5.6.2, lower-case."""
_CREDENTIAL_PARTS: Final = 5
_MAX_LISTED_BYTES: Final = 256
"""Of header names in a message."""
_SECONDS_PER_MINUTE: Final = 60
_UNHASHED_PAYLOADS: Final = (b"UNSIGNED-PAYLOAD", b"STREAMING-")

Lookup = Callable[[str], KnownKey | None]
"""Access key id to active long-term credentials."""
Derive = Callable[[KnownKey, str, str, str], SigningKey]
"""(credentials, day, Region, service) to a signing key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialScope:
    """The parts of a claim's credential, checked against what this endpoint takes."""

    access_key_id: str
    day: str
    region: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A verified signature with all that the verification found out."""

    verified: Verified
    claim: Claim
    signed_names: tuple[bytes, ...]
    scope: CredentialScope
    key: KnownKey
    signing_key: SigningKey


def verify_plain(
    request: HttpRequest,
    now: float,
    *,
    scope: SigningScope,
    lookup: Lookup,
    sessions: SessionLookup | None = None,
) -> Verified:
    """Check a request's signature.

    Args:
        request: As the HTTP layer read it.
        now: Machine time, seconds since the epoch.
        scope: Services and Regions that a credential scope may name.
        lookup: Long-term credentials.
        sessions: Temporary credentials; without it no session token is known.

    Raises:
        MissingAuthenticationTokenException: The request is not signed.
        IncompleteSignatureException: A part of the signature is missing or malformed.
        InvalidSignatureException: The signature does not fit the request, this endpoint or the
            time.
        UnrecognizedClientException: The access key id or the session token is not known.
        ExpiredTokenException: The session has expired.
    """
    examination = examine(
        request, now, scope=scope, lookup=lookup, sessions=sessions, derive=derive_signing_key
    )
    return examination.verified


def examine(
    request: HttpRequest,
    now: float,
    *,
    scope: SigningScope,
    lookup: Lookup,
    sessions: SessionLookup | None,
    derive: Derive,
) -> Examination:
    """Check a request's signature and say what was found; see `verify_plain`."""
    claim = read_claim(request)  # 1
    check_time(claim, now)  # 2
    names = check_signed_headers(claim.signed_headers, request.headers)  # 3
    found = check_scope(claim, scope)  # 4
    key = find_key(found.access_key_id, claim.token, now, lookup=lookup, sessions=sessions)  # 5
    body_hash = check_body(request)  # 6
    signing_key = derive(key, found.day, found.region, found.service)
    _check_signature(request, claim, names, body_hash, (found, signing_key))  # 7
    verified = Verified(
        access_key_id=key.access_key_id,
        account_id=key.account_id,
        service=found.service,
        region=RegionName(found.region),
        form=claim.form,
        session_token=claim.token,
    )
    return Examination(
        verified=verified,
        claim=claim,
        signed_names=names,
        scope=found,
        key=key,
        signing_key=signing_key,
    )


def check_time(claim: Claim, now: float) -> None:
    """Step 2; whole seconds are compared, as the message shows them.

    Raises:
        InvalidSignatureException: Signed too long ago, or too far ahead.
    """
    instant = int(now)
    if claim.signed_at < instant - claim.lifetime_s:
        raise InvalidSignatureException(
            f"Signature expired: {format_iso_basic(claim.signed_at)} is now earlier than "
            f"{format_iso_basic(instant - claim.lifetime_s)} "
            f"({format_iso_basic(instant)} - {_duration(claim.lifetime_s)})"
        )
    if claim.signed_at > instant + MAX_CLOCK_SKEW_S:
        raise InvalidSignatureException(
            f"Signature not yet current: {format_iso_basic(claim.signed_at)} is still later than "
            f"{format_iso_basic(instant + MAX_CLOCK_SKEW_S)} "
            f"({format_iso_basic(instant)} + {_duration(MAX_CLOCK_SKEW_S)})"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), _SECONDS_PER_MINUTE)
    return f"{int(seconds)} sec." if rest else f"{minutes} min."


def check_signed_headers(text: bytes, headers: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
    """Step 3: the names that the signature covers, in order.

    A header that changes what a request means must be covered: `host`, and all that start with
    `x-amz-`, so that nobody can add, say, another `x-amz-target` to a request that was signed.

    Raises:
        IncompleteSignatureException: The names are not lower-case, in order and separate.
        InvalidSignatureException: A header that must be signed is not, or one is absent.
    """
    names = tuple(text.split(b";"))
    if list(names) != sorted(set(names)) or not all(map(_HEADER_NAME.fullmatch, names)):
        raise IncompleteSignatureException(
            "SignedHeaders must be lower-case header names in order, separated by ';'."
        )
    if b"host" not in names:
        raise InvalidSignatureException(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    unsigned = _unsigned_amz_headers(headers, frozenset(names))
    if unsigned:
        listed = b", ".join(unsigned)[:_MAX_LISTED_BYTES].decode("latin-1")
        raise InvalidSignatureException(
            f"There were headers present in the request which were not signed: {listed}"
        )
    if any(name not in headers for name in names):
        raise mismatch()
    return names


def _unsigned_amz_headers(headers: Iterable[bytes], signed: frozenset[bytes]) -> list[bytes]:
    return [name for name in headers if name.startswith(b"x-amz-") and name not in signed]


def check_scope(claim: Claim, scope: SigningScope) -> CredentialScope:
    """Step 4; all that is wrong with a scope is said at once, as in AWS.

    Raises:
        IncompleteSignatureException: Another algorithm, or a credential of another form.
        InvalidSignatureException: The scope names another Region, service, terminator or day.
    """
    if claim.algorithm != ALGORITHM:
        raise IncompleteSignatureException(
            "Unsupported AWS 'algorithm' (only AWS4-HMAC-SHA256 for now)."
        )
    parts = claim.credential.decode("latin-1").split("/")
    if len(parts) != _CREDENTIAL_PARTS or not all(parts):
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term."
        )
    access_key_id, day, region, service, terminator = parts
    regions = scope.services.get(service)
    faults = []
    if region not in (scope.services[scope.main] if regions is None else regions):
        faults.append("Credential should be scoped to a valid region.")
    if regions is None:
        faults.append(f"Credential should be scoped to correct service: '{scope.main}'.")
    if terminator.encode("latin-1") != TERMINATOR:
        faults.append("Credential should be scoped with a valid terminator: 'aws4_request'.")
    if day.encode("latin-1") != claim.stamp[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP."
        )
    if faults:
        raise InvalidSignatureException(" ".join(faults))
    return CredentialScope(access_key_id=access_key_id, day=day, region=region, service=service)


def find_key(
    access_key_id: str,
    token: bytes | None,
    now: float,
    *,
    lookup: Lookup,
    sessions: SessionLookup | None,
) -> KnownKey:
    """Step 5.

    Raises:
        UnrecognizedClientException: The access key id or the session token is not known.
        ExpiredTokenException: The session has expired.
    """
    if token is None:
        key = lookup(access_key_id)
    else:
        key = sessions(access_key_id, token) if sessions is not None else None
    if key is None:
        raise UnrecognizedClientException("The security token included in the request is invalid.")
    if now >= key.expires_at:
        raise ExpiredTokenException("The security token included in the request is expired")
    return key


def check_body(request: HttpRequest) -> bytes:
    """Step 6: the SHA-256 of the body in hexadecimal digits.

    Raises:
        InvalidSignatureException: x-amz-content-sha256 says something else, or that the body is
            not covered by the signature, which only S3 takes.
    """
    computed = hexlify(sha256(request.body).digest())
    stated = request.headers.get(X_AMZ_CONTENT_SHA256)
    if stated is None or stated == computed:
        return computed
    if stated.startswith(_UNHASHED_PAYLOADS):
        raise InvalidSignatureException(
            "The payload must be signed: 'X-Amz-Content-SHA256' must be the hash of the body."
        )
    raise mismatch()


def _check_signature(
    request: HttpRequest,
    claim: Claim,
    names: tuple[bytes, ...],
    body_hash: bytes,
    signer: tuple[CredentialScope, SigningKey],
) -> None:
    """Step 7.

    The rule folds white space inside header values. Values as they were sent are tried as well:
    some signers do not fold, and such a signature binds the very same bytes.
    """
    scope, key = signer
    sent = [request.headers[name] for name in names]
    folded = [fold(value) for value in sent]
    path, query = canonical_path(claim.path), canonical_query(claim.query)
    for values in (folded,) if sent == folded else (folded, sent):
        text = b"%b\n%b\n%b\n%b\n%b" % (
            request.method.encode("latin-1"),
            path,
            query,
            canonical_headers(names, values),
            body_hash,
        )
        text = string_to_sign(
            claim.stamp, credential_scope(scope.day, scope.region, scope.service), text
        )
        if compare_digest(key.sign(text), claim.signature):
            return
    raise mismatch()


def mismatch() -> InvalidSignatureException:
    """The refusal of a signature that does not fit; it never says which part does not."""
    return InvalidSignatureException(
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details."
    )
