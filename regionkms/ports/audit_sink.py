"""Where audit records go (design §5b)."""

from collections.abc import Sequence
from typing import Protocol

from regionkms.ports.store import OutboxRecord


class AuditSink(Protocol):
    """The chain of one process."""

    def append(self, record: bytes) -> None:
        """Take a record for the current tick of the loop (encoded JSON object, no newline)."""

    def flush(self) -> None:
        """Chain the tick's records and hand them to the kernel in one write.

        Called before the tick's answers go out; durable within a second.

        Raises:
            AuditUnavailable: They could not be written; no answer may go out as a success.
        """

    async def seal(self, records: Sequence[OutboxRecord]) -> None:
        """Chain records of committed changes and return when they are durable (fsync).

        Raises:
            AuditUnavailable: They could not be written; they stay in the outbox.
        """

    def sealed(self) -> Sequence[str]:
        """Event ids that are durable and may leave the outbox; taken once."""
