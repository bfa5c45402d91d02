"""An access key directory that holds what a test puts into it."""

from regionkms.ports.directory import KnownKey
from regionkms.ports.store import Changes


class FixedAccessKeys:
    """Twin of the directory over the store; `put` and `remove` are what a refresh would do."""

    def __init__(self, *keys: KnownKey) -> None:
        self._known = {key.access_key_id: key for key in keys}
        self.version = 0

    def lookup(self, access_key_id: str) -> KnownKey | None:
        return self._known.get(access_key_id)

    def put(self, key: KnownKey) -> None:
        self._known[key.access_key_id] = key
        self.version += 1

    def remove(self, access_key_id: str) -> None:
        del self._known[access_key_id]
        self.version += 1

    async def load(self) -> None:
        """Nothing to read: tests put keys in."""

    async def refresh(self, changes: Changes) -> None:
        """Nothing to read: tests put keys in."""
