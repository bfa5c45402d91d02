import pytest

from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.key import Tag
from regionkms.model.proposal import (
    Proposal,
    ProposalFormatError,
    SignedProposal,
    encode_proposal,
    encode_signed_proposal,
    parse_proposal,
    parse_signed_proposal,
)

PROPOSAL = Proposal(
    account_id=AccountId("111122223333"),
    key_id=KeyId("mrk-" + "0" * 32),
    region=RegionName("eu-west-1"),
    life=2,
    transition_id="t",
    policy='{"Statement": []}',
    bypass_policy_lockout_safety_check=True,
    description="a replica",
    tags=(Tag(tag_key="b", tag_value="1"), Tag(tag_key="a", tag_value="")),
    caller_arn="arn:aws:iam::111122223333:root",
    caller_account_id=AccountId("111122223333"),
    request_context={"kms:ViaService": ("s3",), "aws:TagKeys": ("a", "b")},
)


def test_every_field_survives_the_way_through_bytes() -> None:
    assert parse_proposal(encode_proposal(PROPOSAL)) == PROPOSAL


def test_a_signed_proposal_keeps_its_bytes() -> None:
    signed = SignedProposal(
        proposal=encode_proposal(PROPOSAL), writer=RegionName("us-east-1"), signature=b"s"
    )
    assert parse_signed_proposal(encode_signed_proposal(signed)) == signed


@pytest.mark.parametrize("value", [b"", b"\xff", b"\x0a\x05ab"])
def test_bytes_that_are_no_proposal_are_refused(value: bytes) -> None:
    with pytest.raises(ProposalFormatError):
        parse_proposal(value)
    with pytest.raises(ProposalFormatError):
        parse_signed_proposal(value)
