from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EpochKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPOCH_KIND_UNSPECIFIED: _ClassVar[EpochKind]
    EPOCH_KIND_FOUND: _ClassVar[EpochKind]
    EPOCH_KIND_UPDATE: _ClassVar[EpochKind]
    EPOCH_KIND_PROMOTE: _ClassVar[EpochKind]
    EPOCH_KIND_REJOIN: _ClassVar[EpochKind]
    EPOCH_KIND_ADOPT: _ClassVar[EpochKind]

class MemberState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEMBER_STATE_UNSPECIFIED: _ClassVar[MemberState]
    MEMBER_STATE_CREATING: _ClassVar[MemberState]
    MEMBER_STATE_MEMBER: _ClassVar[MemberState]
    MEMBER_STATE_DELETED: _ClassVar[MemberState]
    MEMBER_STATE_RETIRED: _ClassVar[MemberState]

class ProposalState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROPOSAL_STATE_UNSPECIFIED: _ClassVar[ProposalState]
    PROPOSAL_STATE_PROPOSED: _ClassVar[ProposalState]
    PROPOSAL_STATE_ACCEPTED: _ClassVar[ProposalState]

class GenerationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENERATION_STATE_UNSPECIFIED: _ClassVar[GenerationState]
    GENERATION_STATE_DISTRIBUTING: _ClassVar[GenerationState]
    GENERATION_STATE_CURRENT: _ClassVar[GenerationState]
    GENERATION_STATE_PREVIOUS: _ClassVar[GenerationState]
    GENERATION_STATE_ABANDONED: _ClassVar[GenerationState]

class GenerationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENERATION_KIND_UNSPECIFIED: _ClassVar[GenerationKind]
    GENERATION_KIND_CREATED: _ClassVar[GenerationKind]
    GENERATION_KIND_AUTOMATIC: _ClassVar[GenerationKind]
    GENERATION_KIND_ON_DEMAND: _ClassVar[GenerationKind]
EPOCH_KIND_UNSPECIFIED: EpochKind
EPOCH_KIND_FOUND: EpochKind
EPOCH_KIND_UPDATE: EpochKind
EPOCH_KIND_PROMOTE: EpochKind
EPOCH_KIND_REJOIN: EpochKind
EPOCH_KIND_ADOPT: EpochKind
MEMBER_STATE_UNSPECIFIED: MemberState
MEMBER_STATE_CREATING: MemberState
MEMBER_STATE_MEMBER: MemberState
MEMBER_STATE_DELETED: MemberState
MEMBER_STATE_RETIRED: MemberState
PROPOSAL_STATE_UNSPECIFIED: ProposalState
PROPOSAL_STATE_PROPOSED: ProposalState
PROPOSAL_STATE_ACCEPTED: ProposalState
GENERATION_STATE_UNSPECIFIED: GenerationState
GENERATION_STATE_DISTRIBUTING: GenerationState
GENERATION_STATE_CURRENT: GenerationState
GENERATION_STATE_PREVIOUS: GenerationState
GENERATION_STATE_ABANDONED: GenerationState
GENERATION_KIND_UNSPECIFIED: GenerationKind
GENERATION_KIND_CREATED: GenerationKind
GENERATION_KIND_AUTOMATIC: GenerationKind
GENERATION_KIND_ON_DEMAND: GenerationKind

