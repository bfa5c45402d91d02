"""A worker's way to the agent of its node: an intent in the store, a datagram to wake it."""

import asyncio
import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from regionkms.model.errors import StoreUnavailable
from regionkms.model.ids import RegionName
from regionkms.model.key import Intent, IntentState, Lock
from regionkms.node.socket_path import lasting_path
from regionkms.ports.change_counter import ChangeCounter
from regionkms.ports.clock import Clock
from regionkms.ports.store import Store, StoreTransaction
from regionkms.reconcile.directory import SETTING_DIRECTORY_PREFIX

WAKE: Final = b"\x01"
"""What wakes the agent; only that a datagram came matters."""
_POLL_S: Final = 0.004
"""How often a waiting call compares the change counter: no system call, 0.1 us each."""
_EXPIRY_TRIES: Final = 5
_EXPIRY_WAIT_S: Final = 0.1
"""A call may answer its error only once the expiry is durable (R11): the store is asked again."""
_FINISHED: Final = frozenset({IntentState.DONE, IntentState.FAILED})

_NOTHING_CHANGED: Final = "The other Region could not be asked in time. Nothing was changed."
_UNKNOWN: Final = (
    "The other Region did not answer in time. The request may still take effect: DescribeKey tells."
)


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
        self._path = lasting_path(agent_socket)
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
        """See the port. A lost datagram is made good by the agent's periodic look at the store."""
        try:
            self._socket.sendto(WAKE, self._path)
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
        expired = await self._expire(intent)
        self.wake()
        return expired

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    async def _expire(self, intent: Intent) -> Intent:
        for attempt in range(_EXPIRY_TRIES):
            try:
                return await self._store.write(lambda tx: expire(tx, intent))
            except StoreUnavailable:
                if attempt == _EXPIRY_TRIES - 1:
                    raise
                await asyncio.sleep(_EXPIRY_WAIT_S)
        raise StoreUnavailable("the store did not take the expiry of an intent")


def expire(tx: StoreTransaction, intent: Intent) -> Intent:
    """Expire an intent durably, unless it has its outcome already (protocol R11).

    The agent may have expired it first; the answer is the same. Whether the CAS had been issued
    decides what the caller may be told (protocol §5, errors a and b).
    """
    found = tx.intents.get(intent.intent_id)
    if found is None:
        raise StoreUnavailable(f"intent {intent.intent_id} is gone")
    if found.state in _FINISHED:
        return found
    facts = tx.multi_region.get(intent.account_id, intent.key_id)
    lock = None if facts is None else facts.lock
    holds = lock is not None and lock.intent_id == intent.intent_id
    expired = replace(found, state=IntentState.EXPIRED, outcome=_told(lock if holds else None))
    tx.intents.put(expired)
    if facts is not None and lock is not None and holds and not lock.expired:
        locked = replace(facts, lock=replace(lock, expired=True))
        tx.multi_region.put(intent.account_id, intent.key_id, locked)
    return expired


def _told(lock: Lock | None) -> str:
    message = _UNKNOWN if lock is not None and lock.issued else _NOTHING_CHANGED
    return json.dumps({"code": "DependencyTimeoutException", "message": message})
