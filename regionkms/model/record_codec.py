"""Bytes of the record and back: the protobuf of proto/regionkms/v1/record.proto.

Parsing is strict and total: what is not a record of this release raises RecordFormatError and
nothing else. It checks form only; signatures and the chain of primaries are crypto/trust.py's.
The bytes that were signed are kept and never re-encoded. Source: protocol §2.
"""

import hashlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from regionkms.model.ids import (
    GENERATION_ID_BYTES,
    AccountId,
    GenerationId,
    KeyId,
    RegionName,
    is_account_id,
    is_multi_region_key_id,
    is_region_name,
)
from regionkms.model.key_spec import KeySpec, KeyUsage, Origin
from regionkms.model.proto import record_pb2 as pb
from regionkms.model.record import (
    FINGERPRINT_BYTES,
    RECORD_FORMAT,
    ClusterName,
    Epoch,
    EpochEntry,
    EpochKind,
    Generation,
    GenerationKind,
    GenerationState,
    Grant,
    Holder,
    Incarnation,
    Member,
    MemberState,
    ProposalState,
    Record,
    Refusal,
    Rotation,
    SharedProperties,
    SignedRecord,
    Transition,
    TransitionRefusal,
)

MAX_RECORD_BYTES: Final = 1_048_576
"""Of one value; etcd's own limit of a request is 1.5 MiB."""

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_EPOCH_KINDS: Final = MappingProxyType(dict(enumerate(EpochKind, start=1)))
_MEMBER_STATES: Final = MappingProxyType(dict(enumerate(MemberState, start=1)))
_PROPOSAL_STATES: Final = MappingProxyType(dict(enumerate(ProposalState)))
_GENERATION_STATES: Final = MappingProxyType(dict(enumerate(GenerationState, start=1)))
_GENERATION_KINDS: Final = MappingProxyType(dict(enumerate(GenerationKind, start=1)))
# Declared in the order of the .proto; a test compares the names, so neither moves alone.


class RecordFormatError(ValueError):
    """Bytes that are no record of this release; the message says which member, not its bytes."""


def value_hash(value: bytes) -> bytes:
    """SHA-256 of a value in etcd: what the next record's `previous_hash` is."""
    return hashlib.sha256(value).digest()


def parse_signed(value: bytes) -> SignedRecord:
    """Take the value of a record's etcd key apart, without verifying it.

    Raises:
        RecordFormatError: It is no SignedRecord.
    """
    if len(value) > MAX_RECORD_BYTES:
        raise RecordFormatError(f"value of {len(value)} bytes; at most {MAX_RECORD_BYTES}")
    try:
        message = pb.SignedRecord.FromString(value)
    except DecodeError as error:
        raise RecordFormatError("not a SignedRecord") from error
    return SignedRecord(
        record=message.record,
        writer=_region(message.writer, "writer"),
        signature=message.signature,
        value=value,
    )


def encode_signed(record: bytes, writer: RegionName, signature: bytes) -> bytes:
    """The value of a record's etcd key, from exact record bytes and their signature."""
    return pb.SignedRecord(record=record, writer=writer, signature=signature).SerializeToString(
        deterministic=True
    )


def parse_record(signed: SignedRecord) -> Record:
    """Read the record inside a value, without verifying it.

    Raises:
        RecordFormatError: It is no record, breaks a rule of form, or was written in a newer format.
    """
    try:
        message = pb.Record.FromString(signed.record)
    except DecodeError as error:
        raise RecordFormatError("not a Record") from error
    if not 1 <= message.format <= RECORD_FORMAT:
        raise RecordFormatError(f"format {message.format}; this release reads 1 to {RECORD_FORMAT}")
    record = _record(message, value_hash(signed.value))
    _check_form(record)
    return record


def encode_record(record: Record) -> bytes:
    """The bytes to sign. Equal records give equal bytes in one release; do not rely on more.

    Raises:
        RecordFormatError: The record breaks a rule of form.
    """
    _check_form(record)
    message = pb.Record(
        format=RECORD_FORMAT,
        cluster=record.cluster,
        account_id=record.account_id,
        key_id=record.key_id,
        incarnation=incarnation_message(record.incarnation),
        seq=record.seq,
        previous_hash=record.previous_hash,
        epoch=epoch_message(record.epoch),
        primary_region=record.primary_region,
        epochs=[_epoch_entry_message(entry) for entry in record.epochs],
        dead=record.dead,
        shared=_shared_message(record.shared),
        generations=[_generation_message(one) for one in record.generations],
        members=[_member_message(member) for member in record.members],
    )
    if record.transition is not None:
        message.transition.CopyFrom(_transition_message(record.transition))
    if record.refused_transition is not None:
        refused = record.refused_transition
        message.refused_transition.id = refused.transition_id
        message.refused_transition.refusal.CopyFrom(_refusal_message(refused.refusal))
    return message.SerializeToString(deterministic=True)


