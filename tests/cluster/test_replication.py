"""ReplicateKey through unmodified clients, in every Region.

Source: spec 05 §3.2-3.9.
"""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.lab import FIRST, REGIONS, SECOND, THIRD, RunningLab
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

CONTEXT = {"order": "4711"}


def arn(region: str, key_id: str) -> str:
    return f"arn:aws:kms:{region}:111122223333:key/{key_id}"


def policy(*, sid: str, account: str = "111122223333") -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "kms:*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]})


@pytest.fixture(scope="module")
def key_id(lab: RunningLab) -> str:
    """A key of all three Regions, that no test changes."""
    return replicated_key(lab, SECOND, THIRD)


@pytest.mark.feature("F05-15")
def test_a_primary_key_is_made_without_replicas(lab: RunningLab) -> None:
    made = lab.client(FIRST).create_key(MultiRegion=True)["KeyMetadata"]
    assert re.fullmatch(r"mrk-[0-9a-f]{32}", made["KeyId"])
    assert made["MultiRegion"] is True
    assert made["KeyState"] == "Enabled"
    assert made["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": arn(FIRST, made["KeyId"]), "Region": FIRST},
        "ReplicaKeys": [],
    }


@pytest.mark.feature("F05-17")
def test_a_replica_has_the_properties_that_the_call_gave_it(lab: RunningLab) -> None:
    key_id = primary_key(lab)
    wanted = policy(sid="OfTheReplica")
    tags = [{"TagKey": "Team", "TagValue": "blue"}, {"TagKey": "Cost", "TagValue": ""}]
    answer = lab.client(FIRST).replicate_key(
        KeyId=key_id, ReplicaRegion=SECOND, Policy=wanted, Description="a replica", Tags=tags
    )
    shown = answer["ReplicaKeyMetadata"]
    assert shown["Arn"] == arn(SECOND, key_id)
    assert shown["Description"] == "a replica"
    assert shown["KeyState"] in {"Creating", "Enabled"}
    assert shown["Enabled"] is (shown["KeyState"] == "Enabled")
    assert shown["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    assert answer["ReplicaPolicy"] == wanted
    assert answer["ReplicaTags"] == tags
    found = await_enabled(lab, SECOND, key_id)
    there = lab.client(SECOND)
    assert found["Description"] == "a replica"
    assert there.get_key_policy(KeyId=key_id)["Policy"] == wanted
    listed = there.list_resource_tags(KeyId=key_id)["Tags"]
    assert sorted(listed, key=lambda tag: str(tag["TagKey"])) == sorted(
        tags, key=lambda tag: tag["TagKey"]
    )
    assert there.list_aliases(KeyId=key_id)["Aliases"] == []


@pytest.mark.feature("F05-17")
def test_a_replica_takes_nothing_from_its_primary_that_is_not_shared(lab: RunningLab) -> None:
    here = lab.client(FIRST)
    made = here.create_key(
        MultiRegion=True,
        Description="of the primary",
        Policy=policy(sid="OfThePrimary"),
        Tags=[{"TagKey": "Team", "TagValue": "red"}],
    )["KeyMetadata"]
    key_id = made["KeyId"]
    here.create_alias(AliasName=f"alias/{key_id}", TargetKeyId=key_id)
    answer = here.replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
    found = await_enabled(lab, SECOND, key_id)
    there = lab.client(SECOND)
    default = there.get_key_policy(KeyId=there.create_key()["KeyMetadata"]["KeyId"])["Policy"]
    assert there.get_key_policy(KeyId=key_id)["Policy"] == default == answer["ReplicaPolicy"]
    assert found["Description"] == ""
    assert there.list_resource_tags(KeyId=key_id)["Tags"] == []
    assert there.list_aliases(KeyId=key_id)["Aliases"] == []
    for shared in ("KeyId", "KeySpec", "KeyUsage", "Origin", "EncryptionAlgorithms"):
        assert found[shared] == made[shared]


@pytest.mark.feature("F05-23")
def test_every_region_describes_the_same_set_and_the_role_of_its_own_key(
    lab: RunningLab, key_id: str
) -> None:
    def settled() -> bool:
        found = [describe(lab, region, key_id)["MultiRegionConfiguration"] for region in REGIONS]
        return all(len(each["ReplicaKeys"]) == 2 for each in found)

    until(settled, "all Regions know both replicas")
    for region in REGIONS:
        found = describe(lab, region, key_id)
        assert found["Arn"] == arn(region, key_id)
        configuration = found["MultiRegionConfiguration"]
        role = "PRIMARY" if region == FIRST else "REPLICA"
        assert configuration["MultiRegionKeyType"] == role
        assert configuration["PrimaryKey"] == {"Arn": arn(FIRST, key_id), "Region": FIRST}
        replicas = sorted(configuration["ReplicaKeys"], key=lambda each: str(each["Region"]))
        assert replicas == [
            {"Arn": arn(each, key_id), "Region": each} for each in sorted((SECOND, THIRD))
        ]


@pytest.mark.feature("F05-17")
@pytest.mark.parametrize(("source", "target"), list(permutations(REGIONS, 2)))
def test_what_one_region_encrypts_every_other_decrypts(
    lab: RunningLab, key_id: str, source: str, target: str
) -> None:
    blob = lab.client(source).encrypt(
        KeyId=arn(source, key_id), Plaintext=b"to the others", EncryptionContext=CONTEXT
    )["CiphertextBlob"]
    there = lab.client(target)
    opened = there.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == b"to the others"
    assert opened["KeyId"] == arn(target, key_id)
    named = there.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=arn(target, key_id))
    assert named["Plaintext"] == b"to the others"
    with refused("InvalidCiphertextException"):
        there.decrypt(CiphertextBlob=blob, EncryptionContext={"order": "4712"})


