"""Heads in etcd: published behind the agent's back, and the evidence when all else went back."""

import asyncio
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from regionkms.audit.findings import Fault
from regionkms.audit.heads import HeadSigner, open_head
from regionkms.audit.verify import Report, verify
from regionkms.audit.witness import HeadWitness
from regionkms.crypto.signing import RecordKey, chain_head_statement
from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName
from regionkms.ports.coordinator import ABSENT
from tests.support.audit import change, files_in, open_log, write_chain
from tests.support.clock import EPOCH, FakeClock
from tests.support.eventually import eventually
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd, WriteFault
from tests.support.memory_store import MemoryStore

_CHAIN = "worker-2"
_EU = RegionName("eu-west-1")
_CLUSTER = ClusterName("test-cluster")


@dataclass
class Agent:
    """What the agent does for the audit log; `restarted` is the next process."""

    directory: Path
    etcd: MemoryEtcd = field(default_factory=lambda: MemoryEtcd(cluster=_CLUSTER))
    store: MemoryStore = field(default_factory=MemoryStore)
    key: RecordKey = field(default_factory=RecordKey.generate)

    def __post_init__(self) -> None:
        self.coordinator = MemoryCoordinator(self.etcd, _EU)
        self.witness = HeadWitness(
            self.directory, coordinator=self.coordinator, public_key=self.key.public_key
        )
        self.signer = HeadSigner(
            self.directory,
            sign=lambda head: self.key.sign(chain_head_statement(head)),
            store=self.store,
            publish=self.witness.publish,
        )

    def restarted(self) -> "Agent":
        return Agent(directory=self.directory, etcd=self.etcd, store=self.store, key=self.key)

    async def work(self) -> None:
        """Two looks at the chains, and a round of publishing."""
        await self.signer.step()
        await self.signer.step()
        await self.witness.step()

    async def published_n(self) -> int | None:
        text = (await self.witness.heads()).get(_CHAIN)
        head = None if text is None else open_head(text, _CHAIN, self.key.public_key)
        return None if head is None else head.n

    async def verify(self) -> Report:
        witnessed = await self.witness.heads()
        heads = self.store.tables.chain_heads
        return verify(self.directory, heads, self.key.public_key, witnessed)


@pytest.fixture
async def agent(tmp_path: Path) -> Agent:
    """An agent that has signed and published a chain of four lines (0 to 3)."""
    made = Agent(tmp_path / "audit")
    await write_chain(made.directory, records=3)
    await made.work()
    return made


@dataclass
class Backup:
    """Files and heads of the store as they were; `restore` is the rollback of both."""

    agent: Agent
    kept: Path

    def __post_init__(self) -> None:
        shutil.copytree(self.agent.directory, self.kept)
        self._heads = dict(self.agent.store.tables.chain_heads)

    def restore(self) -> None:
        shutil.rmtree(self.agent.directory)
        shutil.copytree(self.kept, self.agent.directory)
        self.agent.store.tables.chain_heads.clear()
        self.agent.store.tables.chain_heads.update(self._heads)


@pytest.fixture
async def backup(agent: Agent, tmp_path: Path) -> Backup:
    """Taken before the chain got three more records, which etcd has seen."""
    made = Backup(agent, tmp_path / "backup")
    await write_chain(agent.directory, records=3)
    await agent.work()
    assert await agent.published_n() == 7
    return made


async def test_heads_of_a_sound_log_agree_in_both_places(agent: Agent) -> None:
    assert await agent.published_n() == 3
    report = await agent.verify()
    assert report.ok
    assert (report.heads, report.unsigned, report.unbelieved) == (1, (), ())


async def test_a_head_that_etcd_has_not_yet_is_no_fault(agent: Agent) -> None:
    await write_chain(agent.directory, records=2)
    await agent.signer.step()
    await agent.signer.step()
    report = await agent.verify()
    assert report.ok
    assert report.heads == 2


async def test_store_and_files_rolled_back_together_are_found(backup: Backup) -> None:
    agent = backup.agent
    backup.restore()
    heads = agent.store.tables.chain_heads
    assert verify(agent.directory, heads, agent.key.public_key).ok, "without etcd nothing shows"
    faults = {finding.fault: str(finding) for finding in (await agent.verify()).findings}
    assert faults == {
        Fault.MISSING_FILE: (
            "segment 2 of worker-2 is missing (the signed head is record 7 in segment 2)"
        ),
        Fault.STORE_BEHIND: (
            "the head of worker-2 in the store is behind the one in etcd: the store was rolled "
            "back (the store has record 3, etcd has record 7)"
        ),
    }


