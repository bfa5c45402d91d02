"""A KMS key as one Region's store knows it: independent facts, never a stored state.

Key states are computed from these facts (key_state.py). Source: spec 01 §3, spec 02 §9.4 S16,
protocol §3.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from regionkms.model.ids import AccountId, DomainKeyId, GenerationId, KeyId, RegionName, StoreId
from regionkms.model.key_spec import KeyManager, KeySpec, KeyUsage, Origin


class DeletionKind(StrEnum):
    """Whether a deletion was asked for (protocol §3)."""

    NONE = "none"
    PENDING_REPLICA = "pending replica deletion"
    """A primary whose replicas still exist: no clock runs."""
    PENDING = "pending deletion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A requested deletion.

    Attributes:
        window_days: Waiting period asked for; 0 without a request.
        date: When the key is due, in seconds of KMS time since the epoch; only when PENDING.
    """

    kind: DeletionKind = DeletionKind.NONE
    window_days: int = 0
    date: float | None = None


NO_DELETION: Final = Deletion()
NO_STORE: Final = StoreId("")
NO_REGION: Final = RegionName("")


class Phase(StrEnum):
    """A key's life in its Region (protocol §3, fact `key`). Single-Region keys are always LIVE."""

    CREATING = "creating"
    LIVE = "live"
    SUSPENDED = "suspended"
    PURGED = "purged"
    """Tombstone: life and mirror are kept, material is gone; callers see no key any more."""


class LockKind(StrEnum):
    """Durable locks of protocol §3. Only UPDATE_* and DELETE block local calls."""

    REPLICATE = "REPLICATE"
    UPDATE_FROM = "UPD_FROM"
    UPDATE_TO = "UPD_TO"
    PROMOTE = "PROMOTE"
    REJOIN = "REJOIN"
    DELETE = "DEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A key's lock with the intent that holds it (protocol R3, R4, R11).

    Attributes:
        peer: The Region it is about; empty where the kind needs none.
        intent_id: The intent that took it; empty for locks that no call waits for.
        base_seq: `seq` of the record that the intent was checked against.
        issued: The CAS may have been sent.
        expired: The caller was, or is about to be, told an error; no new CAS may be sent.
    """

    kind: LockKind
    peer: RegionName = NO_REGION
    intent_id: str = ""
    base_seq: int = 0
    issued: bool = False
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiRegionFacts:
    """What a Region's store durably knows of a multi-Region key (protocol §3).

    Attributes:
        life: 0 = never had this key; else the life of this Region's entry in the record.
        mirror: The whole last-seen SignedRecord in its exact bytes; empty before the first look.
        mirror_seq: `seq` of the mirror; a transaction with a lower one is refused (R5).
        mirror_revision: etcd's mod_revision at which the mirror was read.
        ever_acked: Generations that this store has ever acknowledged (EXTERNAL keys).
        opened_by: store_id under which the key was last opened; another one means *closed*.
    """

    life: int = 0
    phase: Phase = Phase.LIVE
    lock: Lock | None = None
    mirror: bytes = b""
    mirror_seq: int = 0
    mirror_revision: int = 0
    ever_acked: frozenset[GenerationId] = frozenset()
    opened_by: StoreId = NO_STORE


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGeneration:
    """One version of a key's material, wrapped under a domain key.

    Attributes:
        wrapped: AES-256-GCM under the domain key; AAD names account, key, generation and kind.
        fingerprint: HMAC under the key's binding key (32 bytes); design §3.
        created_at: Seconds of KMS time since the epoch.
    """

    generation_id: GenerationId
    domain_key_id: DomainKeyId
    wrapped: bytes = field(repr=False)
    fingerprint: bytes
    created_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedBindingKey:
    """A key's binding key, wrapped under a domain key; never rotated (design §3)."""

    domain_key_id: DomainKeyId
    wrapped: bytes = field(repr=False)


NO_BINDING_KEY: Final = WrappedBindingKey(domain_key_id=DomainKeyId(""), wrapped=b"")
"""Of a replica that is Creating and has not fetched it yet; such a key does no cryptography."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsKey:
    """A KMS key of one account in one Region.

    Attributes:
        created_at: Seconds of KMS time since the epoch; never changes.
        policy: The key policy document as it was written.
        current_generation: What single-Region keys encrypt with. For multi-Region keys the mirror
            decides (protocol R9) and this is the generation that the mirror calls CURRENT.
        multi_region: Facts of the protocol; None for single-Region keys.
        version: Counts changes of this row; part of its authentication code.
    """

    account_id: AccountId
    key_id: KeyId
    key_spec: KeySpec
    key_usage: KeyUsage
    origin: Origin
    key_manager: KeyManager = KeyManager.CUSTOMER
    description: str = ""
    policy: str
    created_at: float
    enabled: bool
    deletion: Deletion = NO_DELETION
    current_generation: GenerationId | None
    binding_key: WrappedBindingKey
    multi_region: MultiRegionFacts | None = None
    version: int = 0
    custom_key_store_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An alias; dates in seconds of KMS time since the epoch (spec 01 §7.1 A2)."""

    account_id: AccountId
    alias_name: str
    target_key_id: KeyId
    created_at: float
    updated_at: float
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag of a KMS key (spec 01 §11.1)."""

    tag_key: str
    tag_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """Long-term credentials of an account's root user, the secret wrapped by a domain key."""

    access_key_id: str
    account_id: AccountId
    domain_key_id: DomainKeyId
    wrapped_secret: bytes = field(repr=False)
    active: bool = True
    created_at: float = 0.0
    version: int = 0


class IntentState(StrEnum):
    """What became of an intent (protocol R3, R11)."""

    OPEN = "open"
    EXPIRED = "expired"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A worker's wish that only the agent can carry out (design §2).

    Attributes:
        kind: The API operation or operator command, such as `ReplicateKey`.
        request: JSON: what the agent needs to know (never key material).
        outcome: JSON: the answer (DONE) or `{"code", "message"}` (FAILED).
        deadline: Machine time (seconds since the epoch) at which the caller's wait ends (R14).
        recorded: DONE only: the audit record of the call's success stands; set in its transaction.
    """

    intent_id: str
    kind: str
    account_id: AccountId
    key_id: KeyId
    request: str
    state: IntentState = IntentState.OPEN
    outcome: str = ""
    created_at: float
    deadline: float
    recorded: bool = False
