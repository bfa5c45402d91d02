"""Audit records of calls that took effect and whose worker did not record them.

A worker writes the record of ReplicateKey and the intent's `recorded` mark in one transaction,
after the agent has ended the intent. It may be killed before that; or it has told its caller that
the outcome is not known, and the proposal was accepted after all. Some seconds after the deadline
the agent writes the record instead, in one transaction with the same mark: whoever is first has
done it, so there is exactly one record of success. A record of the error that the caller was told
stands beside it, with the same request id. Source: spec 02 §3.8; design §5b; protocol §5 error (b).
"""

import logging
from dataclasses import replace
from typing import Final

from regionkms.model.errors import Fault
from regionkms.model.key import Intent
from regionkms.ports.store import OutboxRecord, StoreTransaction
from regionkms.reconcile.audit_records import replicate_records, seal
from regionkms.reconcile.local import mirror_record
from regionkms.reconcile.ports import AgentPorts

_log = logging.getLogger(__name__)

RECORD_AFTER_S: Final = 5.0
"""After the deadline: time for a worker that is alive to write its record by itself."""
_LIMIT: Final = 100
"""Records written in one go; the rest comes in the next."""


class MissingRecords:
    """Writes what workers of one Region left unrecorded."""

    def __init__(self, ports: AgentPorts) -> None:
        self._ports = ports

    async def write(self) -> int:
        """Write the missing records of success; call it every few seconds. Needs no etcd.

        Returns:
            How many calls were recorded.

        Raises:
            StoreUnavailable: The store did not answer; what it did not take is written later.
        """
        ports = self._ports
        before = ports.clock.machine_now() - RECORD_AFTER_S
        found = await ports.store.read(
            lambda tx: tx.intents.unrecorded(before=before, limit=_LIMIT)
        )
        written = 0
        for intent in found:
            try:
                records = await ports.store.write(lambda tx, it=intent: self._record(tx, it))  # type: ignore[misc] # a lambda's default has no type
            except Fault as fault:
                # Such as a row that was tampered with: it must not keep the others from theirs.
                _log.error("the record of intent %s is not written: %s", intent.intent_id, fault)
                continue
            await seal(ports.audit.sink, records)
            written += bool(records)
        return written

    def _record(self, tx: StoreTransaction, intent: Intent) -> list[OutboxRecord]:
        found = tx.intents.get(intent.intent_id)
        if found is None or found.recorded:
            return []
        key = tx.keys.get(found.account_id, found.key_id)
        facts = tx.multi_region.get(found.account_id, found.key_id)
        mirror = None if facts is None else mirror_record(facts.mirror)
        records = replicate_records(self._ports, found, key, mirror)
        for record in records:
            tx.outbox.append(record)
        tx.intents.put(replace(found, recorded=True))
        _log.warning("a worker left a %s unrecorded; it is recorded now", found.kind)
        return records
