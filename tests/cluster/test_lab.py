"""The lab's verbs, as somebody types them."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from regionkms.lab.layout import Folder
from regionkms.lab.processes import Processes, start_time_of
from tests.support.lab import (
    FIRST,
    REGIONS,
    SECOND,
    THIRD,
    RunningLab,
    end_lab,
    free_base_port,
    regionkms,
    running_lab,
)

SECONDS = 10.0
"""Every verb answers within seconds, also on a machine with something else to do."""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sessions_of(lab: RunningLab) -> set[int]:
    """Pids of the lab's processes: each leads a session of its own."""
    processes = Processes(Folder(lab.folder))
    names = ["network", "etcd-0", *lab.regions]
    return {found.pid for name in names if (found := processes.find(name)) is not None}


def alive_in(sessions: set[int]) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # Where nobody buries orphans, their corpses stay; they have no start time.
                if os.getsid(int(entry.name)) in sessions and start_time_of(int(entry.name)):
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def replicated_key(lab: RunningLab, target: str) -> str:
    kms = lab.client(FIRST)
    key_id: str = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key_id, ReplicaRegion=target)
    deadline = time.monotonic() + SECONDS
    while state_of(lab.client(target), key_id) != "Enabled":
        assert time.monotonic() < deadline, "the replica does not become Enabled"
        time.sleep(0.02)
    return key_id


