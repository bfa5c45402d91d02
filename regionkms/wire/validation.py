"""The slow path of reading a request: say which member is wrong and why, as AWS says it.

`wire/json11.py` comes here only for a body that msgspec refused, or whose members need an exact
look. Nothing here is on the way of a good request, so it is written to be plain and bounded: the
body is parsed once, then compared with the request's type, from which lengths, ranges, patterns and
enums are read.

Messages name members by their path (`tags.1.member.tagKey`). They show the value of a member that
failed its constraint, as AWS does, but never a blob, never a member that the model calls sensitive,
and never text of a body that is not readable.

Source: spec 01 §3.3 SP3, §7.2, §11.2 (constraint messages as observed at AWS).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import inspect

from regionkms.model.errors import KmsError, SerializationException, ValidationException
from regionkms.model.shape import Shape
from regionkms.model.shapes import OPERATIONS
from regionkms.wire import strict_json

MAX_SHOWN_CHARACTERS: Final = 256
"""Of a value in a message."""

MAX_SHOWN_ERRORS: Final = 20
"""In one message."""

MAX_COUNTED_ERRORS: Final = 100
"""In one list; a longer list of wrong structures is not looked at any further."""

_NOT_NULL: Final = "Member must not be null"


def explain(input_type: type[Shape], body: bytes) -> KmsError:
    """Find out why a body is not a request of this type.

    Args:
        input_type: The operation's request type.
        body: A body that msgspec refused.

    Returns:
        The exception to raise: SerializationException where the body or a member's JSON type is at
        fault, otherwise ValidationException with all failed constraints.
    """
    findings = _Findings()
    try:
        _check(strict_json.parse(body), _STRUCTURES[input_type], "", findings)
    except SerializationException as error:
        return error
    if findings.count:
        return ValidationException(findings.message())
    return SerializationException(f"The request body can not be read as {input_type.__name__}")


# --- findings -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Findings:
    """Constraints that were not met, as texts; the first MAX_SHOWN_ERRORS of them."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, path: str, constraint: str, value: str = "") -> None:
        """Note one.

        Args:
            path: The member.
            constraint: What it has to be.
            value: What it is, with the space before it; empty where it must not be shown.
        """
        self.count += 1
        if len(self.shown) < MAX_SHOWN_ERRORS:
            self.shown.append(
                f"Value{value} at '{path}' failed to satisfy constraint: {constraint}"
            )

    def message(self) -> str:
        errors = "error" if self.count == 1 else "errors"
        return f"{self.count} validation {errors} detected: {'; '.join(self.shown)}"


