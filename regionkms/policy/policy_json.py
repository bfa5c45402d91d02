"""The JSON of a policy document: bounded in depth, no duplicate members, no other characters.

Source: spec 03 KP-7, KP-9, KP-12; RFC 8259 §4 leaves duplicate members open, policies must not.
"""

import json
import re
from typing import Final, NoReturn

from regionkms.model.errors import MalformedPolicyDocumentException, ValidationException

MAX_DEPTH: Final = 10
"""Nested objects and arrays; a whole policy needs 6."""
SHOWN_CHARACTERS: Final = 128
"""Of a name or value from a document in a message."""

_CHARACTERS: Final = re.compile(r"[\u0009\u000A\u000D\u0020-\u00FF]*")
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string, or an unterminated one to the end: so that removing them all takes linear time."""
_BRACKET: Final = re.compile(r"[\[\]{}]")


class NumberLiteral(str):
    """A number in its spelling: policies compare numbers as text (spec 04 §3.6)."""

    __slots__ = ()


def malformed(where: str, what: str) -> MalformedPolicyDocumentException:
    """The error for an element of a document, named by its path."""
    return MalformedPolicyDocumentException(f"{where}: {what}" if where else what)


def shown(text: str) -> str:
    """A name or value from a document as a message shows it."""
    cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
    return f'"{cut}"'


def read_json(text: str) -> object:
    """Read the JSON of a policy document.

    Args:
        text: The document; its size is checked by the caller (KP-6).

    Returns:
        Nested dicts, lists, strings, NumberLiterals, booleans and None.

    Raises:
        ValidationException: The text is empty or has characters that policies may not have (KP-7).
        MalformedPolicyDocumentException: Not JSON, nested deeper than MAX_DEPTH, a member is
            given twice, or an escape stands for a character that policies may not have (KP-9).
    """
    if not text or not _CHARACTERS.fullmatch(text):
        raise ValidationException(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member "
            r"must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+"
        )
    _check_depth(text)
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_read_object,
            parse_int=NumberLiteral,
            parse_float=NumberLiteral,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise malformed(
            "",
            f"The policy is not valid JSON: {error.msg} at line {error.lineno} "
            f"column {error.colno}",
        ) from error
    _check_characters(value)
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise malformed("", f"The policy is nested deeper than {MAX_DEPTH} levels")


def _read_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise malformed("", f"The policy has the member {shown(name)} twice in one object")
        members[name] = value
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise malformed("", f"The policy is not valid JSON: {name} is no JSON value")


def _check_characters(value: object) -> None:
    if isinstance(value, str):
        if not _CHARACTERS.fullmatch(value):
            raise malformed("", "The policy has an escape for a character outside U+0020 to U+00FF")
    elif isinstance(value, list):
        for item in value:
            _check_characters(item)
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_characters(name)
            _check_characters(member)