def incarnation_message(incarnation: Incarnation) -> pb.Incarnation:
    """The message of an incarnation (also part of other messages)."""
    return pb.Incarnation(number=incarnation.number, random=incarnation.random)


def incarnation_of(message: pb.Incarnation) -> Incarnation:
    """The incarnation of a message."""
    return Incarnation(number=message.number, random=message.random)


def epoch_message(epoch: Epoch) -> pb.Epoch:
    """The message of an epoch (also part of other messages)."""
    return pb.Epoch(incarnation=incarnation_message(epoch.incarnation), number=epoch.number)


def epoch_of(message: pb.Epoch) -> Epoch:
    """The epoch of a message."""
    return Epoch(incarnation=incarnation_of(message.incarnation), number=message.number)


def _record(message: pb.Record, hash_of_value: bytes) -> Record:
    refused = message.refused_transition
    return Record(
        cluster=ClusterName(message.cluster),
        account_id=AccountId(_formed(message.account_id, "account_id", is_account_id)),
        key_id=KeyId(_formed(message.key_id, "key_id", is_multi_region_key_id)),
        incarnation=incarnation_of(message.incarnation),
        seq=message.seq,
        previous_hash=message.previous_hash,
        epoch=epoch_of(message.epoch),
        primary_region=_region(message.primary_region, "primary_region"),
        epochs=tuple(_epoch_entry(entry) for entry in message.epochs),
        dead=message.dead,
        shared=_shared(message.shared),
        generations=tuple(_generation(one) for one in message.generations),
        members=tuple(_member(member) for member in message.members),
        transition=_transition(message.transition) if message.HasField("transition") else None,
        refused_transition=TransitionRefusal(
            transition_id=refused.id, refusal=_refusal(refused.refusal)
        )
        if message.HasField("refused_transition")
        else None,
        value_hash=hash_of_value,
    )


def _check_form(record: Record) -> None:
    """Rules of form that every record keeps, whoever wrote it."""
    regions = [member.region for member in record.members]
    ids = [one.generation_id for one in record.generations]
    currents = record.in_state(GenerationState.CURRENT)
    rules = (
        (record.cluster != "", "cluster is empty"),
        (record.seq >= 1, "seq is below 1"),
        (bool(record.previous_hash) == (record.seq > 1), "previous_hash does not fit seq"),
        (regions == sorted(set(regions)), "members are not sorted, or a Region stands twice"),
        (len(ids) == len(set(ids)), "a generation is listed twice"),
        (len(currents) <= 1, "more than one generation is CURRENT"),
        (record.primary_region in regions, "the primary has no entry"),
        (bool(record.epochs), "epochs is empty"),
        # Below it while an adopt collects reports (protocol §6), never above.
        (record.epoch.incarnation <= record.incarnation, "epoch is of a later incarnation"),
        (all(_proposal_fits(member) for member in record.members), "request does not fit state"),
        (all(member.life >= 1 for member in record.members), "a member's life is below 1"),
    )
    for holds, message in rules:
        if not holds:
            raise RecordFormatError(message)


def _proposal_fits(member: Member) -> bool:
    creating = member.state is MemberState.CREATING
    return creating == (member.request is not ProposalState.NONE)


def _formed(text: str, name: str, is_formed: Callable[[str], bool]) -> str:
    if not is_formed(text):
        raise RecordFormatError(f"{name} is malformed")
    return text


def _region(text: str, name: str) -> RegionName:
    return RegionName(_formed(text, name, is_region_name))


def _named(names: MappingProxyType[int, E], number: int, name: str) -> E:
    found = names.get(number)
    if found is None:
        raise RecordFormatError(f"{name} has the unknown value {number}")
    return found


def _enum(kind: type[E], text: str, name: str) -> E:
    try:
        return kind(text)
    except ValueError as error:
        raise RecordFormatError(f"{name} has an unknown value") from error


def _number(names: MappingProxyType[int, E], value: E) -> int:
    return next(number for number, name in names.items() if name is value)


def _epoch_entry(message: pb.EpochEntry) -> EpochEntry:
    return EpochEntry(
        epoch=epoch_of(message.epoch),
        primary_region=_region(message.primary_region, "epochs.primary_region"),
        kind=_named(_EPOCH_KINDS, message.kind, "epochs.kind"),
        taker=_region(message.taker, "epochs.taker"),
        taker_life=message.taker_life,
        signature=message.signature,
    )


