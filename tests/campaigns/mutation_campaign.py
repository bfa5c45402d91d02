"""Sends a node spoilt requests, and sees that it answers all of them and is none the worse.

    python -m tests.campaigns.mutation_campaign --requests 200000 --seed 1

Most requests are spoilt in their members or in the bytes of their body and then signed, so that
they get behind authentication; the others are signed HTTP with its bytes spoilt. What is promised:
no 5xx, no hang, no traceback in the log, nothing of anybody else changed, memory flat after the
warm-up, and the node serves as before.
"""

import argparse
import asyncio
import json
import re
import secrets
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from regionkms.model.ids import AccountId, RegionName, partition_of
from regionkms.operations import OPERATIONS
from regionkms.policy.default import default_policy
from tests.campaigns.mutation_corpus import Corpus, Live, encode, enlivened, make_corpus
from tests.campaigns.mutators import BYTES, HTTP, STRUCTURE
from tests.support.node import OWNER, REGION, STRANGER, RunningNode, prepare_store, start_node
from tests.support.processes import children, resident_bytes
from tests.support.quick_client import QuickSigner

CONNECTIONS: Final = 16
ANSWER_S: Final = 60.0
"""A longer wait is a hang: the node cuts off what does not end after 20 s at most."""
EXAMPLES: Final = 40
"""Of each operation, before they are spoilt."""
KEYS: Final = 24
MOST_KEYS: Final = 2_000
"""Quota of the account: some mutated CreateKey requests are good ones, and memory is judged."""
WARM_UP_PART: Final = 0.3
MAX_GROWTH_MB: Final = 16.0
"""Of a worker's resident memory (10^6 bytes) after the warm-up; 0 where it was measured. A leak of
100 bytes a request would show as 7 MB in each of two workers, one of 250 bytes fails."""
_TEND_EVERY: Final = 2_000
_MOST_VIOLATIONS: Final = 50
_ANY_PART: Final = 0.2
"""How often the operation is any of KMS; else it is one that is offered."""
_RAW_PART: Final = 0.2
_BYTES_PART: Final = 0.3
_CONTEXT: Final = {"purpose": "campaign"}
_NAME: Final = RegionName(REGION)
_MB: Final = 1_000_000
_SERVER_ERROR: Final = 500
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_FAILURES: Final = frozenset(str(status) for status in range(500, 600))
"""What bad HTTP must not be answered with."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a campaign sent and found."""

    seed: int
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    warm_mb: float = 0.0
    end_mb: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.requests} requests in {self.seconds:.0f} s; statuses "
            f"{dict(self.statuses.most_common())}; errors {dict(self.errors.most_common(12))}; "
            f"slowest answer {self.slowest_s:.2f} s; worker {self.warm_mb:.0f} MB after the "
            f"warm-up, {self.end_mb:.0f} MB at the end; {len(self.violations)} violations"
        )

    def wrong(self, what: str) -> None:
        """Note a violation."""
        self.violations.append(what)
        assert len(self.violations) < _MOST_VIOLATIONS, "\n".join(self.violations)

    def check(self) -> None:
        """Raise AssertionError if anything was wrong."""
        assert not self.violations, "\n".join(self.violations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """One request: its bytes, how it was made, and whether its signature and framing are whole."""

    data: bytes
    made_by: str
    whole: bool


def spoil(rng: Random, corpus: Corpus, live: Live, signer: QuickSigner) -> Iterator[Spoilt]:
    """Spoilt requests without end."""
    names, offered = sorted(corpus), sorted(OPERATIONS)
    while True:
        name = rng.choice(names if rng.random() < _ANY_PART else offered)
        members: Any = enlivened(rng, rng.choice(corpus[name]), live)
        how = [name]
        for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
            if isinstance(members, dict):
                mutate = rng.choice(STRUCTURE)
                how.append(mutate.__name__)
                members = mutate(rng, members)
        body = encode(members)
        if rng.random() < _BYTES_PART:
            change = rng.choice(BYTES)
            how.append(change.__name__)
            body = change(rng, body)
        data = signer.request(f"TrentService.{name}", body)
        whole = rng.random() >= _RAW_PART
        if not whole:
            raw = rng.choice(HTTP)
            how.append(f"http{raw.__name__}")
            data = raw(rng, data)
        yield Spoilt(data=data, made_by=" ".join(how), whole=whole)


class Campaign:
    """One campaign against one node."""

    def __init__(self, node: RunningNode, outcome: Outcome, rng: Random) -> None:
        self._node: Final = node
        self._outcome: Final = outcome
        self._rng: Final = rng
        parts = urlsplit(node.url)
        self._address: Final = (str(parts.hostname), int(parts.port or 80))
        self._signer: Final = QuickSigner(account=OWNER, region=REGION, host=parts.netloc)
        self._kms: Final = node.client(OWNER)
        self._corpus: Final = make_corpus(EXAMPLES)
        self._keys: list[str] = []
        self._policy: Final = default_policy(AccountId(OWNER.account_id), partition_of(_NAME))
        self._live = self._make_live()

    async def run(self, requests: int) -> None:
        """Send so many requests."""
        warm = False
        while self._outcome.requests < requests:
            count = min(_TEND_EVERY, requests - self._outcome.requests)
            await self._send(count)
            await asyncio.to_thread(self._tend)
            if not warm and self._outcome.requests >= WARM_UP_PART * requests:
                self._outcome.warm_mb, warm = self._memory_mb(), True
        self._outcome.end_mb = self._memory_mb()
        growth = self._outcome.end_mb - self._outcome.warm_mb
        if growth > MAX_GROWTH_MB:
            self._outcome.wrong(f"a worker grew by {growth:.0f} MB after the warm-up")

    async def _send(self, count: int) -> None:
        stream = spoil(self._rng, self._corpus, self._live, self._signer)
        left = iter(range(count))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(self._client(stream, left))

    async def _client(self, stream: Iterator[Spoilt], left: Iterator[int]) -> None:
        """Send requests over one connection after the other."""
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for _ in left:
            spoilt = next(stream)
            self._outcome.requests += 1
            started = time.monotonic()
            try:
                async with asyncio.timeout(ANSWER_S):
                    if not spoilt.whole:
                        await self._send_raw(spoilt)
                    else:
                        connection = connection or await self._connect()
                        connection = await self._send_whole(spoilt, *connection)
            except TimeoutError:
                self._outcome.wrong(f"no answer in {ANSWER_S:.0f} s: {_shown(spoilt)}")
                connection = None
            spent = time.monotonic() - started
            self._outcome.slowest_s = max(self._outcome.slowest_s, spent)
        if connection is not None:
            connection[1].close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._address)

    async def _send_whole(
        self, spoilt: Spoilt, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Send good HTTP: there must be an answer in the form of the protocol."""
        try:
            writer.write(spoilt.data)
            head = await reader.readuntil(b"\r\n\r\n")
            status, headers = _head(head)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self._outcome.wrong(f"no answer ({error!r}): {_shown(spoilt)}")
            return None
        self._judge(spoilt, status, headers, body)
        if headers.get("connection") == "close":
            writer.close()
            return None
        return reader, writer

    def _judge(self, spoilt: Spoilt, status: int, headers: dict[str, str], body: bytes) -> None:
        outcome = self._outcome
        outcome.statuses[str(status)] += 1
        if status >= _SERVER_ERROR:
            outcome.wrong(f"{status} {body!r} to {_shown(spoilt)}")
            return
        try:
            answer = json.loads(body) if body else {}
        except ValueError:
            outcome.wrong(f"{status} without JSON, {body[:200]!r}, to {_shown(spoilt)}")
            return
        if "x-amzn-requestid" not in headers:
            outcome.wrong(f"{status} without a request id to {_shown(spoilt)}")
        if status != 200:
            outcome.errors[str(answer.get("__type"))] += 1
            if not isinstance(answer.get("__type"), str) or "Traceback" in str(answer):
                outcome.wrong(f"{status} {answer} is no error of the protocol: {_shown(spoilt)}")

    async def _send_raw(self, spoilt: Spoilt) -> None:
        """Send bad HTTP: whatever comes ends soon, and is no failure of the server."""
        reader, writer = await self._connect()
        try:
            writer.write(spoilt.data)
            writer.write_eof()
            received = await reader.read()
        except ConnectionError:
            received = b""
        finally:
            writer.close()
        # Repeated bytes may be several requests, and 100 is only the first of two answers.
        statuses = [found.decode() for found in _STATUS.findall(received)]
        for status in statuses or ["closed"]:
            self._outcome.statuses[f"raw {status}"] += 1
        if (received and not statuses) or _FAILURES.intersection(statuses):
            self._outcome.wrong(f"{received[:300]!r} to {_shown(spoilt)}")

    def _tend(self) -> None:
        """Mend the keys that good requests have changed, so that the next ones get far again."""
        try:
            self._live = self._make_live()
        except ClientError as error:
            self._outcome.wrong(f"the node does not serve: {error}")

    def _make_live(self) -> Live:
        kms = self._kms
        self._keys = [self._mended(key_id) or self._new_key() for key_id in self._keys]
        self._keys += [self._new_key() for _ in range(KEYS - len(self._keys))]
        aliases = [f"alias/live-{number}" for number in range(4)]
        known = {entry["AliasName"] for entry in kms.list_aliases(Limit=100)["Aliases"]}
        for alias, key_id in zip(aliases, self._keys, strict=False):
            change = kms.update_alias if alias in known else kms.create_alias
            change(AliasName=alias, TargetKeyId=key_id)
        blobs = [
            kms.encrypt(KeyId=key_id, Plaintext=b"live", EncryptionContext=_CONTEXT)
            for key_id in self._keys
        ]
        arns = [blob["KeyId"] for blob in blobs]
        return Live(
            identifiers=[*self._keys, *arns, *aliases],
            aliases=aliases,
            blobs=[b64encode(blob["CiphertextBlob"]).decode() for blob in blobs],
            context=_CONTEXT,
            policy=self._policy,
        )

    def _new_key(self) -> str:
        return str(self._kms.create_key()["KeyMetadata"]["KeyId"])

    def _mended(self, key_id: str) -> str | None:
        """The key, made usable again; None if a good request has locked everybody out."""
        kms = self._kms
        try:
            if kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion":
                kms.cancel_key_deletion(KeyId=key_id)
            kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=self._policy)
            kms.enable_key(KeyId=key_id)
        except kms.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                return None
            raise
        return key_id

    def _memory_mb(self) -> float:
        workers = [one for one in children(self._node.process.pid) if one.role == "worker"]
        return max(resident_bytes(one.pid) for one in workers) / _MB


def run(folder: Path, *, requests: int, seed: int) -> Outcome:
    """Run a campaign on a node in a folder; `check` of the outcome tells what was wrong."""
    outcome, started = Outcome(seed=seed), time.monotonic()
    asyncio.run(prepare_store(folder, quotas={(OWNER.account_id, "KmsKeys"): MOST_KEYS}))
    node = start_node(folder, "--workers=2", "--quotas=x1000")
    try:
        before = _snapshot(node)
        rng = Random(seed)  # noqa: S311 - a test's choice
        asyncio.run(Campaign(node, outcome, rng).run(requests))
        if _snapshot(node) != before:
            outcome.wrong("a key of an account that took no part has changed")
    finally:
        node.stop()
    outcome.seconds = time.monotonic() - started
    return outcome


def _snapshot(node: RunningNode) -> dict[str, Any]:
    """All that can be seen of a key of another account; made at the first look."""
    kms = node.client(STRANGER)
    alias = "alias/bystander"
    if not kms.list_aliases()["Aliases"]:
        key_id = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    key_id = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=alias, Plaintext=b"bystander")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"bystander"
    return {
        "metadata": kms.describe_key(KeyId=key_id)["KeyMetadata"],
        "policy": kms.get_key_policy(KeyId=key_id)["Policy"],
        "tags": kms.list_resource_tags(KeyId=key_id)["Tags"],
        "aliases": kms.list_aliases(KeyId=key_id)["Aliases"],
        "keys": kms.list_keys()["Keys"],
    }


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


def _shown(spoilt: Spoilt) -> str:
    return f"[{spoilt.made_by}] {spoilt.data[:1500]!r}"


def main() -> int:
    """Run one campaign and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regionkms-mutation-") as folder:
        outcome = run(Path(folder), requests=given.requests, seed=given.seed)
    sys.stdout.write(f"{outcome}\n")
    outcome.check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
