"""Decisions partly evaluated: what policy, caller and action settle is settled once.

The data plane asks the same few questions again and again, so `prepare` works out which statements
can still matter and leaves of each only the tests that need the key or the call. With the default
key policy nothing is left: the decision is a constant. A prepared decision does not depend on the
key but on its owner's account, so that all keys with one policy text share it.

Source: spec 03 §3.3; the oracle of this module is tests/support/plain_policy.py.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from regionkms.model.ids import AccountId
from regionkms.policy.compile import CompiledPolicy, CompiledStatement
from regionkms.policy.outcome import Decision, Reason
from regionkms.policy.permissions import (
    CROSS_ACCOUNT_ACTIONS,
    PolicyType,
    ResourceKind,
    permission_for,
)
from regionkms.policy.principal import Coverage, Principal, PrincipalKind
from regionkms.policy.request import AccessRequest, IdentityVerdict, NoResource

RequestTest = Callable[[AccessRequest], bool]
Tests = tuple[RequestTest, ...]
_MAX_NAMED: Final = 16
"""Things named in Decision.unevaluated; a policy has room for hundreds."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a check that neither the key nor the call's facts change.

    Attributes:
        owner: The account of the key.
        account_enabled: Whether the caller's account is enabled in the key's Region (AZ-15).
    """

    principal: Principal
    action: str
    owner: AccountId
    identity: IdentityVerdict
    account_enabled: bool = True

    @property
    def foreign(self) -> bool:
        """Whether the key belongs to another account than the caller."""
        return self.principal.account_id != self.owner


class PreparedDecision:
    """What is left of a decision for one policy and one subject.

    Attributes:
        constant: The decision, where nothing is left to evaluate; otherwise None.
    """

    __slots__ = ("_blocked", "_refusal", "_rules", "constant")

    def __init__(
        self,
        rules: tuple[tuple[Tests, Decision], ...],
        blocked: tuple[tuple[Tests, tuple[str, ...]], ...],
        refusal: Decision,
    ) -> None:
        """Take the rules in the order in which they decide.

        Args:
            rules: The first whose tests all pass decides. Denies stand before allows.
            blocked: Allows that can't be evaluated, to be named in the refusal.
            refusal: If no rule decides.
        """
        self._rules = rules
        self._blocked = blocked
        self._refusal = refusal
        self.constant = self._settle()

    def _settle(self) -> Decision | None:
        if self._rules:
            tests, decision = self._rules[0]
            return None if tests else decision
        if any(tests for tests, _names in self._blocked):
            return None
        return self._refuse(tuple(names for _tests, names in self._blocked))

    def decide(self, request: AccessRequest) -> Decision:
        """Decide a request of the subject that this was prepared for."""
        if self.constant is not None:
            return self.constant
        for tests, decision in self._rules:
            if _pass(tests, request):
                return decision
        return self._refuse(tuple(names for tests, names in self._blocked if _pass(tests, request)))

    def _refuse(self, blocked: tuple[tuple[str, ...], ...]) -> Decision:
        if not blocked:
            return self._refusal
        named = dict.fromkeys(name for names in blocked for name in names)
        return Decision(
            allowed=False,
            reason=self._refusal.reason,
            unevaluated=tuple(named)[:_MAX_NAMED],
        )


def _pass(tests: Tests, request: AccessRequest) -> bool:
    for test in tests:  # noqa: SIM110 - half the time of all() with a generator on the data plane
        if not test(request):
            return False
    return True


def subject_of(request: AccessRequest, owner: AccountId) -> Subject:
    """The subject of a request on a key of the owner's account."""
    return Subject(
        principal=request.principal,
        action=request.action,
        owner=owner,
        identity=request.identity,
        account_enabled=request.account_enabled,
    )


