"""A statement of a policy document: its value and its grammar.

Source: spec 03 §4.2 (KP-8 to KP-14), §9; spec 04 §2.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from regionkms.policy.policy_json import malformed, shown
from regionkms.policy.principal import PrincipalSet
from regionkms.policy.principal_element import parse_principal

_ELEMENTS: Final = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
_PATTERNS: Final = {
    "Action": re.compile(r"\*|(?:\*|[A-Za-z0-9-]+):[A-Za-z0-9*?]+"),
    "Resource": re.compile(r"\*|arn:.+", re.DOTALL),
}
_HINTS: Final = {
    "Action": 'neither "*" nor "kms:" with the name of an operation',
    "Resource": 'neither "*" nor an ARN',
}


class Effect(StrEnum):
    """What a matching statement does."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """An Action or Resource element.

    Attributes:
        excluded: It was written as NotAction or NotResource.
    """

    values: tuple[str, ...]
    excluded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key of one operator; all conditions of a statement must hold.

    Attributes:
        operator: With its prefix and suffix: `ForAnyValue:StringLikeIfExists`.
        values: Booleans and numbers as text (KP-13, spec 04 §3.6); at least one.
    """

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement.

    Attributes:
        index: Its place in the document, from 0.
        sid: Empty if it has none.
        principal_excluded: The principals were written as NotPrincipal.
        actions: None if missing: the statement is kept and has no effect (KP-11).
        resources: None if missing; likewise.
    """

    index: int
    sid: str
    effect: Effect
    principals: PrincipalSet
    principal_excluded: bool = False
    actions: Patterns | None = None
    resources: Patterns | None = None
    conditions: tuple[Condition, ...] = ()


def parse_statement(value: object, index: int) -> Statement:
    """Read one statement.

    Raises:
        MalformedPolicyDocumentException: It is malformed; the message names the element.
    """
    where = f"Statement[{index}]"
    if not isinstance(value, dict):
        raise malformed(where, "a statement must be an object")
    unknown = sorted(value.keys() - _ELEMENTS)
    if unknown:
        raise malformed(where, f"a statement has no element {shown(unknown[0])}")
    principal_name = _one_of(value, "Principal", where)
    if principal_name is None:
        raise malformed(where, "a statement of a key policy must have a Principal")
    return Statement(
        index=index,
        sid=_parse_sid(value, where),
        effect=_parse_effect(value, where),
        principals=parse_principal(value[principal_name], f"{where}.{principal_name}"),
        principal_excluded=principal_name == "NotPrincipal",
        actions=_parse_patterns(value, "Action", where),
        resources=_parse_patterns(value, "Resource", where),
        conditions=_parse_conditions(value.get("Condition", {}), f"{where}.Condition"),
    )


def _one_of(members: dict[str, object], name: str, where: str) -> str | None:
    """Which of an element and its Not form a statement has."""
    present = [form for form in (name, f"Not{name}") if form in members]
    if len(present) > 1:
        raise malformed(where, f"a statement can't have both {name} and Not{name}")
    return present[0] if present else None


def _parse_sid(members: dict[str, object], where: str) -> str:
    sid = members.get("Sid", "")
    if type(sid) is not str:
        raise malformed(f"{where}.Sid", "a Sid must be a string")
    return sid


def _parse_effect(members: dict[str, object], where: str) -> Effect:
    effect = members.get("Effect")
    if type(effect) is not str or effect not in frozenset(Effect):
        raise malformed(f"{where}.Effect", "a statement must have the Effect Allow or Deny")
    return Effect(effect)


def _parse_patterns(members: dict[str, object], name: str, where: str) -> Patterns | None:
    form = _one_of(members, name, where)
    if form is None:
        return None
    values = _strings(members[form], f"{where}.{form}")
    for value in values:
        if not _PATTERNS[name].fullmatch(value):
            raise malformed(f"{where}.{form}", f"{shown(value)} is {_HINTS[name]}")
    return Patterns(values=values, excluded=form != name)


def _strings(value: object, where: str) -> tuple[str, ...]:
    """Read a string, or an array of at least one."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(type(item) is str for item in items):
        raise malformed(where, "must be a string or an array of at least one string")
    return tuple(items)


def _parse_conditions(value: object, where: str) -> tuple[Condition, ...]:
    if not isinstance(value, dict):
        raise malformed(where, "must be an object of condition operators")
    conditions: list[Condition] = []
    for operator, keys in value.items():
        here = f"{where}.{operator[:64]}"
        if not isinstance(keys, dict) or not keys:
            raise malformed(here, "must be an object of at least one condition key")
        conditions += (
            Condition(operator=operator, key=key, values=_condition_values(values, here))
            for key, values in keys.items()
        )
    return tuple(conditions)


def _condition_values(value: object, where: str) -> tuple[str, ...]:
    items: list[object] = value if isinstance(value, list) else [value]
    texts = tuple(_condition_text(item, where) for item in items)
    if not texts:
        raise malformed(where, "a condition must have at least one value")
    return texts


def _condition_text(item: object, where: str) -> str:
    """Read a string, boolean or number as text (KP-13, spec 04 §3.6)."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):  # a NumberLiteral too
        return str(item)
    raise malformed(where, "a condition's value must be a string, a boolean or a number")
