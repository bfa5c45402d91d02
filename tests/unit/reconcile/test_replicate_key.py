"""ReplicateKey from call to complete replica, on twins."""

import asyncio

from regionkms.model.ids import RegionName
from tests.support.region_cluster import EU, US, RegionUnderTest, record_key


async def settle(regions: dict[RegionName, RegionUnderTest], key_id: str) -> None:
    for _ in range(3):
        for region in regions.values():
            await region.visit(record_key(key_id))


async def test_a_replica_decrypts_what_the_primary_encrypted(
    regions: dict[RegionName, RegionUnderTest],
) -> None:
    us, eu = regions[US], regions[EU]
    created = await us.call("CreateKey", multi_region=True)
    key_id = created.key_metadata.key_id
    blob = (await us.call("Encrypt", key_id=key_id, plaintext=b"attack at dawn")).ciphertext_blob
    await us.visit(record_key(key_id))
    replicating = asyncio.ensure_future(us.call("ReplicateKey", key_id=key_id, replica_region=EU))
    while not replicating.done():
        await settle(regions, key_id)
        await asyncio.sleep(0.002)
    response = await replicating
    assert response.replica_key_metadata.key_state in {"Creating", "Enabled"}
    await settle(regions, key_id)
    described = await eu.call("DescribeKey", key_id=key_id)
    assert described.key_metadata.key_state == "Enabled"
    opened = await eu.call("Decrypt", ciphertext_blob=blob)
    assert opened.plaintext == b"attack at dawn"