@pytest.mark.feature("F05-17")
def test_a_data_key_of_one_region_is_opened_and_re_encrypted_in_another(
    lab: RunningLab, key_id: str
) -> None:
    data_key = lab.client(THIRD).generate_data_key(KeyId=key_id, KeySpec="AES_256")
    there = lab.client(SECOND)
    own = there.create_key()["KeyMetadata"]["KeyId"]
    moved = there.re_encrypt(CiphertextBlob=data_key["CiphertextBlob"], DestinationKeyId=own)
    assert moved["SourceKeyId"] == arn(SECOND, key_id)
    opened = there.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    assert opened["Plaintext"] == data_key["Plaintext"]


@pytest.mark.feature("F05-24")
def test_a_region_lists_only_its_own_keys_and_aliases(lab: RunningLab) -> None:
    key_id = replicated_key(lab, SECOND)
    name = f"alias/{key_id}"
    lab.client(SECOND).create_alias(AliasName=name, TargetKeyId=key_id)

    def listed(region: str) -> dict[str, str]:
        pages = lab.client(region).get_paginator("list_keys").paginate()
        return {key["KeyId"]: key["KeyArn"] for page in pages for key in page["Keys"]}

    def aliases(region: str) -> set[str]:
        pages = lab.client(region).get_paginator("list_aliases").paginate()
        return {alias["AliasName"] for page in pages for alias in page["Aliases"]}

    assert listed(FIRST)[key_id] == arn(FIRST, key_id)
    assert listed(SECOND)[key_id] == arn(SECOND, key_id)
    assert key_id not in listed(THIRD)
    assert [name in aliases(region) for region in REGIONS] == [False, True, False]


