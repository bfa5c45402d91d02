"""What a request says of its own signature, in its Authorization header or in its query.

Nothing is believed here; forms are checked, and every number of parts is bounded before it is read.
Messages are those that AWS's services answer, without the caller's bytes that AWS echoes in some.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from regionkms.identity.sigv4.canonical import QueryPairs, split_query
from regionkms.identity.sigv4.instant import format_iso_basic, parse_date_header, parse_iso_basic
from regionkms.identity.sigv4.values import HttpRequest, SignatureForm
from regionkms.model.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)
from regionkms.model.limits import MAX_CLOCK_SKEW_S

AUTHORIZATION: Final = b"authorization"
X_AMZ_DATE: Final = b"x-amz-date"
X_AMZ_SECURITY_TOKEN: Final = b"x-amz-security-token"

MAX_AUTHORIZATION_BYTES: Final = 8192
"""An Authorization header; one that names 100 headers has about 2 kB."""
MAX_QUERY_PARAMETERS: Final = 256
"""Of a signed request; sorting more for a stranger is work that no API call needs."""
MAX_EXPIRES_S: Final = 604_800
"""A presigned request's X-Amz-Expires: seven days, as in AWS."""

_HEADER_PARAMETERS: Final = (b"Credential", b"Signature", b"SignedHeaders")
_QUERY_ALGORITHM: Final = b"X-Amz-Algorithm"
_QUERY_SIGNATURE: Final = b"X-Amz-Signature"
_QUERY_TOKEN: Final = b"X-Amz-Security-Token"
_QUERY_EXPIRES: Final = b"X-Amz-Expires"
_QUERY_DATE: Final = b"X-Amz-Date"
_QUERY_REQUIRED: Final = (
    *(_QUERY_ALGORITHM, b"X-Amz-Credential", _QUERY_SIGNATURE),
    *(b"X-Amz-SignedHeaders", _QUERY_DATE),
)
_QUERY_PARAMETERS: Final = frozenset({*_QUERY_REQUIRED, _QUERY_TOKEN, _QUERY_EXPIRES})
_SEPARATORS: Final = re.compile(rb"[, ]+")
_SECONDS: Final = re.compile(rb"[0-9]{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature as a request carries it.

    Attributes:
        algorithm: As written.
        credential: Access key id and credential scope, joined by `/`, as written.
        signed_headers: Names, joined by `;`, as written.
        signature: As written.
        stamp: The instant of signing in ISO 8601 basic format.
        signed_at: The same in seconds since the epoch.
        lifetime_s: How long after `signed_at` the signature is good.
        token: Session token of temporary credentials.
        query: Decoded pairs of the query but for the signature.
    """

    form: SignatureForm
    algorithm: bytes
    credential: bytes
    signed_headers: bytes
    signature: bytes
    stamp: bytes
    signed_at: float
    lifetime_s: float
    token: bytes | None = field(repr=False)
    path: bytes
    query: QueryPairs


def read_claim(request: HttpRequest) -> Claim:
    """Find the signature of a request.

    Raises:
        MissingAuthenticationTokenException: It carries none.
        InvalidSignatureException: It carries two.
        IncompleteSignatureException: A part is missing, malformed, repeated or too large.
    """
    authorization = request.headers.get(AUTHORIZATION)
    path, _, query_text = request.target.partition(b"?")
    if query_text.count(b"&") >= MAX_QUERY_PARAMETERS:
        raise IncompleteSignatureException(
            f"The query string has more than {MAX_QUERY_PARAMETERS} parameters."
        )
    query = split_query(query_text)
    presigned = any(name == _QUERY_ALGORITHM for name, _ in query)
    if authorization is not None and presigned:
        raise InvalidSignatureException(
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
            "header."
        )
    if presigned:
        return _from_query(request.headers, path or b"/", query)
    if authorization is None or not authorization.startswith(b"AWS4-"):
        raise MissingAuthenticationTokenException("Missing Authentication Token")
    return _from_header(request.headers, authorization, path or b"/", query)


def _from_header(
    headers: Mapping[bytes, bytes], authorization: bytes, path: bytes, query: QueryPairs
) -> Claim:
    if len(authorization) > MAX_AUTHORIZATION_BYTES:
        raise IncompleteSignatureException(
            f"Authorization header is longer than {MAX_AUTHORIZATION_BYTES} bytes."
        )
    algorithm, _, rest = authorization.partition(b" ")
    parameters = _header_parameters(rest)
    missing = [
        f"Authorization header requires '{name.decode()}' parameter."
        for name in _HEADER_PARAMETERS
        if not parameters.get(name)
    ]
    if not headers.get(X_AMZ_DATE) and not headers.get(b"date"):
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if missing:
        raise IncompleteSignatureException(" ".join(missing))
    stamp, signed_at = _header_instant(headers)
    return Claim(
        form=SignatureForm.HEADER,
        algorithm=algorithm,
        credential=parameters[b"Credential"],
        signed_headers=parameters[b"SignedHeaders"],
        signature=parameters[b"Signature"],
        stamp=stamp,
        signed_at=signed_at,
        lifetime_s=MAX_CLOCK_SKEW_S,
        token=headers.get(X_AMZ_SECURITY_TOKEN),
        path=path,
        query=query,
    )


def _header_parameters(text: bytes) -> dict[bytes, bytes]:
    """Parameters of an Authorization header, separated by commas, spaces or both."""
    parameters: dict[bytes, bytes] = {}
    for part in _SEPARATORS.split(text):
        if not part:
            continue
        name, equals, value = part.partition(b"=")
        if not equals:
            raise IncompleteSignatureException(
                "Not a valid key=value pair (missing equal-sign) in Authorization header."
            )
        if name in parameters or name not in _HEADER_PARAMETERS:
            raise IncompleteSignatureException(
                "Authorization header has a repeated or unknown parameter."
            )
        parameters[name] = value
    return parameters


def _header_instant(headers: Mapping[bytes, bytes]) -> tuple[bytes, float]:
    """The instant of signing: X-Amz-Date counts before Date, as in AWS."""
    stamp = headers.get(X_AMZ_DATE)
    if stamp:
        return stamp, parse_iso_basic(stamp)
    signed_at = parse_date_header(headers[b"date"])
    return format_iso_basic(signed_at).encode(), signed_at


def _from_query(headers: Mapping[bytes, bytes], path: bytes, query: QueryPairs) -> Claim:
    parameters: dict[bytes, bytes] = {}
    for name, value in query:
        if name in _QUERY_PARAMETERS:
            if name in parameters:
                raise IncompleteSignatureException(
                    f"The query string has the parameter '{name.decode()}' more than once."
                )
            parameters[name] = value
    missing = [
        f"AWS query-string parameters must include '{name.decode()}'."
        for name in _QUERY_REQUIRED
        if not parameters.get(name)
    ]
    if missing:
        raise IncompleteSignatureException(
            " ".join([*missing, "Re-examine the query-string parameters."])
        )
    stamp = parameters[_QUERY_DATE]
    return Claim(
        form=SignatureForm.QUERY,
        algorithm=parameters[_QUERY_ALGORITHM],
        credential=parameters[b"X-Amz-Credential"],
        signed_headers=parameters[b"X-Amz-SignedHeaders"],
        signature=parameters[_QUERY_SIGNATURE],
        stamp=stamp,
        signed_at=parse_iso_basic(stamp),
        lifetime_s=_query_lifetime(parameters.get(_QUERY_EXPIRES)),
        token=parameters.get(_QUERY_TOKEN, headers.get(X_AMZ_SECURITY_TOKEN)),
        path=path,
        query=[pair for pair in query if pair[0] != _QUERY_SIGNATURE],
    )


def _query_lifetime(expires: bytes | None) -> float:
    """Seconds that a presigned request is good for; the skew's bound where it does not say."""
    if expires is None:
        return MAX_CLOCK_SKEW_S
    if _SECONDS.fullmatch(expires) is None or not 1 <= int(expires) <= MAX_EXPIRES_S:
        raise IncompleteSignatureException(
            f"X-Amz-Expires must be a number of seconds between 1 and {MAX_EXPIRES_S}."
        )
    return float(int(expires))
