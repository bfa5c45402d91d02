"""What ReplicateKey refuses, and what a refusal leaves behind: nothing."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from regionkms.model.errors import (
    AlreadyExistsException,
    DisabledException,
    KmsError,
    KMSInternalException,
    LimitExceededException,
    MalformedPolicyDocumentException,
    NotFoundException,
    TagException,
    ThrottlingException,
    UnsupportedOperationException,
    ValidationException,
)
from regionkms.model.ids import RegionName
from regionkms.model.record import MemberState
from regionkms.model.shapes import Tag
from regionkms.quota.settings import QuotaMode, QuotaSettings
from regionkms.quota.table import KMS_KEYS
from tests.support.clock import FakeClock
from tests.support.memory_coordinator import MemoryCoordinator
from tests.support.region_cluster import AP, EU, SOURCE_IP, US, RegionUnderTest, record_key

T = TypeVar("T")
Regions = dict[RegionName, RegionUnderTest]


async def working(regions: Regions, key_id: str, call: Coroutine[Any, Any, T]) -> T:
    """Await a call while every Region's agent works."""
    pending = asyncio.ensure_future(call)
    while not pending.done():
        for region in regions.values():
            await region.visit(record_key(key_id))
        await asyncio.sleep(0.001)
    for _ in range(2):
        for region in regions.values():
            await region.visit(record_key(key_id))
    return await pending


async def primary(regions: Regions) -> str:
    created = await regions[US].call("CreateKey", multi_region=True)
    key_id: str = created.key_metadata.key_id
    await regions[US].visit(record_key(key_id))
    return key_id


async def replicate(regions: Regions, key_id: str, **members: Any) -> Any:
    call = regions[US].call("ReplicateKey", key_id=key_id, **{"replica_region": EU, **members})
    return await working(regions, key_id, call)


async def untouched(regions: Regions, key_id: str) -> bool:
    facts = await regions[US].facts(record_key(key_id))
    mirror = await regions[US].mirror(record_key(key_id))
    assert facts is not None
    return facts.lock is None and (mirror is None or mirror.seq == 1)


async def test_policy_tags_and_description_of_the_replica_are_its_own(regions: Regions) -> None:
    key_id = await primary(regions)
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
        }
    )
    response = await replicate(
        regions,
        key_id,
        policy=policy,
        description="in Ireland",
        tags=[Tag(tag_key="Dept", tag_value="HR")],
    )
    assert response.replica_policy == policy
    assert [(tag.tag_key, tag.tag_value) for tag in response.replica_tags] == [("Dept", "HR")]
    metadata = response.replica_key_metadata
    assert metadata.description == "in Ireland"
    assert metadata.multi_region_configuration.multi_region_key_type == "REPLICA"
    eu = regions[EU]
    assert (await eu.call("GetKeyPolicy", key_id=key_id)).policy == policy
    tags = (await eu.call("ListResourceTags", key_id=key_id)).tags
    assert [(tag.tag_key, tag.tag_value) for tag in tags] == [("Dept", "HR")]
    described = (await eu.call("DescribeKey", key_id=key_id)).key_metadata
    assert described.description == "in Ireland"
    for region in (US, EU):
        shown = (await regions[region].call("DescribeKey", key_id=key_id)).key_metadata
        configuration = shown.multi_region_configuration
        assert configuration.primary_key.region == US
        assert [one.region for one in configuration.replica_keys] == [EU]


async def test_both_regions_have_their_audit_record(regions: Regions) -> None:
    key_id = await primary(regions)
    await replicate(regions, key_id, tags=[Tag(tag_key="Dept", tag_value="HR")])
    (replicated,) = regions[US].sink.events("ReplicateKey")
    assert replicated["requestParameters"]["replicaRegion"] == EU
    assert replicated["resources"][0]["ARN"].startswith(f"arn:aws:kms:{US}:")
    (created,) = regions[EU].sink.events("CreateKey")
    assert created["awsRegion"] == EU
    assert created["sourceIPAddress"] == SOURCE_IP
    assert created["userIdentity"]["arn"] == "arn:aws:iam::111122223333:root"
    assert created["responseElements"]["keyMetadata"]["keyState"] == "Creating"
    assert created["requestID"] == replicated["requestID"]


async def test_a_single_region_key_is_not_replicated(regions: Regions) -> None:
    key_id = (await regions[US].call("CreateKey")).key_metadata.key_id
    with pytest.raises(UnsupportedOperationException, match="is not a multi-Region key"):
        await regions[US].call("ReplicateKey", key_id=key_id, replica_region=EU)


async def test_a_replica_is_not_replicated(regions: Regions) -> None:
    key_id = await primary(regions)
    await replicate(regions, key_id)
    with pytest.raises(UnsupportedOperationException, match="is not the primary key"):
        await regions[EU].call("ReplicateKey", key_id=key_id, replica_region=AP)


async def test_a_region_has_one_key_of_a_set(regions: Regions) -> None:
    key_id = await primary(regions)
    with pytest.raises(AlreadyExistsException, match=f"arn:aws:kms:{US}:.*already exists"):
        await replicate(regions, key_id, replica_region=US)
    assert await untouched(regions, key_id)
    await replicate(regions, key_id)
    with pytest.raises(AlreadyExistsException, match=f"arn:aws:kms:{EU}:.*already exists"):
        await replicate(regions, key_id)


@pytest.mark.parametrize("region", ["eu-north-7", "cn-north-1"])
async def test_an_unknown_region_is_refused_at_once(regions: Regions, region: str) -> None:
    key_id = await primary(regions)
    with pytest.raises(ValidationException, match=region):
        await regions[US].call("ReplicateKey", key_id=key_id, replica_region=region)
    assert await untouched(regions, key_id)


