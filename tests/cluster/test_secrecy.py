"""A cluster with known material: no secret of it is found in etcd, a file, a log or a process.

Left out are the files that hold secrets by their purpose: the client's (lab.json, aws.env,
state.json), root keys, and the authority, which in a lab lies in the lab's folder.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from regionkms.config import check_settings, read_settings
from regionkms.node.command_socket import ask
from tests.support.etcd_content import EtcdContent
from tests.support.lab import FIRST, REGIONS, SECOND, THIRD, RunningLab
from tests.support.leaks import LeakSearch, files_below, process_facts, processes_below
from tests.support.replicas import await_enabled
from tests.support.store_secrets import secrets_of, signing_keys_of

REPLICATED_WITHIN_S = 20.0


@dataclass
class Planted:
    """Material that the test has chosen, and what was done with it."""

    key_id: str
    secrets: dict[str, bytes] = field(default_factory=dict)
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def keep(self, name: str, secret: bytes) -> bytes:
        self.secrets[f"{name} {len(self.secrets)}"] = secret
        return secret


@pytest.fixture(scope="module")
def planted(lab: RunningLab) -> Planted:
    """A multi-Region key of known material, replicated and used in every Region, in outages too."""
    story = Planted(key_id=f"mrk-{secrets.token_hex(16)}")
    material = story.keep("planted material", secrets.token_bytes(32))
    ask(
        lab.data(FIRST) / "operator.sock",
        "seed key",
        {
            "account_id": lab.owner.account_id,
            "key_id": story.key_id,
            "material": base64.b64encode(material).decode(),
        },
    )
    replicate(lab, story, SECOND)
    use(lab, story, FIRST, SECOND)
    try:
        lab.partition(SECOND)
        use(lab, story, SECOND, FIRST)
        with pytest.raises(ClientError):
            lab.client(SECOND).replicate_key(KeyId=story.key_id, ReplicaRegion=THIRD)
        lab.heal()
        lab.kill(FIRST)
        use(lab, story, SECOND, SECOND)
    finally:
        lab.recover()
    replicate(lab, story, THIRD)
    use(lab, story, THIRD, FIRST)
    story.seen = list(visible(lab))
    for region in REGIONS:
        settings = check_settings(
            read_settings({}, config_file=lab.settings(region), environment={})
        )
        story.secrets |= asyncio.run(secrets_of(settings))
        for account in lab.accounts:
            day = time.strftime("%Y%m%d", time.gmtime())
            story.secrets |= signing_keys_of(account, day=day, region=region)
    return story


def replicate(lab: RunningLab, story: Planted, target: str) -> None:
    deadline = time.monotonic() + REPLICATED_WITHIN_S
    while True:
        try:
            lab.client(FIRST).replicate_key(KeyId=story.key_id, ReplicaRegion=target)
            break
        except ClientError:
            assert time.monotonic() < deadline, lab.log(FIRST)
            time.sleep(0.2)
    await_enabled(lab, target, story.key_id)


def use(lab: RunningLab, story: Planted, here: str, there: str) -> None:
    plaintext = story.keep("plaintext", secrets.token_bytes(40))
    kms: Any = lab.client(here)
    blob = kms.encrypt(KeyId=story.key_id, Plaintext=plaintext)["CiphertextBlob"]
    assert lab.client(there).decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext
    made = kms.generate_data_key(KeyId=story.key_id, KeySpec="AES_256")
    story.keep("data key", made["Plaintext"])


def visible(lab: RunningLab) -> Iterator[tuple[str, bytes]]:
    """Whatever others may come to see while the lab runs."""
    folder = lab.folder
    purposes = [folder / name for name in ("lab.json", "aws.env", "state.json", "authority")]
    purposes += [folder / "regions" / region / "root-key" for region in REGIONS]
    yield from files_below(folder, but=purposes)
    for number, (key, value) in enumerate(EtcdContent(lab.etcd[0]).all().items()):
        yield f"etcd {number}: {key.decode('utf-8', 'replace')}", key + value
    for part in lab.status()["regions"]:
        for pid in processes_below(part["pid"]):
            yield from process_facts(pid)


def test_it_was_looked_where_the_data_are(lab: RunningLab, planted: Planted) -> None:
    known = {"the key's id": planted.key_id.encode(), "module": b"regionkms.node.child"}
    found = {(leak.secret, leak.place) for leak in LeakSearch(known).find(planted.seen)}
    places = {place for name, place in found if name == "the key's id"}
    assert any(place.startswith("etcd ") and "/mrk/" in place for place in places)
    assert any(place.startswith("etcd/member-0/member/wal/") for place in places)
    for region in REGIONS:
        assert f"regions/{region}/data/store.db" in places or (
            f"regions/{region}/data/store.db-wal" in places
        )
        assert any(place.startswith(f"regions/{region}/data/audit/") for place in places)
    assert any(place.endswith("/cmdline") for name, place in found if name == "module")


def test_no_secret_of_the_cluster_is_found_outside_of_memory(planted: Planted) -> None:
    names = " ".join(planted.secrets)
    for region in REGIONS:
        for what in ("root key", "domain key", "identity/record-key", "identity/transport-key"):
            assert f"{region}'s {what}" in names
        assert f"{region}'s material of {planted.key_id}" in names
    leaks = LeakSearch(planted.secrets).find(planted.seen)
    assert not leaks, "\n".join(map(str, leaks[:20]))


def test_every_region_holds_the_planted_material(planted: Planted) -> None:
    """What was searched for is what the Regions use."""
    material = planted.secrets["planted material 0"]
    for region in REGIONS:
        is_held = planted.secrets[f"{region}'s material of {planted.key_id}"] == material
        assert is_held, region
    keys = {planted.secrets[f"{region}'s binding key of {planted.key_id}"] for region in REGIONS}
    assert len(keys) == 1
