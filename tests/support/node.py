"""A running node of one Region: started as operators start it, and reached as clients reach it.

Clients here are unmodified: boto3 with retries off, so that a test sees each answer; the AWS CLI as
a program; and raw HTTP signed by botocore's signer for what no client would send.
"""

import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from regionkms.audit.chain import Kind, parse_line
from regionkms.config import SettingsAsRead, check_settings
from regionkms.crypto.material import Material
from regionkms.identity.access_keys import Credentials, import_access_key
from regionkms.model.ids import AccountId
from regionkms.node.live_quotas import setting_name
from regionkms.node.supervisor import open_or_create_store
from regionkms.ports.store import StoreTransaction
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault
from tests.support.signing import RawRequest, Signer, sign

REGION: Final = "eu-west-1"
READY_S: Final = 90.0
STOP_S: Final = 20.0
_POLL_S: Final = 0.05
_PROGRAMS: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and the credentials of its root user."""

    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @property
    def root_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:root"

    def signer(self, region: str = REGION, service: str = "kms") -> Signer:
        return Signer(
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            region=region,
            service=service,
        )


OWNER: Final = Account(
    account_id="111122223333",
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
)
STRANGER: Final = Account(
    account_id="444455556666",
    access_key_id="AKIAI44QH8DHBEXAMPLE",
    secret_access_key="je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
)
EMPTY: Final = Account(
    account_id="777788889999",
    access_key_id="AKIAEMPTYACCOUNT0001",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEMPTYACCNT",
)
"""Never has a key."""
CROWDED: Final = Account(
    account_id="222233334444",
    access_key_id="AKIACROWDEDACCOUNT01",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYCROWDEDXXX",
)
"""Has more keys than one page shows."""
LIMITED: Final = Account(
    account_id="555566667777",
    access_key_id="AKIALIMITEDACCOUNT01",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYLIMITEDXXX",
)
"""May have a few keys only."""
ACCOUNTS: Final = (OWNER, STRANGER, EMPTY, CROWDED, LIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["__type"])

    @property
    def message(self) -> str:
        return str(self.json.get("message", ""))


@dataclass(slots=True, kw_only=True)
class AuditFiles:
    """The segments of a node's audit log, read on from where they were read to."""

    folder: Path
    by_request: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _records: list[dict[str, Any]] = field(default_factory=list)
    _offsets: dict[Path, int] = field(default_factory=dict)

    def read(self) -> list[dict[str, Any]]:
        """All records that are there now; those of one process are in their order."""
        for file in sorted(self.folder.glob("*.jsonl")):
            with file.open("rb") as lines:
                lines.seek(self._offsets.get(file, 0))
                for text in lines:
                    if not text.endswith(b"\n"):
                        break
                    self._offsets[file] = self._offsets.get(file, 0) + len(text)
                    self._take(file, text)
        return self._records

    def _take(self, file: Path, text: bytes) -> None:
        line = parse_line(text)
        assert line is not None, f"{file.name} has a line of no form: {text!r}"
        if line.kind is Kind.RECORD:
            record = json.loads(line.body)
            self._records.append(record)
            self.by_request.setdefault(record.get("requestID", ""), []).append(record)


