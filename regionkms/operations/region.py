"""What an operation of one Region may use: ports and values, built by node.py."""

from collections.abc import Callable
from dataclasses import dataclass

from regionkms.audit.record import RecordEncoder
from regionkms.model.ids import AccountId, RegionName
from regionkms.operations.decision_cache import DecisionCache
from regionkms.operations.key_cache import KeyCache
from regionkms.ports.agent import AgentDoor
from regionkms.ports.audit_sink import AuditSink
from regionkms.ports.clock import Clock
from regionkms.ports.quota_counter import QuotaCounter
from regionkms.ports.store import Store
from regionkms.ports.vault import Vault
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import ALIASES_PER_KEY, KMS_KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One Region in one process. It is passed, never looked up.

    Attributes:
        partition: Of the Region's name; the first part of its ARNs.
        clock: KMS time (the lab may move it forward) and machine time.
        random_bytes: Cryptographically strong bytes, from a pool made after exec.
        quotas: Counts requests in the node's shared memory.
        limits: Quotas in force in this Region; an operator may change them.
    """

    name: RegionName
    partition: str
    store: Store
    keys: KeyCache
    vault: Vault
    clock: Clock
    random_bytes: Callable[[int], bytes]
    quotas: QuotaCounter
    limits: Callable[[], QuotaSettings]
    audit: AuditSink
    recorder: RecordEncoder
    decisions: DecisionCache
    agent: AgentDoor

    def keys_per_account(self, account_id: AccountId) -> int:
        """How many customer managed keys an account may have here (spec 07 §4.1)."""
        return self.limits().resource_limit(KMS_KEYS, account_id)

    def aliases_per_key(self, account_id: AccountId) -> int:
        """How many aliases may target one key of an account (spec 07 §4.1)."""
        return self.limits().resource_limit(ALIASES_PER_KEY, account_id)
