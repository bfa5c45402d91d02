"""Requests to begin with: from botocore's model of KMS, with keys and ciphertexts that exist."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings

from tests.support import api_values

_KEY_MEMBERS: Final = frozenset({"KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"})
_CONTEXTS: Final = frozenset({"EncryptionContext", "SourceEncryptionContext"})
_LIVE_PART: Final = 0.75
"""How often an identifier is one that exists; else few requests would pass the first check."""

Corpus = dict[str, list[dict[str, Any]]]


def make_corpus(examples: int) -> Corpus:
    """Up to so many requests of each operation, the same in every run."""
    return {name: _examples(name, examples) for name in api_values.OPERATION_NAMES}


def _examples(name: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(api_values.requests(name))
    def collect(members: dict[str, Any]) -> None:
        found.append(_as_json(members))

    collect()
    return found or [{}]


def _as_json(value: Any) -> Any:
    match value:
        case bytes():
            return b64encode(value).decode()
        case dict():
            return {name: _as_json(inner) for name, inner in value.items()}
        case list():
            return [_as_json(inner) for inner in value]
        case _:
            return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What exists in the node: identifiers of keys, aliases, and ciphertexts with their context."""

    identifiers: Sequence[str]
    aliases: Sequence[str]
    blobs: Sequence[str]
    context: dict[str, str]
    policy: str


def enlivened(rng: Random, members: dict[str, Any], live: Live) -> dict[str, Any]:
    """A request in which some of what it names exists."""
    new = dict(members)
    for name in members:
        if rng.random() > _LIVE_PART:
            continue
        if name in _KEY_MEMBERS:
            new[name] = rng.choice(live.identifiers)
        elif name == "AliasName":
            new[name] = rng.choice(live.aliases)
        elif name == "CiphertextBlob":
            new[name] = rng.choice(live.blobs)
        elif name == "Policy":
            new[name] = live.policy
        elif name in _CONTEXTS and "CiphertextBlob" in members:
            new[name] = live.context
    return new


def encode(members: Any) -> bytes:
    """A body as clients write it; lone surrogates stay escapes."""
    return json.dumps(members).encode()