def state_of(kms: Any, key_id: str) -> str:
    """The key's state; a replica is accepted a moment before its Region shows it."""
    try:
        return str(kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"])
    except kms.exceptions.NotFoundException:
        return "accepted"


def replicates(lab: RunningLab, key_id: str, source: str, target: str) -> bool:
    try:
        lab.client(source).replicate_key(KeyId=key_id, ReplicaRegion=target)
    except ClientError:
        return False
    return True


def test_lab_json_and_aws_env_have_their_fixed_form(lab: RunningLab) -> None:
    values = json.loads((lab.folder / "lab.json").read_text())
    assert values["account"] == "111122223333"
    assert list(values["regions"]) == list(REGIONS)
    ports = [int(lab.endpoint(region).rpartition(":")[2]) for region in REGIONS]
    assert ports == [ports[0], ports[0] + 1, ports[0] + 2]
    assert values["gateway"] == f"http://127.0.0.1:{ports[0] - 1}"
    assert list(values["accounts"])[:2] == ["111122223333", "444455556666"]
    env = dict(line.split("=", 1) for line in (lab.folder / "aws.env").read_text().splitlines())
    assert env == {
        "AWS_ACCESS_KEY_ID": values["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": values["secret_access_key"],
        "AWS_REGION": FIRST,
        "AWS_DEFAULT_REGION": FIRST,
        "AWS_ENDPOINT_URL": values["gateway"],
    }


def test_only_the_owner_can_read_what_a_lab_keeps(lab: RunningLab) -> None:
    assert mode_of(lab.folder) == 0o700
    for name in ("lab.json", "aws.env", "state.json"):
        assert mode_of(lab.folder / name) == 0o600
    for region in REGIONS:
        assert mode_of(lab.folder / "regions" / region / "root-key") == 0o600
        assert mode_of(lab.data(region) / "operator.sock") == 0o600
        assert mode_of(lab.data(region)) == 0o700


def test_root_keys_lie_outside_the_data_directories(lab: RunningLab) -> None:
    for region in REGIONS:
        assert not list(lab.data(region).rglob("root-key*"))


def test_health_pages_answer_without_a_signature(lab: RunningLab) -> None:
    for region in REGIONS:
        for page in ("/healthz", "/readyz", "/metrics"):
            with urlopen(lab.endpoint(region) + page, timeout=5) as answer:  # noqa: S310 - the test's own lab
                assert answer.status == 200


@pytest.mark.parametrize("region", REGIONS)
def test_each_account_signs_in_every_region(lab: RunningLab, region: str) -> None:
    for account in (lab.owner, lab.stranger):
        identity = lab.client(region, account, "sts").get_caller_identity()
        assert identity["Account"] == account.account_id


def test_the_front_door_passes_requests_to_the_region_they_are_signed_for(lab: RunningLab) -> None:
    for region in REGIONS:
        kms = lab.client(region, by_front_door=True)
        made = kms.create_key()["KeyMetadata"]["Arn"]
        assert made.startswith(f"arn:aws:kms:{region}:")
        blob = kms.encrypt(KeyId=made, Plaintext=b"x" * 4096)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x" * 4096


def test_the_front_door_refuses_regions_that_the_lab_does_not_have(lab: RunningLab) -> None:
    with pytest.raises(ClientError) as refused:
        lab.client("eu-north-1", by_front_door=True).list_keys()
    assert refused.value.response["Error"] == {
        "Code": "InvalidSignatureException",
        "Message": "Credential should be scoped to a valid region. This lab has ap-southeast-2, "
        "eu-west-1, us-east-1, not 'eu-north-1'.",
    }


def test_a_second_up_changes_nothing(lab: RunningLab) -> None:
    before = sessions_of(lab), (lab.folder / "lab.json").read_bytes()
    began = time.monotonic()
    said = lab.verb("up", "--detach")
    assert time.monotonic() - began < SECONDS
    assert "runs already" in said
    assert (sessions_of(lab), (lab.folder / "lab.json").read_bytes()) == before


def test_a_running_lab_refuses_to_become_another_one(lab: RunningLab) -> None:
    other = lab.run("up", "--detach", "--regions", "eu-north-1")
    assert other.returncode == 1
    assert "was made with --regions us-east-1,eu-west-1,ap-southeast-2" in other.stderr
    busier = lab.run("up", "--detach", "--workers", "3")
    assert busier.returncode == 1
    assert "The lab runs with other settings" in busier.stderr


def test_status_shows_every_part(lab: RunningLab) -> None:
    found = lab.status()
    assert found["ready"] is True
    assert [each["region"] for each in found["regions"]] == list(REGIONS)
    assert {each["name"] for each in found["parts"]} == {"network", "etcd-0"}
    table = lab.verb("status")
    for text in (*REGIONS, "ready", "front door, ways", "etcd-0", "MRKs", "Lag"):
        assert text in table


def test_a_key_is_replicated_and_read_elsewhere(lab: RunningLab) -> None:
    key_id = replicated_key(lab, SECOND)
    blob = lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"secret")["CiphertextBlob"]
    found = lab.client(SECOND).decrypt(CiphertextBlob=blob)
    assert found["Plaintext"] == b"secret"
    assert found["KeyId"].startswith(f"arn:aws:kms:{SECOND}:")


def test_a_killed_region_is_down_and_comes_back_with_its_keys(breakable: RunningLab) -> None:
    lab = breakable
    kms = lab.client(THIRD)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    began = time.monotonic()
    lab.kill(THIRD)
    assert time.monotonic() - began < SECONDS
    assert lab.region_status(THIRD)["state"] == "down"
    with pytest.raises(ClientError) as refused:
        lab.client(THIRD, by_front_door=True).list_keys()
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert "was down already" in lab.verb("kill", THIRD)
    lab.start(THIRD)
    assert lab.client(THIRD).decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert "was running already" in lab.verb("start", THIRD)


@pytest.mark.feature("F07-17", "F07-20")
def test_a_region_serves_its_keys_while_etcd_and_the_others_are_killed(
    breakable: RunningLab,
) -> None:
    lab = breakable
    key_id = replicated_key(lab, SECOND)
    blob = lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"isolated")["CiphertextBlob"]
    for part in ("etcd", FIRST, THIRD):
        lab.kill(part)
    kms = lab.client(SECOND)
    for _ in range(50):
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"isolated"
        own = kms.encrypt(KeyId=key_id, Plaintext=b"own")["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=own)["Plaintext"] == b"own"
        data_key = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")
        opened = kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])
        assert opened["Plaintext"] == data_key["Plaintext"]
    manage_alone(kms, key_id)


def manage_alone(kms: Any, replica: str) -> None:
    """What a Region may do from its own facts (protocol §4)."""
    alone = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/made-alone", TargetKeyId=alone)
    kms.tag_resource(KeyId=alone, Tags=[{"TagKey": "made", "TagValue": "alone"}])
    policy = kms.get_key_policy(KeyId=alone)["Policy"]
    kms.put_key_policy(KeyId=alone, PolicyName="default", Policy=policy)
    kms.disable_key(KeyId=replica)
    kms.enable_key(KeyId=replica)
    kms.schedule_key_deletion(KeyId=alone, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=alone)
    kms.delete_alias(AliasName="alias/made-alone")


def test_a_region_that_was_restarted_alone_opens_what_others_sealed(
    breakable: RunningLab,
) -> None:
    lab = breakable
    key_id = replicated_key(lab, SECOND)
    blob = lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    for part in (*REGIONS, "etcd"):
        lab.kill(part)
    lab.start(SECOND)
    assert lab.client(SECOND).decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"


