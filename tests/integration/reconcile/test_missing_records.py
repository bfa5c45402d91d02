"""A worker killed between the end of its intent and its record, on real stores and real etcd.

Whatever the moment of the kill: the replica that was made has one ReplicateKey record in the
primary's Region, and a call that made nothing has none of success.
"""

import asyncio
import contextlib
import json
from functools import partial
from typing import Any

import pytest

from regionkms.model.ids import KeyId
from regionkms.operations import multi_region
from regionkms.reconcile import missing_records
from tests.integration.reconcile.conftest import RealCluster
from tests.support.eventually import eventually
from tests.support.region_cluster import ACCOUNT, EU, US, record_key

_CALL_S = 1.0
_RECORD_AFTER_S = 0.5


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multi_region, "CALL_S", _CALL_S)
    monkeypatch.setattr(missing_records, "RECORD_AFTER_S", _RECORD_AFTER_S)


async def has_replica(cluster: RealCluster, key_id: str) -> bool:
    return await cluster[EU].store.read(lambda tx: tx.keys.get(ACCOUNT, KeyId(key_id))) is not None


async def successes(cluster: RealCluster, key_id: str) -> list[dict[str, Any]]:
    """What stands in the outbox: a twin's chain is a list, so nothing ever leaves it.

    A kill between commit and chain leaves a record there alone; how it is chained by the next
    process is the audit log's affair (test_audit_kill.py).
    """
    waiting = await cluster[US].store.read(lambda tx: tx.outbox.waiting(limit=10_000))
    records = [json.loads(one.record) for one in waiting]
    return [
        record
        for record in records
        if record["eventName"] == "ReplicateKey" and record["resources"][0]["ARN"].endswith(key_id)
    ]


async def begin(cluster: RealCluster) -> tuple[str, "asyncio.Future[object]"]:
    us = cluster[US]
    key_id = (await us.call("CreateKey", multi_region=True)).key_metadata.key_id
    call = asyncio.ensure_future(us.call("ReplicateKey", key_id=key_id, replica_region=EU))
    return key_id, call


async def kill(call: "asyncio.Future[object]") -> None:
    """End a worker's call where it stands."""
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def is_recorded(cluster: RealCluster, key_id: str) -> bool:
    return len(await successes(cluster, key_id)) == 1


async def test_the_agent_records_what_a_killed_worker_did_not(cluster: RealCluster) -> None:
    cluster[US].door.poll_s = 60.0  # the worker sleeps through the end of its intent
    key_id, call = await begin(cluster)
    await eventually(partial(has_replica, cluster, key_id), within_s=10)
    await kill(call)
    assert await successes(cluster, key_id) == []
    await eventually(partial(is_recorded, cluster, key_id), within_s=15)
    (created,) = cluster[EU].sink.events("CreateKey")
    (replicated,) = await successes(cluster, key_id)
    assert created["requestID"] == replicated["requestID"]


async def test_a_kill_without_etcd_afterwards_is_recorded_all_the_same(
    cluster: RealCluster,
) -> None:
    cluster[US].door.poll_s = 60.0
    key_id, call = await begin(cluster)

    async def is_done() -> bool:
        facts = await cluster[US].facts(record_key(key_id))
        return facts is not None and facts.lock is None and await has_replica(cluster, key_id)

    await eventually(is_done, within_s=10)
    await kill(call)
    cluster.etcd.stop()
    await cluster.regions[US].restart()
    await eventually(partial(is_recorded, cluster, key_id), within_s=15)


async def test_kills_at_any_moment_leave_one_record_for_each_replica(
    cluster: RealCluster,
) -> None:
    calls = []
    for number in range(40):
        key_id, call = await begin(cluster)
        await asyncio.sleep(number * 0.004)
        await kill(call)
        calls.append(key_id)
        if number % 10 == 9:
            await cluster.regions[US].restart()
    await asyncio.sleep(_CALL_S + _RECORD_AFTER_S)

    async def all_agree() -> bool:
        recorded = [len(await successes(cluster, one)) for one in calls]
        return recorded == [int(await has_replica(cluster, one)) for one in calls]

    await eventually(all_agree, within_s=20)
    await asyncio.sleep(2.5)  # two more looks of the agent: nothing is written twice
    assert await all_agree()
    made = sum([await has_replica(cluster, one) for one in calls])
    assert made > 0, "no call got as far as a replica"
    open_ones = await cluster[US].store.read(lambda tx: tx.intents.open(limit=99))
    assert open_ones == []
