"""Several Regions in one process: stores, agents and API calls, on twins or on the real thing.

`RegionUnderTest` is one Region: its store, its agent's parts, and the worker's side of it. A crash
is a new set of parts on the same store.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from regionkms.audit.record import SEED_BYTES, RecordEncoder
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.identity.caller import CallerIdentity
from regionkms.model import shapes
from regionkms.model.errors import PeerUnreachable
from regionkms.model.ids import AccountId, KeyId, RegionName, partition_of
from regionkms.model.key import Intent, IntentState, MultiRegionFacts
from regionkms.model.record import Record
from regionkms.model.record_codec import parse_record, parse_signed
from regionkms.node.agent import _created
from regionkms.node.agent_door import expire
from regionkms.node.memory import COUNTERS, GAUGES
from regionkms.operations import OPERATIONS
from regionkms.operations.call import Call
from regionkms.operations.decision_cache import DecisionCache
from regionkms.operations.key_cache import KeyCache
from regionkms.operations.key_loader import KeyLoader
from regionkms.operations.multi_region import replicated
from regionkms.operations.pipeline import Pipeline
from regionkms.operations.region import Region
from regionkms.policy.principal import root_user
from regionkms.policy.request import IdentityVerdict
from regionkms.ports.clock import Clock
from regionkms.ports.coordinator import Coordinator, RecordKey
from regionkms.ports.key_transport import (
    FetchHandler,
    FetchRequest,
    KeyTransport,
    Peer,
    SealedMaterial,
)
from regionkms.ports.store import Changes, OutboxRecord, Store
from regionkms.quota.settings import QuotaSettings
from regionkms.reconcile.ports import AgentAudit, AgentPorts
from regionkms.reconcile.region_agent import Pace, RegionAgent
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.enrolled import vault
from tests.support.metrics import InMemoryMetrics
from tests.support.quota_counter import InMemoryQuotaCounter

ACCOUNT = AccountId("111122223333")
OTHER_ACCOUNT = AccountId("444455556666")
US, EU, AP = (
    RegionName("us-east-1"),
    RegionName("eu-west-1"),
    RegionName("ap-southeast-2"),
)
SOURCE_IP = "192.0.2.7"


class ListSink:
    """An audit chain in a list."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def append(self, record: bytes) -> None:
        self.records.append(record)

    def flush(self) -> None:
        """Nothing is buffered."""

    async def seal(self, records: Sequence[OutboxRecord]) -> None:
        self.records += [record.record for record in records]

    def sealed(self) -> list[str]:
        return []

    def events(self, name: str) -> list[dict[str, Any]]:
        decoded = [json.loads(record) for record in self.records]
        return [record for record in decoded if record["eventName"] == name]


class DirectTransport:
    """KeyTransport within one process; a Region that is `down` or cut from another is not there."""

    def __init__(self, target: RegionName, servers: dict[RegionName, FetchHandler]) -> None:
        self._target = target
        self._servers = servers
        self.unreachable: set[RegionName] = set()
        self.fetches = 0

    async def fetch(self, source: Peer, request: FetchRequest) -> SealedMaterial:
        self.fetches += 1
        server = self._servers.get(source.region)
        if server is None or source.region in self.unreachable:
            raise PeerUnreachable(f"{source.region} is not there (twin)")
        return await server.serve(self._target, request)


class InProcessDoor:
    """AgentDoor to an agent in the same process, with the same expiry as the real one."""

    def __init__(self, region: "RegionUnderTest") -> None:
        self._region = region
        self.clustered = True
        self.poll_s = 0.002

    async def known_regions(self) -> list[RegionName]:
        return sorted(self._region.agent.directory.regions)

    def wake(self) -> None:
        self._region.agent.wake()

    async def outcome(self, intent: Intent) -> Intent:
        self.wake()
        region = self._region
        while region.clock.machine_now() < intent.deadline:
            found = await region.store.read(lambda tx: tx.intents.get(intent.intent_id))
            if found is not None and found.state in {IntentState.DONE, IntentState.FAILED}:
                return found
            await asyncio.sleep(self.poll_s)
        expired = await region.store.write(lambda tx: expire(tx, intent))
        self.wake()
        return expired