def test_a_partitioned_region_serves_its_keys_and_replicates_none(breakable: RunningLab) -> None:
    lab = breakable
    key_id = replicated_key(lab, SECOND)
    blob = lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"cut off")["CiphertextBlob"]
    lab.partition(SECOND)
    assert lab.region_status(SECOND)["partitioned"] is True
    assert lab.client(SECOND).decrypt(CiphertextBlob=blob)["Plaintext"] == b"cut off"
    other = lab.client(SECOND).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    began = time.monotonic()
    with pytest.raises(ClientError) as refused:
        lab.client(SECOND).replicate_key(KeyId=other, ReplicaRegion=THIRD)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert time.monotonic() - began < SECONDS
    lab.heal()
    assert lab.region_status(SECOND)["partitioned"] is False
    deadline = time.monotonic() + 3 * SECONDS
    while not replicates(lab, other, SECOND, THIRD):
        assert time.monotonic() < deadline, "a healed Region still replicates nothing"
        time.sleep(0.2)


def test_the_lab_clock_moves_dates_of_kms_and_no_signature(tmp_path: Path) -> None:
    with running_lab(tmp_path / "lab", "--regions", "us-east-1") as lab:
        kms = lab.client()
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        lab.verb("clock", "advance", "30d")
        later = kms.create_key()["KeyMetadata"]["CreationDate"].timestamp()
        assert 29.9 * 86_400 < later - time.time() < 30.1 * 86_400
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
        lab.kill("us-east-1")
        lab.verb("clock", "advance", "8d")
        lab.start("us-east-1")
        offset_s = lab.region_status("us-east-1")["facts"]["clock_offset_s"]
        assert offset_s == 38 * 86_400
        refused = lab.run("clock", "advance", "soon")
        assert refused.returncode == 1
        assert "'soon' is no duration; write 30d, 12h or 1d12h" in refused.stderr


def test_down_leaves_no_process_and_up_brings_the_same_lab_back(tmp_path: Path) -> None:
    with running_lab(tmp_path / "lab", "--regions", "us-east-1,eu-west-1") as lab:
        key_id = lab.client().create_key()["KeyMetadata"]["KeyId"]
        sessions = sessions_of(lab)
        assert len(sessions) == 4
        began = time.monotonic()
        lab.verb("down")
        assert time.monotonic() - began < 2 * SECONDS
        assert alive_in(sessions) == []
        before = (lab.folder / "lab.json").read_bytes()
        lab.verb("up", "--detach")
        assert (lab.folder / "lab.json").read_bytes() == before
        assert lab.client().describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Enabled"
        lab.verb("down", "--purge")
        assert not lab.folder.exists()


def test_a_lab_in_the_foreground_ends_with_its_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    command = [sys.executable, "-m", "regionkms", "lab", "up", "--dir", str(folder)]
    options = ["--regions", "us-east-1", "--base-port", str(free_base_port())]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as terminal:
        try:
            assert terminal.stdout is not None
            said = ""
            while "Logs follow; Ctrl-C ends the lab." not in said:
                line = terminal.stdout.readline()
                assert line, said
                said += line
            sessions = sessions_of(RunningLab(folder=folder, values={"regions": ["us-east-1"]}))
            assert len(sessions) == 3
            terminal.send_signal(signal.SIGINT)
            rest = terminal.stdout.read()
            assert terminal.wait(2 * SECONDS) == 0, rest
            assert alive_in(sessions) == []
        finally:
            terminal.kill()
            end_lab(folder)


def test_a_lab_may_have_three_etcd_members(tmp_path: Path) -> None:
    with running_lab(
        tmp_path / "lab", "--regions", "us-east-1,eu-west-1", "--etcd-members", "3"
    ) as lab:
        assert len(lab.etcd) == 3
        assert [each["state"] for each in lab.status()["parts"]] == ["ready"] * 4
        assert state_of(lab.client("eu-west-1"), replicated_key(lab, "eu-west-1")) == "Enabled"


def test_a_lab_may_lie_deeper_than_a_socket_s_address_can_tell(tmp_path: Path) -> None:
    with running_lab(tmp_path / ("d" * 120), "--regions", "us-east-1") as lab:
        assert lab.client().create_key(MultiRegion=True)["KeyMetadata"]["KeyState"] == "Enabled"
        assert lab.status()["ready"] is True


