"""Looks at one key and carries steps out until it is settled: the only place that does.

A look is one linearizable reading and one local transaction. A step is one etcd transaction, or a
fetch and its local transaction. Nothing is concluded from a reply: after each step comes the next
look (R1). Without etcd, what needs no reading is done all the same.
"""

import logging
from dataclasses import dataclass
from typing import Final, assert_never

from regionkms.model import record_change
from regionkms.model.errors import (
    CoordinatorUnavailable,
    OutcomeUnknown,
    PeerUnreachable,
)
from regionkms.model.key import KmsKey
from regionkms.model.proposal import Proposal
from regionkms.model.replicate_request import proposal_of
from regionkms.ports.coordinator import (
    Guard,
    Lost,
    Reading,
    RecordKey,
    RecordWrite,
)
from regionkms.ports.store import OutboxRecord, StoreTransaction
from regionkms.reconcile.answers import Answers
from regionkms.reconcile.audit_records import replica_record, seal
from regionkms.reconcile.directory import RegionDirectory
from regionkms.reconcile.fetching import Fetcher
from regionkms.reconcile.local import apply_level, read_local
from regionkms.reconcile.observation import believe
from regionkms.reconcile.plan import (
    Answer,
    Fetch,
    Found,
    Level,
    LocalFacts,
    Propose,
    Seen,
    Settled,
    Step,
    Stop,
    Times,
    Write,
    plan,
)
from regionkms.reconcile.ports import AgentPorts
from regionkms.reconcile.signer import RecordSigner

_log = logging.getLogger(__name__)