@pytest.mark.feature("F05-19")
def test_properties_that_are_not_shared_change_in_one_region_alone(lab: RunningLab) -> None:
    key_id = replicated_key(lab, SECOND)
    here, there = lab.client(FIRST), lab.client(SECOND)
    before = describe(lab, SECOND, key_id), there.get_key_policy(KeyId=key_id)["Policy"]
    here.update_key_description(KeyId=key_id, Description="of the primary alone")
    here.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy(sid="PrimaryAlone"))
    here.tag_resource(KeyId=key_id, Tags=[{"TagKey": "Where", "TagValue": FIRST}])
    here.create_alias(AliasName=f"alias/{key_id}", TargetKeyId=key_id)
    here.disable_key(KeyId=key_id)
    # Several passes over the record: another replica makes every member look at it again.
    here.enable_key(KeyId=key_id)
    here.replicate_key(KeyId=key_id, ReplicaRegion=THIRD)
    here.disable_key(KeyId=key_id)
    await_enabled(lab, THIRD, key_id)

    def both() -> bool:
        shown = describe(lab, SECOND, key_id)["MultiRegionConfiguration"]["ReplicaKeys"]
        return len(shown) == 2

    until(both, f"{SECOND} has seen the new replica")
    after = describe(lab, SECOND, key_id)
    for metadata in (before[0], after):
        metadata["MultiRegionConfiguration"].pop("ReplicaKeys")
    assert (after, there.get_key_policy(KeyId=key_id)["Policy"]) == before
    assert there.list_resource_tags(KeyId=key_id)["Tags"] == []
    assert there.list_aliases(KeyId=key_id)["Aliases"] == []


def test_a_replica_is_used_while_its_primary_is_disabled(lab: RunningLab) -> None:
    key_id = replicated_key(lab, SECOND)
    blob = lab.client(FIRST).encrypt(KeyId=key_id, Plaintext=b"before")["CiphertextBlob"]
    lab.client(FIRST).disable_key(KeyId=key_id)
    with refused("DisabledException", f"{arn(FIRST, key_id)} is disabled."):
        lab.client(FIRST).decrypt(CiphertextBlob=blob)
    there = lab.client(SECOND)
    assert there.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"
    new = there.encrypt(KeyId=key_id, Plaintext=b"meanwhile")["CiphertextBlob"]
    lab.client(FIRST).enable_key(KeyId=key_id)
    assert lab.client(FIRST).decrypt(CiphertextBlob=new)["Plaintext"] == b"meanwhile"


def test_both_regions_record_a_replication_and_nobody_else(lab: RunningLab) -> None:
    key_id = primary_key(lab)
    answer = lab.client(FIRST).replicate_key(
        KeyId=key_id, ReplicaRegion=SECOND, Description="recorded"
    )
    await_enabled(lab, SECOND, key_id)
    [record] = records(lab, FIRST, requestID=answer["ResponseMetadata"]["RequestId"])
    assert record["eventName"] == "ReplicateKey"
    assert record["awsRegion"] == FIRST
    assert record["requestParameters"] == {
        "keyId": key_id,
        "replicaRegion": SECOND,
        "bypassPolicyLockoutSafetyCheck": False,
        "description": "recorded",
    }
    elements = record["responseElements"]
    assert elements["replicaKeyMetadata"]["arn"] == arn(SECOND, key_id)
    assert [each["ARN"] for each in record["resources"]] == [arn(FIRST, key_id)]
    created = [
        each
        for each in records(lab, SECOND, eventName="CreateKey")
        if arn(SECOND, key_id) in [resource["ARN"] for resource in each["resources"]]
    ]
    [there] = created
    assert there["awsRegion"] == SECOND
    assert there["userIdentity"]["accountId"] == "111122223333"
    assert there["userIdentity"] == record["userIdentity"]
    assert key_id not in json.dumps(list(records(lab, THIRD)))


