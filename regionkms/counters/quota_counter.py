"""Request quotas counted over the processes of a node, without a lock.

A process takes leases: it announces that it takes some requests of the window, in a word that it
alone writes, and only then adds up the words of all processes. If the sum is within the limit the
lease is its own; otherwise it takes the announcement back. Of the leases that are kept, the one
announced last saw all the others in its sum: so the sum of kept leases never exceeds the limit,
whatever the interleaving. A process that is stopped or killed between two steps leaves at most an
announcement behind, which is counted as taken: others admit that much less in this window, and
wait for nothing. docs/adr/0009-quota-windows.md has the proof, the alternatives and figures.

In between, `admit` is a dict look-up and a subtraction (0.2 us).
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from regionkms.counters.area import SharedMemory
from regionkms.counters.quota_slots import WORD, CountName, QuotaSlots, count_name
from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.clock import Clock
from regionkms.ports.quota_counter import QuotaUsage
from regionkms.quota.limit import Limit
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import REQUEST_QUOTAS, QuotaOwner, RequestQuota
from regionkms.quota.window import (
    ADMITTED,
    Verdict,
    Window,
    decide,
    decide_bucket,
    lease_size,
    spend_bucket,
    window_number,
)

_COUNT_BITS: Final = 32
_COUNT_MASK: Final = (1 << _COUNT_BITS) - 1
_NUMBER_MASK: Final = (1 << 31) - 1
"""Of a window's number: 68 years of one-second windows since the machine started."""
_US_PER_S: Final = 1_000_000
_ATTEMPTS: Final = 4
"""How often a lease is announced anew after it met another one at the edge of the limit."""
_MAX_LEASES: Final = 16_384
"""Counts that a process remembers between requests; expired ones go first."""
_REFUSAL_S: Final = 0.001
"""How long a process repeats a refusal before it adds up again: a flood costs 0.3 us a request."""
_UNLIMITED: Final = 1 << 62
_NEVER: Final = float("inf")


class _Lease:
    """What this process holds of one count."""

    __slots__ = (
        "ends_at",
        "left",
        "limit",
        "name",
        "peer_at",
        "peer_inserts",
        "refusal",
        "refused_until",
    )

    def __init__(self, name: CountName, limit: Limit | None, peers: int) -> None:
        self.name: Final = name
        self.limit: Final = limit
        self.left = 0 if limit is not None else _UNLIMITED
        self.ends_at = 0.0 if limit is not None else _NEVER
        self.refusal: Verdict | None = None
        self.refused_until = 0.0
        self.peer_at = [-1] * peers
        self.peer_inserts = [-1] * peers


