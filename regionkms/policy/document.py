"""A key policy document: its value, how a stored one is read, and what a new one must satisfy.

`parse_document` reads the grammar; `parse_new_document` also refuses what AWS KMS refuses when a
policy is written. Stored documents are not checked against the latter again (spec 04 §2.4).

Source: spec 03 §4.2, spec 04 §2.4.
"""

from dataclasses import dataclass
from typing import Final

from regionkms.model.errors import MalformedPolicyDocumentException
from regionkms.policy.condition_keys import Usable, find_condition_key
from regionkms.policy.operators import OperatorUse, Quantifier, parse_operator
from regionkms.policy.policy_json import malformed, read_json, shown
from regionkms.policy.statement import Condition, Statement, parse_statement

CURRENT_VERSION: Final = "2012-10-17"
OLD_VERSION: Final = "2008-10-17"
"""Of the policy language, without policy variables. AWS accepts it."""

_OVERLY_PERMISSIVE: Final = {
    "kms:EncryptionContext:": (
        "OverlyPermissiveCondition:EncryptionContext: Using the ForAllValues set operator with a "
        "single-valued condition key matches requests without the specified encryption context or "
        "with an unspecified encryption context. To fix, remove ForAllValues."
    ),
    "aws:RequestTag/": (
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued "
        "condition key matches requests without the specified tag or with an unspecified tag. To "
        "fix, remove ForAllValues."
    ),
}
_IAM_ONLY_KEYS: Final = (
    "These condition keys are not permitted in a key policy: aws:ResourceTag, kms:ResourceTag, "
    "kms:ResourceAliases"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """A key policy.

    Attributes:
        policy_id: The element Id; empty if there is none.
        statements: At least one, in their order.
    """

    version: str
    policy_id: str
    statements: tuple[Statement, ...]

    @property
    def has_variables(self) -> bool:
        """Whether `${...}` in a value stands for something else (spec 03 §9)."""
        return self.version == CURRENT_VERSION


def parse_document(text: str) -> PolicyDocument:
    """Read a key policy document.

    Args:
        text: JSON; at most MAX_POLICY_BYTES, which the caller checks (KP-6).

    Raises:
        ValidationException: Characters outside KP-7.
        MalformedPolicyDocumentException: It is malformed; the message names the element.
    """
    value = read_json(text)
    if not isinstance(value, dict):
        raise malformed("", "A policy must be a JSON object")
    unknown = sorted(value.keys() - {"Version", "Id", "Statement"})
    if unknown:
        raise malformed("", f"A policy has no element {shown(unknown[0])}")
    version = value.get("Version")
    if type(version) is not str or version not in {CURRENT_VERSION, OLD_VERSION}:
        raise malformed("Version", f'a policy must have the Version "{CURRENT_VERSION}"')
    policy_id = value.get("Id", "")
    if type(policy_id) is not str:
        raise malformed("Id", "must be a string")
    return PolicyDocument(
        version=version, policy_id=policy_id, statements=_parse_statements(value.get("Statement"))
    )


def _parse_statements(value: object) -> tuple[Statement, ...]:
    items = value if isinstance(value, list) else [value]
    if value is None or not items:
        raise malformed("Statement", "a policy must have at least one statement")
    return tuple(parse_statement(item, index) for index, item in enumerate(items))


def parse_new_document(text: str) -> PolicyDocument:
    """Read a key policy document that a caller wants to store.

    Raises:
        ValidationException: Characters outside KP-7.
        MalformedPolicyDocumentException: It is malformed, names an operator that the policy
            language does not have, or has a condition of spec 04 §2.4.
    """
    document = parse_document(text)
    for statement in document.statements:
        for condition in statement.conditions:
            _check_new_condition(condition, f"Statement[{statement.index}].Condition")
    return document


def _check_new_condition(condition: Condition, where: str) -> None:
    use = parse_operator(condition.operator)
    if use is None:
        raise malformed(where, f"there is no condition operator {shown(condition.operator)}")
    if use.takes_boolean and not {value.lower() for value in condition.values} <= {"true", "false"}:
        raise malformed(f"{where}.{condition.operator}", "takes true or false")
    _check_new_key(condition, use)


def _check_new_key(condition: Condition, use: OperatorUse) -> None:
    found = find_condition_key(condition.key)
    if found is None:
        return
    row = found[0]
    if row.usable is Usable.IAM_ONLY:
        raise MalformedPolicyDocumentException(_IAM_ONLY_KEYS)
    if use.quantifier is Quantifier.FOR_ALL_VALUES and row.name in _OVERLY_PERMISSIVE:
        raise MalformedPolicyDocumentException(_OVERLY_PERMISSIVE[row.name])
