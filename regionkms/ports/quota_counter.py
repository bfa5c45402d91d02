"""Where requests are counted against request quotas (design §5a)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from regionkms.model.ids import AccountId
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import RequestQuota
from regionkms.quota.window import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """How a request quota was used, all accounts together.

    Attributes:
        code: Of the quota.
        admitted: Requests since the node started.
        throttled: Requests refused since the node started.
    """

    code: str
    admitted: int
    throttled: int


class QuotaCounter(Protocol):
    """The request counts of one Region, shared by the processes of its node.

    Windows follow the machine's monotonic clock, never the lab's. Nothing is durable: counts
    start afresh with the node. Called from one thread of each process.
    """

    def admit(
        self, account_id: AccountId, quota: RequestQuota, *, cost: int = 1, scope: str = ""
    ) -> Verdict:
        """Count a request, or say when to come back.

        All of `cost` is counted, or none. Over all processes a window never admits more than the
        limit, whichever of them stop or die meanwhile.

        Args:
            account_id: Of the caller. It chooses the limit, and the count where the quota
                belongs to the account.
            quota: A row of quota/table.py.
            cost: Requests that the call counts as; at least 1.
            scope: Id of the custom key store, or ARN of the key, where the quota belongs to it.
        """

    def use(self, settings: QuotaSettings) -> None:
        """Take other settings into force, from the next request on."""

    def flush(self) -> None:
        """Make this process's usage visible to `usage` of all processes."""

    def usage(self) -> Sequence[QuotaUsage]:
        """Every quota's usage, summed over the processes as of their last flush."""
