"""A worker's way to the agent of its node: an intent in the store, a datagram to wake it."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from regionkms.model.errors import StoreUnavailable
from regionkms.model.ids import RegionName
from regionkms.model.key import Intent, IntentState
from regionkms.ports.change_counter import ChangeCounter
from regionkms.ports.clock import Clock
from regionkms.ports.store import Store, StoreTransaction

_POLL_S: Final = 0.004
"""How often a waiting call compares the change counter: no system call, 0.1 us each."""
_FINISHED: Final = frozenset({IntentState.DONE, IntentState.FAILED})
SETTING_DIRECTORY_PREFIX: Final = "directory/region/"
"""The Region's durable copy of the directory: one setting for each Region (protocol §2)."""


class StoreAgentDoor:
    """Implements `regionkms.ports.agent.AgentDoor` on the store and a Unix datagram socket."""

    def __init__(
        self,
        *,
        store: Store,
        counter: ChangeCounter,
        clock: Clock,
        agent_socket: Path,
        clustered: bool,
    ) -> None:
        self._store = store
        self._counter = counter
        self._clock = clock
        self._path = str(agent_socket)
        self._clustered = clustered
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's signature

    @property
    def clustered(self) -> bool:
        """See the port."""
        return self._clustered

    async def known_regions(self) -> Sequence[RegionName]:
        """See the port."""
        found = await self._store.read(lambda tx: tx.settings.prefixed(SETTING_DIRECTORY_PREFIX))
        return [RegionName(name.removeprefix(SETTING_DIRECTORY_PREFIX)) for name in found]

    def wake(self) -> None:
        """See the port. A lost datagram is made good by the agent's periodic look at intents."""
        try:
            self._socket.sendto(b"\x01", self._path)
        except OSError:
            return

    async def outcome(self, intent: Intent) -> Intent:
        """See the port."""
        self.wake()
        seen = -1
        while self._clock.machine_now() < intent.deadline:
            counter = self._counter.read()
            if counter != seen:
                found = await self._store.read(lambda tx: tx.intents.get(intent.intent_id))
                if found is not None and found.state in _FINISHED:
                    return found
                seen = counter
            await asyncio.sleep(_POLL_S)
        return await self._store.write(lambda tx: _expire(tx, intent))


def _expire(tx: StoreTransaction, intent: Intent) -> Intent:
    """Expire an intent durably, unless it has its outcome already (protocol R11)."""
    found = tx.intents.get(intent.intent_id)
    if found is None:
        raise StoreUnavailable(f"intent {intent.intent_id} is gone")
    if found.state in _FINISHED:
        return found
    expired = replace(found, state=IntentState.EXPIRED)
    tx.intents.put(expired)
    key = tx.keys.get(intent.account_id, intent.key_id)
    facts = None if key is None else key.multi_region
    if facts is not None and facts.lock is not None and facts.lock.intent_id == intent.intent_id:
        locked = replace(facts, lock=replace(facts.lock, expired=True))
        tx.multi_region.put(intent.account_id, intent.key_id, locked)
    return expired
