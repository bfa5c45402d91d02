"""Parse a request body so that it has one reading only.

The library's parser takes bodies that two readers could take for different requests. What they
differ on is refused here: a member twice, invalid UTF-8, half a surrogate pair, NaN, numbers out of
range; and with it what costs more than a request is worth: deep nesting, long numbers.

`wire/json11.py` comes here for bodies that are not plainly good; it is not on the way of others.

Source: RFC 8259 §4 (unique names), §6 (no NaN), §8.1 and §8.2 (UTF-8, unpaired surrogates).
"""

import json
import math
import re
from collections import Counter
from typing import Any, Final

from regionkms.model import shapes
from regionkms.model.errors import SerializationException
from regionkms.model.shape import Shape

MAX_DEPTH: Final = 16
"""Levels of lists and objects. Requests of KMS have at most 4."""

MAX_VALUES: Final = 20_000
"""Members and items at all levels. An encryption context of 8 KiB has at most 4,096."""

MAX_NUMBER_CHARACTERS: Final = 32
"""Of one number. The longest that a member needs is an instant, 17 digits."""

_TOO_DEEP: Final = f"The request body is nested deeper than {MAX_DEPTH} levels"


def parse(body: bytes) -> dict[str, Any]:
    """Parse a body exactly.

    Returns:
        The object that the body is.

    Raises:
        SerializationException: The body is not valid UTF-8 or JSON, not an object, has a member
            twice, a number that is too long or not finite, more than MAX_VALUES values, or is
            nested deeper than MAX_DEPTH.
    """
    value, problem = _parsed(body)
    if problem is not None:
        raise SerializationException(problem)
    if not isinstance(value, dict):
        raise SerializationException("The request body is not a JSON object")
    if (problem := _too_much(value)) is not None:
        raise SerializationException(problem)
    return value


def _parsed(body: bytes) -> tuple[Any, str | None]:
    """Parse, or say what is wrong. The library's exceptions hold the body and do not leave here."""
    try:
        text = body.decode("utf-8")
        value = _JSON.decode(text)
        if _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # can't hold an unpaired one
    except SerializationException as error:
        return None, error.message
    except UnicodeDecodeError as error:
        return None, f"The request body is not valid UTF-8 (byte {error.start + 1})"
    except UnicodeEncodeError:
        return None, "A string in the request body has an unpaired surrogate"
    except json.JSONDecodeError as error:
        return None, f"The request body is not valid JSON (character {error.pos + 1})"
    except RecursionError:
        return None, _TOO_DEEP
    return value, None


_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def _too_much(value: dict[str, Any]) -> str | None:
    """Say whether there are more levels or values than a request can need."""
    level: list[dict[str, Any] | list[Any]] = [value]
    values = 0
    for _ in range(MAX_DEPTH):
        values += sum(map(len, level))
        if values > MAX_VALUES:
            return f"The request body has more than {MAX_VALUES} values"
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
    return _TOO_DEEP if level else None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        what = f"member '{twice}'" if twice in _WIRE_NAMES else "name"
        raise SerializationException(f"An object in the request body has the same {what} twice")
    return members


def _integer(text: str) -> int:
    return int(_bounded(text))


def _fraction(text: str) -> float:
    number = float(_bounded(text))
    if not math.isfinite(number):
        raise SerializationException("A number in the request body is out of range")
    return number


def _bounded(text: str) -> str:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise SerializationException(
            f"A number in the request body is longer than {MAX_NUMBER_CHARACTERS} characters"
        )
    return text


def _no_constant(name: str) -> float:
    raise SerializationException(f"The request body is not valid JSON: {name} is no JSON number")


_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_no_constant,
)

_WIRE_NAMES: Final = frozenset(
    name
    for exported in shapes.__all__
    if isinstance(shape := getattr(shapes, exported), type) and issubclass(shape, Shape)
    for name in shape.__struct_encode_fields__
)
"""All member names of the API: the only names of a body that a message about it may show."""
