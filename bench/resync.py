"""`python -m bench.resync [--keys N]`: how long a Region takes to catch up with the others.

Two cases, on real etcd, SQLite files (synchronous=FULL) and gRPC with mutual TLS:

- mirrors: the Region has all keys and was away while every record moved on (another Region joined
  each set). Nothing but newer records is missing.
- material: the Region has accepted a replica of every key and has nothing of them yet: each is
  created, fetched from the source (binding key and generation), joined and completed.

The Region's agent and the source's KeyTransport server share this process and its one core of
Python; where the source is another machine, its half of the work is not on the clock. The source's
agent does not run, so it mirrors nothing meanwhile.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.store import symmetric_keys
from regionkms.coordination.etcd_coordinator import EtcdCoordinator
from regionkms.coordination.etcd_settings import EtcdSettings
from regionkms.counters.clock import SystemClock
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model import record_change
from regionkms.model.ids import KeyId, RegionName, key_id_from_random
from regionkms.model.key import KmsKey, MultiRegionFacts, Phase, StoredGeneration
from regionkms.model.proposal import Proposal
from regionkms.model.record import Record
from regionkms.ports.coordinator import ABSENT, Guard, RecordKey, RecordWrite, Won
from regionkms.ports.store import WrappedDomainKey
from regionkms.quota.settings import QuotaMode, QuotaSettings
from regionkms.reconcile.signer import RecordSigner
from regionkms.store.bootstrap import create_store
from regionkms.store.engine import store_url
from regionkms.store.store import open_store
from regionkms.transport.client import GrpcKeyTransport
from regionkms.transport.server import KeyTransportServer
from tests.support.bulk_insert import KeyWithGenerations, bulk_insert
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.enrolled import DOMAIN_KEY, enrolled_cluster, vault
from tests.support.etcd import make_etcd
from tests.support.eventually import eventually
from tests.support.region_cluster import AP, EU, US, RegionUnderTest, ServedBy, parse

BUDGET_S: Final = 30.0
"""For 10,000 keys."""
BUDGET_KEYS: Final = 10_000
_PARALLEL: Final = 64
_LIFE: Final = 1
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 900.0
_UNLIMITED: Final = QuotaSettings(mode=QuotaMode.OFF)


@dataclass(frozen=True, slots=True)
class Values:
    """A key's record in the bytes of its stages: as the Region last saw it, and as it is now."""

    key: KmsKey
    held: Sequence[StoredGeneration]
    before: bytes
    now: bytes


