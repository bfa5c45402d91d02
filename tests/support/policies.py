"""Callers, keys and documents that the tests of the policy engine share."""

import json
from typing import Any, Final

from regionkms.model.ids import AccountId
from regionkms.policy.compile import compile_policy
from regionkms.policy.decision import decide
from regionkms.policy.outcome import Decision
from regionkms.policy.principal import NO_ACCOUNT, Principal, PrincipalKind, root_user
from regionkms.policy.request import (
    NO_FACTS,
    AccessRequest,
    ConditionContext,
    IdentityVerdict,
    KeyResource,
)

OWNER: Final = AccountId("111122223333")
FOREIGN: Final = AccountId("444455556666")
KEY_ARN: Final = f"arn:aws:kms:us-west-2:{OWNER}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEY: Final = KeyResource(
    arn=KEY_ARN,
    account_id=OWNER,
    key_spec="SYMMETRIC_DEFAULT",
    key_usage="ENCRYPT_DECRYPT",
    origin="AWS_KMS",
)

ROOT: Final = root_user(OWNER)
FOREIGN_ROOT: Final = root_user(FOREIGN)


def user(name: str, account_id: AccountId = OWNER) -> Principal:
    """An IAM user."""
    return Principal(
        kind=PrincipalKind.USER,
        arn=f"arn:aws:iam::{account_id}:user/{name}",
        account_id=account_id,
        user_id=f"AIDA{name.upper()}",
    )


def session(role: str, name: str, account_id: AccountId = OWNER) -> Principal:
    """A session of a role; the role's path is not part of the session's ARN."""
    return Principal(
        kind=PrincipalKind.ROLE_SESSION,
        arn=f"arn:aws:sts::{account_id}:assumed-role/{role.rpartition('/')[2]}/{name}",
        account_id=account_id,
        role_arn=f"arn:aws:iam::{account_id}:role/{role}",
        user_id=f"AROA:{name}",
    )


ALICE: Final = user("Alice")
BOB: Final = user("Bob")
DAN: Final = user("Dan", FOREIGN)
SERVICE: Final = Principal(
    kind=PrincipalKind.SERVICE, arn="cloudtrail.amazonaws.com", account_id=NO_ACCOUNT
)
ACCOUNT_ARN: Final = ROOT.arn
FOREIGN_ARN: Final = FOREIGN_ROOT.arn


def statement(**elements: Any) -> dict[str, Any]:
    """A statement that allows everything to everyone, but for the given elements.

    An element given as None is left out.
    """
    defaults: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "kms:*",
        "Resource": "*",
    }
    for name in ("Principal", "Action", "Resource"):
        if f"Not{name}" in elements:
            del defaults[name]
    return {k: v for k, v in (defaults | elements).items() if v is not None}


def document(*statements: Any, version: str = "2012-10-17") -> str:
    """A document of the statements."""
    return json.dumps({"Version": version, "Statement": list(statements)})


def ask(
    text: str,
    principal: Principal,
    action: str = "kms:Decrypt",
    *,
    identity: bool = False,
    context: ConditionContext = NO_FACTS,
    key: KeyResource = KEY,
    account_enabled: bool = True,
) -> Decision:
    """Decide one check of a caller whose identity side allows, or says nothing."""
    request = AccessRequest(
        principal=principal,
        action=action,
        resource=key,
        identity=IdentityVerdict.ALLOW if identity else IdentityVerdict.IMPLICIT_DENY,
        context=context,
        account_enabled=account_enabled,
    )
    return decide(request, compile_policy(text))