async def test_the_evidence_stays_when_the_node_goes_on_after_a_rollback(
    backup: Backup, caplog: pytest.LogCaptureFixture
) -> None:
    backup.restore()
    agent = backup.agent.restarted()
    await write_chain(agent.directory, records=20)
    with caplog.at_level(logging.ERROR):
        await agent.work()
    assert "the audit chain worker-2 lacks record 7, whose signed head is in etcd" in caplog.text
    assert agent.witness.disputed == {_CHAIN}
    await write_chain(agent.directory, records=20)
    await agent.work()
    assert await agent.published_n() == 7
    (finding,) = (await agent.verify()).findings
    assert (finding.fault, finding.n) == (Fault.ALTERED, 7)
    assert finding.detail == "its hash is not the one that was signed"


async def test_a_rollback_under_a_running_agent_is_seen_at_the_next_segment(
    backup: Backup,
) -> None:
    agent = backup.agent
    backup.restore()
    async with open_log(agent.directory, clock=FakeClock(EPOCH + 60)) as (log, encoder):
        await log.seal([change(encoder) for _ in range(20)])
    await agent.work()
    assert agent.witness.disputed == {_CHAIN}
    assert await agent.published_n() == 7


async def test_a_store_without_heads_is_behind_too(backup: Backup) -> None:
    agent = backup.agent
    agent.store.tables.chain_heads.clear()
    (finding,) = (await agent.verify()).findings
    assert finding.fault is Fault.STORE_BEHIND
    assert finding.detail == "the store has no head, etcd has record 7"


async def test_the_next_process_goes_on_where_the_last_one_published(agent: Agent) -> None:
    following = agent.restarted()
    await write_chain(agent.directory, records=3)
    await following.work()
    assert await following.published_n() == 7
    assert following.witness.disputed == set()


async def test_an_etcd_that_was_itself_rolled_back_is_caught_up_with(agent: Agent) -> None:
    name = Keyspace(_CLUSTER).audit_head(_EU, _CHAIN)
    old = agent.etcd.get(name).value
    await write_chain(agent.directory, records=3)
    await agent.work()
    await agent.etcd.apply({name: old}, frozenset())
    await write_chain(agent.directory, records=3)
    await agent.work()
    await agent.witness.step()
    assert await agent.published_n() == 11
    assert (await agent.verify()).ok


async def test_who_writes_etcd_spoils_no_verification(agent: Agent) -> None:
    forged = agent.coordinator
    genuine = agent.store.tables.chain_heads[_CHAIN]
    head = genuine.replace(r"\"n\":3", r"\"n\":9")
    assert head != genuine
    current = (await forged.audit_heads())[_CHAIN].mod_revision
    await forged.put_audit_head(_CHAIN, head.encode(), replaces=current)
    await forged.put_audit_head("agent", b"\xff no head", replaces=ABSENT)
    report = await agent.verify()
    assert report.ok
    assert report.unbelieved == ("agent", _CHAIN)
    await write_chain(agent.directory, records=1)
    await agent.work()
    await agent.witness.step()
    assert await agent.published_n() == 5


@pytest.mark.parametrize("fault", list(WriteFault))
async def test_a_write_that_fails_is_made_up_for_in_a_later_round(
    agent: Agent, fault: WriteFault
) -> None:
    agent.coordinator.write_faults.append(fault)
    await write_chain(agent.directory, records=3)
    await agent.work()
    await agent.coordinator.release()
    await write_chain(agent.directory, records=3)
    await agent.work()
    await agent.witness.step()
    assert await agent.published_n() == 11
    assert agent.witness.disputed == set()


async def test_without_etcd_signing_goes_on_and_the_newest_head_waits(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    agent.coordinator.cut = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await write_chain(agent.directory, records=1)
            await agent.work()
    assert caplog.text.count("audit heads wait for etcd") == 1
    store_head = open_head(agent.store.tables.chain_heads[_CHAIN], _CHAIN, agent.key.public_key)
    assert store_head is not None
    assert store_head.n == 9
    agent.coordinator.cut = False
    await agent.witness.step()
    assert await agent.published_n() == 9


async def test_the_task_publishes_by_itself(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "audit")
    await write_chain(agent.directory, records=3)

    async def is_published() -> bool:
        return await agent.published_n() == 3

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(agent.witness.run())
        await agent.signer.step()
        await agent.signer.step()
        await eventually(is_published, within_s=5)
        running.cancel()


async def test_no_head_in_etcd_says_more_than_chain_number_and_hash(agent: Agent) -> None:
    (item,) = (await agent.coordinator.audit_heads()).values()
    assert set(item.value.decode()) <= set(agent.store.tables.chain_heads[_CHAIN])
    assert item.value.decode() == agent.store.tables.chain_heads[_CHAIN]
    assert len(files_in(agent.directory)) == 1
