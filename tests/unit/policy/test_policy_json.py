"""The JSON of a policy document (spec 03 KP-7, KP-9, KP-12)."""

import pytest

from regionkms.model.errors import MalformedPolicyDocumentException, ValidationException
from regionkms.policy.policy_json import MAX_DEPTH, NumberLiteral, read_json


def test_numbers_keep_their_spelling() -> None:
    assert read_json('{"a": [10103.0, -1e5, 7]}') == {"a": ["10103.0", "-1e5", "7"]}
    assert type(read_json("1.50")) is NumberLiteral


@pytest.mark.parametrize("text", ["", "\u4e2d", '"\x00"', '"\x0b"', "\ud83d\ude00", '"\u0100"'])
def test_characters_outside_the_rule_are_a_validation_error(text: str) -> None:
    with pytest.raises(ValidationException, match="Value at 'policy' failed to satisfy") as raised:
        read_json(text)
    assert raised.value.message.endswith(r"pattern: [\u0009\u000A\u000D\u0020-\u00FF]+")


@pytest.mark.parametrize("text", ['"\\u4e2d"', '["\\u0000"]', '{"\\ud800": 1}', '{"a": "\\b"}'])
def test_escapes_can_not_bring_in_other_characters(text: str) -> None:
    with pytest.raises(MalformedPolicyDocumentException, match="escape for a character outside"):
        read_json(text)


def test_allowed_characters_may_be_escaped() -> None:
    assert read_json('"\\u00e9\\t\\u0041"') == "\xe9\tA"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "The policy is not valid JSON: .* at line 1 column 2"),
        ('{"a": 1} x', "The policy is not valid JSON: Extra data"),
        ('{"a": NaN}', "The policy is not valid JSON: NaN is no JSON value"),
        ("[-Infinity]", "-Infinity is no JSON value"),
        ('"a\\', "Unterminated string"),
        ('"\n"', "Invalid control character"),
        ("'a'", "The policy is not valid JSON"),
        ('{"a": 1, "a": 2}', 'The policy has the member "a" twice in one object'),
        ('[{"x": {"Deny": 1, "Deny": 1}}]', 'the member "Deny" twice'),
        ('{"a": 1, "\\u0061": 2}', 'the member "a" twice'),
    ],
)
def test_what_is_no_json_is_malformed(text: str, message: str) -> None:
    with pytest.raises(MalformedPolicyDocumentException, match=message):
        read_json(text)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_bounded(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deepest = opening * MAX_DEPTH + "1" + closing * MAX_DEPTH
    assert read_json(deepest)
    for depth in (MAX_DEPTH + 1, 5000):
        with pytest.raises(MalformedPolicyDocumentException, match="nested deeper than 10 levels"):
            read_json(opening * depth + "1" + closing * depth)


def test_brackets_in_strings_do_not_nest() -> None:
    assert read_json('["[[[[[[[[[[[[[[[{{{{\\"[[[["]') == ['[[[[[[[[[[[[[[[{{{{"[[[[']


def test_unterminated_strings_of_escaped_quotes_are_refused_at_once() -> None:
    with pytest.raises(MalformedPolicyDocumentException, match="Unterminated string"):
        read_json('"' + '\\"' * 16_000)


def test_long_names_are_cut_in_messages() -> None:
    name = "n" * 30_000
    with pytest.raises(MalformedPolicyDocumentException) as raised:
        read_json(f'{{"{name}": 1, "{name}": 2}}')
    assert len(raised.value.message) < 256
