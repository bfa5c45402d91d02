"""What a writer's keys should be: a plain model of the management operations, one call at a time.

A writer sends one call after the other and touches only keys and aliases of its own, so what it
has acknowledged is one sequence, and this model is all the concurrency theory that is needed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A KMS key as calls can see it; `policy` None is the default one."""

    description: str = ""
    enabled: bool = True
    pending_deletion: bool = False
    tags: frozenset[tuple[str, str]] = frozenset()
    policy: str | None = None

    @property
    def usable(self) -> bool:
        return self.enabled and not self.pending_deletion

    @property
    def state(self) -> str:
        if self.pending_deletion:
            return "PendingDeletion"
        return "Enabled" if self.enabled else "Disabled"


@dataclass(slots=True)
class World:
    """Keys by id, and aliases with the key that each names."""

    keys: dict[str, Key] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def aliases_of(self, key_id: str) -> set[str]:
        return {name for name, target in self.aliases.items() if target == key_id}

    def apply(self, operation: str, members: Mapping[str, Any], key_id: str) -> None:
        """Carry out a call that succeeded; `key_id` is what CreateKey made."""
        if operation in _ALIASES:
            self._apply_alias(operation, members)
        elif operation == "CreateKey":
            self.keys[key_id] = Key(
                description=members["Description"],
                tags=_pairs(members["Tags"]),
                policy=members.get("Policy"),
            )
        elif operation not in READS:
            key_id = members["KeyId"]
            self.keys[key_id] = changed(self.keys[key_id], operation, members)

    def _apply_alias(self, operation: str, members: Mapping[str, Any]) -> None:
        if operation == "DeleteAlias":
            del self.aliases[members["AliasName"]]
        else:
            self.aliases[members["AliasName"]] = members["TargetKeyId"]

    def fits(self, operation: str, members: Mapping[str, Any]) -> bool:
        """Whether a call must succeed, as things are."""
        alias = members.get("AliasName")
        if alias is not None and (alias in self.aliases) == (operation == "CreateAlias"):
            return False
        named = members.get("KeyId") or members.get("TargetKeyId")
        if named is None:
            return True
        key = self.keys.get(named)
        return key is not None and (operation in _ALWAYS or _allows(key, operation))

    def contradiction(
        self, operation: str, members: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> str | None:
        """What a read shows that can't be, or None."""
        key_id = members.get("KeyId", "")
        shown: object
        expected: object
        match operation:
            case "DescribeKey":
                shown, expected = seen_key(answer["KeyMetadata"]), described(self.keys[key_id])
            case "ListResourceTags":
                shown, expected = _pairs(answer["Tags"]), self.keys[key_id].tags
            case "ListAliases":
                shown = {alias["AliasName"] for alias in answer["Aliases"]}
                expected = self.aliases_of(key_id)
            case "GetKeyPolicy":
                shown, expected = answer["Policy"], self.keys[key_id].policy
                if expected is None:
                    shown = "Enable IAM User Permissions" in str(shown) or shown
                    expected = True
            case _:
                return None
        if shown == expected:
            return None
        return f"{operation} of {key_id} shows {shown!r}, not {expected!r}"


def _allows(key: Key, operation: str) -> bool:
    match operation:
        case "Encrypt" | "GenerateDataKey":
            return key.usable
        case "CancelKeyDeletion":
            return key.pending_deletion
        case _:
            return not key.pending_deletion


def names_in(members: Mapping[str, Any]) -> set[str]:
    """Keys and aliases that a request names."""
    return {str(members[name]) for name in ("KeyId", "TargetKeyId", "AliasName") if name in members}


def changed(key: Key, operation: str, members: Mapping[str, Any]) -> Key:
    """A key after a call on it."""
    match operation:
        case "UpdateKeyDescription":
            return replace(key, description=members["Description"])
        case "TagResource":
            new = {tag["TagKey"]: tag["TagValue"] for tag in members["Tags"]}
            return replace(key, tags=frozenset({**dict(key.tags), **new}.items()))
        case "UntagResource":
            gone = set(members["TagKeys"])
            return replace(key, tags=frozenset(tag for tag in key.tags if tag[0] not in gone))
        case "PutKeyPolicy":
            return replace(key, policy=members["Policy"])
        case _:
            enabled, pending_deletion = _STATES[operation](key)
            return replace(key, enabled=enabled, pending_deletion=pending_deletion)


def described(key: Key) -> tuple[str, str]:
    """What DescribeKey shows of a key, as far as the model goes."""
    return key.state, key.description


def seen_key(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The same of an answer."""
    return str(metadata["KeyState"]), str(metadata["Description"])


def policy_of(account_id: str, token: str) -> str:
    """A policy that allows everything, and can be told from every other one."""
    principal = {"AWS": f"arn:aws:iam::{account_id}:root"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": token,
            "Statement": [
                {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
            ],
        }
    )


def _pairs(tags: list[dict[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((tag["TagKey"], tag["TagValue"]) for tag in tags)


_STATES: Mapping[str, Callable[[Key], tuple[bool, bool]]] = {
    "DisableKey": lambda key: (False, key.pending_deletion),
    "EnableKey": lambda key: (True, key.pending_deletion),
    "ScheduleKeyDeletion": lambda key: (key.enabled, True),
    "CancelKeyDeletion": lambda _: (False, False),
}
"""What these operations make of a key: enabled, and pending deletion."""
_ALIASES = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})
READS = frozenset(
    {
        "DescribeKey",
        "ListResourceTags",
        "ListAliases",
        "GetKeyPolicy",
        "Encrypt",
        "Decrypt",
        "GenerateDataKey",
    }
)
"""Operations that change nothing."""
_ALWAYS = READS - {"Encrypt", "Decrypt", "GenerateDataKey"}
"""Operations that every state of a key allows."""
