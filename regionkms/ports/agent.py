"""The agent as an API worker sees it: a place to leave an intent and to await what becomes of it.

Only the agent speaks to etcd and to other Regions (protocol R13). A worker stores an intent in the
transaction that takes the key's lock, wakes the agent, and waits.
"""

from collections.abc import Sequence
from typing import Protocol

from regionkms.model.ids import RegionName
from regionkms.model.key import Intent


class AgentDoor(Protocol):
    """The way from a worker to the agent of its node."""

    @property
    def clustered(self) -> bool:
        """Whether the node was started with etcd; without it no other Region exists."""

    async def known_regions(self) -> Sequence[RegionName]:
        """The Regions of the directory, as this Region last saw it."""

    def wake(self) -> None:
        """Tell the agent that the store has something for it; cheap, and may be lost."""

    async def outcome(self, intent: Intent) -> Intent:
        """Wake the agent and wait for an intent that is stored already.

        Returns:
            The intent in state DONE or FAILED, or EXPIRED once its deadline has passed: then it
            is durable that no new CAS will be sent for it (protocol R11).
        """
