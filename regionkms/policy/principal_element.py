"""The grammar of a statement's Principal element.

Until there is a directory of identities, any well-formed user or role ARN is accepted (KP-21).

Source: spec 03 §4.3 (KP-15 to KP-21), §2 RES-3.
"""

import re
from typing import Final

from regionkms.model.ids import is_account_id
from regionkms.policy.policy_json import malformed, shown
from regionkms.policy.principal import PrincipalSet

_EVERYONE: Final = "*"
_NAME: Final = r"[A-Za-z0-9_+=,.@-]{1,64}"
_PATH: Final = r"(?:[\x21-\x2e\x30-\x7e]{1,512}/){0,32}"
_PARTITION: Final = r"arn:aws[a-z-]{0,16}"
_ACCOUNT_ARN: Final = re.compile(rf"{_PARTITION}:iam::[0-9]{{12}}:root")
_IDENTITY_ARN: Final = re.compile(
    rf"{_PARTITION}:(?:"
    rf"iam::[0-9]{{12}}:(?:user|role)/{_PATH}{_NAME}"
    rf"|sts::[0-9]{{12}}:assumed-role/{_NAME}/{_NAME}"
    rf"|sts::[0-9]{{12}}:federated-user/{_NAME}"
    r")"
)
_GROUP_ARN: Final = re.compile(rf"{_PARTITION}:iam::[0-9]{{12}}:group/.*", re.DOTALL)
_SERVICE: Final = re.compile(
    r"(?:[a-z0-9-]{1,63}\.){1,6}(?:amazonaws\.com|amazonaws\.com\.cn|amazon\.com)"
)


def parse_principal(value: object, where: str) -> PrincipalSet:
    """Read a Principal (or NotPrincipal) element.

    Args:
        value: `"*"`, or an object of AWS and Service, each a string or an array of strings.
        where: The path of the element, for messages.

    Raises:
        MalformedPolicyDocumentException: An unknown type of principal, a group (KP-16), or a value
            that is no ARN, account id or service name.
    """
    if type(value) is str and value == _EVERYONE:
        return PrincipalSet(everyone=True)
    if not isinstance(value, dict) or not value:
        raise malformed(where, 'must be "*" or an object of AWS or Service principals')
    unknown = sorted(value.keys() - {"AWS", "Service"})
    if unknown:
        raise malformed(where, f"a key policy has no principals of type {shown(unknown[0])}")
    names = _names(value.get("AWS", []), f"{where}.AWS")
    services = _names(value.get("Service", []), f"{where}.Service")
    if not names and not services:
        raise malformed(where, "names no principal")
    for name in names:
        _check_aws(name, f"{where}.AWS")
    for name in services:
        if not _SERVICE.fullmatch(name):
            raise malformed(f"{where}.Service", f"{shown(name)} is no name of an AWS service")
    return PrincipalSet(
        everyone=_EVERYONE in names,
        accounts=frozenset(filter(_is_account, names)),
        arns=frozenset(filter(_IDENTITY_ARN.fullmatch, names)),
        services=frozenset(services),
    )


def _names(value: object, where: str) -> list[str]:
    items: list[object] = value if isinstance(value, list) else [value]
    names = [item for item in items if isinstance(item, str) and type(item) is str]
    if len(names) != len(items):
        raise malformed(where, "must be a string or an array of strings")
    return names


def _is_account(name: str) -> bool:
    return is_account_id(name) or _ACCOUNT_ARN.fullmatch(name) is not None


def _check_aws(name: str, where: str) -> None:
    if name == _EVERYONE or _is_account(name) or _IDENTITY_ARN.fullmatch(name):
        return
    if _GROUP_ARN.fullmatch(name):
        raise malformed(where, f"{shown(name)} is a group; a group can't be a principal")
    raise malformed(
        where,
        f"{shown(name)} is no account, user, role, role session or federated user, or not a "
        "well-formed ARN of one",
    )