MAX_STEPS: Final = 64
"""Steps of one visit; a key that needs more goes to the end of the queue."""
_MAX_LEVELS: Final = 16
"""Planned changes in one look's transaction; there are fewer rules than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How a visit of a key ended.

    Attributes:
        again: Something failed or was lost: visit again, after a wait that grows.
        at_once: There is more to do: visit again without wait.
        wake_at: Machine time at which to visit again all the same.
    """

    again: bool = False
    at_once: bool = False
    wake_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A reading, the facts after its local transaction, and the step that follows.

    Attributes:
        reading: None while etcd does not answer.
    """

    reading: Reading | None
    local: LocalFacts
    step: Step


class KeyReconciler:
    """Visits keys of one Region. Calls for one key must not overlap; different keys may."""

    def __init__(self, ports: AgentPorts, directory: RegionDirectory) -> None:
        self._ports = ports
        self._directory = directory
        self._signer = RecordSigner(ports.identity)
        self._answers = Answers(ports)
        self._fetcher = Fetcher(ports, directory)
        self._stops: dict[RecordKey, str] = {}

    @property
    def stops(self) -> dict[RecordKey, str]:
        """Keys whose reading is not believed or was rolled back, with the reason: no CAS at all."""
        return self._stops

    @property
    def may_write(self) -> bool:
        """Whether this Region may send a CAS (protocol §6, Detection)."""
        return not self._stops and not self._directory.stopped

    async def visit(self, key: RecordKey) -> Visit:
        """Look and act until there is nothing to do, or something has to be waited for.

        Raises:
            StoreUnavailable, RowTampered, VaultSealed, MaterialUnreadable: The Region's own side
                failed; nothing is half done.
        """
        for _ in range(MAX_STEPS):
            look = await self._look(key)
            match look.step:
                case Settled():
                    return Visit(again=look.reading is None, wake_at=look.step.wake_at)
                case Stop():
                    return Visit(again=True)
                case Level():
                    continue
                case _:
                    if look.reading is None or not await self._carry_out(key, look, look.reading):
                        return Visit(again=True)
        return Visit(at_once=True)

    async def _look(self, key: RecordKey) -> Look:
        self._ports.metrics.add("looks")
        reading = await self._reading(key)
        local = await self._ports.store.read(lambda tx: self._local(tx, key))
        seen = None if reading is None else self._believe(reading, key, local)
        if reading is not None and isinstance(seen, Stop):
            # Its writer may be a Region that has joined the cluster since the directory was read.
            await self._directory.refresh()
            seen = self._believe(reading, key, local)
        believed = None if isinstance(seen, Stop) else seen
        local, step = await self._level(key, local, believed)
        if isinstance(seen, Stop):
            step = seen
        if reading is not None:
            self._note_stop(key, step)
        return Look(reading=reading, local=local, step=step)

    def _believe(self, reading: Reading, key: RecordKey, local: LocalFacts) -> Seen | Stop:
        return believe(
            reading,
            key,
            local,
            names=self._ports.names,
            keys=self._directory.keys,
            incarnation=self._directory.incarnation,
        )

    async def _reading(self, key: RecordKey) -> Reading | None:
        """A reading of the etcd that this Region has pinned; None: none to be had now."""
        floor = self._directory.floor
        try:
            if self._directory.stopped:
                return None
            reading = await self._ports.coordinator.read_record(key)
            return reading if await self._directory.is_current(reading, floor) else None
        except (CoordinatorUnavailable, OutcomeUnknown):
            return None

    def _local(self, tx: StoreTransaction, key: RecordKey) -> LocalFacts:
        return read_local(tx, key, region=self._ports.region, store_id=self._ports.store.store_id)

    async def _level(
        self, key: RecordKey, local: LocalFacts, seen: Seen | None
    ) -> tuple[LocalFacts, Step]:
        """Plan; carry local changes out in one transaction; plan what comes after it."""
        step = plan(local, seen, self._times())
        if not isinstance(step, Level):
            return local, step

        changes: list[Level] = []
        records: list[OutboxRecord] = []

        def record(row: KmsKey, about: Proposal) -> list[OutboxRecord]:
            made = self._record(row, about, seen)
            records.extend(made)
            return made

        def work(tx: StoreTransaction) -> tuple[LocalFacts, Step]:
            changes.clear()
            records.clear()
            facts = self._local(tx, key)
            for _ in range(_MAX_LEVELS):
                planned = plan(facts, seen, self._times())
                if not isinstance(planned, Level):
                    return facts, planned
                apply_level(tx, facts, planned, record)
                changes.append(planned)
                facts = self._local(tx, key)
            return facts, Settled()

        local, step = await self._ports.store.write(work)
        for change in changes:
            _tell(key, change)
        await seal(self._ports.audit.sink, records)
        return local, step

    def _times(self) -> Times:
        clock = self._ports.clock
        return Times(kms=clock.now(), machine=clock.machine_now())

    def _note_stop(self, key: RecordKey, step: Step) -> None:
        former = self._stops.pop(key, "")
        if isinstance(step, Stop):
            self._stops[key] = step.reason
            if step.reason != former:
                _log.error(
                    "all writes to etcd are stopped, the data plane goes on: %s",
                    step.reason,
                    extra={"account_id": key.account_id, "key_id": key.key_id},
                )

    async def _carry_out(self, key: RecordKey, look: Look, reading: Reading) -> bool:
        """One etcd transaction, or one fetch. False: it did not work, wait before the next look."""
        step = look.step
        if isinstance(step, Fetch):
            return await self._fetch(step, look.local)
        if not self.may_write:
            return False
        write = await self._write_of(key, look, reading)
        if write is None:
            return False
        guard = Guard(
            record=reading.record.mod_revision,
            incarnation=reading.incarnation.mod_revision,
            own_entry=reading.own_entry.mod_revision,
        )
        try:
            outcome = await self._ports.coordinator.commit(key, guard, write)
        except OutcomeUnknown:
            self._ports.metrics.add("cas_unknown")
            return False
        except CoordinatorUnavailable:
            return False
        self._ports.metrics.add("cas_lost" if isinstance(outcome, Lost) else "cas_won")
        return True

    async def _fetch(self, step: Fetch, local: LocalFacts) -> bool:
        try:
            await self._fetcher.fetch(step, local)
        except PeerUnreachable as error:
            _log.warning("material can't be fetched yet: %s", error, extra={"key_id": local.key_id})
            return False
        return True

    async def _write_of(self, key: RecordKey, look: Look, reading: Reading) -> RecordWrite | None:
        """What a step writes, signed."""
        match look.step:
            case Found():
                held = tuple(look.local.held.values())
                record = self._signer.founding(look.step.key, held, self._directory.incarnation)
                return RecordWrite(value=self._signer.record(record))
            case Propose():
                return self._proposal(look.step)
            case Answer():
                return await self._answer(key, look.step)
            case Write():
                return RecordWrite(
                    value=self._signer.record(look.step.successor),
                    delete_proposals=look.step.ends_proposals & frozenset(reading.proposals),
                )
            case Settled() | Stop() | Level() | Fetch():
                return None
            case _:
                assert_never(look.step)

    def _proposal(self, step: Propose) -> RecordWrite:
        record, target = step.record, step.target
        former = record.member(target)
        life = 1 if former is None else former.life + 1
        grant = self._signer.grant(record.account_id, record.key_id, target, life)
        successor = record_change.propose_replica(record, target, grant)
        text = self._signer.proposal(proposal_of(step.intent, life=life))
        return RecordWrite(value=self._signer.record(successor), put_proposals={target: text})

    async def _answer(self, key: RecordKey, step: Answer) -> RecordWrite:
        region = self._ports.region
        refusal = await self._answers.judge(key, step.life, step.proposal)
        if refusal is None:
            accepted = record_change.accept_proposal(step.record, region)
            return RecordWrite(value=self._signer.record(accepted))
        refused = record_change.refuse_proposal(step.record, region, refusal)
        _log.info("refused a replica: %s", refusal.code, extra={"key_id": key.key_id})
        return RecordWrite(value=self._signer.record(refused), delete_proposals=frozenset({region}))

    def _record(self, row: KmsKey, proposal: Proposal, seen: Seen | None) -> list[OutboxRecord]:
        """The CreateKey record of a new replica, with the identity of who asked (spec 02 §3.8)."""
        if seen is None or seen.record is None:
            return []
        return replica_record(self._ports, row, proposal, seen.record)


def _tell(key: RecordKey, change: Level) -> None:
    if change.note:
        _log.log(
            logging.ERROR if change.alarm else logging.INFO,
            "%s",
            change.note,
            extra={"account_id": key.account_id, "key_id": key.key_id},
        )
