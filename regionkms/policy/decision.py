"""The decision to allow: (principal, action, resource, context) in, a Decision out.

`decide` is one check; a call may need several, and all must pass (spec 03 §3.6). The data plane
uses `prepare` and keeps its result; `decide` is the same evaluation in one step.

Source: spec 03 §3.3.
"""

from regionkms.policy.compile import CompiledPolicy
from regionkms.policy.outcome import Decision, Reason
from regionkms.policy.permissions import ResourceKind, permission_for
from regionkms.policy.prepared import Subject, prepare, refusal_reason, subject_of
from regionkms.policy.principal import Principal
from regionkms.policy.request import (
    AccessRequest,
    AliasResource,
    IdentityVerdict,
    KeyResource,
)

_FOREIGN = (
    "on this resource because the resource does not exist in this Region, no resource-based "
    "policies allow access, or a resource-based policy explicitly denies access"
)


def decide(request: AccessRequest, policy: CompiledPolicy | None = None) -> Decision:
    """Decide one check.

    Args:
        request: What is asked.
        policy: The key policy, where the resource is a key; otherwise None.

    Raises:
        ValueError: The action is not checked on such a resource, or a key comes without its policy
            (every key has exactly one, KP-1).
    """
    resource = request.resource
    if isinstance(resource, KeyResource):
        if policy is None:
            raise ValueError(f"{resource.arn} has no key policy")
        return prepare(policy, subject_of(request, resource.account_id)).decide(request)
    permission_for(request.action, resource.kind)
    foreign = (
        isinstance(resource, AliasResource) and resource.account_id != request.principal.account_id
    )
    return _decide_by_identity(request.identity, foreign=foreign)


def _decide_by_identity(identity: IdentityVerdict, *, foreign: bool) -> Decision:
    """Decide without a key: by the identity side, and never across accounts."""
    if identity is IdentityVerdict.EXPLICIT_DENY:
        return Decision(allowed=False, reason=Reason.EXPLICIT_DENY_IDENTITY)
    if foreign:
        return Decision(allowed=False, reason=Reason.NOT_CROSS_ACCOUNT)
    if identity is IdentityVerdict.ALLOW:
        return Decision(allowed=True, reason=Reason.IDENTITY)
    return Decision(allowed=False, reason=Reason.NO_IDENTITY_POLICY)


def decide_unknown_key(subject: Subject) -> Decision:
    """Decide whether a caller may hear that a key does not exist.

    Args:
        subject: With the account that the identifier names as the owner.

    Returns:
        Allowed: answer NotFoundException. Otherwise answer AccessDeniedException with the
        denial message, which is that of an existing key that does not allow the caller.
    """
    permission_for(subject.action, ResourceKind.KEY)
    if subject.identity is IdentityVerdict.EXPLICIT_DENY:
        return Decision(allowed=False, reason=Reason.EXPLICIT_DENY_IDENTITY)
    if not subject.foreign and subject.identity is IdentityVerdict.ALLOW:
        return Decision(allowed=True, reason=Reason.IDENTITY)
    return Decision(allowed=False, reason=refusal_reason(subject))


def denial_message(
    decision: Decision, principal: Principal, *, action: str, resource_arn: str
) -> str:
    """The message of AccessDeniedException for a denied check.

    On a resource of another account there is one sentence for every denial, known and unknown
    resources alike: it must not tell strangers whether a key exists.

    Args:
        decision: The denial.
        principal: The caller.
        action: With its prefix.
        resource_arn: `*` for a check without a resource.

    Source: spec 03 AZ-22; the sentence for other accounts as AWS KMS answers.
    """
    start = f"User: {principal.arn} is not authorized to perform: {action}"
    if _account_in(resource_arn) not in {"", principal.account_id}:
        return f"{start} {_FOREIGN}"
    return f"{start} on resource: {resource_arn} {_because(decision.reason, action)}"


def _account_in(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else ""  # noqa: PLR2004 - arn:partition:service:region:account:resource


def _because(reason: Reason, action: str) -> str:
    match reason:
        case Reason.EXPLICIT_DENY_KEY_POLICY:
            return "with an explicit deny in a resource-based policy"
        case Reason.EXPLICIT_DENY_IDENTITY:
            return "with an explicit deny in an identity-based policy"
        case Reason.NO_IDENTITY_POLICY:
            return f"because no identity-based policy allows the {action} action"
        case _:
            return f"because no resource-based policy allows the {action} action"
