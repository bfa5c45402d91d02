"""A second place for signed heads: etcd, out of reach of who can write this node's disk and store.

Who rolls back files and store together takes the store's heads back as well. etcd's copy stays, as
long as nobody overwrites it, the rolled-back node least of all. So the line that etcd's head names
must stand in the chain before the first head of this agent, or the first one in another file,
replaces it; and each write compares the revision of what it replaces. A head whose line is gone is
left where it is, as the evidence, and its chain is published no more.

All of it is best effort: it runs beside the agent's other work, and without etcd only the newest
head of each chain waits.

Source: design §5b.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regionkms.audit.chain import line_hash
from regionkms.audit.heads import ChainHead, open_head
from regionkms.audit.recovery import lines_of
from regionkms.audit.segment import segments_of
from regionkms.model.errors import CoordinatorUnavailable, OutcomeUnknown
from regionkms.ports.coordinator import Coordinator, Item, Revision, Won

PUBLISH_INTERVAL_S: Final = 5.0
"""Between two rounds: each head is a revision of etcd, which every Region's watch is told of."""

_log = logging.getLogger(__name__)


def stands_in(directory: Path, head: ChainHead) -> bool:
    """Whether a chain has the line that a head names.

    Raises:
        OSError: The segment can't be read.
    """
    return any(
        line is not None and line.n == head.n and line_hash(raw).decode() == head.hash
        for name in segments_of(directory, head.chain)
        if name.segment == head.segment
        for raw, line in lines_of(directory / str(name))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Published:
    """The last head of a chain that this process wrote, and where."""

    file: str
    n: int
    revision: Revision


class HeadWitness:
    """Keeps etcd's copy of the heads of a node's chains. Lives in the agent.

    Args:
        directory: Where the node's segments are.
        coordinator: Of the node's Region.
        public_key: The Region's record key, 32 bytes; heads that it has not signed count nothing.

    Attributes:
        disputed: Chains that lack the line that etcd's head names: they were rolled back.
    """

    def __init__(self, directory: Path, *, coordinator: Coordinator, public_key: bytes) -> None:
        self._directory: Final = directory
        self._coordinator: Final = coordinator
        self._public_key: Final = public_key
        self._waiting: dict[str, str] = {}
        self._published: dict[str, _Published] = {}
        self._woken: Final = asyncio.Event()
        self._away = False
        self.disputed: Final[set[str]] = set()

    async def publish(self, chain: str, sealed: str) -> None:
        """Take a signed head to be written by `run`; never waits (HeadSigner's `publish`)."""
        if chain not in self.disputed:
            self._waiting[chain] = sealed
            self._woken.set()

    async def heads(self) -> Mapping[str, str]:
        """The heads that etcd has, as they are sealed there; nothing about them is verified.

        Raises:
            CoordinatorUnavailable: etcd did not answer in time.
        """
        found = await self._coordinator.audit_heads()
        return {chain: _text(item) for chain, item in found.items()}

    async def run(self) -> None:
        """Write what waits, round by round, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.step()
            except Exception:  # noqa: BLE001 - a task root: the audit log goes on without etcd
                _log.exception("audit heads could not be put into etcd")
            await asyncio.sleep(PUBLISH_INTERVAL_S)

    async def step(self) -> None:
        """One round. What could not be written waits for the next."""
        for chain, sealed in tuple(self._waiting.items()):
            try:
                await self._put(chain, sealed)
            except (CoordinatorUnavailable, OutcomeUnknown, OSError) as error:
                self._published.pop(chain, None)  # it may have landed: look before the next write
                self._woken.set()
                self._say(error)
                return
        self._away = False

    async def _put(self, chain: str, sealed: str) -> None:
        head = open_head(sealed, chain, self._public_key)
        replaces = None if head is None else await self._replaced(head)
        if head is None or replaces is None:
            self._waiting.pop(chain, None)
            return
        outcome = await self._coordinator.put_audit_head(chain, sealed.encode(), replaces=replaces)
        if not isinstance(outcome, Won):
            self._published.pop(chain, None)  # somebody else wrote it: look in the next round
            self._woken.set()
            return
        self._published[chain] = _Published(
            file=self._file_of(head), n=head.n, revision=outcome.revision
        )
        if self._waiting.get(chain) == sealed:
            del self._waiting[chain]

    async def _replaced(self, head: ChainHead) -> Revision | None:
        """The revision that a head may replace; None if it must replace nothing."""
        last = self._published.get(head.chain)
        if last is not None and last.n < head.n and last.file == self._file_of(head):
            return last.revision
        return await self._looked(head.chain)

    def _file_of(self, head: ChainHead) -> str:
        """The segment that a head is in; one written anew has another start in its name."""
        names = segments_of(self._directory, head.chain)
        return next((str(name) for name in names if name.segment == head.segment), "")

    async def _looked(self, chain: str) -> Revision | None:
        """As `_replaced`, from what is there: its line must stand in the chain."""
        item = (await self._coordinator.audit_heads()).get(chain, Item())
        head = open_head(_text(item), chain, self._public_key) if item.present else None
        if head is not None and not await asyncio.to_thread(stands_in, self._directory, head):
            self.disputed.add(chain)
            _log.error(
                "the audit chain %s lacks record %d, whose signed head is in etcd: files and store "
                "were rolled back, or records were lost. Run `regionkms audit verify`",
                chain,
                head.n,
            )
            return None
        return item.mod_revision

    def _say(self, error: Exception) -> None:
        """Tell it once for each time that etcd is away."""
        if not self._away:
            _log.warning("audit heads wait for etcd: %s", error)
        self._away = True


def _text(item: Item) -> str:
    return item.value.decode("utf-8", "replace")
