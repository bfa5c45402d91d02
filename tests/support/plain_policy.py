"""A slow and plain evaluator of key policies: the oracle of the compiled one.

It is written from spec 03 §3.3 and spec 04 §2-§3 directly on the JSON of the document, shares no
code with regionkms.policy but the values of a request, and optimises nothing.
"""

import json
from collections.abc import Callable
from typing import Any

from regionkms.policy.principal import Principal, PrincipalKind
from regionkms.policy.request import AccessRequest, IdentityVerdict, KeyResource

_CROSS_ACCOUNT = {
    "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "Sign", "Verify", "GenerateMac", "VerifyMac",
    "DescribeKey", "GetPublicKey", "GetKeyRotationStatus", "CreateGrant", "ListGrants",
    "RevokeGrant", "DeriveSharedSecret", "Encapsulate", "Decapsulate",
}  # fmt: skip
_SYMMETRIC = {
    "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
}  # fmt: skip
_ALIASED = _SYMMETRIC | {
    "Sign", "Verify", "GenerateMac", "VerifyMac", "DescribeKey", "GetPublicKey",
    "DeriveSharedSecret", "Encapsulate", "Decapsulate",
}  # fmt: skip
_STRING_OPERATORS = {
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
    "StringLike", "StringNotLike", "Bool",
}  # fmt: skip
_UNKNOWN = object()


