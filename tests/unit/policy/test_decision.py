"""The decision to allow: principles, truth table and scenarios (spec 03 §3.2-3.7, §11)."""

from typing import Any

import pytest

from regionkms.policy.compile import compile_policy
from regionkms.policy.decision import decide, decide_unknown_key, denial_message
from regionkms.policy.default import default_policy
from regionkms.policy.outcome import Decision, Reason, StatementRef
from regionkms.policy.permissions import KEY_ACTIONS
from regionkms.policy.prepared import Subject
from regionkms.policy.principal import Principal
from regionkms.policy.request import (
    AccessRequest,
    AliasResource,
    ConditionContext,
    IdentityVerdict,
    NoResource,
)
from regionkms.policy.statement import Effect
from tests.support.policies import (
    ACCOUNT_ARN,
    ALICE,
    BOB,
    DAN,
    FOREIGN,
    FOREIGN_ARN,
    FOREIGN_ROOT,
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

_DEFAULT = default_policy(OWNER)
_ACCOUNT = statement(Principal={"AWS": ACCOUNT_ARN})
_FOREIGN_ACCOUNT = statement(Principal={"AWS": FOREIGN_ARN})


def _named(*callers: Principal, **elements: Any) -> dict[str, Any]:
    return statement(Principal={"AWS": [c.arn for c in callers]}, **elements)


# Truth table of spec 03 §3.4: case, statements, identity side allows, same account, other account
_TRUTH = [
    ("T1", [_named(ALICE, DAN), statement(Effect="Deny")], True, False, False),
    ("T1 identity absent", [_named(ALICE, DAN), statement(Effect="Deny")], False, False, False),
    ("T2", [_named(BOB)], False, False, False),
    ("T3", [_named(BOB)], True, False, False),
    ("T4", [_ACCOUNT, _FOREIGN_ACCOUNT], False, False, False),
    ("T5", [_ACCOUNT, _FOREIGN_ACCOUNT], True, True, True),
    ("T6", [_named(ALICE, DAN)], False, True, False),
    ("T7", [_named(ALICE, DAN)], True, True, True),
    ("T14", [_ACCOUNT], True, True, False),
]


@pytest.mark.parametrize(("case", "statements", "identity", "same", "other"), _TRUTH)
def test_the_truth_table_holds(
    case: str,
    statements: list[dict[str, Any]],
    identity: bool,  # noqa: FBT001 - a column of the table, as are the next two
    same: bool,  # noqa: FBT001
    other: bool,  # noqa: FBT001
) -> None:
    text = document(*statements)
    assert ask(text, ALICE, identity=identity).allowed is same, case
    assert ask(text, DAN, identity=identity).allowed is other, case


def test_root_users_act_through_the_account_statement() -> None:
    """T4 for root users; S9, AZ-7."""
    text = document(_ACCOUNT, _FOREIGN_ACCOUNT)
    assert ask(text, ROOT, identity=True).allowed
    assert ask(text, FOREIGN_ROOT, identity=True).allowed


def test_a_foreign_account_must_be_enabled_in_the_region() -> None:
    """T13, S13, AZ-15."""
    text = document(_FOREIGN_ACCOUNT)
    decision = ask(text, DAN, identity=True, account_enabled=False)
    assert decision == Decision(allowed=False, reason=Reason.ACCOUNT_NOT_ENABLED)
    assert ask(document(_ACCOUNT), ALICE, identity=True, account_enabled=False).allowed


def test_the_default_policy_gives_nothing_to_a_user_without_identity_policy() -> None:
    """S1, S2, S7, AZ-1, AZ-6, AZ-8."""
    decision = ask(_DEFAULT, ALICE)
    assert decision == Decision(allowed=False, reason=Reason.NO_IDENTITY_POLICY)
    assert ask(_DEFAULT, ALICE, identity=True).allowed


def test_the_statement_that_allowed_is_named() -> None:
    decision = ask(_DEFAULT, ROOT, identity=True)
    assert decision == Decision(
        allowed=True,
        reason=Reason.ACCOUNT_AND_IDENTITY,
        statements=(
            StatementRef(
                document="key policy",
                index=0,
                sid="Enable IAM User Permissions",
                effect=Effect.ALLOW,
            ),
        ),
    )


def test_a_key_policy_does_not_trust_its_account_unless_it_says_so() -> None:
    """S4, S5, S8, AZ-4."""
    text = document(_named(BOB))
    assert ask(text, ALICE, identity=True) == Decision(allowed=False, reason=Reason.NO_KEY_POLICY)
    assert ask(text, BOB).reason is Reason.KEY_POLICY
    root = ask(text, ROOT, "kms:DescribeKey", identity=True)
    assert root.reason is Reason.NO_KEY_POLICY


@pytest.mark.parametrize("caller", [BOB, DAN])
def test_an_explicit_deny_of_the_identity_side_beats_the_key_policy(caller: Principal) -> None:
    """S6, AZ-2, AZ-3."""
    request = AccessRequest(
        principal=caller,
        action="kms:Decrypt",
        resource=KEY,
        identity=IdentityVerdict.EXPLICIT_DENY,
    )
    decision = decide(request, compile_policy(document(_named(BOB, DAN))))
    assert decision == Decision(allowed=False, reason=Reason.EXPLICIT_DENY_IDENTITY)


def test_the_account_statement_delegates_its_own_actions_only() -> None:
    """S10."""
    text = document(statement(Principal={"AWS": OWNER}, Action="kms:DescribeKey"))
    assert not ask(text, ALICE, "kms:Decrypt", identity=True).allowed
    assert ask(text, ALICE, "kms:DescribeKey", identity=True).allowed


def test_a_foreign_account_needs_both_policies() -> None:
    """S11, S12, AZ-14."""
    text = document(statement(Principal={"AWS": FOREIGN_ARN}, Action="kms:Decrypt"))
    assert ask(text, DAN).reason is Reason.NO_IDENTITY_POLICY
    assert ask(text, DAN, identity=True).allowed
    assert ask(document(_ACCOUNT), DAN, identity=True).reason is Reason.NO_KEY_POLICY


@pytest.mark.parametrize("action", ["PutKeyPolicy", "GetKeyPolicy", "TagResource", "CreateAlias"])
def test_actions_that_stay_at_home_are_refused_to_strangers(action: str) -> None:
    """S14, AZ-20."""
    role = session("X", "one", FOREIGN)
    text = document(statement(Principal={"AWS": role.role_arn}, Action=f"kms:{action}"))
    decision = ask(text, role, f"kms:{action}", identity=True)
    assert decision == Decision(allowed=False, reason=Reason.NOT_CROSS_ACCOUNT)


def test_a_star_opens_the_key_to_its_account_and_to_others_by_their_own_leave() -> None:
    """S15, KP-17."""
    text = document(statement(Action="kms:Encrypt"))
    assert ask(text, ALICE, "kms:Encrypt").allowed
    assert not ask(text, DAN, "kms:Encrypt").allowed
    assert ask(text, DAN, "kms:Encrypt", identity=True).allowed
    assert not ask(text, SERVICE, "kms:Encrypt").allowed


@pytest.mark.parametrize("missing", ["Resource", "Action"])
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_statement_without_resource_or_action_has_no_effect(missing: str, effect: str) -> None:
    """S16, KP-11."""
    text = document(_ACCOUNT, _named(ALICE, **{missing: None, "Effect": effect}))
    assert not ask(text, ALICE).allowed
    assert ask(text, ALICE, identity=True).allowed


def test_administrators_administer_and_do_not_use() -> None:
    """S21, S22."""
    actions = ["kms:Create*", "kms:Put*", "kms:Delete*", "kms:ScheduleKeyDeletion"]
    role = session("Admin", "one")
    text = document(statement(Principal={"AWS": role.role_arn}, Action=actions))
    assert not ask(text, role, "kms:Encrypt").allowed
    assert ask(text, role, "kms:PutKeyPolicy").allowed
    assert ask(text, role, "kms:ScheduleKeyDeletion").allowed
    assert not ask(text, role, "kms:CancelKeyDeletion").allowed
    assert ask(text, role, "kms:DeleteAlias").allowed


def test_encryption_context_conditions_never_allow_describe_key() -> None:
    """S25, KP-42."""
    text = document(
        _named(
            ALICE,
            Action=["kms:DescribeKey", "kms:Decrypt"],
            Condition={"StringEquals": {"kms:EncryptionContext:App": "x"}},
        )
    )
    context = ConditionContext(encryption_context={"App": "x"})
    assert not ask(text, ALICE, "kms:DescribeKey", context=context).allowed
    assert ask(text, ALICE, "kms:Decrypt", context=context).allowed


def test_a_service_is_allowed_by_its_name_without_identity_side() -> None:
    text = document(statement(Principal={"Service": SERVICE.arn}, Action="kms:GenerateDataKey*"))
    assert ask(text, SERVICE, "kms:GenerateDataKey").reason is Reason.KEY_POLICY
    assert ask(text, SERVICE, "kms:Decrypt").reason is Reason.NO_KEY_POLICY
    assert not ask(text, ALICE, "kms:GenerateDataKey", identity=True).allowed


@pytest.mark.parametrize("caller", [ROOT, ALICE, session("Ops", "one")])
def test_a_deny_of_an_account_covers_all_its_identities(caller: Principal) -> None:
    text = document(
        statement(), _ACCOUNT, statement(Effect="Deny", Sid="no", Principal={"AWS": OWNER})
    )
    decision = ask(text, caller, identity=True)
    assert decision.reason is Reason.EXPLICIT_DENY_KEY_POLICY
    assert [(s.index, s.sid, s.effect) for s in decision.statements] == [(2, "no", Effect.DENY)]
    assert ask(text, DAN, identity=True).allowed


def test_a_deny_beats_an_allow_wherever_it_stands() -> None:
    """AZ-2."""
    deny = statement(Effect="Deny", Action="kms:Decrypt")
    for statements in ([deny, _ACCOUNT], [_ACCOUNT, deny]):
        text = document(*statements)
        assert ask(text, ROOT, identity=True).reason is Reason.EXPLICIT_DENY_KEY_POLICY
        assert ask(text, ROOT, "kms:Encrypt", identity=True).allowed


def test_not_action_leaves_out_what_it_names() -> None:
    text = document(_named(ALICE, NotAction=["kms:Decrypt", "kms:re*"]))
    assert not ask(text, ALICE, "kms:Decrypt").allowed
    assert not ask(text, ALICE, "kms:ReEncryptTo").allowed
    assert ask(text, ALICE, "kms:Encrypt").allowed


@pytest.mark.parametrize(
    ("resource", "matches"),
    [
        ("*", True),
        (KEY_ARN, True),
        (f"arn:aws:kms:us-west-2:{OWNER}:key/*", True),
        ("arn:aws:kms:*", True),
        ("arn:aws:kms:us-west-?:*", True),
        (KEY_ARN.upper().replace("ARN:AWS", "arn:aws"), False),
        (f"arn:aws:kms:us-west-2:{OWNER}:alias/*", False),
        (f"arn:aws:kms:eu-west-1:{OWNER}:key/*", False),
    ],
)
def test_a_resource_is_matched_with_the_keys_own_arn(resource: str, matches: bool) -> None:  # noqa: FBT001 - the expectation
    assert ask(document(_named(ALICE, Resource=resource)), ALICE).allowed is matches
    assert ask(document(_named(ALICE, NotResource=resource)), ALICE).allowed is not matches


def test_conditions_of_a_deny_and_an_allow_must_all_hold() -> None:
    """AZ-17, COND-4."""
    both = {"StringEquals": {"kms:EncryptionContext:A": "1", "kms:EncryptionContext:B": "2"}}
    text = document(_named(ALICE, Condition=both), _named(BOB))
    one = ConditionContext(encryption_context={"A": "1"})
    two = ConditionContext(encryption_context={"A": "1", "B": "2", "C": "3"})
    assert not ask(text, ALICE, context=one).allowed
    assert ask(text, ALICE, context=two).allowed
    denied = document(_named(BOB), statement(Effect="Deny", Condition=both))
    assert ask(denied, BOB, context=one).allowed
    assert not ask(denied, BOB, context=two).allowed


@pytest.mark.parametrize("action", ["kms:CreateKey", "kms:ListKeys", "kms:ListAliases"])
def test_checks_without_a_resource_are_the_identity_sides(action: str) -> None:
    """S20, AZ-18."""
    outcomes = {
        verdict: decide(
            AccessRequest(principal=ALICE, action=action, resource=NoResource(), identity=verdict)
        ).reason
        for verdict in IdentityVerdict
    }
    assert outcomes == {
        IdentityVerdict.ALLOW: Reason.IDENTITY,
        IdentityVerdict.IMPLICIT_DENY: Reason.NO_IDENTITY_POLICY,
        IdentityVerdict.EXPLICIT_DENY: Reason.EXPLICIT_DENY_IDENTITY,
    }


@pytest.mark.parametrize("action", ["kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"])
def test_the_alias_part_of_alias_operations_is_never_across_accounts(action: str) -> None:
    alias = AliasResource(arn=f"arn:aws:kms:us-west-2:{OWNER}:alias/a", account_id=OWNER)
    for caller, reason in ((ROOT, Reason.IDENTITY), (FOREIGN_ROOT, Reason.NOT_CROSS_ACCOUNT)):
        request = AccessRequest(
            principal=caller, action=action, resource=alias, identity=IdentityVerdict.ALLOW
        )
        assert decide(request).reason is reason


def test_retire_grant_in_a_key_policy_has_no_effect() -> None:
    """AZ-19: neither its Allow nor its Deny; only a grant allows it."""
    assert not ask(document(statement()), ALICE, "kms:RetireGrant", identity=True).allowed
    decision = ask(document(statement(Effect="Deny")), ALICE, "kms:RetireGrant", identity=True)
    assert decision == Decision(allowed=False, reason=Reason.NO_KEY_POLICY)


def test_mistakes_of_the_program_are_errors() -> None:
    request = AccessRequest(
        principal=ROOT, action="kms:Decrypt", resource=KEY, identity=IdentityVerdict.ALLOW
    )
    with pytest.raises(ValueError, match=f"{KEY_ARN} has no key policy"):
        decide(request)
    with pytest.raises(ValueError, match="kms:ListKeys is not checked on a resource of kind"):
        ask(_DEFAULT, ROOT, "kms:ListKeys", identity=True)
    wrong = AccessRequest(
        principal=ROOT,
        action="kms:Decrypt",
        resource=NoResource(),
        identity=IdentityVerdict.ALLOW,
    )
    with pytest.raises(ValueError, match="kms:Decrypt is not checked on a resource of kind"):
        decide(wrong)


def _unknown(caller: Principal, identity: IdentityVerdict, action: str = "kms:Decrypt") -> Decision:
    return decide_unknown_key(
        Subject(principal=caller, action=action, owner=OWNER, identity=identity)
    )


def test_who_may_do_it_in_its_own_account_hears_that_a_key_is_unknown() -> None:
    assert _unknown(ROOT, IdentityVerdict.ALLOW).allowed
    assert not _unknown(ALICE, IdentityVerdict.IMPLICIT_DENY).allowed
    assert _unknown(ALICE, IdentityVerdict.EXPLICIT_DENY).reason is Reason.EXPLICIT_DENY_IDENTITY
    assert not _unknown(FOREIGN_ROOT, IdentityVerdict.ALLOW).allowed
    assert not _unknown(FOREIGN_ROOT, IdentityVerdict.ALLOW, "kms:PutKeyPolicy").allowed
    with pytest.raises(ValueError, match="kms:CreateKey is not checked"):
        _unknown(ROOT, IdentityVerdict.ALLOW, "kms:CreateKey")


def _message(decision: Decision, caller: Principal, action: str = "kms:Decrypt") -> str:
    return denial_message(decision, caller, action=action, resource_arn=KEY_ARN)


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:PutKeyPolicy"])
def test_an_unknown_key_is_refused_in_the_words_of_a_key_that_denies(action: str) -> None:
    """Byte for byte, whatever the policy of the existing key looks like."""
    nothing = IdentityVerdict.IMPLICIT_DENY
    unknown = _message(_unknown(ALICE, nothing, action), ALICE, action)
    for text in (_DEFAULT, document(_named(BOB))):
        assert _message(ask(text, ALICE, action), ALICE, action) == unknown
    for identity in (True, False):
        verdict = IdentityVerdict.ALLOW if identity else nothing
        unknown = _message(_unknown(DAN, verdict, action), DAN, action)
        for text in (
            _DEFAULT,
            document(statement(Effect="Deny")),
            document(statement(Action="kms:DescribeKey")),
            document(_named(DAN, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        ):
            decision = ask(text, DAN, action, identity=identity)
            assert not decision.allowed
            assert _message(decision, DAN, action) == unknown


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (Reason.NO_KEY_POLICY, "because no resource-based policy allows the kms:Decrypt action"),
        (
            Reason.NO_IDENTITY_POLICY,
            "because no identity-based policy allows the kms:Decrypt action",
        ),
        (Reason.EXPLICIT_DENY_KEY_POLICY, "with an explicit deny in a resource-based policy"),
        (Reason.EXPLICIT_DENY_IDENTITY, "with an explicit deny in an identity-based policy"),
    ],
)
def test_a_denial_says_who_what_where_and_why(reason: Reason, ending: str) -> None:
    """AZ-22."""
    assert _message(Decision(allowed=False, reason=reason), ALICE) == (
        f"User: {ALICE.arn} is not authorized to perform: kms:Decrypt on resource: {KEY_ARN} "
        f"{ending}"
    )


def test_strangers_hear_one_sentence_for_every_reason() -> None:
    denials = [r for r in Reason if r not in {Reason.KEY_POLICY, Reason.IDENTITY}]
    messages = {_message(Decision(allowed=False, reason=reason), DAN) for reason in denials}
    only = (
        f"User: {DAN.arn} is not authorized to perform: kms:Decrypt on this resource because the "
        "resource does not exist in this Region, no resource-based policies allow access, or a "
        "resource-based policy explicitly denies access"
    )
    assert messages == {only}


def test_a_check_without_resource_is_denied_on_a_star() -> None:
    decision = Decision(allowed=False, reason=Reason.NO_IDENTITY_POLICY)
    message = denial_message(decision, ALICE, action="kms:ListKeys", resource_arn="*")
    assert message == (
        f"User: {ALICE.arn} is not authorized to perform: kms:ListKeys on resource: * because no "
        "identity-based policy allows the kms:ListKeys action"
    )


@pytest.mark.parametrize("action", sorted(KEY_ACTIONS))
def test_every_action_on_keys_can_be_decided(action: str) -> None:
    assert ask(_DEFAULT, ROOT, action, identity=True).allowed
