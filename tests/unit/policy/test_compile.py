"""Conditions of compiled policies: every readable key, and what fails closed (spec 04 §2, §3)."""

import hashlib
from typing import Any

import pytest

from regionkms.policy.compile import compile_policy
from regionkms.policy.outcome import Reason
from regionkms.policy.principal import Principal
from regionkms.policy.request import NO_FACTS, ConditionContext, KeyResource
from tests.support.policies import (
    ALICE,
    BOB,
    DAN,
    FOREIGN,
    KEY,
    KEY_ARN,
    OWNER,
    ROOT,
    SERVICE,
    ask,
    document,
    session,
    statement,
)

_REPLICA = KeyResource(
    arn=KEY_ARN,
    account_id=OWNER,
    key_spec="RSA_2048",
    key_usage="SIGN_VERIFY",
    origin="EXTERNAL",
    multi_region=True,
    multi_region_key_type="REPLICA",
)
_SESSION = session("team/Ops", "one")


def _conditional(condition: dict[str, Any], **elements: Any) -> str:
    return document(statement(Condition=condition, **elements))


def _context(**facts: Any) -> ConditionContext:
    return ConditionContext(**facts)


# key, action, matching value, facts that hold it, facts that don't (None: a call without the key)
_READ_FROM_CALL: list[tuple[str, str, str, dict[str, Any], dict[str, Any] | None]] = [
    ("kms:ViaService", "Decrypt", "s3.x.amazonaws.com", {"via_service": "s3.x.amazonaws.com"}, {}),
    ("kms:RequestAlias", "Decrypt", "alias/a", {"request_alias": "alias/a"}, {}),
    (
        "kms:EncryptionAlgorithm",
        "Encrypt",
        "SYMMETRIC_DEFAULT",
        {"encryption_algorithm": "SYMMETRIC_DEFAULT"},
        {"encryption_algorithm": "RSAES_OAEP_SHA_1"},
    ),
    (
        "kms:ReplicaRegion",
        "ReplicateKey",
        "eu-west-1",
        {"replica_region": "eu-west-1"},
        {"replica_region": "us-west-2"},
    ),
    (
        "kms:BypassPolicyLockoutSafetyCheck",
        "PutKeyPolicy",
        "true",
        {"bypass_policy_lockout_safety_check": True},
        {"bypass_policy_lockout_safety_check": False},
    ),
    (
        "kms:ReEncryptOnSameKey",
        "ReEncryptFrom",
        "true",
        {"reencrypt_on_same_key": True},
        {"reencrypt_on_same_key": False},
    ),
    ("aws:SecureTransport", "Decrypt", "true", {"secure_transport": True}, {}),
    ("aws:ViaAWSService", "Decrypt", "true", {"via_service": "s3.x.amazonaws.com"}, {}),
    (
        "kms:EncryptionContext:App",
        "Decrypt",
        "X",
        {"encryption_context": {"aPP": "X", "b": ""}},
        {"encryption_context": {"App": "x"}},
    ),
    (
        "kms:EncryptionContextKeys",
        "Decrypt",
        "App",
        {"encryption_context": {"App": "", "b": ""}},
        {"encryption_context": {"app": ""}},
    ),
]


@pytest.mark.parametrize(("key", "action", "value", "holding", "other"), _READ_FROM_CALL)
def test_a_key_is_read_from_the_call(
    key: str, action: str, value: str, holding: dict[str, Any], other: dict[str, Any]
) -> None:
    text = _conditional({"StringEquals": {key: value}})
    assert ask(text, ALICE, f"kms:{action}", context=_context(**holding)).allowed
    assert not ask(text, ALICE, f"kms:{action}", context=_context(**other)).allowed


