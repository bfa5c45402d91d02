"""Patterns of the policy language: `*` is any run of characters, `?` is exactly one.

A pattern is compiled once. Matching takes time linear in the text for every pattern (`?` inside a
pattern with `*` costs one machine-word step per 64 characters of its piece), so that neither a
key's owner nor a caller can make a decision slow.

Source: spec 03 §9 (wildcards), spec 04 §2.1 (StringLike).
"""

from collections.abc import Callable
from typing import Final

Match = Callable[[str], bool]
"""Whether a text matches a compiled pattern."""

_LAST_POLICY_CHARACTER: Final = "\u00ff"


def fold_case(text: str) -> str:
    """Lower the case of a text as policies compare it without regard to case.

    A policy document has characters up to U+00FF only (spec 03 KP-7). A text with others is
    returned as it is, so that characters such as U+212A, whose lower case is `k`, don't pass for
    letters that a policy names.
    """
    if text.isascii() or max(text) <= _LAST_POLICY_CHARACTER:
        return text.lower()
    return text


def has_wildcard(pattern: str) -> bool:
    """Whether the pattern has a `*` or a `?`."""
    return "*" in pattern or "?" in pattern


def compile_wildcard(pattern: str) -> Match:
    """Compile a pattern into a case-sensitive match of the whole text."""
    if not has_wildcard(pattern):
        return pattern.__eq__
    if "*" not in pattern:
        return _compile_fixed(pattern)
    first, *middle, last = pattern.split("*")
    pieces = tuple(piece for piece in middle if piece)
    if not first and not last and not pieces:
        return _match_any
    if not pieces and not last and "?" not in first:
        return _compile_prefix(first)
    return _compile_pieces(first, pieces, last)


def _match_any(_text: str) -> bool:
    return True


def _compile_fixed(pattern: str) -> Match:
    """Compile a pattern without `*`: same length, same characters except at `?`."""

    def match(text: str) -> bool:
        return len(text) == len(pattern) and _fits(pattern, text)

    return match


def _compile_prefix(prefix: str) -> Match:
    def match(text: str) -> bool:
        return text.startswith(prefix)

    return match


def _fits(piece: str, text: str) -> bool:
    """Whether a piece fits a text of the same length."""
    return piece == text or (
        "?" in piece and all(want in ("?", got) for want, got in zip(piece, text, strict=True))
    )


def _compile_pieces(first: str, pieces: tuple[str, ...], last: str) -> Match:
    """Compile a pattern with `*`: both ends are anchored, each piece is taken where it fits first.

    Taking the leftmost place of each piece is exact: it leaves the most text for the others.
    """
    fixed_length = len(first) + sum(map(len, pieces)) + len(last)
    finders = tuple((_compile_finder(piece), len(piece)) for piece in pieces)

    def match(text: str) -> bool:
        if len(text) < fixed_length:
            return False
        end = len(text) - len(last)
        if not (_fits(first, text[: len(first)]) and _fits(last, text[end:])):
            return False
        position = len(first)
        for find, length in finders:
            position = find(text, position, end)
            if position < 0:
                return False
            position += length
        return True

    return match


def _compile_finder(piece: str) -> Callable[[str, int, int], int]:
    """Compile the search for a piece in `text[start:end]`: its leftmost position, or -1."""
    if "?" not in piece:
        return lambda text, start, end: text.find(piece, start, end)
    anything = sum(1 << index for index, character in enumerate(piece) if character == "?")
    masks: dict[str, int] = {}
    for index, character in enumerate(piece):
        if character != "?":
            masks[character] = masks.get(character, anything) | 1 << index
    found = 1 << (len(piece) - 1)

    def find(text: str, start: int, end: int) -> int:
        # Shift-and (Baeza-Yates and Gonnet 1992): bit i says that piece[:i+1] ends here.
        state = 0
        for index in range(start, end):
            state = (state << 1 | 1) & masks.get(text[index], anything)
            if state & found:
                return index - len(piece) + 1
        return -1

    return find