def prepare(policy: CompiledPolicy, subject: Subject) -> PreparedDecision:
    """Evaluate what the policy and the subject settle, for an action on a key.

    The order of spec 03 §3.3: explicit denies, then what the key policy allows to whom. A key
    policy has no say about `kms:RetireGrant` (AZ-19), which only a grant allows.

    Raises:
        ValueError: The action is not checked on keys.
    """
    permission = permission_for(subject.action, ResourceKind.KEY)
    refusal = Decision(allowed=False, reason=refusal_reason(subject))
    rules: list[tuple[Tests, Decision]] = []
    blocked: list[tuple[Tests, tuple[str, ...]]] = []
    if _denied_by_identity(subject):
        rules.append(((), Decision(allowed=False, reason=Reason.EXPLICIT_DENY_IDENTITY)))
    if permission.policy_type is PolicyType.KEY_POLICY:
        rules += _deny_rules(policy, subject)
        for statement in policy.allows:
            reason = _allow_reason(statement, subject)
            tests = _tests_left(statement, subject) if reason is not None else None
            if reason is None or tests is None:
                continue
            if statement.unevaluated:
                blocked.append((tests, statement.unevaluated))
            else:
                rules.append(
                    (tests, Decision(allowed=True, reason=reason, statements=(statement.ref,)))
                )
    return PreparedDecision(_up_to_certain(rules), tuple(blocked), refusal)


def _denied_by_identity(subject: Subject) -> bool:
    return (
        subject.principal.kind is not PrincipalKind.SERVICE
        and subject.identity is IdentityVerdict.EXPLICIT_DENY
    )


def _deny_rules(policy: CompiledPolicy, subject: Subject) -> list[tuple[Tests, Decision]]:
    rules: list[tuple[Tests, Decision]] = []
    for statement in policy.denies:
        covers = statement.principals is None or statement.principals.denies(subject.principal)
        tests = _tests_left(statement, subject) if covers else None
        if tests is not None:
            decision = Decision(
                allowed=False,
                reason=Reason.EXPLICIT_DENY_KEY_POLICY,
                statements=(statement.ref,),
                unevaluated=statement.unevaluated[:_MAX_NAMED],
            )
            rules.append((tests, decision))
    return rules


def _up_to_certain(
    rules: list[tuple[Tests, Decision]],
) -> tuple[tuple[Tests, Decision], ...]:
    """Drop the rules behind the first one that always decides."""
    for index, (tests, _decision) in enumerate(rules):
        if not tests:
            return tuple(rules[: index + 1])
    return tuple(rules)


def refusal_reason(subject: Subject) -> Reason:
    """Why a subject is refused that no statement allows.

    The identity side is named first, whatever the key policy says, so that an unknown key is
    refused in the words of a key that denies (design: a request, in order, step 6).
    """
    if subject.principal.kind is PrincipalKind.SERVICE:
        return Reason.NO_KEY_POLICY
    if subject.foreign and subject.action not in CROSS_ACCOUNT_ACTIONS:
        return Reason.NOT_CROSS_ACCOUNT
    if subject.identity is not IdentityVerdict.ALLOW:
        return Reason.NO_IDENTITY_POLICY
    if subject.foreign and not subject.account_enabled:
        return Reason.ACCOUNT_NOT_ENABLED
    return Reason.NO_KEY_POLICY


def _allow_reason(statement: CompiledStatement, subject: Subject) -> Reason | None:
    """Why an Allow would be enough for the subject; None if it would not (spec 03 §3.3)."""
    if statement.principals is None:  # NotPrincipal: named in the refusal, never enough
        coverage = Coverage.DIRECT
    else:
        coverage = statement.principals.allow_coverage(subject.principal)
    if coverage is Coverage.NONE:
        return None
    service = subject.principal.kind is PrincipalKind.SERVICE
    if service or (coverage is Coverage.DIRECT and not subject.foreign):
        return Reason.KEY_POLICY
    if subject.identity is not IdentityVerdict.ALLOW:
        return None
    works_abroad = subject.action in CROSS_ACCOUNT_ACTIONS and subject.account_enabled
    return Reason.ACCOUNT_AND_IDENTITY if works_abroad or not subject.foreign else None


def _tests_left(statement: CompiledStatement, subject: Subject) -> Tests | None:
    """What of a statement needs the key or the call; None if it can't match the subject."""
    if not statement.matches_action(subject.action.lower()):
        return None
    tests: list[RequestTest] = []
    matches_resource = statement.matches_resource
    if matches_resource is not None:
        tests.append(lambda request: matches_resource(request.resource.arn))
    caller = AccessRequest(
        principal=subject.principal,
        action=subject.action,
        resource=NoResource(),
        identity=subject.identity,
    )
    for condition in statement.conditions:
        if not condition.key.applies_to(subject.action, ResourceKind.KEY):
            holds = condition.test(())
        elif condition.about_caller:
            holds = condition.holds(caller)
        else:
            tests.append(condition.holds)
            continue
        if not holds:
            return None
    return tuple(tests)