async def test_a_node_without_etcd_replicates_nothing(regions: Regions) -> None:
    key_id = await primary(regions)
    regions[US].door.clustered = False
    with pytest.raises(UnsupportedOperationException, match="not part of a cluster"):
        await regions[US].call("ReplicateKey", key_id=key_id, replica_region=EU)


async def test_a_disabled_primary_is_not_replicated(regions: Regions) -> None:
    key_id = await primary(regions)
    await regions[US].call("DisableKey", key_id=key_id)
    with pytest.raises(DisabledException, match="is disabled"):
        await regions[US].call("ReplicateKey", key_id=key_id, replica_region=EU)


async def test_an_alias_does_not_name_a_primary(regions: Regions) -> None:
    key_id = await primary(regions)
    await regions[US].call("CreateAlias", alias_name="alias/one", target_key_id=key_id)
    with pytest.raises((NotFoundException, ValidationException, KmsError)):
        await regions[US].call("ReplicateKey", key_id="alias/one", replica_region=EU)


async def test_bad_policies_and_tags_are_refused_before_anything(regions: Regions) -> None:
    key_id = await primary(regions)
    with pytest.raises(MalformedPolicyDocumentException):
        await replicate(regions, key_id, policy="{}")
    twice = [Tag(tag_key="a", tag_value="1"), Tag(tag_key="a", tag_value="2")]
    with pytest.raises(TagException, match="Duplicate tag keys"):
        await replicate(regions, key_id, tags=twice)
    assert await untouched(regions, key_id)


async def test_the_key_quota_of_the_target_refuses(regions: Regions) -> None:
    key_id = await primary(regions)
    full = QuotaSettings(mode=QuotaMode.OFF).with_override(KMS_KEYS.code, 0)
    regions[EU].settings = full
    with pytest.raises(LimitExceededException, match=f"quota of 0 KMS keys in {EU}"):
        await replicate(regions, key_id)
    mirror = await regions[US].mirror(record_key(key_id))
    assert mirror is not None
    member = mirror.member(EU)
    assert member is not None
    assert member.state is MemberState.DELETED
    assert await regions[EU].facts(record_key(key_id)) is None
    regions[EU].settings = QuotaSettings(mode=QuotaMode.OFF)
    await replicate(regions, key_id)
    second = await regions[EU].mirror(record_key(key_id))
    assert second is not None
    life = second.member(EU)
    assert life is not None
    assert life.life == 2


async def test_a_replica_costs_two_create_key_requests_there(regions: Regions) -> None:
    for _ in range(2):
        await replicate(regions, await primary(regions))
    key_id = (await regions[US].call("CreateKey", multi_region=True)).key_metadata.key_id
    with pytest.raises(ThrottlingException, match="exceeded the rate"):
        await replicate(regions, key_id)


async def test_an_unanswered_call_fails_and_never_takes_effect(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    us = regions[US]
    call = asyncio.ensure_future(us.call("ReplicateKey", key_id=key_id, replica_region=EU))
    await asyncio.sleep(0.01)
    await us.visit(record_key(key_id))  # the proposal has landed; nobody answers it
    clock.advance(6)
    with pytest.raises(KMSInternalException, match="may still take effect"):
        await call
    await us.visit(record_key(key_id))
    facts, mirror = await us.facts(record_key(key_id)), await us.mirror(record_key(key_id))
    assert facts is not None
    assert mirror is not None
    assert facts.lock is None
    member = mirror.member(EU)
    assert member is not None
    assert member.state is MemberState.DELETED
    await regions[EU].visit(record_key(key_id))
    assert await regions[EU].facts(record_key(key_id)) is None


async def test_a_cut_off_primary_changes_nothing_and_stays_usable(
    regions: Regions, clock: FakeClock
) -> None:
    key_id = await primary(regions)
    us = regions[US]
    assert isinstance(us.coordinator, MemoryCoordinator)
    us.coordinator.cut = True
    call = asyncio.ensure_future(us.call("ReplicateKey", key_id=key_id, replica_region=EU))
    await asyncio.sleep(0.01)
    await us.visit(record_key(key_id))
    clock.advance(6)
    with pytest.raises(KMSInternalException, match="Nothing was changed"):
        await call
    await us.visit(record_key(key_id))
    facts = await us.facts(record_key(key_id))
    assert facts is not None
    assert facts.lock is None
    await us.call("DisableKey", key_id=key_id)
    us.coordinator.cut = False
    await us.visit(record_key(key_id))
    mirror = await us.mirror(record_key(key_id))
    assert mirror is not None
    assert mirror.member(EU) is None


async def test_the_same_call_joins_and_another_waits(regions: Regions, clock: FakeClock) -> None:
    key_id = await primary(regions)
    us = regions[US]
    calls = [
        us.call("ReplicateKey", key_id=key_id, replica_region=EU, description="one"),
        us.call("ReplicateKey", key_id=key_id, replica_region=EU, description="one"),
        us.call("ReplicateKey", key_id=key_id, replica_region=AP, description="two"),
    ]
    answers = await working(regions, key_id, gathered(calls))
    assert [answer.replica_key_metadata.description for answer in answers] == ["one", "one", "two"]
    mirror = await us.mirror(record_key(key_id))
    assert mirror is not None
    assert [(one.region, one.life) for one in mirror.members] == [(AP, 1), (EU, 1), (US, 1)]


async def gathered(calls: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    return await asyncio.gather(*calls)
