"""All protocol work of one Region: directory, lease, watch, passes, intents, and the key queue.

It owns the tasks and nothing else; what they do is in the modules beside. It runs until cancelled,
through every outage of etcd, peers and store, and leaves the data plane alone.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from regionkms.model.errors import CoordinatorUnavailable, Fault, OutcomeUnknown
from regionkms.ports.coordinator import ABSENT, RecordKey
from regionkms.reconcile.directory import RegionDirectory
from regionkms.reconcile.intents import IntentKeeper
from regionkms.reconcile.key_reconciler import KeyReconciler
from regionkms.reconcile.missing_records import MissingRecords
from regionkms.reconcile.ports import AgentPorts
from regionkms.reconcile.records import RecordFinder
from regionkms.reconcile.serve import MaterialServer
from regionkms.reconcile.work_queue import WorkQueue

_log = logging.getLogger(__name__)

PARALLEL: Final = 16
"""Keys worked on at once: etcd and store answer in milliseconds, peers may take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are looked at that nobody announced, in seconds.

    Attributes:
        pass_s: The periodic pass over etcd, and the look for calls that nobody recorded.
        store_s: The change feed and open intents; a lost datagram costs a caller this much.
        retry_s: Joining the directory, watch and lease, after a failure.
    """

    pass_s: float = 5.0
    store_s: float = 0.25
    retry_s: float = 0.5


class RegionAgent:
    """One Region's agent, on ports.

    Attributes:
        directory: Verified entries of all Regions.
        server: Answers other Regions; transport/ calls it.
    """

    def __init__(self, ports: AgentPorts, pace: Pace | None = None) -> None:
        self._ports = ports
        self._pace = pace or Pace()
        self.directory = RegionDirectory(
            identity=ports.identity,
            store=ports.store,
            coordinator=ports.coordinator,
            address=ports.address,
            software_version=ports.software_version,
        )
        self._reconciler = KeyReconciler(ports, self.directory)
        self._queue: WorkQueue[RecordKey] = WorkQueue(
            visit=self._reconciler.visit,
            parallel=PARALLEL,
            monotonic=ports.clock.monotonic,
            machine_now=ports.clock.machine_now,
            jitter=ports.jitter,
        )
        self._finder = RecordFinder(ports, self.directory, self._queue)
        self._intents = IntentKeeper(ports.store, ports.clock, self._queue)
        self._missing_records = MissingRecords(ports)
        self.server = MaterialServer(ports, self.directory)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """The store has something new: look at its change feed now."""
        self._woken.set()

    @property
    def stop_reasons(self) -> list[str]:
        """Why this Region writes nothing to etcd at the moment; empty when all is well."""
        stopped = [self.directory.stopped] if self.directory.stopped else []
        return stopped + sorted(set(self._reconciler.stops.values()))

    @property
    def lag_s(self) -> float:
        """How old any mirror may be: seconds since the last pass that went through."""
        return self._finder.lag_s

    @property
    def is_idle(self) -> bool:
        """Whether no key waits, is being worked on or has failed."""
        return len(self._queue) == 0 and self._queue.failing == 0

    async def run(self) -> None:
        """Work until cancelled."""
        await self.directory.load()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._queue.run())
            tasks.create_task(self._forever(self._pace.pass_s, self._pass))
            tasks.create_task(self._follow_store())
            tasks.create_task(self._forever(self._pace.pass_s, self._record_missing))
            tasks.create_task(self._forever(self._pace.retry_s, self._watch))
            tasks.create_task(self._forever(self._pace.retry_s, self._hold_lease))

    async def _forever(self, wait_s: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something again and again; what fails is logged and tried again."""
        while True:
            try:
                await work()
            except (CoordinatorUnavailable, OutcomeUnknown) as error:
                _log.info("etcd does not answer: %s", error)
            except Fault as error:
                _log.warning("agent work failed: %s: %s", type(error).__name__, error)
            except Exception:  # noqa: BLE001 - a task root: one failure must not end the agent
                _log.exception("agent work failed unexpectedly and is tried again")
            await asyncio.sleep(wait_s)

    async def _pass(self) -> None:
        if self.directory.stopped:
            await self._finder.rejoin()
        await self._finder.pass_once()
        await self._intents.sweep()
        await self._intents.prune()
        self._measure()

    async def _record_missing(self) -> None:
        await self._missing_records.write()

    async def _watch(self) -> None:
        if self.directory.own_revision != ABSENT:
            await self._finder.follow_watch()

    async def _hold_lease(self) -> None:
        if not self.directory.stopped:
            await self._ports.coordinator.hold_lease(own_entry=self.directory.own_revision)

    async def _follow_store(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._finder.follow_store()
            except Exception as error:  # noqa: BLE001 - a task root: the store will be back
                _log.warning("the change feed can't be read: %s", error)
            self._measure()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.store_s):
                    await self._woken.wait()

    def _measure(self) -> None:
        metrics = self._ports.metrics
        metrics.set_gauge("record_queue", len(self._queue))
        metrics.set_gauge("mirror_lag_ms", int(self.lag_s * 1000))
        metrics.set_gauge("stopped", len(self.stop_reasons))
        metrics.flush()