@pytest.mark.feature("F05-20")
def test_the_synchronization_of_keys_is_no_operation_of_clients(lab: RunningLab) -> None:
    from tests.support.quick_client import QuickClient  # noqa: PLC0415 - what boto3 can't send

    client = QuickClient(lab.endpoint(FIRST), lab.owner, FIRST)
    answer = client.call("SynchronizeMultiRegionKey", {"KeyId": "x"})
    client.close()
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "its own Region": (
        {"ReplicaRegion": FIRST},
        "AlreadyExistsException",
        "{first} already exists.",
    ),
    "a Region that nobody has": (
        {"ReplicaRegion": "eu-north-1"},
        "ValidationException",
        "The Region eu-north-1 is not a Region of this service.",
    ),
    "another partition": (
        {"ReplicaRegion": "cn-north-1"},
        "ValidationException",
        "The Region cn-north-1 is in another partition than the primary key.",
    ),
    "a policy that is none": (
        {"ReplicaRegion": THIRD, "Policy": "{}"},
        "MalformedPolicyDocumentException",
        "",
    ),
    "a policy that locks its owner out": (
        {"ReplicaRegion": THIRD, "Policy": policy(sid="Out", account="444455556666")},
        "MalformedPolicyDocumentException",
        "",
    ),
    "a tag twice": (
        {"ReplicaRegion": THIRD, "Tags": [{"TagKey": "a", "TagValue": "b"}] * 2},
        "TagException",
        "Duplicate tag keys",
    ),
    "a reserved tag": (
        {"ReplicaRegion": THIRD, "Tags": [{"TagKey": "aws:x", "TagValue": "b"}]},
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
}


@pytest.mark.feature("F05-18")
@pytest.mark.parametrize("case", REFUSALS)
def test_a_replica_is_refused(lab: RunningLab, case: str) -> None:
    members, code, message = REFUSALS[case]
    key_id = primary_key(lab)
    expected = message.format(first=arn(FIRST, key_id)) or None
    with refused(code, expected):
        lab.client(FIRST).replicate_key(KeyId=key_id, **members)
    assert describe(lab, FIRST, key_id)["MultiRegionConfiguration"]["ReplicaKeys"] == []
    assert not exists(lab, THIRD, key_id)


def test_a_policy_that_locks_its_owner_out_is_taken_where_the_check_is_bypassed(
    lab: RunningLab,
) -> None:
    key_id = primary_key(lab)
    wanted = policy(sid="Other", account="444455556666")
    lab.client(FIRST).replicate_key(
        KeyId=key_id, ReplicaRegion=SECOND, Policy=wanted, BypassPolicyLockoutSafetyCheck=True
    )
    stranger = lab.client(SECOND, lab.stranger)

    def enabled() -> bool:
        found = stranger.describe_key(KeyId=arn(SECOND, key_id))["KeyMetadata"]
        return bool(found["KeyState"] == "Enabled")

    until(enabled, "the replica is Enabled")
    with refused("AccessDeniedException"):
        lab.client(SECOND).describe_key(KeyId=key_id)


def test_a_replica_itself_is_not_replicated(lab: RunningLab, key_id: str) -> None:
    message = f"{arn(SECOND, key_id)} is not the primary key. Only a primary key can be replicated."
    with refused("UnsupportedOperationException", message):
        lab.client(SECOND).replicate_key(KeyId=key_id, ReplicaRegion=THIRD)


@pytest.mark.feature("F05-16")
def test_a_single_region_key_is_not_replicated(lab: RunningLab) -> None:
    made = lab.client(FIRST).create_key()["KeyMetadata"]
    with refused("UnsupportedOperationException", f"{made['Arn']} is not a multi-Region key."):
        lab.client(FIRST).replicate_key(KeyId=made["KeyId"], ReplicaRegion=SECOND)


@pytest.mark.feature("F05-18")
def test_a_region_holds_one_key_of_a_set(lab: RunningLab, key_id: str) -> None:
    before = describe(lab, SECOND, key_id)
    with refused("AlreadyExistsException", f"{arn(SECOND, key_id)} already exists."):
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=SECOND, Description="again")
    assert describe(lab, SECOND, key_id) == before


