"""Intents of workers: expired durably at their deadline, also while etcd is gone; then forgotten.

An intent that holds its key's lock is carried out and resolved by the key's reconciler, in the
looks' own transactions. This module sees that the key is visited, and ends intents that hold no
lock: nobody will ever resolve those. Source: protocol R3, R11, §4.
"""

import json
import logging
from dataclasses import replace
from typing import Final

from regionkms.model.key import Intent, IntentState
from regionkms.ports.clock import Clock
from regionkms.ports.coordinator import RecordKey
from regionkms.ports.store import Store, StoreTransaction
from regionkms.reconcile.work_queue import WorkQueue

_log = logging.getLogger(__name__)

KEEP_FINISHED_S: Final = 3600.0
"""How long the outcome of an intent can be read after its deadline."""
_LIMIT: Final = 1000
"""Open intents looked at in one go; more are looked at when these have ended."""
_NO_LOCK: Final = json.dumps(
    {"code": "KMSInternalException", "message": "The request was not begun. Nothing was changed."}
)


class IntentKeeper:
    """Keeps the intents of one Region moving."""

    def __init__(self, store: Store, clock: Clock, queue: WorkQueue[RecordKey]) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue

    async def sweep(self) -> int:
        """Queue the keys of open intents, end those without a lock.

        Returns:
            How many intents are open.
        """
        found = await self._store.read(lambda tx: tx.intents.open(limit=_LIMIT))
        orphans = await self._store.read(lambda tx: [one for one in found if not _locks(tx, one)])
        overdue = [one for one in orphans if one.deadline < self._clock.machine_now()]
        if overdue:
            await self._store.write(lambda tx: _end(tx, overdue))
        for intent in found:
            self._queue.add(RecordKey(account_id=intent.account_id, key_id=intent.key_id))
        return len(found)

    async def prune(self) -> None:
        """Forget what finished long ago."""
        before = self._clock.machine_now() - KEEP_FINISHED_S
        await self._store.write(lambda tx: tx.intents.prune(before=before))


def _locks(tx: StoreTransaction, intent: Intent) -> bool:
    facts = tx.multi_region.get(intent.account_id, intent.key_id)
    return facts is not None and facts.lock is not None and facts.lock.intent_id == intent.intent_id


def _end(tx: StoreTransaction, overdue: list[Intent]) -> None:
    for intent in overdue:
        if not _locks(tx, intent):
            _log.warning("intent %s held no lock and is ended", intent.intent_id)
            tx.intents.put(replace(intent, state=IntentState.FAILED, outcome=_NO_LOCK))