def plain_allows(document: str, request: AccessRequest) -> bool:  # noqa: PLR0911 - as the specification
    """Whether the key policy lets the request through."""
    policy = json.loads(document)
    statements = policy["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    statements = [s for s in statements if _effective(s)]
    caller, key = request.principal, request.resource
    assert isinstance(key, KeyResource)
    service = caller.kind is PrincipalKind.SERVICE
    same = not service and caller.account_id == key.account_id
    if request.identity is IdentityVerdict.EXPLICIT_DENY and not service:
        return False
    if request.action == "kms:RetireGrant":
        return False
    if any(s["Effect"] == "Deny" and _matches(policy, s, request) for s in statements):
        return False
    if not service and not same and request.action.removeprefix("kms:") not in _CROSS_ACCOUNT:
        return False
    allows = [s for s in statements if s["Effect"] == "Allow" and _matches(policy, s, request)]
    direct = any(_names_directly(s["Principal"], caller) for s in allows)
    account = any(_names_account(s["Principal"], caller) for s in allows)
    identity = request.identity is IdentityVerdict.ALLOW
    if service:
        return direct
    if same:
        return direct or (account and identity)
    return (direct or account) and identity and request.account_enabled


def _effective(statement: dict[str, Any]) -> bool:
    return ("Action" in statement or "NotAction" in statement) and (
        "Resource" in statement or "NotResource" in statement
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(policy: dict[str, Any], statement: dict[str, Any], request: AccessRequest) -> bool:
    """Whether every part matches; a part that can't be evaluated is true in a Deny only."""
    if_unknown = statement["Effect"] == "Deny"
    parts = [_principal(statement, request), _action(statement, request)]
    parts.append(_resource(policy, statement, request))
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            parts.append(_condition(policy, statement, operator, key, _list(values), request))
    return all(if_unknown if part is _UNKNOWN else part for part in parts)


def _principal(statement: dict[str, Any], request: AccessRequest) -> object:
    if "NotPrincipal" in statement:
        return _UNKNOWN
    principal = statement["Principal"]
    if statement["Effect"] == "Deny" and (
        principal == "*" or (isinstance(principal, dict) and "*" in _list(principal.get("AWS", [])))
    ):
        return True
    return _names_directly(principal, request.principal) or _names_account(
        principal, request.principal
    )


def _names_directly(principal: Any, caller: Principal) -> bool:
    if caller.kind is PrincipalKind.SERVICE:
        return principal != "*" and caller.arn in _list(principal.get("Service", []))
    if principal == "*":
        return True
    names = _list(principal.get("AWS", []))
    if "*" in names:
        return True
    if caller.kind is PrincipalKind.ROOT:
        return False
    return caller.arn in names or (caller.role_arn is not None and caller.role_arn in names)


def _names_account(principal: Any, caller: Principal) -> bool:
    if caller.kind is PrincipalKind.SERVICE or principal == "*":
        return False
    names = _list(principal.get("AWS", []))
    return (
        caller.account_id in names
        or f"arn:{caller.partition}:iam::{caller.account_id}:root" in names
    )


def _action(statement: dict[str, Any], request: AccessRequest) -> bool:
    negated = "NotAction" in statement
    patterns = _list(statement["NotAction" if negated else "Action"])
    return any(plain_like(p.lower(), request.action.lower()) for p in patterns) != negated


def _resource(policy: dict[str, Any], statement: dict[str, Any], request: AccessRequest) -> object:
    negated = "NotResource" in statement
    patterns = _list(statement["NotResource" if negated else "Resource"])
    if policy["Version"] == "2012-10-17" and any("${" in p for p in patterns):
        return _UNKNOWN
    return any(plain_like(p, request.resource.arn) for p in patterns) != negated


def plain_like(pattern: str, text: str) -> bool:
    """Match a pattern with `*` and `?` by the table of all prefixes."""
    row = [True] + [False] * len(text)
    for wanted in pattern:
        above = row
        row = [wanted == "*" and above[0]]
        for index, got in enumerate(text):
            if wanted == "*":
                row.append(above[index + 1] or row[index])
            else:
                row.append(above[index] and wanted in ("?", got))
    return row[-1]


def _condition(  # noqa: PLR0911 - one rule of the specification each
    policy: dict[str, Any],
    statement: dict[str, Any],
    operator: str,
    key: str,
    values: list[Any],
    request: AccessRequest,
) -> object:
    quantifier, _, base = operator.rpartition(":")
    if_exists = base.endswith("IfExists")
    base = base.removesuffix("IfExists")
    wanted = [("true" if v else "false") if isinstance(v, bool) else str(v) for v in values]
    if base not in _STRING_OPERATORS | {"Null"}:
        return _UNKNOWN
    found = _values(key.lower(), request)
    if found is _UNKNOWN:
        return _UNKNOWN
    if policy["Version"] == "2012-10-17" and any("${" in v for v in wanted):
        return _UNKNOWN
    assert isinstance(found, list)
    if base == "Null":
        return any((w.lower() == "true") == (not found) for w in wanted)
    negated = "Not" in base
    passes = [_compare(base.replace("Not", ""), wanted, value) != negated for value in found]
    if quantifier == "ForAllValues":
        return all(passes)
    if not found:
        return if_exists or (negated and not quantifier)
    if key.lower().startswith("kms:encryptioncontext:") and not quantifier:
        return all(passes) if statement["Effect"] == "Allow" else any(passes)
    return any(passes)


def _fold(text: str) -> str:
    return text if any(ord(c) > 255 for c in text) else text.lower()


def _compare(operator: str, wanted: list[str], value: str) -> bool:
    if operator == "StringLike":
        return any(plain_like(w, value) for w in wanted)
    if operator == "StringEquals":
        return value in wanted
    return any(_fold(w) == _fold(value) for w in wanted)


def _values(key: str, request: AccessRequest) -> object:
    action = request.action.removeprefix("kms:")
    context = request.context
    if key.startswith("kms:encryptioncontext:") and key != "kms:encryptioncontext:":
        if action not in _SYMMETRIC | {"CreateGrant"}:
            return []
        name = key.removeprefix("kms:encryptioncontext:")
        return [v for k, v in context.encryption_context.items() if _fold(k) == name]
    readers: dict[str, tuple[Callable[[], object], set[str] | None]] = {
        "kms:calleraccount": (lambda: request.principal.account_id or None, None),
        "kms:viaservice": (lambda: context.via_service, None),
        "kms:keyspec": (lambda: request.resource.key_spec, None),  # type: ignore[union-attr] # a key
        "kms:keyusage": (lambda: request.resource.key_usage, None),  # type: ignore[union-attr] # a key
        "kms:keyorigin": (lambda: request.resource.origin, None),  # type: ignore[union-attr] # a key
        "kms:multiregion": (lambda: request.resource.multi_region, None),  # type: ignore[union-attr] # a key
        "kms:multiregionkeytype": (
            lambda: request.resource.multi_region_key_type,  # type: ignore[union-attr] # a key
            None,
        ),
        "kms:requestalias": (lambda: context.request_alias, _ALIASED),
        "kms:encryptionalgorithm": (lambda: context.encryption_algorithm, _SYMMETRIC),
        "kms:replicaregion": (lambda: context.replica_region, {"ReplicateKey"}),
        "kms:bypasspolicylockoutsafetycheck": (
            lambda: context.bypass_policy_lockout_safety_check,
            {"PutKeyPolicy", "ReplicateKey"},
        ),
        "kms:reencryptonsamekey": (
            lambda: context.reencrypt_on_same_key,
            {"ReEncryptFrom", "ReEncryptTo"},
        ),
        "aws:principalarn": (lambda: _role_or_self(request.principal), None),
        "aws:principalaccount": (lambda: request.principal.account_id or None, None),
        "aws:securetransport": (lambda: context.secure_transport, None),
    }
    if key == "kms:encryptioncontextkeys":
        known = action in _SYMMETRIC | {"CreateGrant"}
        return list(context.encryption_context) if known else []
    if key not in readers:
        return _UNKNOWN
    read, actions = readers[key]
    value = read() if actions is None or action in actions else None
    if value is None:
        return []
    return [("true" if value else "false") if isinstance(value, bool) else str(value)]


def _role_or_self(caller: Principal) -> str | None:
    if caller.kind is PrincipalKind.SERVICE:
        return None
    return caller.role_arn or caller.arn
