"""The reaper: destroys single-Region keys whose waiting period is over.

A wrong clock must not destroy keys. A key goes only after its date has been past for GRACE_S of the
agent's uptime, in which the wall clock did not jump over the monotonic one; after a start or a jump
it waits anew. In a lab that hour is one of lab time. The transaction looks at everything again, so
a cancellation that was first wins. Multi-Region keys end by their own rules (protocol §5 Delete).
Source: design §4 (Clocks), spec 02 §10.7.
"""

import logging
from collections.abc import Sequence
from typing import Final

from regionkms.audit.record import InternalEvent
from regionkms.model.errors import AuditUnavailable
from regionkms.model.ids import RegionName, key_arn
from regionkms.model.key import DeletionKind, KmsKey
from regionkms.ports.clock import Clock
from regionkms.ports.store import OutboxRecord, Store, StoreTransaction
from regionkms.reconcile.ports import AgentAudit

_log = logging.getLogger(__name__)

GRACE_S: Final = 3600.0
"""How long a date must have been past before its key is destroyed."""
JUMP_S: Final = 5.0
"""Between two looks the wall clock may move so much more or less than the monotonic one: time
servers slew a clock by 0.5 ms a second, a step is larger."""
_BATCH: Final = 20
"""Keys destroyed in one transaction."""


class Reaper:
    """Destroys what is due in one Region.

    Args:
        store: The Region's store.
        clock: `now` is KMS time: in a lab it may run ahead.
        region: For ARNs and records.
        audit: DeleteKey records go into the change's own transaction, then into the chain.
    """

    def __init__(
        self, *, store: Store, clock: Clock, region: RegionName, audit: AgentAudit
    ) -> None:
        self._store = store
        self._clock = clock
        self._region = region
        self._audit = audit
        self._watched_since = clock.now()
        self._ahead = clock.machine_now() - clock.monotonic()

    async def reap(self) -> int:
        """Destroy a batch of what is due; call it every few seconds.

        Returns:
            How many keys were destroyed.

        Raises:
            StoreUnavailable: Nothing of the batch was destroyed.
        """
        self._watch_clock()
        before = self._clock.now() - GRACE_S
        if before < self._watched_since:
            return 0
        due = await self._store.read(lambda tx: tx.keys.due(before=before, limit=_BATCH))
        if not any(key.multi_region is None for key in due):
            return 0
        destroyed: list[KmsKey] = []
        records: list[OutboxRecord] = []

        def work(tx: StoreTransaction) -> None:
            destroyed.clear()
            records.clear()
            for key in tx.keys.due(before=before, limit=_BATCH):
                if _is_due(key, before):
                    record = self._record(key)
                    tx.keys.delete(key.account_id, key.key_id)
                    tx.outbox.append(record)
                    destroyed.append(key)
                    records.append(record)

        await self._store.write(work)
        await self._tell(destroyed, records)
        return len(destroyed)

    def _watch_clock(self) -> None:
        """Start the hour anew when the wall clock has jumped over the monotonic one."""
        ahead = self._clock.machine_now() - self._clock.monotonic()
        jump_s = ahead - self._ahead
        self._ahead = ahead
        if abs(jump_s) <= JUMP_S:
            return
        self._watched_since = self._clock.now()
        _log.error(
            "the wall clock jumped by %.1f s; no key is destroyed for %.0f s", jump_s, GRACE_S
        )

    def _record(self, key: KmsKey) -> OutboxRecord:
        arn = key_arn(self._region, key.account_id, key.key_id)
        return self._audit.recorder.internal(
            InternalEvent(
                event_name="DeleteKey",
                account_id=key.account_id,
                event_time=self._clock.now(),
                region=self._region,
                resources=((key.account_id, arn),),
                key_arn=arn,
            )
        )

    async def _tell(self, destroyed: Sequence[KmsKey], records: Sequence[OutboxRecord]) -> None:
        for key in destroyed:
            _log.warning(
                "destroyed a key whose waiting period is over",
                extra={"account_id": key.account_id, "key_id": key.key_id},
            )
        if records:
            try:
                await self._audit.sink.seal(records)
            except AuditUnavailable as error:
                _log.error("records of DeleteKey wait in the outbox: %s", error)


def _is_due(key: KmsKey, before: float) -> bool:
    deletion = key.deletion
    return (
        key.multi_region is None
        and deletion.kind is DeletionKind.PENDING
        and deletion.date is not None
        and deletion.date < before
    )
