"""Condition operators: every one, with present, absent and several values (spec 04 §2)."""

import pytest

from regionkms.policy.operators import (
    OPERATORS,
    Quantifier,
    Values,
    compile_test,
    parse_operator,
)

_KNOWN = {
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
    "StringLike", "StringNotLike", "Bool", "Null", "BinaryEquals", "IpAddress", "NotIpAddress",
    "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals",
    "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
    "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike",
}  # fmt: skip


def _test(operator: str, wanted: Values, values: Values) -> bool:
    use = parse_operator(operator)
    assert use is not None
    return compile_test(use, wanted)(values)


def test_the_table_has_every_operator_of_the_language() -> None:
    assert set(OPERATORS) == _KNOWN
    negated = {name for name, row in OPERATORS.items() if row.negated}
    assert negated == {name for name in _KNOWN if "Not" in name}


# operator, policy values, then the outcome for: equal, other case, other value, absent key
_MATRIX = [
    ("StringEquals", True, False, False, False),
    ("StringNotEquals", False, True, True, True),
    ("StringEqualsIgnoreCase", True, True, False, False),
    ("StringNotEqualsIgnoreCase", False, False, True, True),
    ("StringLike", True, False, False, False),
    ("StringNotLike", False, True, True, True),
]


@pytest.mark.parametrize(("operator", "equal", "other_case", "other", "absent"), _MATRIX)
def test_string_operators_follow_the_matrix(
    operator: str,
    equal: bool,  # noqa: FBT001 - the expectation, as are the next three
    other_case: bool,  # noqa: FBT001
    other: bool,  # noqa: FBT001
    absent: bool,  # noqa: FBT001
) -> None:
    calls: list[tuple[Values, bool]] = [
        (("App",), equal),
        (("aPP",), other_case),
        (("Apple",), other),
        ((), absent),
    ]
    for values, expected in calls:
        assert _test(operator, ("App",), values) is expected
        assert _test(f"{operator}IfExists", ("App",), values) is (expected or not values)


@pytest.mark.parametrize("operator", [row[0] for row in _MATRIX])
def test_several_policy_values_are_alternatives_and_all_excluded_when_negated(
    operator: str,
) -> None:
    negated = "Not" in operator
    assert _test(operator, ("A", "B"), ("B",)) is not negated
    assert _test(operator, ("A", "B"), ("C",)) is negated


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("RSA_*", "RSA_2048", True),
        ("RSA_*", "rsa_2048", False),
        ("eu-*", "eu-west-3", True),
        ("RSA_20?8", "RSA_2048", True),
        ("*", "", True),
    ],
)
def test_like_has_wildcards(pattern: str, value: str, matches: bool) -> None:  # noqa: FBT001 - the expectation
    assert _test("StringLike", (pattern,), (value,)) is matches
    assert _test("StringNotLike", (pattern,), (value,)) is not matches
    assert _test("StringLike", ("nothing", pattern), (value,)) is matches


def test_equals_takes_wildcards_literally() -> None:
    assert not _test("StringEquals", ("RSA_*",), ("RSA_2048",))
    assert _test("StringEquals", ("RSA_*",), ("RSA_*",))


@pytest.mark.parametrize("wanted", ["true", "True", "false"])
def test_bool_compares_truth_values(wanted: str) -> None:
    assert _test("Bool", (wanted,), (wanted.lower(),))
    assert not _test("Bool", (wanted,), ("false" if wanted.lower() == "true" else "true",))
    assert not _test("Bool", (wanted,), ())
    assert _test("BoolIfExists", (wanted,), ())


@pytest.mark.parametrize(
    ("wanted", "present", "absent"),
    [
        (("true",), False, True),
        (("false",), True, False),
        (("True",), False, True),
        (("true", "false"), True, True),
    ],
)
def test_null_asks_for_presence(wanted: Values, present: bool, absent: bool) -> None:  # noqa: FBT001 - the expectation
    assert _test("Null", wanted, ("",)) is present
    assert _test("Null", wanted, ("a", "b")) is present
    assert _test("Null", wanted, ()) is absent


_AB = ("A", "B")


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAnyValue:StringEquals", ("A", "X"), True),
        ("ForAnyValue:StringEquals", ("X", "Y"), False),
        ("ForAnyValue:StringEquals", (), False),
        ("ForAnyValue:StringNotEquals", ("A", "X"), True),
        ("ForAnyValue:StringNotEquals", ("A", "B"), False),
        ("ForAnyValue:StringNotEquals", (), False),
        ("ForAnyValue:StringEqualsIfExists", (), True),
        ("ForAnyValue:StringEqualsIgnoreCase", ("x", "b"), True),
        ("ForAllValues:StringEquals", ("A",), True),
        ("ForAllValues:StringEquals", ("A", "B"), True),
        ("ForAllValues:StringEquals", ("A", "X"), False),
        ("ForAllValues:StringEquals", (), True),
        ("ForAllValues:StringNotEquals", ("X", "Y"), True),
        ("ForAllValues:StringNotEquals", ("X", "A"), False),
        ("ForAllValues:StringLikeIfExists", (), True),
        ("StringEquals", ("X", "A"), True),
        ("StringEquals", ("X", "Y"), False),
    ],
)
def test_set_operators_follow_the_specification(
    operator: str,
    values: Values,
    expected: bool,  # noqa: FBT001 - the expectation
) -> None:
    assert _test(operator, _AB, values) is expected


def test_an_operator_is_read_with_its_prefix_and_suffix() -> None:
    use = parse_operator("ForAnyValue:StringLikeIfExists")
    assert use is not None
    assert use.operator is OPERATORS["StringLike"]
    assert use.quantifier is Quantifier.FOR_ANY_VALUE
    assert use.if_exists
    plain = parse_operator("Bool")
    assert plain is not None
    assert plain.takes_boolean
    assert not plain.if_exists


@pytest.mark.parametrize(
    "name",
    ["", ":", "ForAnyValue:", "forAnyValue:Bool", "a:ForAnyValue:Bool", "IfExists", "NullIfExists",
     "ForAllValues:Null", "StringEqualsIfExistsIfExists", "stringequals"],
)  # fmt: skip
def test_other_names_are_no_operators(name: str) -> None:
    assert parse_operator(name) is None


@pytest.mark.parametrize("name", ["NumericEquals", "DateLessThan", "IpAddress", "ArnLike"])
def test_operators_without_a_function_do_not_compile(name: str) -> None:
    use = parse_operator(name)
    assert use is not None
    with pytest.raises(ValueError, match=f"the operator {name} can't be evaluated"):
        compile_test(use, ("1",))


def test_null_is_no_comparison_of_values() -> None:
    compile_ = OPERATORS["Null"].compile
    assert compile_ is not None
    with pytest.raises(ValueError, match="Null asks for presence"):
        compile_(("true",))
