"""The table of condition operators: one row each, with the function that evaluates it.

A condition compares the values that a condition key has in a request (none, one or several) with
the values that the policy lists. Operators without a function are known, so that documents with
them are stored, and can't be evaluated yet: a statement with one fails closed (compile.py).

Source: spec 04 §2.1-2.3, spec 03 §8 COND-4 and COND-5, §9.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from regionkms.policy.wildcard import Match, compile_wildcard, fold_case

Values = tuple[str, ...]
"""What a condition key holds in a request. Empty: the key is absent."""
Test = Callable[[Values], bool]
"""A compiled condition, applied to the values of its key."""

_IF_EXISTS: Final = "IfExists"
_NULL: Final = "Null"


class Quantifier(StrEnum):
    """A set operator; it stands before an operator and a colon (spec 04 §2.3)."""

    FOR_ANY_VALUE = "ForAnyValue"
    FOR_ALL_VALUES = "ForAllValues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One row.

    Attributes:
        compile: From the policy's values to a match of one value of the request against any of
            them; None where the operator can't be evaluated yet.
        negated: The match is turned round: no value of the policy may match.
    """

    name: str
    compile: Callable[[Values], Match] | None
    negated: bool = False


def _compile_equals(values: Values) -> Match:
    return frozenset(values).__contains__


def _compile_equals_ignore_case(values: Values) -> Match:
    folded = frozenset(map(fold_case, values))
    return lambda value: fold_case(value) in folded


def _compile_like(values: Values) -> Match:
    matches = tuple(map(compile_wildcard, values))
    if len(matches) == 1:
        return matches[0]
    return lambda value: any(match(value) for match in matches)


def _compile_null(_values: Values) -> Match:
    raise ValueError("Null asks for presence and has no match of values")


def _pair(
    base: str, positive: str, negative: str, compile_: Callable[[Values], Match] | None = None
) -> tuple[Operator, Operator]:
    return (
        Operator(name=f"{base}{positive}", compile=compile_),
        Operator(name=f"{base}{negative}", compile=compile_, negated=True),
    )


def _ordered(base: str) -> tuple[Operator, ...]:
    return (
        *_pair(base, "Equals", "NotEquals"),
        *(
            Operator(name=f"{base}{order}", compile=None)
            for order in ("LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
        ),
    )


OPERATORS: Final = MappingProxyType(
    {
        row.name: row
        for row in (
            *_pair("String", "Equals", "NotEquals", _compile_equals),
            *_pair(
                "String", "EqualsIgnoreCase", "NotEqualsIgnoreCase", _compile_equals_ignore_case
            ),
            *_pair("String", "Like", "NotLike", _compile_like),
            Operator(name="Bool", compile=_compile_equals_ignore_case),
            Operator(name=_NULL, compile=_compile_null),
            *_ordered("Numeric"),
            *_ordered("Date"),
            Operator(name="BinaryEquals", compile=None),
            Operator(name="IpAddress", compile=None),
            Operator(name="NotIpAddress", compile=None, negated=True),
            *_pair("Arn", "Equals", "NotEquals"),
            *_pair("Arn", "Like", "NotLike"),
        )
    }
)
"""Every operator of the policy language by its name, without prefix and suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorUse:
    """An operator as a policy names it: `ForAnyValue:StringLikeIfExists`."""

    operator: Operator
    quantifier: Quantifier | None = None
    if_exists: bool = False

    @property
    def asks_presence(self) -> bool:
        """Whether this is Null, which asks whether a key is there at all."""
        return self.operator.name == _NULL

    @property
    def takes_boolean(self) -> bool:
        """Whether the policy's values must be true or false (spec 04 §2.1)."""
        return self.operator.name in {"Bool", _NULL}


def parse_operator(name: str) -> OperatorUse | None:
    """Read an operator with its prefix and suffix; None if the language has no such operator.

    Null takes neither set operator nor IfExists: it is about presence already.
    """
    prefix, separator, rest = name.rpartition(":")
    if separator and prefix not in frozenset(Quantifier):
        return None
    base = rest.removesuffix(_IF_EXISTS)
    operator = OPERATORS.get(base)
    if operator is None or (base == _NULL and name != _NULL):
        return None
    return OperatorUse(
        operator=operator,
        quantifier=Quantifier(prefix) if separator else None,
        if_exists=base != rest,
    )


def compile_test(use: OperatorUse, wanted: Values) -> Test:
    """Compile an operator and the policy's values into a test of a request's values.

    Args:
        use: An operator that can be evaluated.
        wanted: The policy's values, at least one; several are alternatives for a positive operator
            and all excluded for a negated one (COND-4).

    Returns:
        The test. Without a set operator several values of a request are taken as with ForAnyValue
        (spec 04 §2.1, last rule). An absent key fails a positive operator and ForAnyValue, passes
        a negated operator, IfExists and ForAllValues (COND-5, spec 04 §2.3).

    Raises:
        ValueError: The operator can't be evaluated yet.
    """
    if use.asks_presence:
        return _compile_presence(wanted)
    if use.operator.compile is None:
        raise ValueError(f"the operator {use.operator.name} can't be evaluated")
    return _compile_comparison(use, use.operator.compile(wanted))


def _compile_presence(wanted: Values) -> Test:
    accepted = frozenset(value.lower() == "true" for value in wanted)
    return lambda values: (not values) in accepted


def _compile_comparison(use: OperatorUse, match: Match) -> Test:
    negated = use.operator.negated
    if use.quantifier is Quantifier.FOR_ALL_VALUES:
        return lambda values: all(match(value) != negated for value in values)
    absent = use.if_exists or (negated and use.quantifier is None)

    def test(values: Values) -> bool:
        if len(values) == 1:
            return match(values[0]) != negated
        return any(match(value) != negated for value in values) if values else absent

    return test
