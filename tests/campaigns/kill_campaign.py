"""Kills the processes of a node at random moments under write load, and judges what is left.

    python -m tests.campaigns.kill_campaign --kills 200 --seed 1

What is promised: nothing acknowledged is missing, nothing is half done, the audit chain verifies,
every change has its record exactly once, every answer has its record (kill_validate.py).
"""

import argparse
import asyncio
import secrets
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.campaigns.kill_faults import FAULTS, Victim
from tests.campaigns.kill_node import StartAgain
from tests.campaigns.kill_traffic import Event, Writer, plaintexts
from tests.campaigns.kill_validate import Verdict, by_user_agent, replay
from tests.campaigns.kill_world import World
from tests.support.node import OWNER, REGION, RunningNode, prepare_store

WRITERS: Final = 4
WORKERS: Final = 2
_STARTING_PART: Final = 0.2
"""How many faults hit processes that may be starting; the others come in the middle of load."""
_LONGEST_QUIET_S: Final = 0.4
_MOST_CALLS_BETWEEN: Final = 150
_LOAD_WITHIN_S: Final = 150.0
"""Longest wait for load: a child that died often starts after 5 s, and Python takes its time."""
_POLL_S: Final = 0.005
_SETTLE_S: Final = 2.0
_STOP_S: Final = 30.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a campaign did and found."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    keys: int = 0
    records: int = 0
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def __str__(self) -> str:
        verdict = self.verdict
        return (
            f"seed {self.seed}: {sum(self.faults.values())} faults ({dict(self.faults)}) in "
            f"{self.seconds:.0f} s; {verdict.answered} answers, {verdict.lost} calls without one "
            f"({verdict.lost_with_effect} of them had taken effect, {verdict.late} late), "
            f"{verdict.server_errors} server errors, {self.keys} keys, {self.records} records; "
            f"{len(verdict.violations)} violations"
        )


def run(folder: Path, *, kills: int, seed: int) -> Outcome:
    """Run a campaign in a folder; AssertionError tells the first violations."""
    outcome = Outcome(seed=seed)
    started = time.monotonic()
    rng = Random(seed)  # noqa: S311 - a test's choice
    asyncio.run(prepare_store(folder))
    victim = Victim(StartAgain(folder, workers=WORKERS), rng)
    writers = [
        Writer(number, url=victim.node.url, account=OWNER, region=REGION, seed=seed)
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        _torment(victim, rng, kills, outcome, writers)
        time.sleep(_SETTLE_S)
    finally:
        for writer in writers:
            writer.stop()
        for writer in writers:
            writer.join(_STOP_S)
    histories = [writer.events for writer in writers]
    _judge(victim.node, histories, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def _torment(
    victim: Victim, rng: Random, kills: int, outcome: Outcome, writers: list[Writer]
) -> None:
    weights = [fault.weight for fault in FAULTS]
    done = 0
    while done < kills:
        if rng.random() < _STARTING_PART:
            time.sleep(rng.uniform(0.0, _LONGEST_QUIET_S))
        else:
            _await_load(writers, rng.randrange(1, _MOST_CALLS_BETWEEN))
        (fault,) = rng.choices(FAULTS, weights)
        fault.inject(victim)
        outcome.faults[fault.name] += 1
        done += fault.kills


def _await_load(writers: list[Writer], calls: int) -> None:
    """Wait until so many calls have been sent; it ends in the middle of some."""
    wanted = calls + sum(len(writer.events) for writer in writers)
    deadline = time.monotonic() + _LOAD_WITHIN_S
    while sum(len(writer.events) for writer in writers) < wanted:
        for writer in writers:
            assert writer.failure is None, f"{writer.name}: {writer.failure!r}"
        assert time.monotonic() < deadline, "the node takes no load"
        time.sleep(_POLL_S)


def _judge(node: RunningNode, histories: list[list[Event]], outcome: Outcome) -> None:
    try:
        seen = _seen(node, histories)
    finally:
        node.process.terminate()
        code = node.process.wait(_STOP_S)
    records = node.records()
    world, outcome.verdict = replay(histories, by_user_agent(records))
    outcome.keys, outcome.records = len(world.keys), len(records)
    verdict = outcome.verdict
    if code != 0:
        verdict.wrong(None, f"the node ended with {code}")
    _compare(world, seen, verdict)
    for line in node.log.splitlines():
        if "Traceback" in line:
            verdict.wrong(None, f"the log has {line[:2000]}")
    _verify_offline(node, verdict)


def _seen(node: RunningNode, histories: list[list[Event]]) -> dict[str, Any]:
    """All keys as they are at the end, read through the API; and that all ciphertexts open."""
    kms = node.client()
    seen: dict[str, Any] = {}
    for page in kms.get_paginator("list_keys").paginate():
        for entry in page["Keys"]:
            key_id = entry["KeyId"]
            tags = kms.list_resource_tags(KeyId=key_id)["Tags"]
            seen[key_id] = {
                "DescribeKey": kms.describe_key(KeyId=key_id),
                "ListResourceTags": {"Tags": tags},
                "GetKeyPolicy": kms.get_key_policy(KeyId=key_id),
                "ListAliases": kms.list_aliases(KeyId=key_id),
            }
            _check_material(kms, key_id, seen[key_id]["DescribeKey"]["KeyMetadata"])
    for writer, events in enumerate(histories):
        context = {"writer": str(writer)}
        for blob, plaintext in plaintexts(events).items():
            _check_blob(kms, blob, plaintext, context)
    return seen


def _check_material(kms: Any, key_id: str, metadata: Mapping[str, Any]) -> None:
    """Make a key usable, whatever it is, and use it; its description stays as it was."""
    if metadata["KeyState"] == "PendingDeletion":
        kms.cancel_key_deletion(KeyId=key_id)
    if metadata["KeyState"] != "Enabled":
        kms.enable_key(KeyId=key_id)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"at the end")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"at the end"


def _check_blob(kms: Any, blob: str, plaintext: bytes, context: dict[str, str]) -> None:
    opened = kms.decrypt(CiphertextBlob=b64decode(blob), EncryptionContext=context)
    assert opened["Plaintext"] == plaintext


def _compare(world: World, seen: dict[str, Any], verdict: Verdict) -> None:
    for key_id in sorted(world.keys.keys() - seen.keys()):
        verdict.wrong(None, f"key {key_id} is acknowledged or recorded, and missing")
    for key_id in sorted(seen.keys() - world.keys.keys()):
        verdict.wrong(None, f"key {key_id} exists and has no record")
    for key_id in sorted(seen.keys() & world.keys.keys()):
        for operation, answer in seen[key_id].items():
            found = world.contradiction(operation, {"KeyId": key_id}, answer)
            if found is not None:
                verdict.wrong(None, f"at the end {found}")


def _verify_offline(node: RunningNode, verdict: Verdict) -> None:
    """The operators' own tools find nothing wrong."""
    for command in ("audit", "keys"):
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "regionkms", command, "verify"),
                f"--data-dir={node.folder / 'data'}",
                f"--root-key-file={node.folder / 'root.key'}",
            ],
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )
        if ran.returncode != 0:
            verdict.wrong(None, f"{command} verify: {ran.stdout}{ran.stderr}")


def main() -> int:
    """Run one campaign and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regionkms-kill-") as folder:
        outcome = run(Path(folder), kills=given.kills, seed=given.seed)
    sys.stdout.write(f"{outcome}\n")
    outcome.verdict.check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