def test_a_taken_port_is_named_and_nothing_is_started(lab: RunningLab, tmp_path: Path) -> None:
    base = lab.endpoint(FIRST).rpartition(":")[2]
    done = regionkms("lab", "up", "--detach", "--dir", str(tmp_path / "lab"), "--base-port", base)
    assert done.returncode == 1
    assert "are taken; this lab needs" in done.stderr
    assert not (tmp_path / "lab" / "state.json").exists()


def test_a_pid_that_was_given_to_another_process_is_never_signalled(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.run("eu-west-1").parent.mkdir(parents=True)
    # This test's own process under a start time that is not its own.
    folder.run("eu-west-1").write_text(json.dumps({"pid": os.getpid(), "start_time": "1"}))
    processes = Processes(folder)
    assert processes.find("eu-west-1") is None
    assert processes.kill("eu-west-1") is False


def test_labs_and_others_refuse_each_others_stores(lab: RunningLab) -> None:
    done = regionkms(
        "node",
        "--region=eu-west-1",
        f"--data-dir={lab.data(SECOND)}",
        f"--root-key-file={lab.folder / 'regions' / SECOND / 'root-key'}",
        "--listen=127.0.0.1:0",
    )
    assert done.returncode == 1
    assert "was made for a node that is a lab, and this node is no lab" in done.stderr


def test_a_seed_makes_given_keys_once(lab: RunningLab, tmp_path: Path) -> None:
    material = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    plain, multi = "1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        f"""
accounts:
  - id: "123456789012"
    access_key_id: AKIASEEDSEEDSEEDSEED
    secret_access_key: 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
keys:
  - id: {plain}
    region: us-east-1
    account: "123456789012"
    material: {material}
    description: from a seed
    tags: {{team: blue}}
    aliases: [alias/seeded]
  - id: {multi}
    region: us-east-1
    account: "123456789012"
    replicas:
      - region: eu-west-1
        description: its replica
        aliases: [alias/seeded-replica]
"""
    )
    first = lab.verb("seed", str(seed))
    assert f"{plain} in us-east-1: made" in first
    assert f"{multi} in eu-west-1: replicated" in first
    lab.reload()
    account = next(each for each in lab.accounts if each.account_id == "123456789012")
    kms = lab.client(FIRST, account)
    found = kms.describe_key(KeyId="alias/seeded")["KeyMetadata"]
    assert (found["KeyId"], found["Description"]) == (plain, "from a seed")
    blob = kms.encrypt(KeyId=multi, Plaintext=b"seeded")["CiphertextBlob"]
    there = lab.client(SECOND, account)
    assert (
        there.decrypt(CiphertextBlob=blob, KeyId="alias/seeded-replica")["Plaintext"] == b"seeded"
    )
    second = lab.verb("seed", str(seed))
    assert f"{plain} in us-east-1: was there" in second
    assert f"{multi} in eu-west-1: was there" in second


def test_operators_command_a_region_of_the_lab(lab: RunningLab) -> None:
    where = ("--data-dir", str(lab.data(FIRST)))
    assert json.loads(regionkms("status", "--json", *where).stdout)["region"] == FIRST
    listed = regionkms("account", "list", *where)
    assert lab.owner.access_key_id in listed.stdout
    assert lab.owner.secret_access_key not in listed.stdout
    made: Any = regionkms("account", "create", "222233334444", *where)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.split("AWS_SECRET_ACCESS_KEY=")[1].strip()
    name = made.stdout.split("AWS_ACCESS_KEY_ID=")[1].split()[0]
    tail = regionkms("audit", "tail", "--json", "--operation", "account create", *where)
    assert '"222233334444"' in tail.stdout
    assert secret not in tail.stdout
    quota = regionkms("quota", "set", "RequestsOfNothing", "3", *where)
    assert quota.returncode == 1
    assert "there is no quota 'RequestsOfNothing'" in quota.stderr
    assert regionkms("account", "disable-key", name, *where).returncode == 0


def test_offline_verifications_find_a_running_region_sound(lab: RunningLab) -> None:
    lab.client(FIRST).create_key()
    config = ("--config", str(lab.settings(FIRST)))
    keys = regionkms("keys", "verify", *config)
    assert keys.returncode == 0, keys.stdout + keys.stderr
    assert keys.stdout.endswith("0 problems.\n")
    audit = regionkms("audit", "verify", *config)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "all whole and in order" in audit.stdout
    migrated = regionkms("store", "migrate", *config)
    assert migrated.returncode == 0, migrated.stderr
