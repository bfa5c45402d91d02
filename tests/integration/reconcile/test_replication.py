"""ReplicateKey between three Regions on real etcd, real gRPC and real stores."""

import asyncio
import time
from typing import Any

from tests.integration.reconcile.conftest import RealCluster
from tests.support.region_cluster import AP, EU, US, RegionUnderTest


async def until_enabled(region: RegionUnderTest, key_id: str, *, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            try:
                described = await region.call("DescribeKey", key_id=key_id)
            except Exception:  # noqa: BLE001 - not there yet
                await asyncio.sleep(0.005)
                continue
            if described.key_metadata.key_state == "Enabled":
                return
            await asyncio.sleep(0.005)


async def primary(cluster: RealCluster) -> tuple[str, Any]:
    us = cluster[US]
    key_id = (await us.call("CreateKey", multi_region=True)).key_metadata.key_id
    blob = (await us.call("Encrypt", key_id=key_id, plaintext=b"secret")).ciphertext_blob
    return key_id, blob


async def test_replicas_decrypt_while_all_others_are_gone(cluster: RealCluster) -> None:
    key_id, blob = await primary(cluster)
    for target in (EU, AP):
        response = await cluster[US].call("ReplicateKey", key_id=key_id, replica_region=target)
        assert response.replica_key_metadata.arn.startswith(f"arn:aws:kms:{target}:")
        await until_enabled(cluster[target], key_id)
    cluster.etcd.stop()
    for target in (EU, AP):
        assert (await cluster[target].call("Decrypt", ciphertext_blob=blob)).plaintext == b"secret"


async def test_latency_of_replicate_key_to_enabled(cluster: RealCluster) -> None:
    taken, answered = [], []
    for _ in range(30):
        key_id, _blob = await primary(cluster)
        started = time.perf_counter()
        await cluster[US].call("ReplicateKey", key_id=key_id, replica_region=EU)
        answered.append(time.perf_counter() - started)
        await until_enabled(cluster[EU], key_id)
        taken.append(time.perf_counter() - started)
    for name, times in (("answer", sorted(answered)), ("enabled", sorted(taken))):
        print(f"{name}: p50 {times[15] * 1000:.0f} ms, max {times[-1] * 1000:.0f} ms")  # noqa: T201
    assert sorted(taken)[28] < 1.0
