"""The lockout check: a new key policy must leave its writer able to change it again.

Source: spec 03 KP-37; spec 04 §10.1.
"""

from typing import Final

from regionkms.model.errors import MalformedPolicyDocumentException
from regionkms.policy.compile import CompiledPolicy
from regionkms.policy.decision import decide
from regionkms.policy.principal import Principal
from regionkms.policy.request import (
    NO_FACTS,
    AccessRequest,
    ConditionContext,
    IdentityVerdict,
    KeyResource,
)

_ACTION: Final = "kms:PutKeyPolicy"
_MESSAGE: Final = "The new key policy will not allow you to update the key policy in the future."


def check_lockout(
    policy: CompiledPolicy,
    principal: Principal,
    *,
    key: KeyResource,
    context: ConditionContext = NO_FACTS,
) -> None:
    """Refuse a new key policy under which its writer could not call PutKeyPolicy.

    An Allow to the writer's account is enough: the identity side is taken to allow, since the
    account can give the permission at any time. An explicit deny, a condition that the present
    call would not satisfy, or one that can't be evaluated is not enough.

    Args:
        policy: The new key policy.
        principal: Its writer.
        key: The key as it will be, with the writer's account as its owner.
        context: The facts of the present call.

    Raises:
        MalformedPolicyDocumentException: The writer would be locked out.
    """
    request = AccessRequest(
        principal=principal,
        action=_ACTION,
        resource=key,
        identity=IdentityVerdict.ALLOW,
        context=context,
    )
    if not decide(request, policy).allowed:
        raise MalformedPolicyDocumentException(_MESSAGE)
