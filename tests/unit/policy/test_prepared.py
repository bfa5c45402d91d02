"""Partly evaluated decisions: what is constant and what is left to the call."""

from regionkms.policy.compile import compile_policy
from regionkms.policy.default import default_policy
from regionkms.policy.outcome import Reason
from regionkms.policy.prepared import PreparedDecision, Subject, prepare
from regionkms.policy.principal import Principal
from regionkms.policy.request import IdentityVerdict
from tests.support.policies import ALICE, OWNER, ROOT, document, statement


def _prepare(text: str, caller: Principal = ROOT, action: str = "kms:Decrypt") -> PreparedDecision:
    subject = Subject(principal=caller, action=action, owner=OWNER, identity=IdentityVerdict.ALLOW)
    return prepare(compile_policy(text), subject)


def test_the_default_policy_leaves_nothing_to_the_call() -> None:
    constant = _prepare(default_policy(OWNER)).constant
    assert constant is not None
    assert constant.allowed


def test_a_condition_on_the_caller_leaves_nothing_to_the_call() -> None:
    text = document(statement(Condition={"StringEquals": {"kms:CallerAccount": OWNER}}))
    constant = _prepare(text).constant
    assert constant is not None
    assert constant.reason is Reason.KEY_POLICY


def test_a_condition_that_the_action_does_not_have_leaves_nothing_to_the_call() -> None:
    text = document(statement(Condition={"StringEquals": {"kms:EncryptionContext:A": "1"}}))
    constant = _prepare(text, action="kms:DescribeKey").constant
    assert constant is not None
    assert not constant.allowed
    assert _prepare(text).constant is None


def test_an_unconditional_deny_settles_what_follows() -> None:
    conditional = statement(Condition={"StringEquals": {"kms:ViaService": "x"}})
    constant = _prepare(document(conditional, statement(Effect="Deny"))).constant
    assert constant is not None
    assert constant.reason is Reason.EXPLICIT_DENY_KEY_POLICY


def test_a_conditional_deny_is_asked_before_an_unconditional_allow() -> None:
    deny = statement(Effect="Deny", Condition={"StringEquals": {"kms:ViaService": "x"}})
    assert _prepare(document(statement(), deny)).constant is None


def test_a_condition_on_the_key_is_left_so_that_keys_can_share_the_decision() -> None:
    text = document(statement(Condition={"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}}))
    assert _prepare(text).constant is None
    assert _prepare(document(statement(Resource=f"arn:aws:kms:*:{OWNER}:key/*"))).constant is None


def test_a_blocked_allow_is_named_by_a_constant_or_by_the_call() -> None:
    blocked = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    constant = _prepare(document(statement(Condition=blocked)), ALICE).constant
    assert constant is not None
    assert constant.unevaluated == ('condition operator "IpAddress"',)
    left = document(statement(Condition=blocked | {"StringEquals": {"kms:ViaService": "x"}}))
    assert _prepare(left, ALICE).constant is None


def test_subjects_are_keys_of_a_cache() -> None:
    def subject(action: str) -> Subject:
        return Subject(principal=ALICE, action=action, owner=OWNER, identity=IdentityVerdict.ALLOW)

    assert hash(subject("kms:Decrypt")) == hash(subject("kms:Decrypt"))
    assert subject("kms:Decrypt") == subject("kms:Decrypt")
    assert subject("kms:Decrypt") != subject("kms:Encrypt")
