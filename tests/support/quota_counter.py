"""In-memory twin of QuotaCounter: the pure rules over a dict, counted one by one."""

from collections import Counter
from collections.abc import Sequence

from regionkms.model.ids import AccountId, RegionName
from regionkms.ports.clock import Clock
from regionkms.ports.quota_counter import QuotaUsage
from regionkms.quota.limit import Limit
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import REQUEST_QUOTAS, RequestQuota
from regionkms.quota.window import (
    Verdict,
    Window,
    decide,
    decide_bucket,
    spend,
    spend_bucket,
)


class InMemoryQuotaCounter:
    """The request counts of one Region, in one process."""

    def __init__(self, region: RegionName, settings: QuotaSettings, clock: Clock) -> None:
        self._region = region
        self._settings = settings
        self._clock = clock
        self._windows: dict[tuple[str, str], Window] = {}
        self._full_at: dict[tuple[str, str], float] = {}
        self._counts: Counter[tuple[str, bool]] = Counter()

    def admit(
        self, account_id: AccountId, quota: RequestQuota, *, cost: int = 1, scope: str = ""
    ) -> Verdict:
        limit = self._settings.request_limit(self._region, quota, account_id)
        verdict = (
            Verdict(admitted=True)
            if limit is None
            else self._decide(limit, (quota.code, scope or account_id), cost)
        )
        self._counts[quota.code, verdict.admitted] += cost
        return verdict

    def _decide(self, limit: Limit, name: tuple[str, str], cost: int) -> Verdict:
        now = self._clock.monotonic()
        if limit.burst:
            full_at = self._full_at.get(name, 0.0)
            verdict = decide_bucket(now=now, limit=limit, full_at=full_at, cost=cost)
            if verdict.admitted:
                self._full_at[name] = spend_bucket(now=now, limit=limit, full_at=full_at, cost=cost)
            return verdict
        stored = self._windows.get(name)
        verdict = decide(now=now, limit=limit, stored=stored, cost=cost)
        if verdict.admitted:
            self._windows[name] = spend(now=now, limit=limit, stored=stored, cost=cost)
        return verdict

    def use(self, settings: QuotaSettings) -> None:
        self._settings = settings

    def flush(self) -> None:
        """Nothing to do: there is one process."""

    def usage(self) -> Sequence[QuotaUsage]:
        return [
            QuotaUsage(
                code=code,
                admitted=self._counts[code, True],
                throttled=self._counts[code, False],
            )
            for code in REQUEST_QUOTAS
        ]