def test_a_disabled_primary_is_not_replicated(lab: RunningLab) -> None:
    key_id = primary_key(lab)
    lab.client(FIRST).disable_key(KeyId=key_id)
    with refused("DisabledException", f"{arn(FIRST, key_id)} is disabled."):
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
    assert not exists(lab, SECOND, key_id)


def test_an_alias_does_not_name_the_key_to_replicate(lab: RunningLab) -> None:
    key_id = primary_key(lab)
    name = f"alias/{key_id}"
    lab.client(FIRST).create_alias(AliasName=name, TargetKeyId=key_id)
    with refused("NotFoundException", f"Invalid keyId '{name}'"):
        lab.client(FIRST).replicate_key(KeyId=name, ReplicaRegion=SECOND)
    assert not exists(lab, SECOND, key_id)


@pytest.mark.feature("F05-27")
def test_another_account_does_not_replicate_a_key(lab: RunningLab) -> None:
    key_id = primary_key(lab)
    key_arn = arn(FIRST, key_id)
    shared = json.loads(policy(sid="Owner"))
    shared["Statement"].append(
        json.loads(policy(sid="Guest", account="444455556666"))["Statement"][0]
    )
    lab.client(FIRST).put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(shared))
    stranger = lab.client(FIRST, lab.stranger)
    stranger.encrypt(KeyId=key_arn, Plaintext=b"the policy does let him in")
    with refused("AccessDeniedException"):
        stranger.replicate_key(KeyId=key_arn, ReplicaRegion=SECOND)
    assert not exists(lab, SECOND, key_id)


def test_the_primary_s_policy_decides_who_replicates(lab: RunningLab) -> None:
    statement = json.loads(policy(sid="NoReplicas"))["Statement"][0]
    denied = {**statement, "Sid": "No", "Effect": "Deny", "Action": "kms:ReplicateKey"}
    document = {"Version": "2012-10-17", "Statement": [statement, denied]}
    made = lab.client(FIRST).create_key(MultiRegion=True, Policy=json.dumps(document))
    with refused("AccessDeniedException"):
        lab.client(FIRST).replicate_key(KeyId=made["KeyMetadata"]["KeyId"], ReplicaRegion=SECOND)


def test_the_key_quota_of_the_target_s_region_is_kept_there(lab: RunningLab) -> None:
    account = lab.stranger
    key_id = primary_key(lab, account=account)
    held = len(lab.client(SECOND, account).list_keys(Limit=1000)["Keys"])
    set_quota(lab, SECOND, "KmsKeys", held)
    try:
        with refused("LimitExceededException") as facts:
            lab.client(FIRST, account).replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
        assert f"quota of {held} KMS keys in {SECOND}" in facts["Error"]["Message"]
        found = describe(lab, FIRST, key_id, account)
        assert found["MultiRegionConfiguration"]["ReplicaKeys"] == []
    finally:
        set_quota(lab, SECOND, "KmsKeys", 100_000)
    lab.client(FIRST, account).replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
    await_enabled(lab, SECOND, key_id, account)


def set_quota(lab: RunningLab, region: str, code: str, value: float) -> None:
    """Of the second account, which no other test's requests are counted for."""
    from tests.support.lab import regionkms  # noqa: PLC0415 - only here

    done = regionkms(
        *("quota", "set", code, str(value)),
        *("--data-dir", str(lab.data(region)), "--account", lab.stranger.account_id),
    )
    assert done.returncode == 0, done.stderr


def test_a_replication_costs_two_create_key_requests_in_the_target_s_region(
    lab: RunningLab,
) -> None:
    account = lab.stranger
    key_id = primary_key(lab, account=account)
    here, there = lab.client(FIRST, account), lab.client(SECOND, account)
    try:
        # Two never fit into one a second, and do fit into two.
        set_quota(lab, SECOND, "CreateKey", 1)
        for _ in range(3):
            assert _replicates(here, key_id) == "ThrottlingException"
        found = describe(lab, FIRST, key_id, account)
        assert found["MultiRegionConfiguration"]["ReplicaKeys"] == []
        with refused("NotFoundException"):
            there.describe_key(KeyId=key_id)
        set_quota(lab, SECOND, "CreateKey", 2)
        until(lambda: not _replicates(here, key_id), "the replication is admitted")
    finally:
        set_quota(lab, SECOND, "CreateKey", 100_000)
    await_enabled(lab, SECOND, key_id, account)


