"""What the agent of one Region works with: ports and values, built by the node and passed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from regionkms.audit.record import RecordEncoder
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import AccountId, RegionName
from regionkms.model.key import KmsKey
from regionkms.model.keyspace import Keyspace
from regionkms.model.proposal import Proposal
from regionkms.model.record import Record
from regionkms.model.shapes import CreateKeyResponse, ReplicateKeyResponse
from regionkms.ports.audit_sink import AuditSink
from regionkms.ports.clock import Clock
from regionkms.ports.coordinator import Coordinator
from regionkms.ports.key_transport import KeyTransport
from regionkms.ports.metrics import Metrics
from regionkms.ports.operation import Operation
from regionkms.ports.quota_counter import QuotaCounter
from regionkms.ports.store import Store
from regionkms.ports.vault import Vault
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import KMS_KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAudit:
    """The audit log of what the agent does; how records of calls are made that workers can't write.

    Source: spec 02 §3.8.

    Attributes:
        sink: The agent's own chain.
        operation: The row of CreateKey; its allow-list decides what the record shows.
        response: What CreateKey would have answered for such a key.
        replicate: The row of ReplicateKey.
        replicated: What ReplicateKey answers: primary key, its record, what was asked, KMS time of
            the call.
    """

    sink: AuditSink
    operation: Operation
    recorder: RecordEncoder
    response: Callable[[KmsKey, Record], CreateKeyResponse]
    replicate: Operation
    replicated: Callable[[KmsKey, Record | None, Proposal, float], ReplicateKeyResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPorts:
    """One Region's agent. It is passed, never looked up.

    Attributes:
        address: host:port of this Region's KeyTransport, as other Regions reach it.
        peer_addresses: host:port of other Regions where this Region's network knows them by other
            ones than the directory says.
        software_version: Written into the directory.
        limits: Quotas in force; an operator may change them.
        jitter: A random number from 0 to 1, anew at each call.
    """

    identity: RegionIdentity
    store: Store
    vault: Vault
    coordinator: Coordinator
    transport: KeyTransport
    clock: Clock
    metrics: Metrics
    quotas: QuotaCounter
    limits: Callable[[], QuotaSettings]
    audit: AgentAudit
    jitter: Callable[[], float]
    address: str
    software_version: str
    peer_addresses: Mapping[RegionName, str] = field(default_factory=dict)

    @property
    def region(self) -> RegionName:
        """The Region."""
        return self.identity.region

    @property
    def names(self) -> Keyspace:
        """Names of keys in etcd."""
        return Keyspace(self.identity.cluster)

    def keys_per_account(self, account_id: AccountId) -> int:
        """How many customer managed keys an account may have here (spec 07 §4.1)."""
        return self.limits().resource_limit(KMS_KEYS, account_id)
