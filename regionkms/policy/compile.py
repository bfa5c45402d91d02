"""Key policy documents compiled into matches: once per document, kept by its digest.

What can't be evaluated yet (an operator or condition key without a function, a policy variable,
NotPrincipal) **fails closed**: an Allow with it never matches, a Deny with it matches whenever its
other parts do. The compiled statement names it, so that the log can.

Source: spec 03 §9; spec 04 §2; design, a request in order, step 6.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from regionkms.policy.condition_keys import ConditionKey, Source, Valued, find_condition_key
from regionkms.policy.document import PolicyDocument, parse_document
from regionkms.policy.operators import Test, Values, compile_test, parse_operator
from regionkms.policy.outcome import StatementRef
from regionkms.policy.policy_json import shown
from regionkms.policy.principal import PrincipalSet
from regionkms.policy.request import AccessRequest
from regionkms.policy.statement import Condition, Effect, Patterns, Statement
from regionkms.policy.wildcard import Match, compile_wildcard

KEY_POLICY: Final = "key policy"
"""How Decision.statements names the document."""
_VARIABLE: Final = "${"
_EVERY: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCondition:
    """A condition that can be evaluated.

    Attributes:
        name: The rest of the key's name after a prefix row's, in lower case.
        test: Of the values that the key has in a call.
    """

    key: ConditionKey
    name: str
    test: Test

    def holds(self, request: AccessRequest) -> bool:
        """Whether the call satisfies it; the action is known to have the key."""
        read = self.key.read
        return read is not None and self.test(read(request, self.name))

    @property
    def about_caller(self) -> bool:
        """Whether the caller alone decides it, whatever else the call says."""
        return self.key.source is Source.CALLER


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStatement:
    """A statement that can have an effect: it has an Action and a Resource (KP-11).

    Attributes:
        principals: None for NotPrincipal, which can't be evaluated: it covers everyone.
        matches_action: Of an action in lower case.
        matches_resource: Of a key ARN; None where the element is `*`.
        unevaluated: What can't be evaluated in it, named; it fails closed if there is any.
    """

    ref: StatementRef
    principals: PrincipalSet | None
    matches_action: Match
    matches_resource: Match | None
    conditions: tuple[CompiledCondition, ...]
    unevaluated: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A key policy ready to decide.

    Attributes:
        digest: SHA-256 of the document's UTF-8, 32 bytes: its identity in caches.
        denies: In the order of the document, as are the allows.
    """

    digest: bytes
    denies: tuple[CompiledStatement, ...]
    allows: tuple[CompiledStatement, ...]


def policy_digest(text: str) -> bytes:
    """SHA-256 of a document's UTF-8: 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


def compile_policy(text: str) -> CompiledPolicy:
    """Compile a stored key policy.

    Raises:
        ValidationException, MalformedPolicyDocumentException: As parse_document.
    """
    return compile_document(parse_document(text), policy_digest(text))


def compile_document(document: PolicyDocument, digest: bytes) -> CompiledPolicy:
    """Compile a document that has been read already."""
    compiled = tuple(
        _compile_statement(statement, document)
        for statement in document.statements
        if statement.actions is not None and statement.resources is not None
    )
    return CompiledPolicy(
        digest=digest,
        denies=tuple(row for row in compiled if row.ref.effect is Effect.DENY),
        allows=tuple(row for row in compiled if row.ref.effect is Effect.ALLOW),
    )


def _compile_statement(statement: Statement, document: PolicyDocument) -> CompiledStatement:
    actions = statement.actions or Patterns(values=())
    resources = statement.resources or Patterns(values=())
    unevaluated = ["NotPrincipal"] if statement.principal_excluded else []
    if document.has_variables and any(_VARIABLE in value for value in resources.values):
        unevaluated.append("policy variable in Resource")
    conditions: list[CompiledCondition] = []
    for condition in statement.conditions:
        compiled = _compile_condition(condition, statement.effect, document)
        if isinstance(compiled, str):
            unevaluated.append(compiled)
        else:
            conditions.append(compiled)
    return CompiledStatement(
        ref=StatementRef(
            document=KEY_POLICY,
            index=statement.index,
            sid=statement.sid,
            effect=statement.effect,
        ),
        principals=None if statement.principal_excluded else statement.principals,
        matches_action=_compile_patterns(actions, str.lower),
        matches_resource=_compile_resource(resources, document),
        conditions=tuple(conditions),
        unevaluated=tuple(unevaluated),
    )


def _compile_patterns(patterns: Patterns, normalize: Callable[[str], str]) -> Match:
    matches = tuple(compile_wildcard(normalize(value)) for value in patterns.values)
    excluded = patterns.excluded
    return lambda text: any(match(text) for match in matches) != excluded


def _compile_resource(patterns: Patterns, document: PolicyDocument) -> Match | None:
    """Compile a Resource element; one with a variable stands for every key and fails closed."""
    variable = document.has_variables and any(_VARIABLE in value for value in patterns.values)
    if variable or (_EVERY in patterns.values and not patterns.excluded):
        return None
    return _compile_patterns(patterns, str)


def _compile_condition(
    condition: Condition, effect: Effect, document: PolicyDocument
) -> CompiledCondition | str:
    """Compile a condition, or name what can't be evaluated in it."""
    use = parse_operator(condition.operator)
    if use is None or use.operator.compile is None:
        return f"condition operator {shown(condition.operator)}"
    found = find_condition_key(condition.key)
    if found is None or not found[0].supported:
        return f"condition key {shown(condition.key)}"
    if document.has_variables and any(_VARIABLE in value for value in condition.values):
        return f"policy variable in a value of condition key {shown(condition.key)}"
    key, name = found
    test = compile_test(use, condition.values)
    if key.valued is Valued.SINGLE and use.quantifier is None and not use.asks_presence:
        test = partial(_AMBIGUOUS[effect], test)
    return CompiledCondition(key=key, name=name, test=test)


def _all_values_pass(test: Test, values: Values) -> bool:
    return test(values) if len(values) <= 1 else all(test((value,)) for value in values)


def _any_value_passes(test: Test, values: Values) -> bool:
    return test(values) if len(values) <= 1 else any(test((value,)) for value in values)


_AMBIGUOUS: Final = {Effect.ALLOW: _all_values_pass, Effect.DENY: _any_value_passes}
"""A single-valued key has several values only where an encryption context has keys that differ in
case alone. Then an Allow must hold for each and a Deny for one, so that a second spelling of a key
neither opens nor escapes a condition (spec 04 §3.6)."""
