"""What a Region loses when it is alone: nothing. And how long a replication takes when it is not.

    python -m bench.isolation

One lab, one run: the data plane of a replica's Region is measured with everything alive and with
etcd and both other Regions killed, in turn, so that the machine's moods meet both. The budget is a
ratio of throughput of at least 0.95 with zero errors; the CPU time of an answer is shown beside it,
because whoever is dead leaves its core to the living. Then ReplicateKey: p50 and p99 until it is
answered and until the replica is Enabled (budget: p99 < 250 ms where cores are free).
"""

import argparse
import json
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import Sample, run
from bench.servers import Server
from regionkms.lab.layout import Folder
from regionkms.lab.processes import Processes
from tests.support.lab import FIRST, SECOND, THIRD, RunningLab, running_lab
from tests.support.processes import children
from tests.support.quick_client import QuickClient, QuickSigner

ROUNDS = 3
SECONDS = 5.0
CONNECTIONS = 32
REQUESTS = 500
REPLICATIONS = 200
WARM_UP_S = 1.0
_POLL_S = 0.001


def server_of(lab: RunningLab, region: str, key_id: str) -> Server:
    """A Region of the lab, as the other benchmarks know servers."""
    supervisor = Processes(Folder(lab.folder)).find(region)
    assert supervisor is not None
    workers = [one.pid for one in children(supervisor.pid) if one.role == "worker"]
    port = int(lab.endpoint(region).rpartition(":")[2])
    return Server(name=region, port=port, pids=tuple(workers), keys=[key_id])


def requests_of(lab: RunningLab, region: str, operation: str, key_id: str) -> list[bytes]:
    """Signed requests that differ, on one replicated key."""
    host = lab.endpoint(region).removeprefix("http://")
    signer = QuickSigner(account=lab.owner, region=region, host=host)
    contexts = [{"purpose": "bench", "number": str(number)} for number in range(REQUESTS)]
    bodies: list[dict[str, Any]]
    if operation == "GenerateDataKey":
        bodies = [{"KeyId": key_id, "KeySpec": "AES_256"} for _ in contexts]
    else:
        plaintext = b64encode(b"x" * 32).decode()
        bodies = [{"KeyId": key_id, "Plaintext": plaintext} for _ in contexts]
    for body, context in zip(bodies, contexts, strict=True):
        body["EncryptionContext"] = context
    if operation == "Decrypt":
        client = QuickClient(lab.endpoint(region), lab.owner, region)
        blobs = [client.call("Encrypt", body).json["CiphertextBlob"] for body in bodies]
        client.close()
        bodies = [
            {"CiphertextBlob": blob, "EncryptionContext": context}
            for blob, context in zip(blobs, contexts, strict=True)
        ]
    return [
        signer.request(f"TrentService.{operation}", json.dumps(body).encode()) for body in bodies
    ]


def measure(lab: RunningLab, key_id: str, operations: Sequence[str]) -> dict[str, Sample]:
    """Each operation in the replica's Region, as things are now; a refusal ends the run."""
    found = {}
    for operation in operations:
        requests = requests_of(lab, SECOND, operation, key_id)
        server = server_of(lab, SECOND, key_id)
        run(server, requests, connections=CONNECTIONS, seconds=WARM_UP_S)
        found[operation] = run(server, requests, connections=CONNECTIONS, seconds=SECONDS)
    return found


def await_enabled(client: QuickClient, key_id: str) -> None:
    """Poll until the Region's key is Enabled."""
    while True:
        answer = client.call("DescribeKey", {"KeyId": key_id})
        if answer.status == 200 and answer.json["KeyMetadata"]["KeyState"] == "Enabled":
            return
        time.sleep(_POLL_S)


def replications(lab: RunningLab, count: int) -> None:
    """Print how long ReplicateKey takes, one after the other."""
    here = QuickClient(lab.endpoint(FIRST), lab.owner, FIRST)
    there = QuickClient(lab.endpoint(SECOND), lab.owner, SECOND)
    answered, enabled = [], []
    for _ in range(count):
        key_id = here.call("CreateKey", {"MultiRegion": True}).json["KeyMetadata"]["KeyId"]
        started = time.perf_counter()
        answer = here.call("ReplicateKey", {"KeyId": key_id, "ReplicaRegion": SECOND})
        if answer.status != 200:
            raise RuntimeError(f"a replication was answered {answer.status}: {answer.body!r}")
        answered.append(time.perf_counter() - started)
        await_enabled(there, key_id)
        enabled.append(time.perf_counter() - started)
    here.close()
    there.close()
    for name, values in (("answered", answered), ("Enabled", enabled)):
        ordered = sorted(values)
        p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.99 * count))]
        print(
            f"ReplicateKey until {name}: p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms ({count})"
        )


def isolation(lab: RunningLab, rounds: int, operations: Sequence[str]) -> None:
    """Print the ratios alone / whole."""
    client = QuickClient(lab.endpoint(FIRST), lab.owner, FIRST)
    key_id = client.call("CreateKey", {"MultiRegion": True}).json["KeyMetadata"]["KeyId"]
    client.call("ReplicateKey", {"KeyId": key_id, "ReplicaRegion": SECOND})
    client.close()
    there = QuickClient(lab.endpoint(SECOND), lab.owner, SECOND)
    await_enabled(there, key_id)
    there.close()
    whole: dict[str, list[Sample]] = {operation: [] for operation in operations}
    alone: dict[str, list[Sample]] = {operation: [] for operation in operations}
    for _ in range(rounds):
        for operation, sample in measure(lab, key_id, operations).items():
            whole[operation].append(sample)
        for part in ("etcd", FIRST, THIRD):
            lab.kill(part)
        for operation, sample in measure(lab, key_id, operations).items():
            alone[operation].append(sample)
        lab.recover()
    for operation in operations:
        rates = [median(one.per_second for one in runs[operation]) for runs in (alone, whole)]
        costs = [median(one.cpu_us for one in runs[operation]) for runs in (whole, alone)]
        print(
            f"{operation}: alone {rates[0]:.0f}/s, whole {rates[1]:.0f}/s, "
            f"ratio {rates[0] / rates[1]:.2f} (by CPU an answer {costs[0] / costs[1]:.2f}: "
            f"{costs[1]:.1f} us alone, {costs[0]:.1f} us whole), no errors"
        )


def main() -> int:
    """Run everything once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="regionkms-isolation-") as folder,
        running_lab(Path(folder) / "lab", "--quotas", "x1000") as lab,
    ):
        isolation(lab, given.rounds, ("Encrypt", "Decrypt", "GenerateDataKey"))
        replications(lab, given.replications)
    return 0


if __name__ == "__main__":
    sys.exit(main())