@dataclass(slots=True, kw_only=True)
class RunningNode:
    """A node that serves."""

    folder: Path
    region: str
    url: str
    process: subprocess.Popen[bytes]
    authority: Path | None = None
    audit: AuditFiles = field(init=False)

    def __post_init__(self) -> None:
        self.audit = AuditFiles(folder=self.folder / "data" / "audit")

    @property
    def log(self) -> str:
        return (self.folder / "node.log").read_text()

    def client(
        self,
        account: Account = OWNER,
        service: str = "kms",
        *,
        region: str | None = None,
        checked: bool = True,
    ) -> Any:
        """A boto3 client; `checked` False: boto3 does not look at parameters before sending."""
        authority = None if self.authority is None else str(self.authority)
        return _client(
            self.url, account, service, region or self.region, authority, checked=checked
        )

    def call(
        self,
        operation: str,
        body: bytes | str | Mapping[str, Any] = b"{}",
        *,
        account: Account = OWNER,
    ) -> Answer:
        """Send a signed KMS request with exactly this body."""
        if isinstance(body, Mapping):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        return self.send(self.signed(operation, body, account=account))

    def signed(
        self,
        operation: str,
        body: bytes = b"{}",
        *,
        account: Account = OWNER,
        at: float | None = None,
        region: str | None = None,
        service: str = "kms",
        target: str | None = None,
    ) -> RawRequest:
        """A signed request, to be spoilt before it is sent."""
        return sign(
            account.signer(region or self.region, service),
            at=time.time() if at is None else at,
            url=f"{self.url}/",
            headers=(
                ("X-Amz-Target", target or f"TrentService.{operation}"),
                ("Content-Type", "application/x-amz-json-1.1"),
                ("User-Agent", "contract-suite/1.0"),
            ),
            body=body,
        )

    def send(
        self, request: RawRequest, connection: http.client.HTTPConnection | None = None
    ) -> Answer:
        """Send a request as it is, on a new connection unless one is given."""
        own = connection or self.connect()
        try:
            headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in request.headers.items()
            }
            own.request(request.method, request.target.decode(), request.body, headers)
            response = own.getresponse()
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=response.read(),
            )
        finally:
            if connection is None:
                own.close()

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own to one of the workers."""
        parts = urlsplit(self.url)
        host, port = str(parts.hostname), int(parts.port or 0)
        if self.authority is None:
            return http.client.HTTPConnection(host, port, timeout=30)
        context = ssl.create_default_context(cafile=str(self.authority))
        return http.client.HTTPSConnection(host, port, timeout=30, context=context)

    def records(self, **members: object) -> list[dict[str, Any]]:
        """The audit records that have these members, in the order of each worker's chain."""
        found = self.audit.read()
        if "requestID" in members:
            found = self.audit.by_request.get(str(members["requestID"]), [])
        return [
            record
            for record in found
            if all(record.get(name) == value for name, value in members.items())
        ]

    def records_of(self, response: Any) -> list[dict[str, Any]]:
        """The records of one call, by boto3's response, its ClientError, or an Answer."""
        return self.records(requestID=request_id(response))

    def aws(
        self, *arguments: str, account: Account = OWNER, check: bool = True, text: bool = False
    ) -> Any:
        """Run the AWS CLI; its output as JSON, or as text, or the process when not `check`."""
        ran = subprocess.run(
            [
                str(_PROGRAMS / "aws"),
                "--endpoint-url",
                self.url,
                "--output",
                "text" if text else "json",
                *arguments,
            ],
            env=self.environment(account),
            cwd=self.folder,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        if not check:
            return ran
        assert ran.returncode == 0, ran.stderr
        if text:
            return ran.stdout
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    def environment(self, account: Account = OWNER) -> dict[str, str]:
        """The environment of a client program: credentials, Region, and nothing of the host's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": account.access_key_id,
            "AWS_SECRET_ACCESS_KEY": account.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def stop(self) -> None:
        """End it as an operator does, and look at what it logged."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        log = self.log
        assert code == 0, log
        assert "Traceback" not in log, log
        assert not [line for line in log.splitlines() if '"ERROR"' in line], log


@lru_cache(maxsize=64)
def _client(
    url: str, account: Account, service: str, region: str, authority: str | None, *, checked: bool
) -> Any:
    session = boto3.session.Session(
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        region_name=region,
    )
    return session.client(  # type: ignore[call-overload] # the service is chosen by the test
        service,
        endpoint_url=url,
        verify=authority,
        config=Config(
            retries={"total_max_attempts": 1},
            parameter_validation=checked,
            max_pool_connections=32,
        ),
    )


def request_id(response: Any) -> str:
    """The request id of boto3's response, its ClientError, or an Answer."""
    if isinstance(response, Answer):
        return response.headers["x-amzn-requestid"]
    if isinstance(response, ClientError):
        response = response.response
    return str(response["ResponseMetadata"]["RequestId"])


@contextmanager
def refused(code: str, message: str | None = None) -> Iterator[dict[str, Any]]:
    """Expect an error of this code and, if given, exactly this message."""
    facts: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield facts
    facts.update(caught.value.response)
    found = caught.value.response["Error"]
    assert found["Code"] == code, found
    assert message is None or found.get("Message", "") == message, found


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def prepare_store(
    folder: Path,
    *,
    region: str = REGION,
    store_url: str = "",
    accounts: tuple[Account, ...] = ACCOUNTS,
    quotas: Mapping[tuple[str | None, str], float] | None = None,
) -> None:
    """Make a Region's store as the first start does, with accounts and quota overrides in it."""
    settings = check_settings(
        SettingsAsRead(
            region=region,
            data_dir=str(folder / "data"),
            root_key_file=str(folder / "root.key"),
            store_url=store_url,
        )
    )
    keys = open_or_create_store(settings)
    vault = DomainVault(keys.materials, keys.current)
    store = open_store(settings.store_url, vault=vault, on_commit=lambda: None, lab=False)
    try:
        for account in accounts:
            credentials = Credentials(
                access_key_id=account.access_key_id,
                secret=Material(account.secret_access_key.encode()),
            )
            owner = AccountId(account.account_id)
            await store.write(
                partial(
                    import_access_key,
                    vault=vault,
                    account_id=owner,
                    credentials=credentials,
                    created_at=0.0,
                )
            )
        for (account_id, code), value in (quotas or {}).items():
            name = setting_name(None if account_id is None else AccountId(account_id), code)
            await store.write(partial(_put_setting, name=name, value=str(value)))
    finally:
        await store.close()


def _put_setting(transaction: StoreTransaction, *, name: str, value: str) -> None:
    transaction.settings.put(name, value)


def start_node(
    folder: Path, *options: str, region: str = REGION, authority: Path | None = None
) -> RunningNode:
    """Start a node on a prepared store and wait until it serves."""
    port = free_port()
    scheme = "http" if authority is None else "https"
    with (folder / "node.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(_PROGRAMS / "regionkms"),
                "node",
                f"--region={region}",
                f"--data-dir={folder / 'data'}",
                f"--root-key-file={folder / 'root.key'}",
                f"--listen=127.0.0.1:{port}",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            cwd=folder,
        )
    node = RunningNode(
        folder=folder,
        region=region,
        url=f"{scheme}://127.0.0.1:{port}",
        process=process,
        authority=authority,
    )
    _wait_until_ready(node)
    return node


def _wait_until_ready(node: RunningNode) -> None:
    context = None
    if node.authority is not None:
        context = ssl.create_default_context(cafile=str(node.authority))
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert node.process.poll() is None, node.log
        try:
            with urlopen(f"{node.url}/readyz", timeout=2, context=context) as answer:  # noqa: S310 - our own node
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(_POLL_S)
    node.process.kill()
    node.process.wait(STOP_S)
    raise AssertionError(f"the node did not become ready in {READY_S} s:\n{node.log}")


def fresh_name(prefix: str = "t") -> str:
    """A name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(6)}"


def fresh_alias() -> str:
    """An alias name that no other test uses."""
    return f"alias/{fresh_name()}"
