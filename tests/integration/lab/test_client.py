"""What the lab's own client signs, the product's verifier takes: checked against botocore too."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from regionkms.crypto.material import Material
from regionkms.identity.sigv4 import signing_scope, verify_plain
from regionkms.lab.client import KmsClient, RefusedError
from regionkms.lab.state import Account
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.directory import KnownKey
from tests.support.node import free_port
from tests.support.signing import RawRequest

ACCOUNT = Account(
    account_id="111122223333",
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
)
REGION = RegionName("eu-west-1")


class _Handler(BaseHTTPRequestHandler):
    received: RawRequest
    status = 200
    answer: object = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower().encode(): value.encode() for name, value in self.headers.items()}
        type(self).received = RawRequest(
            method="POST", target=self.path.encode(), headers=headers, body=body
        )
        text = json.dumps(self.answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Tests say enough."""


@pytest.fixture
def handler() -> type[_Handler]:
    return type("Handler", (_Handler,), {})


@pytest.fixture
def client(handler: type[_Handler]) -> Iterator[KmsClient]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield KmsClient(
                host="127.0.0.1", port=server.server_port, region=REGION, account=ACCOUNT
            )
        finally:
            server.shutdown()
            thread.join()


def test_a_call_is_signed_as_the_region_verifies(
    client: KmsClient, handler: type[_Handler]
) -> None:
    handler.answer = {"Keys": []}
    assert client.call("ListKeys", {"Limit": 1}) == {"Keys": []}
    known = KnownKey(
        access_key_id=ACCOUNT.access_key_id,
        account_id=AccountId(ACCOUNT.account_id),
        secret=Material(ACCOUNT.secret_access_key.encode()),
    )
    date = handler.received.headers[b"x-amz-date"].decode()
    verified = verify_plain(
        handler.received,
        datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp(),
        scope=signing_scope(REGION),
        lookup={ACCOUNT.access_key_id: known}.get,
    )
    assert (verified.account_id, verified.region) == (ACCOUNT.account_id, REGION)
    assert handler.received.headers[b"x-amz-target"] == b"TrentService.ListKeys"


def test_an_error_comes_with_its_name(client: KmsClient, handler: type[_Handler]) -> None:
    handler.status = 400
    handler.answer = {"__type": "AlreadyExistsException", "message": "it is there"}
    with pytest.raises(RefusedError) as refused:
        client.call("CreateAlias", {})
    assert refused.value.code == "AlreadyExistsException"
    assert str(refused.value) == "AlreadyExistsException: it is there"


def test_a_region_that_is_down_is_named() -> None:
    client = KmsClient(host="127.0.0.1", port=free_port(), region=REGION, account=ACCOUNT)
    with pytest.raises(ConfigurationError) as refused:
        client.call("ListKeys", {})
    assert str(refused.value) == "eu-west-1 did not answer ListKeys"