# --- members --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """A member's type.

    Attributes:
        type: The type as msgspec describes it, neither optional nor annotated.
        pattern: The model's pattern, for the message.
        secret: Whether the value may not be shown.
    """

    type: inspect.Type
    pattern: str | None = None
    secret: bool = False


def _declared(node: inspect.Type) -> _Declared:
    if isinstance(node, inspect.UnionType):
        (node,) = (each for each in node.types if not isinstance(each, inspect.NoneType))
    extra: Mapping[str, Any] = {}
    if isinstance(node, inspect.Metadata):
        extra = node.extra or {}
        node = node.type
    secret = isinstance(node, inspect.BytesType) or bool(extra.get("sensitive"))
    return _Declared(type=node, pattern=extra.get("pattern"), secret=secret)


def _check(value: object, declared: _Declared, path: str, findings: _Findings) -> None:
    """Check one value and what it holds.

    Raises:
        SerializationException: A JSON type does not fit.
    """
    value = _typed(value, declared, path)
    node = declared.type
    if isinstance(node, inspect.StructType) and isinstance(value, dict):
        _check_members(value, node, path, findings)
        return
    shown = "" if declared.secret else f" '{_cut(_as_text(value))}'"
    for holds, constraint in _constraints(value, declared):
        if not holds:
            findings.add(path, constraint, shown)
    if isinstance(node, inspect.ListType) and isinstance(value, list):
        item = _declared(node.item_type)
        check = _check_structures if isinstance(item.type, inspect.StructType) else _check_items
        check(value, item, path, findings)
    elif isinstance(node, inspect.DictType) and isinstance(value, dict):
        _check_entries(value, _declared(node.value_type), path, findings)


def _check_members(
    members: Mapping[str, Any], node: inspect.StructType, path: str, findings: _Findings
) -> None:
    for member in node.fields:
        name = member.encode_name[0].lower() + member.encode_name[1:]
        member_path = f"{path}.{name}" if path else name
        value = members.get(member.encode_name)
        if value is not None:
            _check(value, _declared(member.type), member_path, findings)
        elif member.required:
            findings.add(member_path, _NOT_NULL, " null")


def _check_structures(
    items: list[Any], declared: _Declared, path: str, findings: _Findings
) -> None:
    for position, item in enumerate(items, start=1):
        item_path = f"{path}.{position}.member"
        if item is None:
            findings.add(item_path, _NOT_NULL, " null")
        else:
            _check(item, declared, item_path, findings)
        if findings.count >= MAX_COUNTED_ERRORS:
            return


def _check_items(items: list[Any], declared: _Declared, path: str, findings: _Findings) -> None:
    """Check a list of plain values, which AWS reports as one constraint of the list."""
    broken: dict[str, None] = {}
    for item in items:
        if item is None:
            broken[_NOT_NULL] = None
            continue
        constraints = list(_constraints(_typed(item, declared, f"{path}.member"), declared))
        if not all(holds for holds, _ in constraints):
            broken |= dict.fromkeys(text for _, text in constraints)
    if broken:
        shown = "" if declared.secret else f" '{_cut(_as_text(items))}'"
        findings.add(path, f"Member must satisfy constraint: [{', '.join(broken)}]", shown)


def _check_entries(
    entries: Mapping[str, Any], declared: _Declared, path: str, findings: _Findings
) -> None:
    for value in entries.values():
        if value is not None:
            _typed(value, declared, f"{path}.value")
    if None in entries.values():
        constraint = f"Map value must satisfy constraint: [{_NOT_NULL}]"
        findings.add(path, constraint, f" '{_cut(_as_text(entries))}'")


# --- JSON types -----------------------------------------------------------------------------------

_JSON_TYPES: Final[Mapping[type[inspect.Type], tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        inspect.StrType: ((str,), "a String"),
        inspect.EnumType: ((str,), "a String"),
        inspect.BytesType: ((str,), "a Blob"),
        inspect.IntType: ((int,), "an Integer"),
        inspect.FloatType: ((int, float), "a Timestamp"),
        inspect.BoolType: ((bool,), "a Boolean"),
        inspect.ListType: ((list,), "a List"),
        inspect.DictType: ((dict,), "a Map"),
        inspect.StructType: ((dict,), "a Structure"),
    }
)
"""Which JSON values a declared type takes, and what AWS calls it."""


def _typed(value: object, declared: _Declared, path: str) -> object:
    """Return the value, a blob as its bytes, if its JSON type fits.

    Raises:
        SerializationException: It does not, or the blob is not strict base64.
    """
    accepted, name = _JSON_TYPES[type(declared.type)]
    if type(value) not in accepted:
        raise SerializationException(f"{_mismatch(value, name)} (member '{path}')")
    if not isinstance(declared.type, inspect.BytesType):
        return value
    blob = _from_base64(value)
    if blob is None:
        raise SerializationException(f"Invalid base64 (member '{path}')")
    return blob


def _mismatch(value: object, name: str) -> str:
    match value:
        case list():
            return "Start of list found where not expected"
        case dict():
            return "Start of structure or map found where not expected"
        case bool():
            return f"{str(value).upper()}_VALUE can not be converted to {name}"
        case str():
            return f"STRING_VALUE can not be converted to {name}"
        case _:
            return f"NUMBER_VALUE can not be converted to {name}"


def _from_base64(value: object) -> bytes | None:
    try:
        return msgspec.convert(value, bytes)
    except msgspec.ValidationError:
        return None


# --- constraints ----------------------------------------------------------------------------------


def _constraints(value: Any, declared: _Declared) -> Iterator[tuple[bool, str]]:
    """Yield each constraint of a type, and whether the value meets it."""
    node = declared.type
    match node:
        case inspect.EnumType():
            values = [member.value for member in node.cls]
            listed = ", ".join(values)
            yield value in values, f"Member must satisfy enum value set: [{listed}]"
        case inspect.IntType():
            yield from _range(value, "value", node.ge, node.le)
        case inspect.StrType() | inspect.BytesType() | inspect.ListType():
            yield from _range(len(value), "length", node.min_length, node.max_length)
        case _:
            pass  # structures, maps and booleans have no constraint of their own in the model
    if isinstance(node, inspect.StrType) and node.pattern is not None:
        holds = re.search(node.pattern, value) is not None
        yield holds, f"Member must satisfy regular expression pattern: {declared.pattern}"


def _range(
    amount: int, what: str, lower: float | None, upper: float | None
) -> Iterator[tuple[bool, str]]:
    if upper is not None:
        yield amount <= upper, f"Member must have {what} less than or equal to {upper}"
    if lower is not None:
        yield amount >= lower, f"Member must have {what} greater than or equal to {lower}"


def _as_text(value: object) -> str:
    """Write a value as AWS's messages do: lists in brackets, maps in braces."""
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(_as_text(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{name}={_as_text(item)}' for name, item in value.items())}}}"
        case _:
            return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."


_STRUCTURES: Final[Mapping[type[Shape], _Declared]] = MappingProxyType(
    {
        operation.input: _Declared(type=described)
        for operation, described in zip(
            OPERATIONS.values(),
            inspect.multi_type_info([row.input for row in OPERATIONS.values()]),
            strict=True,
        )
    }
)
