"""The keys and aliases of a Region in a worker's memory, coherent with the store.

The requests of a tick compare the node's change counter with the one this cache has caught up to;
when it moved, the change feed says what to forget before anything is answered. So what one worker
committed is seen by the next request on any other (design §2). A miss is read from the store, on
its own thread, one read per key however many wait; what does not exist is remembered until the
change feed names it. Reads never repair anything.

Data-plane code runs without await: it raises Miss, and the pipeline's task resolves it and runs
the call again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Final

from regionkms.model.errors import KMSInternalException
from regionkms.model.ids import AccountId, AliasName, KeyId
from regionkms.operations.loaded_key import KeyRows, LoadedKey
from regionkms.operations.target import Target
from regionkms.ports.change_counter import ChangeCounter
from regionkms.ports.store import Change, ChangeKind, Changes, Store, StoreTransaction

MISS_DEADLINE_S: Final = 1.0
"""How long a call waits for the store on a miss (design §2)."""
MAX_LOADED_KEYS: Final = 120_000
"""Bound on keys in memory: the key quota of an account with room; the oldest are forgotten."""
MAX_TARGETS: Final = 250_000
"""Bound on remembered identifiers: each key by two names."""
MAX_SETTLED: Final = 400_000
"""Bound on identifiers that are settled: three operations on each key."""
MAX_REMEMBERED_ABSENCES: Final = 50_000
"""Bound on identifiers remembered as not existing, so that a scan cannot fill memory."""
_MOST_ALIASES: Final = 64
"""Aliases kept with a key for `kms:ResourceAliases`: the quota of 50 with room to see excess."""

KeyName = tuple[AccountId, KeyId]
AliasRef = tuple[AccountId, AliasName]


class Miss(Exception):  # noqa: N818 - a signal to the pipeline, not an error
    """Memory can't answer; `resolve` reads the store."""

    def __init__(self, resolve: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__("not in memory")
        self.resolve = resolve


class KeyCache:
    """Keys and aliases in memory.

    Args:
        store: The Region's store.
        counter: The node's change counter.
        build: Turns rows into a LoadedKey; may raise MaterialUnreadable and other faults.
        on_changes: Given every part of the change feed, for other caches of this process.

    Attributes:
        caught_up: The last arrival whose past this cache knows: see `behind`.
        settled: What settled.py keeps about keys in memory, by its own names; emptied with
            `targets`. `make_room_for_settled` bounds it.
        targets: What identifiers of keys in memory mean, by whatever names them completely; emptied
            whenever a key or an alias is forgotten. `keep_target` adds to it.
    """

    def __init__(
        self,
        *,
        store: Store,
        counter: ChangeCounter,
        build: Callable[[KeyRows], LoadedKey],
        on_changes: Callable[[Changes], Awaitable[None]],
    ) -> None:
        self._store = store
        self._counter = counter
        self._build = build
        self._on_changes = on_changes
        self._keys: OrderedDict[KeyName, LoadedKey] = OrderedDict()
        self._aliases: OrderedDict[AliasRef, KeyId] = OrderedDict()
        # Apart from what exists: whoever asks for a thousand absent keys pushes out no other's.
        self._absent: OrderedDict[object, None] = OrderedDict()
        self.targets: Final[dict[Hashable, Target]] = {}
        self.settled: Final[dict[Hashable, Any]] = {}
        self._settled_identifiers = 0
        self._observed = -1
        self._moves = 0
        self.caught_up = 0
        self._head = 0
        self._flights: dict[object, asyncio.Future[None]] = {}
        self._overtaken: set[object] = set()

    @property
    def loaded(self) -> int:
        """Keys in memory."""
        return len(self._keys)

    def arrive(self) -> int:
        """Note a request's arrival: a number that `behind` compares, never smaller than before.

        The change counter tells only equal from different, so its moves are counted here.
        """
        value = self._counter.read()
        if value != self._observed:
            self._observed = value
            self._moves += 1
        return self._moves

    def behind(self, arrival: int) -> bool:
        """Whether something was committed before `arrival` that this cache does not know yet.

        A call waits for what was committed before it came, never for what comes after.
        """
        return self.caught_up < arrival

    def require(self, arrival: int) -> None:
        """Raise Miss unless this cache has caught up with what a call must see."""
        if self.caught_up < arrival:
            raise Miss(self.refresh)

    def key(self, name: KeyName) -> LoadedKey | None:
        """The key, or None if the Region does not have it.

        Raises:
            Miss: Not in memory.
        """
        found = self._keys.get(name)
        if found is None and name not in self._absent:
            raise Miss(lambda: self._load_key(name))
        return found

    def alias(self, ref: AliasRef) -> KeyId | None:
        """The target of an alias, or None if the Region does not have it.

        Raises:
            Miss: Not in memory.
        """
        found = self._aliases.get(ref)
        if found is None and _flight_of_alias(ref) not in self._absent:
            raise Miss(lambda: self._load_alias(ref))
        return found

    def keep_target(self, name: Hashable, target: Target) -> None:
        """Remember what an identifier means, if it means a key."""
        if target.key is not None:
            if len(self.targets) >= MAX_TARGETS:
                self.targets.clear()
            self.targets[name] = target

    def make_room_for_settled(self) -> None:
        """Count one more identifier that is about to be settled."""
        if self._settled_identifiers >= MAX_SETTLED:
            self._forget_settled()
        self._settled_identifiers += 1

    def _forget_derived(self) -> None:
        self.targets.clear()
        self._forget_settled()

    def _forget_settled(self) -> None:
        self.settled.clear()
        self._settled_identifiers = 0

    def reread(self, name: KeyName) -> Miss:
        """Forget one key; the Miss to raise so that the call looks at the store itself."""
        self._forget_key(name)
        return Miss(lambda: self._load_key(name))

    async def refresh(self) -> None:
        """Catch up with the change feed."""
        await self._once("refresh", self._refresh)

    async def _refresh(self) -> None:
        # The counter is read before the feed: what is committed in between is looked at again.
        moves = self.arrive()
        changes = await self._store.changes_since(self._head)
        if changes.complete:
            for change in changes.rows:
                self._drop(change)
        else:
            self._keys.clear()
            self._aliases.clear()
            self._absent.clear()
            self._forget_derived()
            self._overtaken.update(self._flights)
        await self._on_changes(changes)
        self._head = changes.head
        self.caught_up = moves

    def _drop(self, change: Change) -> None:
        match change.kind:
            case ChangeKind.KEY | ChangeKind.TAGS:
                name = (change.account_id, KeyId(change.name))
                self._overtake(name)
                self._forget_key(name)
            case ChangeKind.ALIAS:
                ref = (change.account_id, AliasName(change.name))
                self._overtake(_flight_of_alias(ref))
                self._absent.pop(_flight_of_alias(ref), None)
                target = self._aliases.pop(ref, None)
                if target is not None:
                    self._forget_key((change.account_id, target))
                    self._forget_derived()
            case _:
                return

    def _overtake(self, flight: object) -> None:
        """What a read in the air brings may be from before a change that the feed has just told."""
        if flight in self._flights:
            self._overtaken.add(flight)

    def _forget_key(self, name: KeyName) -> None:
        self._absent.pop(name, None)
        if self._keys.pop(name, None) is not None:
            self._forget_derived()

    async def _load_key(self, name: KeyName) -> None:
        await self._once(name, lambda: self._read_key(name))

    async def _load_alias(self, ref: AliasRef) -> None:
        await self._once(_flight_of_alias(ref), lambda: self._read_alias(ref))

    async def _read_key(self, name: KeyName) -> None:
        account_id, key_id = name
        self._overtaken.discard(name)

        def work(tx: StoreTransaction) -> KeyRows | None:
            key = tx.keys.get(account_id, key_id)
            if key is None:
                return None
            return KeyRows(
                key=key,
                generations=tx.generations.of_key(account_id, key_id),
                tags=tx.tags.of_key(account_id, key_id),
                aliases=tx.aliases.page(account_id, key_id=key_id, after="", limit=_MOST_ALIASES),
            )

        rows = await self._store.read(work)
        if name in self._overtaken:
            return  # The caller asks again.
        if rows is None:
            self._remember_absence(name)
        else:
            self._remember(self._keys, name, self._build(rows))

    async def _read_alias(self, ref: AliasRef) -> None:
        flight = _flight_of_alias(ref)
        self._overtaken.discard(flight)
        alias = await self._store.read(lambda tx: tx.aliases.get(*ref))
        if flight in self._overtaken:
            return
        if alias is None:
            self._remember_absence(flight)
        else:
            self._remember(self._aliases, ref, alias.target_key_id)

    def _remember(self, cache: OrderedDict[Any, Any], name: object, value: object) -> None:
        cache[name] = value
        while len(cache) > MAX_LOADED_KEYS:
            cache.popitem(last=False)
            self._forget_derived()

    def _remember_absence(self, name: object) -> None:
        self._absent[name] = None
        while len(self._absent) > MAX_REMEMBERED_ABSENCES:
            self._absent.popitem(last=False)

    async def _once(self, flight: object, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` once for all that ask for the same flight while it is in the air.

        Raises:
            KMSInternalException: The store did not answer in time.
        """
        landing = self._flights.get(flight)
        # One that has landed stays listed until its callback runs, and awaiting it does not yield:
        # who asks again and again would keep that callback, and the whole loop, from running.
        if landing is None or landing.done():
            landing = asyncio.ensure_future(work())
            self._flights[flight] = landing
            landing.add_done_callback(lambda landed: self._clear(flight, landed))
        try:
            async with asyncio.timeout(MISS_DEADLINE_S):
                await asyncio.shield(landing)
        except TimeoutError:
            raise KMSInternalException(
                "The key store of this Region did not answer in time. Retry the request."
            ) from None

    def _clear(self, flight: object, landed: "asyncio.Future[None]") -> None:
        if self._flights.get(flight) is landed:
            del self._flights[flight]
            self._overtaken.discard(flight)


def _flight_of_alias(ref: AliasRef) -> object:
    return ("alias", *ref)