@pytest.mark.parametrize(
    ("key", "value", "other"),
    [
        ("kms:KeySpec", "RSA_2048", "SYMMETRIC_DEFAULT"),
        ("kms:CustomerMasterKeySpec", "RSA_2048", "SYMMETRIC_DEFAULT"),
        ("kms:KeyUsage", "SIGN_VERIFY", "ENCRYPT_DECRYPT"),
        ("kms:CustomerMasterKeyUsage", "SIGN_VERIFY", "ENCRYPT_DECRYPT"),
        ("kms:KeyOrigin", "EXTERNAL", "AWS_KMS"),
        ("kms:MultiRegion", "true", "false"),
        ("kms:MultiRegionKeyType", "REPLICA", "PRIMARY"),
        ("aws:ResourceAccount", OWNER, FOREIGN),
    ],
)
def test_a_key_is_read_from_the_kms_key(key: str, value: str, other: str) -> None:
    for wanted, allowed in ((value, True), (other, False)):
        text = _conditional({"StringEquals": {key: wanted}})
        assert ask(text, ALICE, "kms:DescribeKey", key=_REPLICA).allowed is allowed


def test_single_region_keys_have_no_multi_region_type_but_are_not_multi_region() -> None:
    assert ask(_conditional({"Null": {"kms:MultiRegionKeyType": True}}), ALICE).allowed
    assert ask(_conditional({"Bool": {"kms:MultiRegion": False}}), ALICE).allowed


@pytest.mark.parametrize(
    ("key", "caller", "value"),
    [
        ("kms:CallerAccount", ALICE, OWNER),
        ("aws:PrincipalAccount", ALICE, OWNER),
        ("aws:PrincipalArn", ALICE, ALICE.arn),
        ("aws:PrincipalArn", _SESSION, f"arn:aws:iam::{OWNER}:role/team/Ops"),
        ("aws:PrincipalType", _SESSION, "AssumedRole"),
        ("aws:PrincipalType", ALICE, "User"),
        ("aws:PrincipalIsAWSService", ALICE, "false"),
        ("aws:userid", ALICE, "AIDAALICE"),
        ("aws:userid", ROOT, OWNER),
    ],
)
def test_a_key_is_read_from_the_caller(key: str, caller: Principal, value: str) -> None:
    text = _conditional({"StringEquals": {key: value}})
    assert ask(text, caller, identity=True).allowed
    assert not ask(_conditional({"StringEquals": {key: "other"}}), caller, identity=True).allowed


@pytest.mark.parametrize(
    "key", ["kms:CallerAccount", "aws:PrincipalArn", "aws:PrincipalType", "aws:userid"]
)
def test_a_service_has_no_account_arn_type_or_id(key: str) -> None:
    text = _conditional({"Null": {key: True}}, Principal={"Service": SERVICE.arn})
    assert ask(text, SERVICE).allowed
    own = _conditional(
        {"Bool": {"aws:PrincipalIsAWSService": True}}, Principal={"Service": SERVICE.arn}
    )
    assert ask(own, SERVICE).allowed


def test_caller_account_admits_one_account_to_a_star() -> None:
    """Spec 04 §3.2; names of condition keys have no case (KP-14)."""
    text = _conditional({"StringEquals": {"KMS:calleraccount": FOREIGN}})
    assert ask(text, DAN, identity=True).allowed
    assert not ask(text, ALICE).allowed


def test_an_absent_bypass_flag_is_null_and_a_false_one_is_not() -> None:
    """Spec 04 §2.2, exception A."""
    text = _conditional({"Null": {"kms:BypassPolicyLockoutSafetyCheck": "true"}})
    sent = _context(bypass_policy_lockout_safety_check=False)
    assert ask(text, ALICE, "kms:PutKeyPolicy").allowed
    assert not ask(text, ALICE, "kms:PutKeyPolicy", context=sent).allowed


