"""A client's side of Signature Version 4, by botocore's own signers at an instant of choice.

Other tests use it to make raw HTTP requests for a node, or for the verifier alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, and for what."""

    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"
    service: str = "kms"
    token: str | None = None

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.access_key_id, self.secret_access_key, self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A request as wire/http hands it up: lower-case names, repeated headers joined by commas."""

    method: str = "POST"
    target: bytes = b"/"
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    def with_header(self, name: bytes, value: bytes) -> "RawRequest":
        return replace(self, headers={**self.headers, name: value})

    def without_header(self, name: bytes) -> "RawRequest":
        return replace(self, headers={k: v for k, v in self.headers.items() if k != name})

    def to_http(self) -> bytes:
        """The bytes of an HTTP/1.1 request."""
        lines = [b"%b %b HTTP/1.1" % (self.method.encode(), self.target)]
        lines += [b"%b: %b" % header for header in self.headers.items()]
        if b"content-length" not in self.headers:
            lines.append(b"content-length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


class _SigV4AtInstant(SigV4Auth):
    """botocore's signer, with the instant given instead of taken from the machine's clock."""

    def sign_at(self, request: AWSRequest, at: float) -> None:
        request.context["timestamp"] = datetime.fromtimestamp(at, UTC).strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)  # type: ignore[attr-defined] # not in the stubs
        text = self.string_to_sign(request, self.canonical_request(request))
        signature = self.signature(text, request)
        self._inject_signature_to_request(request, signature)  # type: ignore[attr-defined] # likewise


class _SigV4QueryAtInstant(SigV4QueryAuth, _SigV4AtInstant):
    pass


def sign(
    signer: Signer,
    *,
    at: float,
    method: str = "POST",
    url: str = "http://kms.us-east-1.amazonaws.com/",
    headers: Headers = (),
    body: bytes = b"",
) -> RawRequest:
    """Sign in the Authorization header; a name that comes twice is a header that comes twice."""
    request = _aws_request(method, url, headers, body)
    _SigV4AtInstant(signer.credentials, signer.service, signer.region).sign_at(request, at)
    return _raw(request, body)


def presign(
    signer: Signer,
    *,
    at: float,
    expires_s: int = 3600,
    method: str = "GET",
    url: str = "http://kms.us-east-1.amazonaws.com/",
    headers: Headers = (),
) -> RawRequest:
    """Sign in the query: what `generate_presigned_url` gives."""
    request = _aws_request(method, url, headers, b"")
    auth = _SigV4QueryAtInstant(
        signer.credentials, signer.service, signer.region, expires=expires_s
    )
    auth.sign_at(request, at)
    return _raw(request, b"")


def kms_request(
    signer: Signer,
    operation: str,
    body: bytes = b"{}",
    *,
    at: float,
    url: str = "http://kms.us-east-1.amazonaws.com/",
) -> RawRequest:
    """Sign a KMS call as boto3 sends it, with the headers of its HTTP layer."""
    return sign(
        signer,
        at=at,
        url=url,
        headers=(
            ("X-Amz-Target", f"TrentService.{operation}"),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("User-Agent", "Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux#6.1 lang/python#3.11"),
            ("amz-sdk-invocation-id", "3d3d1f0e-6bd7-4c0f-9f0c-0c5a9ad3d1c1"),
            ("amz-sdk-request", "attempt=1"),
        ),
        body=body,
    )


def _aws_request(method: str, url: str, headers: Headers, body: bytes) -> AWSRequest:
    request = AWSRequest(method=method, url=url, data=body)
    for name, value in headers:
        request.headers[name] = value
    return request


def _raw(request: AWSRequest, body: bytes) -> RawRequest:
    parts = urlsplit(str(request.url))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {b"host": parts.netloc.encode()}
    for name, value in request.headers.items():
        key, text = name.lower().encode(), value.strip().encode()
        headers[key] = headers[key] + b"," + text if key in headers else text
    if body:
        headers[b"content-length"] = b"%d" % len(body)
    return RawRequest(
        method=str(request.method), target=target.encode(), headers=headers, body=body
    )
