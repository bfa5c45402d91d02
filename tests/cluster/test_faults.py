"""Faults under traffic, and the ones that need a moment of their own.

Source: design §1 (the three promises), protocol §1-6.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.cluster.faults import FAULTS, Fault, kill_child, signal_etcd
from tests.cluster.traffic import Traffic
from tests.cluster.validate import NOTHING_CHANGED, validate, validate_offline
from tests.support.lab import FIRST, SECOND, THIRD, RunningLab, running_lab
from tests.support.replicas import (
    await_enabled,
    describe,
    exists,
    primary_key,
    records,
    refused,
    replicated_key,
    until,
)

CALLS: Final = 4
LASTS_S: Final = 1.0
WITHIN_S: Final = 60.0


@pytest.fixture(scope="module", autouse=True)
def all_is_whole_at_the_end(lab: RunningLab) -> Iterator[None]:
    yield
    validate_offline(lab)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_was_acknowledged_survives(breakable: RunningLab, fault: Fault) -> None:
    lab = breakable
    with Traffic(lab, seed=1) as traffic:
        traffic.await_attempts(CALLS, acknowledged=True, within_s=WITHIN_S)
        fault.inject(lab)
        try:
            time.sleep(LASTS_S)
            if fault.replicates:
                traffic.await_attempts(1, acknowledged=True, within_s=WITHIN_S)
        finally:
            fault.heal(lab)
        traffic.await_attempts(CALLS, acknowledged=True, within_s=WITHIN_S)
    validate(lab, traffic.history)


def _replicate_and_time(lab: RunningLab, key_id: str, target: str) -> tuple[Any, float]:
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=target)
    return caught.value.response, time.monotonic() - started


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_call_that_expired_without_etcd_never_takes_effect(
    breakable: RunningLab, how: str
) -> None:
    lab = breakable
    key_id = primary_key(lab)
    # Its record stands before the cut: what is missing afterwards is the proposal alone.
    lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=THIRD)
    await_enabled(lab, THIRD, key_id)
    if how == "killed":
        lab.kill("etcd")
    else:
        signal_etcd(lab, signal.SIGSTOP)
    answer, spent_s = _replicate_and_time(lab, key_id, SECOND)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert spent_s < 7.0
    if how == "killed":
        lab.start("etcd")
    else:
        signal_etcd(lab, signal.SIGCONT)
    # Another key goes all the way: the agents have worked off what they had.
    other = primary_key(lab)
    until(
        lambda: lab.client(FIRST).replicate_key(KeyId=other, ReplicaRegion=SECOND),
        "replication works again",
    )
    await_enabled(lab, SECOND, other)
    if NOTHING_CHANGED in answer["Error"]["Message"]:
        assert not exists(lab, SECOND, key_id)
        replicas = describe(lab, FIRST, key_id)["MultiRegionConfiguration"]["ReplicaKeys"]
        assert [each["Region"] for each in replicas] == [THIRD]

    def replicated() -> bool:
        try:
            lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
        except ClientError as error:
            return error.response["Error"]["Code"] == "AlreadyExistsException"
        return True

    until(replicated, "the key is replicated by a new call")
    await_enabled(lab, SECOND, key_id)


def test_another_holder_serves_when_the_primary_dies_while_the_target_fetches(
    breakable: RunningLab,
) -> None:
    lab = breakable
    keys = [replicated_key(lab, SECOND) for _ in range(4)]
    blobs = [
        lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
        for key_id in keys
    ]

    def replicate(key_id: str) -> None:
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=THIRD)

    with ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(replicate, keys))
    lab.kill(FIRST)
    for key_id, blob in zip(keys, blobs, strict=True):
        await_enabled(lab, THIRD, key_id)
        assert lab.client(THIRD).decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


def test_a_target_that_dies_between_accepting_and_joining_joins_when_it_is_back(
    breakable: RunningLab,
) -> None:
    lab = breakable
    keys = [primary_key(lab) for _ in range(4)]

    def replicate(key_id: str) -> None:
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=THIRD)

    with ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(replicate, keys))
    lab.kill(THIRD)
    lab.start(THIRD)
    for key_id in keys:
        await_enabled(lab, THIRD, key_id)
        replicas = describe(lab, FIRST, key_id)["MultiRegionConfiguration"]["ReplicaKeys"]
        assert [each["Region"] for each in replicas] == [THIRD]
        created = [
            record
            for record in records(lab, THIRD, eventName="CreateKey")
            if key_id in str(record["resources"])
        ]
        assert len(created) == 1


def test_an_agent_that_dies_in_every_replication_loses_none(breakable: RunningLab) -> None:
    lab = breakable
    for region in (FIRST, THIRD, FIRST):
        key_id = primary_key(lab)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(_outcome, lab, key_id)
            kill_child(lab, region, "agent")
            outcome = call.result()
        if outcome == "":
            await_enabled(lab, THIRD, key_id)
        else:
            assert outcome in {"KMSInternalException", "DependencyTimeoutException"}


def _outcome(lab: RunningLab, key_id: str) -> str:
    try:
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=THIRD)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_region_that_missed_a_compacted_history_catches_up(breakable: RunningLab) -> None:
    lab = breakable
    old = replicated_key(lab, THIRD)
    lab.partition(THIRD)
    lab.client(FIRST).replicate_key(KeyId=old, ReplicaRegion=SECOND)
    await_enabled(lab, SECOND, old)
    assert len(_replicas(lab, THIRD, old)) == 1
    endpoint = lab.etcd[0]
    revision = _etcdctl(endpoint, "get", "none", "--write-out", "json").split('"revision":')[1]
    _etcdctl(endpoint, "compaction", revision.split(",")[0])
    lab.heal()
    until(lambda: len(_replicas(lab, THIRD, old)) == 2, f"{THIRD} has caught up")
    new = replicated_key(lab, THIRD)
    assert describe(lab, THIRD, new)["KeyState"] == "Enabled"


def _replicas(lab: RunningLab, region: str, key_id: str) -> list[str]:
    found = describe(lab, region, key_id)["MultiRegionConfiguration"]["ReplicaKeys"]
    return [each["Region"] for each in found]


def _etcdctl(endpoint: str, *arguments: str) -> str:
    return subprocess.run(
        ["etcdctl", "--endpoints", endpoint, *arguments],
        capture_output=True,
        check=True,
        env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/usr/local/bin:/bin"},
        text=True,
        timeout=30,
    ).stdout


@pytest.mark.feature("F02-02", "F02-18")
def test_the_lab_clock_reaches_the_reaper_and_no_signature(tmp_path: Path) -> None:
    with running_lab(tmp_path / "lab", "--regions", FIRST, "--quotas", "off") as lab:
        kms = lab.client(FIRST)
        doomed = kms.create_key()["KeyMetadata"]["KeyId"]
        saved = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/doomed", TargetKeyId=doomed)
        blob = kms.encrypt(KeyId=doomed, Plaintext=b"lost for ever")["CiphertextBlob"]
        for key_id in (doomed, saved):
            kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
        lab.verb("clock", "advance", "7d")
        # The date is past, the hour of lab time after it is not.
        time.sleep(5.0)
        assert describe(lab, FIRST, doomed)["KeyState"] == "PendingDeletion"
        kms.cancel_key_deletion(KeyId=saved)
        lab.verb("clock", "advance", "2h")
        until(lambda: not exists(lab, FIRST, doomed), "the key is destroyed")
        assert doomed not in [key["KeyId"] for key in kms.list_keys()["Keys"]]
        assert "alias/doomed" not in str(kms.list_aliases()["Aliases"])
        with refused(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist "
            "in this region, or you are not allowed to access.",
        ):
            kms.decrypt(CiphertextBlob=blob)
        [record] = until(
            lambda: records(lab, FIRST, eventName="DeleteKey"), "the destruction is recorded"
        )
        assert record["eventType"] == "AwsServiceEvent"
        assert record["userIdentity"]["invokedBy"] == "AWS Internal"
        assert doomed in str(record["resources"])
        assert describe(lab, FIRST, saved)["KeyState"] == "Disabled"
        kms.enable_key(KeyId=saved)
        kms.encrypt(KeyId=saved, Plaintext=b"signatures are of the machine's clock")
