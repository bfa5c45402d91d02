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

MAX_NUMBER_CHARACTERS: Final = 32
"""Of one number. The longest that a member needs is an instant, 17 digits."""

_TOO_DEEP: Final = f"The request body is nested deeper than {MAX_DEPTH} levels"


def parse(body: bytes) -> dict[str, Any]:
    """Parse a body exactly.

    Returns:
        The object that the body is.

    Raises:
        SerializationException: The body is not valid UTF-8 or JSON, not an object, has a member
            twice, a number that is too long or not finite, or is nested deeper than MAX_DEPTH.
    """
    value, problem = _parsed(body)
    problem = problem or _unfit(value)
    if problem is not None:
        raise SerializationException(problem)
    if not isinstance(value, dict):
        raise SerializationException("The request body is not a JSON object")
    return value


def _parsed(body: bytes) -> tuple[Any, str | None]:
    """Parse, or say what is wrong. The library's exceptions hold the body and do not leave here."""
    try:
        return _JSON.decode(body.decode("utf-8")), None
    except SerializationException as error:
        return None, error.message
    except UnicodeDecodeError as error:
        return None, f"The request body is not valid UTF-8 (byte {error.start + 1})"
    except json.JSONDecodeError as error:
        return None, f"The request body is not valid JSON (character {error.pos + 1})"
    except RecursionError:
        return None, _TOO_DEEP


def _unfit(value: object) -> str | None:
    """Say what no member may have at any depth: too many levels, or half of a surrogate pair."""
    waiting = [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, str) and _SURROGATE.search(item):
            return "A string in the request body has an unpaired surrogate"
        if isinstance(item, list | dict):
            if level > MAX_DEPTH:
                return _TOO_DEEP
            inner = (*item, *item.values()) if isinstance(item, dict) else item
            waiting += ((each, level + 1) for each in inner)
    return None


_SURROGATE: Final = re.compile("[\ud800-\udfff]")


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
