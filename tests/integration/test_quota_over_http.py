"""A request quota holds exactly over several workers, as clients see it.

Source: spec 07 §4.3 (one-second windows), design §5a.
"""

import asyncio
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.load import Result, drive
from regionkms.quota.table import SYMMETRIC
from tests.support.node import OWNER, REGION, RunningNode, prepare_store, start_node
from tests.support.quick_client import QuickSigner

LIMIT: Final = 300
SECONDS: Final = 7.0
CONNECTIONS: Final = 12
DEVIATION: Final = 0.02


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    asyncio.run(prepare_store(tmp_path, quotas={(OWNER.account_id, SYMMETRIC): LIMIT}))
    running = start_node(tmp_path, "--workers=2", "--quotas=aws")
    try:
        yield running
    finally:
        running.stop()


def overload(node: RunningNode, key_id: str) -> Result:
    """Far more requests than the quota admits, for some seconds, over all workers."""
    host, port = node.url.removeprefix("http://"), int(node.url.rpartition(":")[2])
    signer = QuickSigner(account=OWNER, region=REGION, host=host)
    plaintexts = [b64encode(str(number).encode()).decode() for number in range(100)]
    requests = [
        signer.request(
            "TrentService.Encrypt",
            json.dumps({"KeyId": key_id, "Plaintext": plaintext}).encode(),
        )
        for plaintext in plaintexts
    ]
    return drive("127.0.0.1", port, requests, connections=CONNECTIONS, seconds=SECONDS)


def admitted_by_second(node: RunningNode) -> list[int]:
    """Encrypt calls that succeeded in each whole second of the overload, by their records."""
    seconds: Counter[str] = Counter()
    for record in node.records(eventName="Encrypt"):
        if "errorCode" not in record:
            seconds[record["eventTime"]] += 1
    return [seconds[second] for second in sorted(seconds)][1:-1]


def test_two_workers_admit_what_the_quota_says(node: RunningNode) -> None:
    key_id = node.client().create_key()["KeyMetadata"]["KeyId"]
    result = overload(node, key_id)
    assert result.refused > result.answers, "this was no overload"
    assert b"ThrottlingException" in result.first_refusal
    admitted = admitted_by_second(node)
    assert len(admitted) >= SECONDS - 2
    assert max(admitted) <= LIMIT * (1 + DEVIATION), admitted
    assert abs(sum(admitted) / len(admitted) / LIMIT - 1) <= DEVIATION, admitted