class SignedRecord(_message.Message):
    __slots__ = ("record", "writer", "signature")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    WRITER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    writer: str
    signature: bytes
    def __init__(self, record: _Optional[bytes] = ..., writer: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Incarnation(_message.Message):
    __slots__ = ("number", "random")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RANDOM_FIELD_NUMBER: _ClassVar[int]
    number: int
    random: int
    def __init__(self, number: _Optional[int] = ..., random: _Optional[int] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("incarnation", "number")
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    incarnation: Incarnation
    number: int
    def __init__(self, incarnation: _Optional[_Union[Incarnation, _Mapping]] = ..., number: _Optional[int] = ...) -> None: ...

class EpochEntry(_message.Message):
    __slots__ = ("epoch", "primary_region", "kind", "taker", "taker_life", "signature")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_REGION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TAKER_FIELD_NUMBER: _ClassVar[int]
    TAKER_LIFE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    epoch: Epoch
    primary_region: str
    kind: EpochKind
    taker: str
    taker_life: int
    signature: bytes
    def __init__(self, epoch: _Optional[_Union[Epoch, _Mapping]] = ..., primary_region: _Optional[str] = ..., kind: _Optional[_Union[EpochKind, str]] = ..., taker: _Optional[str] = ..., taker_life: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("life", "granter", "signature")
    LIFE_FIELD_NUMBER: _ClassVar[int]
    GRANTER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    life: int
    granter: str
    signature: bytes
    def __init__(self, life: _Optional[int] = ..., granter: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("region", "life", "state", "request", "grants", "reported_key_state", "refusal")
    REGION_FIELD_NUMBER: _ClassVar[int]
    LIFE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    REPORTED_KEY_STATE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    region: str
    life: int
    state: MemberState
    request: ProposalState
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    reported_key_state: str
    refusal: Refusal
    def __init__(self, region: _Optional[str] = ..., life: _Optional[int] = ..., state: _Optional[_Union[MemberState, str]] = ..., request: _Optional[_Union[ProposalState, str]] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., reported_key_state: _Optional[str] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("region", "life")
    REGION_FIELD_NUMBER: _ClassVar[int]
    LIFE_FIELD_NUMBER: _ClassVar[int]
    region: str
    life: int
    def __init__(self, region: _Optional[str] = ..., life: _Optional[int] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ("id", "order", "created_at", "kind", "fingerprint", "state", "holders")
    ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    order: int
    created_at: float
    kind: GenerationKind
    fingerprint: bytes
    state: GenerationState
    holders: _containers.RepeatedCompositeFieldContainer[Holder]
    def __init__(self, id: _Optional[bytes] = ..., order: _Optional[int] = ..., created_at: _Optional[float] = ..., kind: _Optional[_Union[GenerationKind, str]] = ..., fingerprint: _Optional[bytes] = ..., state: _Optional[_Union[GenerationState, str]] = ..., holders: _Optional[_Iterable[_Union[Holder, _Mapping]]] = ...) -> None: ...

class Rotation(_message.Message):
    __slots__ = ("enabled", "period_days", "next_at")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    PERIOD_DAYS_FIELD_NUMBER: _ClassVar[int]
    NEXT_AT_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    period_days: int
    next_at: float
    def __init__(self, enabled: _Optional[bool] = ..., period_days: _Optional[int] = ..., next_at: _Optional[float] = ...) -> None: ...

class SharedProperties(_message.Message):
    __slots__ = ("key_spec", "key_usage", "origin", "rotation")
    KEY_SPEC_FIELD_NUMBER: _ClassVar[int]
    KEY_USAGE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    key_spec: str
    key_usage: str
    origin: str
    rotation: Rotation
    def __init__(self, key_spec: _Optional[str] = ..., key_usage: _Optional[str] = ..., origin: _Optional[str] = ..., rotation: _Optional[_Union[Rotation, _Mapping]] = ...) -> None: ...

class Transition(_message.Message):
    __slots__ = ("from_region", "to_region", "id", "requester", "asked_at")
    FROM_REGION_FIELD_NUMBER: _ClassVar[int]
    TO_REGION_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    ASKED_AT_FIELD_NUMBER: _ClassVar[int]
    from_region: str
    to_region: str
    id: str
    requester: str
    asked_at: float
    def __init__(self, from_region: _Optional[str] = ..., to_region: _Optional[str] = ..., id: _Optional[str] = ..., requester: _Optional[str] = ..., asked_at: _Optional[float] = ...) -> None: ...

class TransitionRefusal(_message.Message):
    __slots__ = ("id", "refusal")
    ID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    id: str
    refusal: Refusal
    def __init__(self, id: _Optional[str] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("format", "cluster", "account_id", "key_id", "incarnation", "seq", "previous_hash", "epoch", "primary_region", "epochs", "dead", "shared", "generations", "members", "transition", "refused_transition")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_HASH_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_REGION_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_FIELD_NUMBER: _ClassVar[int]
    REFUSED_TRANSITION_FIELD_NUMBER: _ClassVar[int]
    format: int
    cluster: str
    account_id: str
    key_id: str
    incarnation: Incarnation
    seq: int
    previous_hash: bytes
    epoch: Epoch
    primary_region: str
    epochs: _containers.RepeatedCompositeFieldContainer[EpochEntry]
    dead: bool
    shared: SharedProperties
    generations: _containers.RepeatedCompositeFieldContainer[Generation]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    transition: Transition
    refused_transition: TransitionRefusal
    def __init__(self, format: _Optional[int] = ..., cluster: _Optional[str] = ..., account_id: _Optional[str] = ..., key_id: _Optional[str] = ..., incarnation: _Optional[_Union[Incarnation, _Mapping]] = ..., seq: _Optional[int] = ..., previous_hash: _Optional[bytes] = ..., epoch: _Optional[_Union[Epoch, _Mapping]] = ..., primary_region: _Optional[str] = ..., epochs: _Optional[_Iterable[_Union[EpochEntry, _Mapping]]] = ..., dead: _Optional[bool] = ..., shared: _Optional[_Union[SharedProperties, _Mapping]] = ..., generations: _Optional[_Iterable[_Union[Generation, _Mapping]]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., transition: _Optional[_Union[Transition, _Mapping]] = ..., refused_transition: _Optional[_Union[TransitionRefusal, _Mapping]] = ...) -> None: ...

class SignedProposal(_message.Message):
    __slots__ = ("proposal", "writer", "signature")
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    WRITER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    proposal: bytes
    writer: str
    signature: bytes
    def __init__(self, proposal: _Optional[bytes] = ..., writer: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Tag(_message.Message):
    __slots__ = ("tag_key", "tag_value")
    TAG_KEY_FIELD_NUMBER: _ClassVar[int]
    TAG_VALUE_FIELD_NUMBER: _ClassVar[int]
    tag_key: str
    tag_value: str
    def __init__(self, tag_key: _Optional[str] = ..., tag_value: _Optional[str] = ...) -> None: ...

class ContextValue(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("account_id", "key_id", "region", "life", "transition_id", "policy", "bypass_policy_lockout_safety_check", "description", "tags", "caller_arn", "caller_account_id", "request_context")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    LIFE_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    BYPASS_POLICY_LOCKOUT_SAFETY_CHECK_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CALLER_ARN_FIELD_NUMBER: _ClassVar[int]
    CALLER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    key_id: str
    region: str
    life: int
    transition_id: str
    policy: str
    bypass_policy_lockout_safety_check: bool
    description: str
    tags: _containers.RepeatedCompositeFieldContainer[Tag]
    caller_arn: str
    caller_account_id: str
    request_context: _containers.RepeatedCompositeFieldContainer[ContextValue]
    def __init__(self, account_id: _Optional[str] = ..., key_id: _Optional[str] = ..., region: _Optional[str] = ..., life: _Optional[int] = ..., transition_id: _Optional[str] = ..., policy: _Optional[str] = ..., bypass_policy_lockout_safety_check: _Optional[bool] = ..., description: _Optional[str] = ..., tags: _Optional[_Iterable[_Union[Tag, _Mapping]]] = ..., caller_arn: _Optional[str] = ..., caller_account_id: _Optional[str] = ..., request_context: _Optional[_Iterable[_Union[ContextValue, _Mapping]]] = ...) -> None: ...
