"""What one proposal needs and the record should not carry, beside the record in etcd.

Written by the primary in the record's own transaction and signed by it: it holds the new replica's
key policy, so who can write etcd must not be able to change it. Source: protocol §2 (proposals).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError

from regionkms.model.ids import AccountId, KeyId, RegionName, is_region_name
from regionkms.model.key import Tag
from regionkms.model.proto import record_pb2 as pb

NO_ACCOUNT: Final = AccountId("")


class ProposalFormatError(ValueError):
    """Bytes that are no proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal to one Region.

    Attributes:
        region: The target.
        life: ReplicateKey: the life that is proposed; 0 for a change of primary.
        transition_id: A change of primary: its id; empty for ReplicateKey.
        policy: The new replica's key policy; empty means the default one.
        caller_arn: Who asked in the primary's Region; the target authorizes it by its own rules.
        request_context: Condition keys of that request and their values.
    """

    account_id: AccountId
    key_id: KeyId
    region: RegionName
    life: int = 0
    transition_id: str = ""
    policy: str = ""
    bypass_policy_lockout_safety_check: bool = False
    description: str = ""
    tags: tuple[Tag, ...] = ()
    caller_arn: str = ""
    caller_account_id: AccountId = NO_ACCOUNT
    request_context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedProposal:
    """The value in etcd, taken apart but not verified: signed like a record, under its own name."""

    proposal: bytes
    writer: RegionName
    signature: bytes


def encode_proposal(proposal: Proposal) -> bytes:
    """The bytes to sign."""
    return pb.Proposal(
        account_id=proposal.account_id,
        key_id=proposal.key_id,
        region=proposal.region,
        life=proposal.life,
        transition_id=proposal.transition_id,
        policy=proposal.policy,
        bypass_policy_lockout_safety_check=proposal.bypass_policy_lockout_safety_check,
        description=proposal.description,
        tags=[pb.Tag(tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in proposal.tags],
        caller_arn=proposal.caller_arn,
        caller_account_id=proposal.caller_account_id,
        request_context=[
            pb.ContextValue(name=name, values=values)
            for name, values in sorted(proposal.request_context.items())
        ],
    ).SerializeToString(deterministic=True)


def parse_proposal(encoded: bytes) -> Proposal:
    """Read a proposal.

    Raises:
        ProposalFormatError: It is no proposal.
    """
    try:
        message = pb.Proposal.FromString(encoded)
    except DecodeError as error:
        raise ProposalFormatError("not a Proposal") from error
    if not is_region_name(message.region):
        raise ProposalFormatError("the target Region is malformed")
    return Proposal(
        account_id=AccountId(message.account_id),
        key_id=KeyId(message.key_id),
        region=RegionName(message.region),
        life=message.life,
        transition_id=message.transition_id,
        policy=message.policy,
        bypass_policy_lockout_safety_check=message.bypass_policy_lockout_safety_check,
        description=message.description,
        tags=tuple(Tag(tag_key=tag.tag_key, tag_value=tag.tag_value) for tag in message.tags),
        caller_arn=message.caller_arn,
        caller_account_id=AccountId(message.caller_account_id),
        request_context={one.name: tuple(one.values) for one in message.request_context},
    )


def encode_signed_proposal(signed: SignedProposal) -> bytes:
    """The value of a proposal's etcd key."""
    return pb.SignedProposal(
        proposal=signed.proposal, writer=signed.writer, signature=signed.signature
    ).SerializeToString(deterministic=True)


def parse_signed_proposal(value: bytes) -> SignedProposal:
    """Take the value of a proposal's etcd key apart.

    Raises:
        ProposalFormatError: It is no SignedProposal.
    """
    try:
        message = pb.SignedProposal.FromString(value)
    except DecodeError as error:
        raise ProposalFormatError("not a SignedProposal") from error
    if not is_region_name(message.writer):
        raise ProposalFormatError("the writer is malformed")
    return SignedProposal(
        proposal=message.proposal,
        writer=RegionName(message.writer),
        signature=message.signature,
    )
