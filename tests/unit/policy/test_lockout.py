"""The lockout check (spec 03 KP-37)."""

from typing import Any

import pytest

from regionkms.model.errors import MalformedPolicyDocumentException
from regionkms.policy.compile import compile_policy
from regionkms.policy.default import default_policy
from regionkms.policy.lockout import check_lockout
from regionkms.policy.principal import Principal
from regionkms.policy.request import ConditionContext
from tests.support.policies import (
    ALICE,
    BOB,
    FOREIGN_ARN,
    KEY,
    OWNER,
    ROOT,
    document,
    session,
    statement,
)


@pytest.mark.parametrize("writer", [ROOT, ALICE, session("Ops", "one")])
def test_the_default_policy_locks_nobody_out(writer: Principal) -> None:
    check_lockout(compile_policy(default_policy(OWNER)), writer, key=KEY)


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": {"AWS": ALICE.arn}, "Action": "kms:Put*"},
        {"Principal": {"AWS": OWNER}, "Action": "kms:PutKeyPolicy"},
        {"Condition": {"StringEquals": {"kms:CallerAccount": OWNER}}},
        {"Condition": {"Null": {"kms:ViaService": True}}},
    ],
)
def test_an_allow_to_the_writer_or_its_account_is_enough(elements: dict[str, Any]) -> None:
    check_lockout(compile_policy(document(statement(**elements))), ALICE, key=KEY)


@pytest.mark.parametrize(
    "statements",
    [
        [statement(Principal={"AWS": BOB.arn})],
        [statement(Principal={"AWS": FOREIGN_ARN})],
        [statement(Action="kms:Get*")],
        [statement(NotAction="kms:PutKeyPolicy")],
        [statement(Resource=None)],
        [statement(Resource=f"arn:aws:kms:eu-west-1:{OWNER}:key/*")],
        [statement(), statement(Effect="Deny", Action="kms:PutKeyPolicy")],
        [statement(Condition={"StringEquals": {"kms:ViaService": "s3.x.amazonaws.com"}})],
        [statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})],
        [
            statement(),
            statement(Effect="Deny", Condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        ],
    ],
)
def test_a_policy_that_locks_its_writer_out_is_refused(statements: list[dict[str, Any]]) -> None:
    policy = compile_policy(document(*statements))
    with pytest.raises(MalformedPolicyDocumentException) as raised:
        check_lockout(policy, ALICE, key=KEY)
    assert raised.value.message == (
        "The new key policy will not allow you to update the key policy in the future."
    )


def test_the_facts_of_the_present_call_count() -> None:
    policy = compile_policy(document(statement(Condition={"Bool": {"aws:SecureTransport": True}})))
    check_lockout(policy, ALICE, key=KEY, context=ConditionContext(secure_transport=True))
    with pytest.raises(MalformedPolicyDocumentException, match="will not allow you to update"):
        check_lockout(policy, ALICE, key=KEY)