@dataclass
class RegionUnderTest:
    """One Region: everything durable is in `store`, the rest can be thrown away."""

    identity: RegionIdentity
    store: Store
    coordinator: Coordinator
    transport: KeyTransport
    clock: Clock
    settings: QuotaSettings = field(default_factory=QuotaSettings)
    address: str = "127.0.0.1:9"
    pace: Pace = field(default_factory=Pace)
    counter: InMemoryChangeCounter = field(default_factory=InMemoryChangeCounter)

    def __post_init__(self) -> None:
        self.name = self.identity.region
        self.vault = vault()
        self.sink = ListSink()
        self.metrics = InMemoryMetrics((), COUNTERS, GAUGES)
        self.quotas = InMemoryQuotaCounter(self.name, self.settings, self.clock)
        self.door = InProcessDoor(self)
        self.starts = 0
        self.crash()

    def crash(self) -> None:
        """Forget everything that is not in the store."""
        self.starts += 1
        seed = f"{self.starts}{self.name}".encode()[:SEED_BYTES].ljust(SEED_BYTES)
        ports = AgentPorts(
            identity=self.identity,
            store=self.store,
            vault=self.vault,
            coordinator=self.coordinator,
            transport=self.transport,
            clock=self.clock,
            metrics=self.metrics,
            quotas=self.quotas,
            limits=lambda: self.settings,
            audit=AgentAudit(
                sink=self.sink,
                operation=OPERATIONS["CreateKey"],
                recorder=RecordEncoder(seed=seed),
                response=partial(_created, self.name),
                replicate=OPERATIONS["ReplicateKey"],
                replicated=replicated,
            ),
            jitter=lambda: 0.5,
            address=self.address,
            software_version="test",
        )
        self.ports = ports
        self.agent = RegionAgent(ports, self.pace)
        self.reconciler = self.agent._reconciler

    async def rejoin(self) -> None:
        await self.agent.directory.load()
        await self.agent.directory.join()

    async def visit(self, key: RecordKey) -> Any:
        return await self.reconciler.visit(key)

    async def facts(self, key: RecordKey) -> MultiRegionFacts | None:
        return await self.store.read(lambda tx: tx.multi_region.get(key.account_id, key.key_id))

    async def mirror(self, key: RecordKey) -> Record | None:
        facts = await self.facts(key)
        return None if facts is None or not facts.mirror else parse(facts.mirror)

    def worker(self) -> Region:
        """What operations of this Region work with."""

        async def ignore(_: Changes) -> None:
            return

        keys = KeyCache(
            store=self.store,
            counter=self.counter,
            build=KeyLoader(region=self.name, store_id=self.store.store_id, vault=self.vault),
            on_changes=ignore,
        )
        return Region(
            name=self.name,
            partition=partition_of(self.name),
            store=self.store,
            keys=keys,
            vault=self.vault,
            clock=self.clock,
            random_bytes=secrets.token_bytes,
            quotas=self.quotas,
            limits=lambda: self.settings,
            audit=self.sink,
            recorder=RecordEncoder(seed=self.name.encode()[::-1][:SEED_BYTES].ljust(SEED_BYTES)),
            decisions=DecisionCache(),
            agent=self.door,
        )

    async def call(self, operation: str, *, account: AccountId = ACCOUNT, **members: Any) -> Any:
        """Run an API call of an account's root user through all stages.

        Raises:
            KmsError: As the caller would see it.
        """
        request = shapes.OPERATIONS[operation].input(**members)
        if not hasattr(self, "_worker"):
            self._worker = self.worker()
        await self._worker.keys.refresh()
        call = Call(
            operation=OPERATIONS[operation],
            request=request,
            caller=CallerIdentity(
                principal=root_user(account, partition_of(self.name)),
                access_key_id="AKIAIOSFODNN7EXAMPLE",
            ),
            identity=IdentityVerdict.ALLOW,
            region=self._worker,
            request_id="12345681-de97-42e9-bed0-b02ae1abd8dc",
            source_ip=SOURCE_IP,
            user_agent="test",
            secure_transport=True,
        )
        call.arrival = self._worker.keys.arrive()
        ended: asyncio.Future[Call] = asyncio.get_running_loop().create_future()

        def finish(calls: Sequence[Call]) -> None:
            if not ended.done():
                ended.set_result(calls[0])

        async with asyncio.TaskGroup() as tasks:
            Pipeline(spawn=tasks.create_task).start([call], finish)
            await ended
        if call.error is not None:
            raise call.error
        return call.response


def parse(value: bytes) -> Record:
    return parse_record(parse_signed(value))


def record_key(key_id: str, account: AccountId = ACCOUNT) -> RecordKey:
    return RecordKey(account_id=account, key_id=KeyId(key_id))


def twins(
    identities: Mapping[RegionName, RegionIdentity],
    *,
    store: Callable[[int], Store],
    coordinator: Callable[[RegionName], Coordinator],
    clock: Clock,
    settings: QuotaSettings | None = None,
) -> dict[RegionName, RegionUnderTest]:
    """Regions that reach one another directly."""
    servers: dict[RegionName, FetchHandler] = {}
    regions = {}
    for number, (name, identity) in enumerate(identities.items(), start=1):
        regions[name] = RegionUnderTest(
            identity=identity,
            store=store(number),
            coordinator=coordinator(name),
            transport=DirectTransport(name, servers),
            clock=clock,
            settings=settings or QuotaSettings(),
        )
    servers.update({name: ServedBy(region) for name, region in regions.items()})
    return regions


class ServedBy:
    """A FetchHandler that asks the Region's present agent: it may have been restarted."""

    def __init__(self, region: RegionUnderTest | None = None) -> None:
        self.region = region

    async def serve(self, target: RegionName, request: FetchRequest) -> SealedMaterial:
        assert self.region is not None
        return await self.region.agent.server.serve(target, request)