def _replicates(client: Any, key_id: str) -> str:
    try:
        client.replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_replication_costs_one_request_in_the_primary_s_region(lab: RunningLab) -> None:
    account = lab.stranger
    key_id = primary_key(lab, account=account)
    here = lab.client(FIRST, account)
    set_quota(lab, FIRST, "ReplicateKey", 2)
    try:

        def burst() -> list[str]:
            return [_wrong_region(here, key_id) for _ in range(6)]

        codes = burst()
        assert codes[0] == "ValidationException"
        assert "ThrottlingException" in codes, codes
    finally:
        set_quota(lab, FIRST, "ReplicateKey", 100_000)


def _wrong_region(client: Any, key_id: str) -> str:
    with pytest.raises(ClientError) as caught:
        client.replicate_key(KeyId=key_id, ReplicaRegion="eu-north-1")
    return str(caught.value.response["Error"]["Code"])


def test_two_calls_for_one_region_at_once_make_one_replica(lab: RunningLab) -> None:
    key_id = primary_key(lab)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: _replicates(lab.client(FIRST), key_id), range(4)))
    assert "" in outcomes
    assert set(outcomes) <= {"", "AlreadyExistsException"}, outcomes
    await_enabled(lab, SECOND, key_id)
    [replica] = describe(lab, FIRST, key_id)["MultiRegionConfiguration"]["ReplicaKeys"]
    assert replica["Region"] == SECOND
    created = [
        each
        for each in records(lab, SECOND, eventName="CreateKey")
        if arn(SECOND, key_id) in [resource["ARN"] for resource in each["resources"]]
    ]
    assert len(created) == 1


def test_two_calls_for_two_regions_at_once_make_both_replicas(lab: RunningLab) -> None:
    key_id = primary_key(lab)

    def replicate(target: str) -> None:
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=target)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(replicate, (SECOND, THIRD)))
    for target in (SECOND, THIRD):
        await_enabled(lab, target, key_id)


def test_one_region_holds_many_sets_whose_primaries_are_elsewhere(lab: RunningLab) -> None:
    first = replicated_key(lab, THIRD, source=FIRST)
    second = replicated_key(lab, THIRD, source=SECOND)
    there = lab.client(THIRD)
    for key_id, source in ((first, FIRST), (second, SECOND)):
        blob = lab.client(source).encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
        assert there.decrypt(CiphertextBlob=blob)["KeyId"] == arn(THIRD, key_id)
        primary = describe(lab, THIRD, key_id)["MultiRegionConfiguration"]["PrimaryKey"]
        assert primary["Region"] == source


def test_a_replica_is_enabled_soon_after_the_call(lab: RunningLab, record_property: Any) -> None:
    """The latencies are reported; the budget is measured by bench/isolation.py, not asserted."""
    called, enabled = [], []
    for _ in range(12):
        key_id = primary_key(lab)
        started = time.monotonic()
        lab.client(FIRST).replicate_key(KeyId=key_id, ReplicaRegion=SECOND)
        called.append(time.monotonic() - started)
        await_enabled(lab, SECOND, key_id)
        enabled.append(time.monotonic() - started)
    for name, values in (("answered", called), ("enabled", enabled)):
        ordered = sorted(values)
        record_property(f"{name}_p50_ms", round(1000 * ordered[len(ordered) // 2]))
        record_property(f"{name}_worst_ms", round(1000 * ordered[-1]))
    assert max(called) < 5.0