def main() -> int:
    """Measure both cases; 1 if one is over the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=BUDGET_KEYS)
    parser.add_argument("--only", choices=("mirrors", "material"))
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    cases = [options.only] if options.only else ["mirrors", "material"]
    budget_s = BUDGET_S * options.keys / BUDGET_KEYS
    missed = False
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            identities = enrolled_cluster(Path(folder), US, EU, AP).regions
            figures = asyncio.run(_measure(Path(folder), identities, case, options.keys))
        wall_s, cpu_s = figures["wall"], figures["cpu"]
        missed |= wall_s > budget_s
        sys.stdout.write(
            f"{case}: {options.keys} keys in {wall_s:.1f} s ({wall_s / options.keys * 1000:.2f} ms "
            f"a key, of which {cpu_s / options.keys * 1000:.2f} ms CPU of this process), "
            f"{wall_s / budget_s:.2f} of the budget of {budget_s:.0f} s\n"
        )
    return 1 if missed else 0


async def _measure(
    folder: Path, identities: Mapping[RegionName, RegionIdentity], case: str, keys: int
) -> dict[str, float]:
    etcd = make_etcd(folder)
    etcd.start()
    try:
        return await _with_etcd(folder, identities, etcd.members[0].endpoint, case, keys)
    finally:
        etcd.stop()


async def _with_etcd(
    folder: Path,
    identities: Mapping[RegionName, RegionIdentity],
    endpoint: str,
    case: str,
    keys: int,
) -> dict[str, float]:
    for name in identities:
        (folder / f"store-{name}").mkdir()
        _create(folder, name)
    async with AsyncExitStack() as stack:
        regions = [
            await stack.enter_async_context(_region(folder, identity, endpoint))
            for identity in identities.values()
        ]
        for region in (*regions, *regions):  # a second time, so that each knows all
            await region.rejoin()
        source, target, _ = regions
        values = _values(source, identities, case, keys)
        await _put(source, identities, case, values)
        _fill(folder, US, [_row(source, one, one.now) for one in values])
        if case == "mirrors":
            _fill(folder, EU, [_row(target, one, one.before) for one in values])
        return await _catch_up(target, values)


def _create(folder: Path, name: RegionName) -> None:
    row = WrappedDomainKey(
        domain_key_id=DOMAIN_KEY, wrapped=b"unused", created_at=0.0, current=True
    )
    create_store(_url(folder, name), lab=True, domain_key=row, vault=vault())


def _fill(folder: Path, name: RegionName, items: Sequence[KeyWithGenerations]) -> None:
    bulk_insert(_url(folder, name), vault=vault(), items=items)


def _url(folder: Path, name: RegionName) -> str:
    return store_url(folder / f"store-{name}")


@asynccontextmanager
async def _region(
    folder: Path, identity: RegionIdentity, endpoint: str
) -> AsyncIterator[RegionUnderTest]:
    """A Region on its store, serving KeyTransport; its agent does not run yet."""
    async with AsyncExitStack() as stack:
        counter = InMemoryChangeCounter()
        url = _url(folder, identity.region)
        store = open_store(url, vault=vault(), on_commit=counter.bump, lab=True)
        stack.push_async_callback(store.close)
        settings = EtcdSettings(endpoints=(endpoint,))
        coordinator = EtcdCoordinator(settings, identity.cluster, identity.region)
        stack.push_async_callback(coordinator.close)
        transport = GrpcKeyTransport(identity)
        stack.push_async_callback(transport.close)
        served = ServedBy()
        server = KeyTransportServer(identity, served, "127.0.0.1:0")
        port = await server.start()
        stack.push_async_callback(server.stop)
        served.region = RegionUnderTest(
            identity=identity,
            store=store,
            coordinator=coordinator,
            transport=transport,
            clock=SystemClock(),
            settings=_UNLIMITED,
            address=f"127.0.0.1:{port}",
            counter=counter,
        )
        yield served.region


def _values(
    source: RegionUnderTest,
    identities: Mapping[RegionName, RegionIdentity],
    case: str,
    keys: int,
) -> list[Values]:
    ids = [KeyId(key_id_from_random(os.urandom(16), multi_region=True)) for _ in range(keys)]
    us, eu, ap = (RecordSigner(identities[name]) for name in (US, EU, AP))
    incarnation = source.agent.directory.incarnation

    def signed(signer: RecordSigner, record: Record) -> tuple[bytes, Record]:
        value = signer.record(record)
        return value, parse(value)

    def proposed(record: Record, name: RegionName) -> Record:
        grant = us.grant(record.account_id, record.key_id, name, _LIFE)
        _, open_record = signed(us, record_change.propose_replica(record, name, grant))
        signer = eu if name == EU else ap
        return signed(signer, record_change.accept_proposal(open_record, name))[1]

    def of_key(key: KmsKey, held: Sequence[StoredGeneration]) -> Values:
        _, record = signed(us, us.founding(key, tuple(held), incarnation))
        generations = [one.generation_id for one in held]
        grant = us.grant(record.account_id, record.key_id, EU, _LIFE)
        _, record = signed(us, record_change.propose_replica(record, EU, grant))
        accepted, record = signed(eu, record_change.accept_proposal(record, EU))
        if case == "material":
            return Values(key, held, accepted, accepted)
        joined, record = signed(eu, record_change.join(record, EU, generations))
        record = proposed(record, AP)
        return Values(key, held, joined, signed(ap, record_change.join(record, AP, generations))[0])

    return [of_key(key, held) for key, held in symmetric_keys(source.vault, ids)]


async def _put(
    source: RegionUnderTest,
    identities: Mapping[RegionName, RegionIdentity],
    case: str,
    values: Sequence[Values],
) -> None:
    """Write all records, and proposals where the target still needs them."""
    signer = RecordSigner(identities[US])
    guard = Guard(
        record=ABSENT,
        incarnation=source.agent.directory.incarnation_revision,
        own_entry=source.agent.directory.own_revision,
    )

    async def put(one: Values) -> None:
        key = RecordKey(account_id=one.key.account_id, key_id=one.key.key_id)
        proposal = Proposal(
            account_id=key.account_id,
            key_id=key.key_id,
            region=EU,
            life=_LIFE,
            caller_arn=f"arn:aws:iam::{key.account_id}:root",
            caller_account_id=key.account_id,
        )
        proposals = {EU: signer.proposal(proposal)} if case == "material" else {}
        write = RecordWrite(value=one.now, put_proposals=proposals)
        outcome = await source.coordinator.commit(key, guard, write)
        if not isinstance(outcome, Won):
            raise TypeError(f"the record of {key.key_id} was not written: {outcome}")

    await _in_parallel([lambda one=one: put(one) for one in values])  # type: ignore[misc] # a lambda's default has no type


async def _in_parallel(work: Sequence[Callable[[], Awaitable[None]]]) -> None:
    waiting = iter(work)

    async def some() -> None:
        for one in waiting:
            await one()

    await asyncio.gather(*(some() for _ in range(_PARALLEL)))


def _row(region: RegionUnderTest, one: Values, mirror: bytes) -> KeyWithGenerations:
    """The key as a Region's store has it. All twins wrap under one domain key."""
    facts = MultiRegionFacts(
        life=_LIFE,
        phase=Phase.LIVE,
        mirror=mirror,
        mirror_seq=parse(mirror).seq,
        opened_by=region.store.store_id,
    )
    return replace(one.key, multi_region=facts), one.held


async def _catch_up(region: RegionUnderTest, values: Sequence[Values]) -> dict[str, float]:
    """Run the agent until every key is LIVE and its mirror is not older than what was written."""
    wall, cpu = time.perf_counter(), time.process_time()
    running = asyncio.ensure_future(region.agent.run())

    async def caught_up() -> bool:
        # Lag counts from the last pass: less than the time taken means that one has ended.
        return region.agent.lag_s < time.perf_counter() - wall and region.agent.is_idle

    try:
        await eventually(caught_up, within_s=_PATIENCE_S, step_s=_POLL_S)
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    for one in values:
        key = RecordKey(account_id=one.key.account_id, key_id=one.key.key_id)
        facts = await region.facts(key)
        if facts is None or facts.phase is not Phase.LIVE or facts.mirror_seq < parse(one.now).seq:
            raise ValueError(f"{key.key_id} has not caught up: {facts}")
    return taken


if __name__ == "__main__":
    sys.exit(main())
