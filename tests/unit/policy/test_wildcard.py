"""Patterns of the policy language (spec 03 §9)."""

import sys

import pytest

from regionkms.policy.wildcard import compile_wildcard, fold_case
from tests.support.plain_policy import plain_like


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("**", "anything", True),
        ("kms:Decrypt", "kms:Decrypt", True),
        ("kms:Decrypt", "kms:decrypt", False),
        ("kms:GenerateDataKey*", "kms:GenerateDataKey", True),
        ("kms:GenerateDataKey*", "kms:GenerateDataKeyPairWithoutPlaintext", True),
        ("kms:Get*", "kms:GetPublicKey", True),
        ("kms:ReEncrypt*", "kms:ReEncryptFrom", True),
        ("kms:ReEncrypt*", "kms:Encrypt", False),
        ("?", "", False),
        ("?", "ab", False),
        ("a?c", "abc", True),
        ("a?c", "abbc", False),
        ("*/*test*", "alias/my-test-key", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b", "ac", False),
        ("a?*c", "ba.c", False),
        ("*ab?d*", "xxabcabcdx", True),
        ("*ab?d*", "xxabcab", False),
        ("*a?*b", "aab", True),
        ("?*", "", False),
        ("a?*", "ab", True),
        ("*?b", "ab", True),
        ("*[a-z]*", "x[a-z]y", True),
        ("*.*", "ab", False),
        ("*\n?", "a\n\n", True),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, matches: bool) -> None:  # noqa: FBT001 - the expectation
    assert compile_wildcard(pattern)(text) is matches
    assert plain_like(pattern, text) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 8000 + "*b",
        "*?a" * 2000 + "b",
        "*" + "?a" * 2000 + "*b",
        "*" + "a?" * 1500 + "?" * 500 + "b*",
        "a?" * 4096,
    ],
)
def test_no_pattern_makes_matching_slow(pattern: str) -> None:
    """Work grows with the text, not with a power of it: counted in calls and lines, not seconds."""
    match = compile_wildcard(pattern)
    steps = 0

    def count(*_arguments: object) -> object:
        nonlocal steps
        steps += 1
        return count

    text = "a" * 8192
    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type] # it returns itself, as a trace function does
    try:
        match(text)
    finally:
        sys.settrace(before)
    assert steps < 20 * len(text)


def test_case_is_folded_for_characters_that_policies_have() -> None:
    assert fold_case("AppNAME") == "appname"
    assert fold_case("\xc9T\xc9") == "\xe9t\xe9"


def test_case_of_other_characters_is_kept_so_that_lookalikes_do_not_match() -> None:
    kelvin = "\u212a"
    assert kelvin.lower() == "k"
    assert fold_case(f"{kelvin}EY") == f"{kelvin}EY"
    assert fold_case("") == ""
