"""From the facts of a call to the audit records that stand for it. Pure.

`RecordedCall` is all that a record may choose from; `RecordEncoder` gives records their ids and
decides whose logs a call is written to. What a record says is canonical.py; template.py says the
same faster.

Nobody but an authenticated caller has a record: without an account there is no log that it would
belong to (requests that fail authentication are counted in the metrics).

Source: spec 02 §3.1-3.10, spec 07 §8; design §5b.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from regionkms.audit.canonical import (
    CallFacts,
    Copy,
    InternalEvent,
    RecordedCall,
    encode,
    encode_internal,
    recipients,
)
from regionkms.audit.template import TemplateEncoder
from regionkms.ports.store import OutboxRecord

__all__ = ["SEED_BYTES", "CallFacts", "InternalEvent", "RecordEncoder", "RecordedCall"]

SEED_BYTES: Final = 10
_COUNT_BYTES: Final = 6
"""Of the count in an event id: a process that makes a million a second runs out in nine years."""


class RecordEncoder:
    """Makes the records of one process.

    `records` is for the loop's thread; the rest may be called from any (transactions run on the
    store's).

    Args:
        seed: 10 random bytes, drawn in this process after exec and fork: event ids are these bytes
            and a count, so two processes with one seed would give the same ids.
    """

    def __init__(self, *, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"event ids take {SEED_BYTES} random bytes, got {len(seed)}")
        digits = seed.hex()
        self._id_start = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:]}-"
        self._template: Final = TemplateEncoder()
        self._next: Callable[[], int] = count(1).__next__  # atomic, unlike `+= 1`

    def event_id(self) -> str:
        """A new event id in the form of a UUID."""
        # Half of what a format with %012x takes.
        return self._id_start + self._next().to_bytes(_COUNT_BYTES, "big").hex()

    def records(self, facts: RecordedCall) -> Sequence[bytes]:
        """The call's records: one, or one more for each other owner of what it touched."""
        own, resources = facts.caller.principal.account_id, facts.resources
        if resources and len(resources) == 1 and resources[0][0] == own:  # nearly all calls
            record = self._template.encode(facts, self.event_id(), own, "")
            if record is not None:
                return (record,)
        return [self._record(facts, copy) for copy in self._copies(facts)]

    def _record(self, facts: RecordedCall, copy: Copy) -> bytes:
        record = self._template.encode(facts, copy.event_id, copy.recipient, copy.shared_event_id)
        return encode(facts, copy) if record is None else record

    def outbox_records(self, facts: RecordedCall) -> list[OutboxRecord]:
        """The same, for the transaction that makes the change (design §5b)."""
        return [
            OutboxRecord(event_id=copy.event_id, record=encode(facts, copy))
            for copy in self._copies(facts)
        ]

    def internal(self, event: InternalEvent) -> OutboxRecord:
        """The record of something that KMS did by itself, for the transaction that does it."""
        copy = Copy(event_id=self.event_id(), recipient=event.account_id)
        return OutboxRecord(event_id=copy.event_id, record=encode_internal(event, copy))

    def _copies(self, facts: RecordedCall) -> list[Copy]:
        accounts = recipients(facts)
        shared = self.event_id() if len(accounts) > 1 else ""
        return [
            Copy(event_id=self.event_id(), recipient=account_id, shared_event_id=shared)
            for account_id in accounts
        ]