class SharedQuotaCounter:
    """QuotaCounter of one process.

    Args:
        area: The node's memory.
        process: The number of this process; two that live at once never share one.
        region: Whose defaults apply.
        settings: In force until `use` brings others.
        clock: Its monotonic clock numbers the windows.
    """

    def __init__(
        self,
        area: SharedMemory,
        process: int,
        *,
        region: RegionName,
        settings: QuotaSettings,
        clock: Clock,
    ) -> None:
        layout = area.layout
        self._slots: Final = QuotaSlots(area, process)
        self._processes: Final = layout.processes
        self._region: Final = region
        self._settings = settings
        self._monotonic: Final[Callable[[], float]] = clock.monotonic
        self._usage: Final = [
            area.block(layout.quota_usage, number) for number in range(layout.processes)
        ]
        self._own_usage: Final = area.block(layout.quota_usage, process)
        self._leases: Final[list[dict[str, _Lease]]] = [{} for _ in REQUEST_QUOTAS]
        self._lease_count = 0
        # By position of the quota, since the last flush; most ticks touch one or two quotas.
        self._admitted: Final[defaultdict[int, int]] = defaultdict(int)
        self._throttled: Final[defaultdict[int, int]] = defaultdict(int)
        self._fence: Final = threading.Lock()
        self._fence.acquire()

    def admit(
        self, account_id: AccountId, quota: RequestQuota, *, cost: int = 1, scope: str = ""
    ) -> Verdict:
        """Count a request, or say when to come back.

        Args:
            account_id: Of the caller.
            quota: A row of quota/table.py.
            cost: Requests that the call counts as; all are admitted or none.
            scope: Id of the custom key store, or ARN of the key, where the quota belongs to it.
        """
        position = quota.position
        owner = scope or account_id
        lease = self._leases[position].get(owner)
        if lease is not None and lease.left >= cost and lease.ends_at > self._monotonic():
            lease.left -= cost
            self._admitted[position] += cost
            return ADMITTED
        if lease is None:
            lease = self._lease(account_id, quota, owner)
        elif lease.refusal is not None and lease.refused_until > self._monotonic():
            self._throttled[position] += cost
            return lease.refusal
        verdict = self._renew(lease, cost)
        if verdict.admitted:
            self._admitted[position] += cost
        else:
            self._throttled[position] += cost
        return verdict

    def use(self, settings: QuotaSettings) -> None:
        """Take other settings into force, from the next request on."""
        self._settings = settings
        for leases in self._leases:
            leases.clear()
        self._lease_count = 0

    def flush(self) -> None:
        """Make this process's usage visible to all processes."""
        words, half = self._own_usage, len(REQUEST_QUOTAS)
        for counts, start in ((self._admitted, 0), (self._throttled, half)):
            if counts:
                for position, count in counts.items():
                    words[start + position] += count
                counts.clear()

    def usage(self) -> Sequence[QuotaUsage]:
        """Every quota's usage, summed over the processes as of their last flush."""
        half = len(REQUEST_QUOTAS)
        return [
            QuotaUsage(
                code=quota.code,
                admitted=sum(words[quota.position] for words in self._usage),
                throttled=sum(words[half + quota.position] for words in self._usage),
            )
            for quota in REQUEST_QUOTAS.values()
        ]

    def _lease(self, account_id: AccountId, quota: RequestQuota, owner: str) -> _Lease:
        if (quota.owner is QuotaOwner.ACCOUNT) is not (owner == account_id):
            raise ValueError(f"{quota.code} is counted for {quota.owner.value}, not {owner}")
        if self._lease_count >= _MAX_LEASES:
            self._forget()
        limit = self._settings.request_limit(self._region, quota, account_id)
        lease = _Lease(count_name(quota.code, owner), limit, len(self._slots.others))
        self._leases[quota.position][owner] = lease
        self._lease_count += 1
        return lease

    def _forget(self) -> None:
        """Drop what has expired; if little has, everything. Shared slots stay as they are."""
        now = self._monotonic()
        for leases in self._leases:
            for owner in [owner for owner, lease in leases.items() if lease.ends_at <= now]:
                del leases[owner]
        self._lease_count = sum(map(len, self._leases))
        if self._lease_count > _MAX_LEASES // 2:
            for leases in self._leases:
                leases.clear()
            self._lease_count = 0

    def _renew(self, lease: _Lease, cost: int) -> Verdict:
        limit = lease.limit
        if limit is None:
            return ADMITTED
        if cost < 1:
            raise ValueError(f"a request costs at least 1, not {cost}")
        if limit.burst:
            return self._take_tokens(lease, limit, cost)
        return self._take_lease(lease, limit, cost)

    def _take_lease(self, lease: _Lease, limit: Limit, cost: int) -> Verdict:
        own = self._slots.own
        now = self._monotonic()
        for _ in range(_ATTEMPTS):
            number = window_number(now, limit.window_s)
            ends_at = float((number + 1) * limit.window_s)
            if lease.ends_at != ends_at:
                lease.left, lease.ends_at = 0, ends_at
            word_at = self._open(lease, now, ends_at)
            if word_at < 0:
                break
            opened = (number & _NUMBER_MASK) << _COUNT_BITS
            mine = own[word_at] - opened
            if not 0 <= mine <= _COUNT_MASK:
                mine = 0
            taken = mine + self._taken_by_others(lease, opened)
            stored = Window(number=number, taken=taken)
            verdict = decide(now=now, limit=limit, stored=stored, cost=cost)
            if not verdict.admitted:
                if not verdict.left:
                    lease.refusal = verdict
                    lease.refused_until = min(now + _REFUSAL_S, ends_at)
                return verdict
            size = max(cost, self._lease_size(limit, taken=taken, used=mine - lease.left))
            own[word_at] = opened + mine + size
            self._pass_fence()
            total = mine + size + self._taken_by_others(lease, opened)
            now = self._monotonic()
            if total <= limit.count and now < ends_at:
                lease.left += size - cost
                return verdict
            own[word_at] = opened + mine
        return Verdict(admitted=False, left=0, retry_after_s=max(lease.ends_at - now, 0.0))

    def _lease_size(self, limit: Limit, *, taken: int, used: int) -> int:
        return lease_size(
            limit=limit.count, rest=limit.count - taken, used=used, processes=self._processes
        )

    def _take_tokens(self, lease: _Lease, limit: Limit, cost: int) -> Verdict:
        own = self._slots.own
        for _ in range(_ATTEMPTS):
            now = self._monotonic()
            others = self._last_of_others(lease)
            word_at = self._open(lease, now, now + limit.burst * limit.window_s)
            if word_at < 0:
                return Verdict(admitted=False, left=0, retry_after_s=float(limit.window_s))
            before = own[word_at]
            full_at = max(before, others) / _US_PER_S
            verdict = decide_bucket(now=now, limit=limit, full_at=full_at, cost=cost)
            if not verdict.admitted:
                return verdict
            full_at = spend_bucket(now=now, limit=limit, full_at=full_at, cost=cost)
            own[word_at] = round(full_at * _US_PER_S)
            self._pass_fence()
            if self._last_of_others(lease) <= others:
                self._open(lease, now, full_at)
                return verdict
            own[word_at] = before
        return Verdict(admitted=False, left=0, retry_after_s=limit.window_s / limit.count)

    def _open(self, lease: _Lease, now: float, expires_at: float) -> int:
        """Where the word of this process's slot is, kept until `expires_at`; -1: no slot free."""
        at = self._slots.open(
            lease.name, now_us=int(now * _US_PER_S), expires_us=int(expires_at * _US_PER_S)
        )
        return at if at < 0 else at + WORD

    def _pass_fence(self) -> None:
        """Let no load after this pass a store before it.

        A lock's release and acquisition are atomic read-modify-writes with release and acquire
        order: together a full barrier, which x86 and ARM both need between a store and a load.
        """
        self._fence.release()
        self._fence.acquire()

    def _taken_by_others(self, lease: _Lease, opened: int) -> int:
        total = 0
        for word in self._words_of_others(lease):
            count = word - opened
            if 0 <= count <= _COUNT_MASK:
                total += count
        return total

    def _last_of_others(self, lease: _Lease) -> int:
        return max(self._words_of_others(lease), default=0)

    def _words_of_others(self, lease: _Lease) -> list[int]:
        """The words of this count in the other tables.

        A slot that its process reuses just now may lend its new word; it had expired, so the sum
        is too high, never too low.
        """
        slots, words = self._slots, []
        for peer, table in enumerate(slots.others):
            at = lease.peer_at[peer]
            if at >= 0 and slots.holds(table, at, lease.name):
                words.append(table[at + WORD])
                continue
            inserts = slots.other_inserts[peer][0]
            if at < 0 and inserts == lease.peer_inserts[peer]:
                continue
            at = slots.find(table, lease.name)
            lease.peer_at[peer] = at
            lease.peer_inserts[peer] = inserts
            if at >= 0:
                words.append(table[at + WORD])
        return words
