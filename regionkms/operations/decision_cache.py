"""Decisions prepared once for a policy document, a caller and an action, and used for all keys.

Bounded: keyed by what callers choose only within what they are allowed to send, and emptied when
it is full. A policy that changes has another digest, so nothing here can go stale.
"""

from typing import Final

from regionkms.policy.compile import CompiledPolicy
from regionkms.policy.prepared import PreparedDecision, Subject, prepare

MAX_PREPARED: Final = 20_000
"""Entries; about 1 kB each with an uncommon policy, far less with the default one."""


class DecisionCache:
    """Prepared decisions of one process."""

    def __init__(self) -> None:
        self._prepared: dict[tuple[bytes, str, str, str, str], PreparedDecision] = {}

    def prepared(self, policy: CompiledPolicy, subject: Subject) -> PreparedDecision:
        """The decision of a policy about a subject, as far as it is settled."""
        principal = subject.principal
        name = (policy.digest, principal.arn, subject.action, subject.owner, subject.identity)
        found = self._prepared.get(name)
        if found is None:
            found = prepare(policy, subject)
            if len(self._prepared) >= MAX_PREPARED:
                self._prepared.clear()
            self._prepared[name] = found
        return found

    def lookup(
        self, digest: bytes, principal_arn: str, action: str, *, owner: str, identity: str
    ) -> PreparedDecision | None:
        """The prepared decision, if it is there already (the data plane's way: 0.2 us)."""
        return self._prepared.get((digest, principal_arn, action, owner, identity))