def test_a_key_is_absent_in_actions_that_do_not_have_it() -> None:
    """Spec 04 §2.2: whatever the call says; a negated operator is then true (COND-5)."""
    facts = _context(replica_region="eu-west-1", encryption_context={"A": "1"})
    absent = _conditional({"StringEquals": {"kms:ReplicaRegion": "eu-west-1"}})
    assert not ask(absent, ALICE, "kms:Decrypt", context=facts).allowed
    negated = _conditional({"StringNotEquals": {"kms:EncryptionContext:A": "1"}})
    assert ask(negated, ALICE, "kms:DescribeKey", context=facts).allowed
    assert not ask(negated, ALICE, "kms:Decrypt", context=facts).allowed


def test_extra_pairs_are_forbidden_by_context_keys() -> None:
    """Spec 04 §3.6: both conditions together; no context at all fails the first."""
    text = _conditional(
        {
            "StringEquals": {"kms:EncryptionContext:AppName": "ExampleApp"},
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["AppName"]},
        }
    )
    good = {"AppName": "ExampleApp"}
    assert ask(text, ALICE, context=_context(encryption_context=good)).allowed
    extra = _context(encryption_context=good | {"Project": "Alpha"})
    assert not ask(text, ALICE, context=extra).allowed
    assert not ask(text, ALICE, context=NO_FACTS).allowed


@pytest.mark.parametrize(
    ("context", "allowed"),
    [({"AppName": "H", "Project": "A"}, True), ({"Project": "A"}, False), ({}, False)],
)
def test_for_any_value_wants_one_of_the_context_keys(
    context: dict[str, str],
    allowed: bool,  # noqa: FBT001 - the expectation
) -> None:
    """Spec 04 §3.7."""
    text = _conditional({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "AppName"}})
    assert ask(text, ALICE, context=_context(encryption_context=context)).allowed is allowed
    some = _conditional({"Null": {"kms:EncryptionContextKeys": False}})
    assert ask(some, ALICE, context=_context(encryption_context=context)).allowed is bool(context)


def test_a_second_spelling_of_a_context_key_neither_opens_nor_escapes_a_condition() -> None:
    wanted = {"StringEquals": {"kms:EncryptionContext:Stage": "Test"}}
    restricted = {"StringEquals": {"kms:EncryptionContext:Stage": "Restricted"}}
    both = _context(encryption_context={"Stage": "Restricted", "stage": "Test"})
    assert not ask(_conditional(wanted), ALICE, context=both).allowed
    text = document(statement(), statement(Effect="Deny", Condition=restricted))
    assert not ask(text, ALICE, context=both).allowed
    same = _context(encryption_context={"Stage": "Test", "stage": "Test"})
    assert ask(_conditional(wanted), ALICE, context=same).allowed
    assert ask(text, ALICE, context=same).allowed
    unlike = _conditional({"StringNotEquals": {"kms:EncryptionContext:Stage": "Restricted"}})
    assert not ask(unlike, ALICE, context=both).allowed


def test_lookalike_letters_are_not_the_letters_of_a_condition() -> None:
    text = _conditional({"StringEquals": {"kms:EncryptionContext:Key": "v"}})
    lookalike = _context(encryption_context={"\u212aey": "v"})
    assert not ask(text, ALICE, context=lookalike).allowed


_VARIABLE = {"StringEquals": {"kms:EncryptionContext:user": "${aws:username}"}}
# what can't be evaluated, and how the decision names it
_UNEVALUATED: list[tuple[dict[str, Any], str]] = [
    (
        {"Condition": {"NumericLessThan": {"kms:CallerAccount": "5"}}},
        'condition operator "NumericLessThan"',
    ),
    (
        {"Condition": {"StringEqualz": {"kms:CallerAccount": "5"}}},
        'condition operator "StringEqualz"',
    ),
    ({"Condition": {"StringLike": {"aws:SourceArn": "*"}}}, 'condition key "aws:SourceArn"'),
    ({"Condition": {"StringLike": {"my:Key": "*"}}}, 'condition key "my:Key"'),
    ({"Condition": {"Null": {"kms:ResourceAliases": True}}}, 'condition key "kms:ResourceAliases"'),
    (
        {"Condition": _VARIABLE},
        'policy variable in a value of condition key "kms:EncryptionContext:user"',
    ),
    ({"Resource": "arn:aws:kms:*:${aws:PrincipalAccount}:*"}, "policy variable in Resource"),
    ({"NotPrincipal": {"AWS": BOB.arn}}, "NotPrincipal"),
]


