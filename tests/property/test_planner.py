"""The planner and what carries it out, from every interruption, on a twin of etcd.

Three Regions replicate one key while calls race, expire and are repeated, processes crash before or
after each durable step, replies are lost, writes land late, and Regions are cut off. After each
action the promises of the protocol are looked at in what etcd and the stores hold; in the end
everything heals and must agree.

Promises (protocol §8): EXP an expired intent fires never later, and nothing is sent for it (R11);
ACC an accepted replica is never withdrawn or refused; CRE no key of a withdrawn proposal; P2 only
held bytes are acknowledged; a replica is LIVE only after its Join; lives, holders and links of the
chain only grow; a call is told the error that its target gave.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import RegionName
from regionkms.model.key import Intent, IntentState, Lock, LockKind, Phase
from regionkms.model.proposal import Proposal
from regionkms.model.record import Holder, MemberState, ProposalState, Record
from regionkms.model.replicate_request import REPLICATE_KEY, encode_replicate_request
from regionkms.node.agent_door import expire
from regionkms.ports.coordinator import Guard, Lost, RecordKey, RecordWrite, Revision, Won
from regionkms.ports.store import StoreTransaction
from regionkms.quota.settings import QuotaMode, QuotaSettings
from regionkms.quota.table import KMS_KEYS
from regionkms.reconcile.plan import Settled, Stop
from tests.support.clock import FakeClock
from tests.support.enrolled import enrolled_cluster
from tests.support.memory_coordinator import MemoryCoordinator, MemoryEtcd, WriteFault
from tests.support.memory_store import MemoryStore
from tests.support.region_cluster import (
    ACCOUNT,
    AP,
    EU,
    US,
    DirectTransport,
    RegionUnderTest,
    parse,
    record_key,
    twins,
)

T = TypeVar("T")
REGIONS: Final = (US, EU, AP)
TARGETS: Final = (EU, AP)
CALL_S: Final = 5.0
ROOM: Final = QuotaSettings(mode=QuotaMode.OFF)
FULL: Final = ROOM.with_override(KMS_KEYS.code, 0)


class Crash(BaseException):
    """The process is gone, at this very point."""


class CrashingStore(MemoryStore):
    """Crashes before or after a write, when told to; what was committed stays."""

    def __init__(self, number: int) -> None:
        super().__init__(store_id=f"{number}" * 32)
        self.crash_before = -1
        self.crash_after = -1
        self.on_committed: Callable[[], None] = lambda: None

    async def write(self, work: Callable[[StoreTransaction], T]) -> T:
        if self.crash_before == 0:
            self.crash_before = -1
            raise Crash
        result = await super().write(work)
        self.crash_before -= self.crash_before > 0
        self.on_committed()
        if self.crash_after == 0:
            self.crash_after = -1
            raise Crash
        self.crash_after -= self.crash_after > 0
        return result


@dataclass(slots=True)
class ObservedEtcd(MemoryEtcd):
    """Tells when a write has landed."""

    on_landed: Callable[[], None] = lambda: None

    async def apply(self, puts: dict[bytes, bytes], deletes: frozenset[bytes]) -> Revision:
        revision = await MemoryEtcd.apply(self, puts, deletes)
        self.on_landed()
        return revision


class ObservedCoordinator(MemoryCoordinator):
    """Tells what is sent, whether or not it lands."""

    def __init__(self, etcd: MemoryEtcd, region: RegionName) -> None:
        super().__init__(etcd, region)
        self.on_sent: Callable[[RecordWrite], None] = lambda _: None

    async def commit(self, key: RecordKey, guard: Guard, write: RecordWrite) -> Won | Lost:
        self.on_sent(write)
        return await super().commit(key, guard, write)


@dataclass(frozen=True)
class Action:
    """One thing that happens."""

    kind: str
    region: RegionName = US
    target: RegionName = EU
    fault: WriteFault | None = None
    count: int = 0


def actions() -> st.SearchStrategy[list[Action]]:
    return st.lists(st.one_of(*(_one(),) * 20, _late_write()), min_size=25, max_size=60).map(
        lambda parts: [action for part in parts for action in part]
    )


def _one() -> st.SearchStrategy[tuple[Action, ...]]:
    region = st.sampled_from(REGIONS)
    target = st.sampled_from(TARGETS)
    step = st.builds(Action, kind=st.just("step"), region=region)
    return st.one_of(
        *(step,) * 6,
        *(st.just(Action("round")),) * 4,
        st.builds(Action, kind=st.just("visit"), region=region),
        *(st.builds(Action, kind=st.just("call"), target=target),) * 2,
        st.builds(Action, kind=st.sampled_from(("full", "room")), region=target),
        st.builds(Action, kind=st.just("pass 2 s")),
        st.builds(Action, kind=st.just("pass 5 s")),
        st.builds(Action, kind=st.just("give up")),
        st.builds(
            Action,
            kind=st.just("faulty visit"),
            region=region,
            fault=st.sampled_from(WriteFault),
        ),
        st.builds(
            Action,
            kind=st.sampled_from(("crash before", "crash after")),
            region=region,
            count=st.integers(0, 2),
        ),
        st.builds(Action, kind=st.just("release"), region=region),
        st.builds(Action, kind=st.sampled_from(("cut", "heal", "part")), region=region),
    ).map(lambda action: (action,))


def _late_write() -> st.SearchStrategy[tuple[Action, ...]]:
    """A proposal that is on its way while its call ends: it must find its way closed."""
    return st.builds(
        lambda target, fault, end, between: (
            Action("call", target=target),
            Action("faulty visit", fault=fault),
            Action(end),
            *(Action("step"),) * between,
            Action("release"),
        ),
        st.sampled_from(TARGETS),
        st.sampled_from((WriteFault.LANDS_LATER, WriteFault.SENT_NOT_LANDED)),
        st.sampled_from(("pass 5 s", "give up")),
        st.integers(0, 3),
    )


@dataclass
class History:
    """What etcd and the stores have ever shown."""

    last: Record | None = None
    accepted: set[tuple[RegionName, int]] = field(default_factory=set)
    joined: set[tuple[RegionName, int]] = field(default_factory=set)
    refused_unissued: set[str] = field(default_factory=set)
    proposals: dict[str, tuple[RegionName, int]] = field(default_factory=dict)
    refusals: dict[tuple[RegionName, int], str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, promise: str) -> None:  # noqa: FBT001 - an assertion
        if not holds:
            self.broken.append(promise)


class World:
    """Three Regions and the promises."""

    def __init__(self, identities: dict[RegionName, RegionIdentity]) -> None:
        self.clock = FakeClock()
        self.etcd = ObservedEtcd(cluster=identities[US].cluster)
        self.regions = twins(
            identities,
            store=CrashingStore,
            coordinator=lambda name: ObservedCoordinator(self.etcd, name),
            clock=self.clock,
            settings=ROOM,
        )
        self.history = History()
        self.calls: dict[str, Intent] = {}
        self.key = record_key("mrk-" + "0" * 32)
        self.number = 0

    def store(self, region: RegionName) -> CrashingStore:
        found = self.regions[region].store
        assert isinstance(found, CrashingStore)
        return found

    def coordinator(self, region: RegionName) -> ObservedCoordinator:
        found = self.regions[region].coordinator
        assert isinstance(found, ObservedCoordinator)
        return found

    def transport(self, region: RegionName) -> DirectTransport:
        found = self.regions[region].transport
        assert isinstance(found, DirectTransport)
        return found

    async def begin(self) -> None:
        for _ in range(2):
            for region in self.regions.values():
                await region.rejoin()
        created = await self.regions[US].call("CreateKey", multi_region=True)
        self.key = record_key(created.key_metadata.key_id)
        for name in REGIONS:
            self.store(name).on_committed = self.look
        self.etcd.on_landed = self.landed
        self.coordinator(US).on_sent = self.sent
        await self.visit(US)

    # --- what happens

    async def happen(self, action: Action) -> None:
        await self.acts[action.kind](action)
        self.look()
        assert not self.history.broken, self.history.broken

    @property
    def acts(self) -> dict[str, Callable[[Action], Awaitable[None]]]:
        return {
            "visit": lambda action: self.visit(action.region),
            "step": lambda action: self.step(action.region),
            "round": self.round,
            "call": lambda action: self.call(action.target),
            "pass 2 s": self.let_pass,
            "pass 5 s": self.let_pass,
            "give up": self.give_up,
            "full": self.limit,
            "room": self.limit,
            "faulty visit": self.faulty_visit,
            "crash before": self.crash,
            "crash after": self.crash,
            "release": self.release,
            "cut": self.connect,
            "part": self.connect,
            "heal": self.connect,
        }

    async def round(self, _: Action) -> None:
        for region in REGIONS:
            await self.step(region)

    async def let_pass(self, action: Action) -> None:
        self.clock.advance(float(action.kind.split()[1]))

    async def limit(self, action: Action) -> None:
        self.regions[action.region].settings = FULL if action.kind == "full" else ROOM

    async def faulty_visit(self, action: Action) -> None:
        assert action.fault is not None
        self.coordinator(action.region).write_faults.append(action.fault)
        await self.visit(action.region)

    async def crash(self, action: Action) -> None:
        store = self.store(action.region)
        if action.kind == "crash before":
            store.crash_before = action.count
        else:
            store.crash_after = action.count
        await self.visit(action.region)

    async def release(self, action: Action) -> None:
        """Writes that were on their way arrive."""
        await self.coordinator(action.region).release()

    async def connect(self, action: Action) -> None:
        if action.kind != "part":
            self.coordinator(action.region).cut = action.kind == "cut"
        if action.kind != "cut":
            self.transport(action.region).unreachable = (
                set(REGIONS) if action.kind == "part" else set()
            )

    async def visit(self, region: RegionName) -> None:
        """One visit by the agent; a crash makes a new agent on the same store."""
        under_test = self.regions[region]
        try:
            await under_test.visit(self.key)
        except Crash:
            under_test.crash()
            await self.rejoin(under_test)
        finally:
            store = self.store(region)
            store.crash_before = store.crash_after = -1

    async def step(self, region: RegionName) -> None:
        """One look, and the one step that it plans."""
        reconciler = self.regions[region].reconciler
        look = await reconciler._look(self.key)
        if look.reading is not None and not isinstance(look.step, Settled | Stop):
            await reconciler._carry_out(self.key, look, look.reading)

    async def rejoin(self, region: RegionUnderTest) -> None:
        was_cut, self.coordinator(region.name).cut = self.coordinator(region.name).cut, False
        faults = list(self.coordinator(region.name).write_faults)
        self.coordinator(region.name).write_faults.clear()
        await region.rejoin()
        self.coordinator(region.name).write_faults.extend(faults)
        self.coordinator(region.name).cut = was_cut

    async def call(self, target: RegionName) -> None:
        """ReplicateKey 1, as a worker does it; a second call finds the lock and goes away."""
        self.number += 1
        now = self.clock.machine_now()
        proposal = Proposal(
            account_id=self.key.account_id,
            key_id=self.key.key_id,
            region=target,
            description=f"call {self.number}",
            caller_arn=f"arn:aws:iam::{ACCOUNT}:root",
            caller_account_id=ACCOUNT,
        )
        intent = Intent(
            intent_id=f"{self.number:032x}",
            kind=REPLICATE_KEY,
            account_id=self.key.account_id,
            key_id=self.key.key_id,
            request=encode_replicate_request(proposal),
            created_at=now,
            deadline=now + CALL_S,
        )

        def lock(tx: StoreTransaction) -> bool:
            facts = tx.multi_region.get(self.key.account_id, self.key.key_id)
            assert facts is not None
            if facts.lock is not None:
                event("a call found the lock")
                return False
            member = parse(facts.mirror).member(target) if facts.mirror else None
            if member is not None and member.present:
                return False
            held = Lock(
                kind=LockKind.REPLICATE,
                peer=target,
                intent_id=intent.intent_id,
                base_seq=facts.mirror_seq,
            )
            tx.intents.put(intent)
            tx.multi_region.put(self.key.account_id, self.key.key_id, replace(facts, lock=held))
            return True

        if await self.store(US).write(lock):
            self.calls[intent.intent_id] = intent

    async def give_up(self, _: Action) -> None:
        """Every waiting caller's door expires its intent, whatever the clock says."""
        for intent in self.calls.values():
            await self.store(US).write(lambda tx, intent=intent: expire(tx, intent))  # type: ignore[misc] # bound now

    # --- what is promised

    def sent(self, write: RecordWrite) -> None:
        """R11: a proposal is sent only while its caller still waits."""
        lock = self.store(US).tables.facts[ACCOUNT, self.key.key_id].lock
        for target in write.put_proposals:
            self.history.expect(
                lock is not None and lock.peer == target and lock.issued and not lock.expired,
                "R11: a proposal was sent for an expired call",
            )

    def landed(self) -> None:
        """A write has landed in etcd."""
        history, before = self.history, self.history.last
        item = self.etcd.get(self.regions[US].ports.names.record(ACCOUNT, self.key.key_id))
        if not item.present:
            return
        record = parse(item.value)
        if before is not None and record.value_hash == before.value_hash:
            return
        if before is not None:
            self.compare(before, record)
        for member in record.members:
            if member.region != US:
                refusal = "" if member.refusal is None else member.refusal.code
                event(f"{member.state} {member.request} {refusal}")
            if member.refusal is not None:
                history.refusals[member.region, member.life] = member.refusal.code
            if member.may_receive:
                history.accepted.add((member.region, member.life))
            if member.state is MemberState.MEMBER:
                history.joined.add((member.region, member.life))
                holder = Holder(region=member.region, life=member.life)
                history.expect(
                    all(holder in one.holders for one in record.shared_generations),
                    "a MEMBER does not hold everything",
                )
        history.last = record
        for region in TARGETS:
            self.look_at(region)

    def compare(self, before: Record, record: Record) -> None:
        expect = self.history.expect
        expect(record.seq == before.seq + 1, "seq grows by one")
        expect(record.previous_hash == before.value_hash, "each record names the one before")
        expect(set(before.epochs) <= set(record.epochs), "the chain only grows")
        for member in record.members:
            former = before.member(member.region)
            if former is None or member.life > former.life:
                expect(former is None or not former.present, "a life begins when one has ended")
                self.proposed(member.region, member.life)
                continue
            expect(member.life == former.life, "lives only grow")
            was_accepted = (member.region, member.life) in self.history.accepted
            expect(not (was_accepted and not member.present), "ACC")
        for generation in record.generations:
            was = before.generation(generation.generation_id)
            gone = set() if was is None else set(was.holders) - set(generation.holders)
            expect(not gone, "holders only grow")

    def proposed(self, target: RegionName, life: int) -> None:
        """EXP: a proposal that lands belongs to a lock that may still fire."""
        facts = self.store(US).tables.facts[ACCOUNT, self.key.key_id]
        lock = facts.lock
        self.history.expect(
            lock is not None and lock.peer == target and lock.issued, "EXP: no lock for it"
        )
        if lock is not None:
            self.history.proposals[lock.intent_id] = (target, life)
            self.history.expect(
                lock.intent_id not in self.history.refused_unissued,
                "EXP: its intent had expired before it was issued",
            )

    def look(self) -> None:
        """Facts of all stores against what etcd has ever shown."""
        history = self.history
        for intent in self.store(US).tables.intents.values():
            facts = self.store(US).tables.facts[ACCOUNT, self.key.key_id]
            lock = facts.lock
            holds = lock is not None and lock.intent_id == intent.intent_id
            expired = intent.state is IntentState.EXPIRED
            if expired and lock is not None and holds and not lock.issued:
                history.refused_unissued.add(intent.intent_id)
            if not holds:
                history.expect(
                    intent.state in {IntentState.DONE, IntentState.FAILED},
                    "a lock is released with its intent's outcome",
                )
            self.look_at_outcome(intent)
        for region in TARGETS:
            self.look_at(region)

    def look_at_outcome(self, intent: Intent) -> None:
        """A call is told what its target answered."""
        if intent.state not in {IntentState.DONE, IntentState.FAILED}:
            return
        answered = self.history.proposals.get(intent.intent_id)
        was_accepted = answered in self.history.accepted
        self.history.expect(
            was_accepted == (intent.state is IntentState.DONE), "the outcome is not the answer"
        )
        if answered in self.history.refusals:
            event(f"a call was told {self.history.refusals[answered]}")
            told = json.loads(intent.outcome).get("code")
            self.history.expect(
                told == self.history.refusals[answered], "the refusal was not told to its caller"
            )

    def look_at(self, region: RegionName) -> None:
        history, tables = self.history, self.store(region).tables
        facts = tables.facts.get((ACCOUNT, self.key.key_id))
        has_key = (ACCOUNT, self.key.key_id) in tables.keys
        if facts is not None and has_key:
            history.expect((region, facts.life) in history.accepted, "CRE")
            if facts.phase is Phase.LIVE:
                history.expect((region, facts.life) in history.joined, "LIVE before Join")
        if history.last is None:
            return
        for generation in history.last.generations:
            if any(holder.region == region for holder in generation.holders):
                place = (ACCOUNT, self.key.key_id, generation.generation_id)
                stored = tables.generations.get(place)
                history.expect(
                    stored is not None and stored.fingerprint == generation.fingerprint,
                    "P2: acknowledged and not held",
                )

    # --- the end

    async def heal(self) -> None:
        """No more faults; callers have given up; everything is visited until it rests."""
        for region in REGIONS:
            await self.happen(Action(kind="heal", region=region))
            self.coordinator(region).write_faults.clear()
            await self.happen(Action(kind="release", region=region))
        self.clock.advance(2 * CALL_S)
        for _ in range(8):
            for region in REGIONS:
                await self.happen(Action(kind="visit", region=region))
        record = self.history.last
        assert record is not None
        assert not self.regions[US].agent.stop_reasons
        for member in record.members:
            assert member.request is not ProposalState.PROPOSED, "a proposal is left"
            if member.present:
                await self.agrees(member.region, record)
        assert all(
            intent.state in {IntentState.DONE, IntentState.FAILED}
            for intent in self.store(US).tables.intents.values()
        )
        self.consistent_answers(record)

    async def agrees(self, region: RegionName, record: Record) -> None:
        facts = await self.regions[region].facts(self.key)
        assert facts is not None
        assert facts.phase is Phase.LIVE, f"{region} is {facts.phase}"
        assert facts.lock is None
        assert facts.mirror_seq == record.seq, f"{region} has an old mirror"
        key = self.store(region).tables.keys[ACCOUNT, self.key.key_id]
        assert record.current is not None
        assert key.current_generation == record.current.generation_id
        assert key.binding_key.wrapped

    def consistent_answers(self, record: Record) -> None:
        """A call that was told success has its replica, one that was told failure has none."""
        tables = self.store(US).tables
        done = [i for i in tables.intents.values() if i.state is IntentState.DONE]
        replicas = [m for m in record.members if m.region != US and m.present]
        assert len(done) == len(replicas), "answers and replicas differ"


@cache
def identities() -> dict[RegionName, RegionIdentity]:
    with TemporaryDirectory() as folder:
        return enrolled_cluster(Path(folder), *REGIONS).regions


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with silent():
        yield


@contextmanager
def silent() -> Iterator[None]:
    logger = logging.getLogger("regionkms")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


async def _play(enrolled: dict[RegionName, RegionIdentity], story: list[Action]) -> None:
    world = World(enrolled)
    await world.begin()
    for action in story:
        await world.happen(action)
    await world.heal()


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=actions())
def test_every_interruption_keeps_the_promises_and_heals(story: list[Action]) -> None:
    enrolled = identities()  # makes a loop of its own, once
    asyncio.run(_play(enrolled, story))
