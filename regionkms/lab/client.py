"""A client of a Region's endpoint, for what the lab's seed does through the API.

Signed by hand, because the AWS SDK is no dependency of running regionkms.
"""

import hashlib
import http.client
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from regionkms.counters.clock import SystemClock
from regionkms.crypto.material import Material
from regionkms.identity.sigv4.canonical import canonical_headers
from regionkms.identity.sigv4.signing import (
    ALGORITHM,
    credential_scope,
    derive_signing_key,
    string_to_sign,
)
from regionkms.lab.state import Account
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.directory import KnownKey

_TIMEOUT_S: Final = 15.0
_OK: Final = 200
_SERVICE: Final = "kms"


class RefusedError(ConfigurationError):
    """The Region answered with an error; `code` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class KmsClient:
    """Calls one Region as one account's root user."""

    def __init__(self, *, host: str, port: int, region: RegionName, account: Account) -> None:
        self._host: Final = host
        self._port: Final = port
        self._region: Final = region
        self._account: Final = account
        self._clock: Final = SystemClock()

    def call(self, operation: str, members: Mapping[str, object]) -> Any:
        """Call an operation.

        Raises:
            RefusedError: It was answered with an error.
            ConfigurationError: It was not answered.
        """
        body = json.dumps(dict(members)).encode()
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", "/", body=body, headers=self._headers(operation, body))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ConfigurationError(f"{self._region} did not answer {operation}") from error
        finally:
            connection.close()
        values = json.loads(text) if text else {}
        if answer.status != _OK:
            raise RefusedError(str(values.get("__type")), str(values.get("message", "")))
        return values

    def _headers(self, operation: str, body: bytes) -> dict[str, str]:
        instant = datetime.fromtimestamp(self._clock.machine_now(), tz=UTC)
        stamp, day = instant.strftime("%Y%m%dT%H%M%SZ"), instant.strftime("%Y%m%d")
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": f"{self._host}:{self._port}",
            "x-amz-date": stamp,
            "x-amz-target": f"TrentService.{operation}",
        }
        names = [name.encode() for name in headers]
        canonical = b"\n".join(
            (
                b"POST",
                b"/",
                b"",
                canonical_headers(names, [value.encode() for value in headers.values()]),
                hashlib.sha256(body).hexdigest().encode(),
            )
        )
        scope = credential_scope(day, self._region, _SERVICE)
        key = KnownKey(
            access_key_id=self._account.access_key_id,
            account_id=AccountId(self._account.account_id),
            secret=Material(self._account.secret_access_key.encode()),
        )
        signature = derive_signing_key(key, day, self._region, _SERVICE).sign(
            string_to_sign(stamp.encode(), scope, canonical)
        )
        headers["authorization"] = (
            f"{ALGORITHM.decode()} Credential={self._account.access_key_id}/{scope.decode()}, "
            f"SignedHeaders={';'.join(name.decode() for name in names)}, "
            f"Signature={signature.decode()}"
        )
        return headers