@pytest.mark.parametrize(("elements", "name"), _UNEVALUATED)
def test_an_allow_that_can_not_be_evaluated_never_matches(
    elements: dict[str, Any], name: str
) -> None:
    text = document(statement(**elements))
    for identity in (True, False):
        decision = ask(text, ALICE, identity=identity)
        assert not decision.allowed
        assert decision.unevaluated == (name,)
    assert ask(document(statement(**elements), statement()), ALICE).allowed


@pytest.mark.parametrize(("elements", "name"), _UNEVALUATED)
def test_a_deny_that_can_not_be_evaluated_always_matches(
    elements: dict[str, Any], name: str
) -> None:
    text = document(statement(), statement(Effect="Deny", Sid="d", **elements))
    for caller in (ALICE, BOB, ROOT):
        decision = ask(text, caller, identity=True)
        assert decision.reason is Reason.EXPLICIT_DENY_KEY_POLICY
        assert decision.unevaluated == (name,)
        assert decision.statements[0].sid == "d"


@pytest.mark.parametrize(("elements", "_name"), _UNEVALUATED)
def test_a_deny_that_can_not_be_evaluated_keeps_to_its_other_parts(
    elements: dict[str, Any], _name: str
) -> None:
    text = document(statement(), statement(Effect="Deny", Action="kms:Encrypt", **elements))
    assert ask(text, ALICE, "kms:Decrypt").allowed
    assert not ask(text, ALICE, "kms:Encrypt").allowed
    condition = elements.get("Condition", {}) | {"StringLike": {"kms:ViaService": "s3.*"}}
    if "StringLike" not in elements.get("Condition", {}):
        narrow = statement(Effect="Deny", **(elements | {"Condition": condition}))
        assert ask(document(statement(), narrow), ALICE).allowed


def test_a_refusal_names_only_what_would_have_been_enough() -> None:
    blocked = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    also = blocked | {"StringEquals": {"kms:EncryptionContext:A": "1"}}
    text = document(
        statement(Condition=also),
        statement(Condition=blocked, Action="kms:Encrypt"),
        statement(Condition=blocked, Principal={"AWS": BOB.arn}),
    )
    assert ask(text, ALICE).unevaluated == ()
    held = _context(encryption_context={"A": "1"})
    assert ask(text, ALICE, context=held).unevaluated == ('condition operator "IpAddress"',)


def test_the_names_in_a_refusal_are_bounded_and_given_once() -> None:
    many = [statement(Condition={"StringLike": {f"my:Key{i}": "*"}}) for i in range(40)]
    decision = ask(document(*many, *many), ALICE)
    assert len(decision.unevaluated) == 16
    assert len(set(decision.unevaluated)) == 16


def test_the_older_version_takes_variables_literally() -> None:
    text = document(statement(Condition=_VARIABLE), version="2008-10-17")
    literal = _context(encryption_context={"user": "${aws:username}"})
    assert ask(text, ALICE, context=literal).allowed
    assert not ask(text, ALICE, context=_context(encryption_context={"user": "Alice"})).allowed


def test_a_policy_is_known_by_the_digest_of_its_text() -> None:
    text = document(statement())
    assert compile_policy(text).digest == hashlib.sha256(text.encode()).digest()
    assert compile_policy(f"{text} ").digest != compile_policy(text).digest


def test_keys_of_one_policy_share_a_decision_but_not_their_properties() -> None:
    text = _conditional({"StringEquals": {"kms:KeySpec": "RSA_2048"}})
    assert ask(text, ALICE, "kms:DescribeKey", key=_REPLICA).allowed
    assert not ask(text, ALICE, "kms:DescribeKey", key=KEY).allowed