def _epoch_entry_message(entry: EpochEntry) -> pb.EpochEntry:
    return pb.EpochEntry(
        epoch=epoch_message(entry.epoch),
        primary_region=entry.primary_region,
        kind=pb.EpochKind.Name(_number(_EPOCH_KINDS, entry.kind)),
        taker=entry.taker,
        taker_life=entry.taker_life,
        signature=entry.signature,
    )


def _shared(message: pb.SharedProperties) -> SharedProperties:
    return SharedProperties(
        key_spec=_enum(KeySpec, message.key_spec, "shared.key_spec"),
        key_usage=_enum(KeyUsage, message.key_usage, "shared.key_usage"),
        origin=_enum(Origin, message.origin, "shared.origin"),
        rotation=Rotation(
            enabled=message.rotation.enabled,
            period_days=message.rotation.period_days,
            next_at=message.rotation.next_at,
        ),
    )


def _shared_message(shared: SharedProperties) -> pb.SharedProperties:
    return pb.SharedProperties(
        key_spec=shared.key_spec.value,
        key_usage=shared.key_usage.value,
        origin=shared.origin.value,
        rotation=pb.Rotation(
            enabled=shared.rotation.enabled,
            period_days=shared.rotation.period_days,
            next_at=shared.rotation.next_at,
        ),
    )


def _generation(message: pb.Generation) -> Generation:
    if len(message.id) != GENERATION_ID_BYTES:
        raise RecordFormatError("a generation id is not 16 bytes long")
    if len(message.fingerprint) not in {0, FINGERPRINT_BYTES}:
        raise RecordFormatError("a fingerprint is not 32 bytes long")
    return Generation(
        generation_id=GenerationId(message.id),
        order=message.order,
        created_at=message.created_at,
        kind=_named(_GENERATION_KINDS, message.kind, "generations.kind"),
        fingerprint=message.fingerprint,
        state=_named(_GENERATION_STATES, message.state, "generations.state"),
        holders=frozenset(
            Holder(region=_region(one.region, "holders.region"), life=one.life)
            for one in message.holders
        ),
    )


def _generation_message(generation: Generation) -> pb.Generation:
    return pb.Generation(
        id=generation.generation_id,
        order=generation.order,
        created_at=generation.created_at,
        kind=pb.GenerationKind.Name(_number(_GENERATION_KINDS, generation.kind)),
        fingerprint=generation.fingerprint,
        state=pb.GenerationState.Name(_number(_GENERATION_STATES, generation.state)),
        holders=[pb.Holder(region=one.region, life=one.life) for one in sorted(generation.holders)],
    )


def _member(message: pb.Member) -> Member:
    return Member(
        region=_region(message.region, "members.region"),
        life=message.life,
        state=_named(_MEMBER_STATES, message.state, "members.state"),
        request=_named(_PROPOSAL_STATES, message.request, "members.request"),
        grants=_grants(message.grants),
        reported_key_state=message.reported_key_state,
        refusal=_refusal(message.refusal) if message.HasField("refusal") else None,
    )


def _grants(messages: Sequence[pb.Grant]) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            life=message.life,
            granter=_region(message.granter, "grants.granter"),
            signature=message.signature,
        )
        for message in messages
    )


def _member_message(member: Member) -> pb.Member:
    return pb.Member(
        region=member.region,
        life=member.life,
        state=pb.MemberState.Name(_number(_MEMBER_STATES, member.state)),
        request=pb.ProposalState.Name(_number(_PROPOSAL_STATES, member.request)),
        grants=[
            pb.Grant(life=one.life, granter=one.granter, signature=one.signature)
            for one in member.grants
        ],
        reported_key_state=member.reported_key_state,
        refusal=None if member.refusal is None else _refusal_message(member.refusal),
    )


def _refusal(message: pb.Refusal) -> Refusal:
    return Refusal(code=message.code, message=message.message)


def _refusal_message(refusal: Refusal) -> pb.Refusal:
    return pb.Refusal(code=refusal.code, message=refusal.message)


def _transition(message: pb.Transition) -> Transition:
    return Transition(
        from_region=_region(message.from_region, "transition.from_region"),
        to_region=_region(message.to_region, "transition.to_region"),
        transition_id=message.id,
        requester=message.requester,
        asked_at=message.asked_at,
    )


def _transition_message(transition: Transition) -> pb.Transition:
    return pb.Transition(
        from_region=transition.from_region,
        to_region=transition.to_region,
        id=transition.transition_id,
        requester=transition.requester,
        asked_at=transition.asked_at,
    )
