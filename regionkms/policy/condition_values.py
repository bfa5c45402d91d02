"""How each condition key that can be evaluated is read from a call.

Each reader returns the key's values; an empty tuple says that the call does not have the key. They
read only: whether an action has a key at all is said by the table in condition_keys.py.

Source: spec 04 §2.2, §3; spec 03 §8.
"""

from regionkms.policy.operators import Values
from regionkms.policy.principal import PrincipalKind
from regionkms.policy.request import AccessRequest, KeyResource, NoResource
from regionkms.policy.wildcard import fold_case

_ABSENT: Values = ()


def _text(value: str | None) -> Values:
    return (value,) if value else _ABSENT


def _boolean(value: bool | None) -> Values:  # noqa: FBT001 - the value itself, it selects nothing
    if value is None:
        return _ABSENT
    return ("true",) if value else ("false",)


def caller_account(request: AccessRequest, _name: str) -> Values:
    """The caller's account; absent for a service."""
    return _text(request.principal.account_id)


def principal_arn(request: AccessRequest, _name: str) -> Values:
    """The caller's ARN, that of the role for a role's session; absent for a service."""
    principal = request.principal
    if principal.kind is PrincipalKind.SERVICE:
        return _ABSENT
    return _text(principal.role_arn or principal.arn)


def principal_type(request: AccessRequest, _name: str) -> Values:
    """Account, User, AssumedRole or FederatedUser; absent for a service."""
    kind = request.principal.kind
    return _ABSENT if kind is PrincipalKind.SERVICE else (kind.value,)


def principal_is_aws_service(request: AccessRequest, _name: str) -> Values:
    """Whether the caller is a service principal."""
    return _boolean(request.principal.kind is PrincipalKind.SERVICE)


def user_id(request: AccessRequest, _name: str) -> Values:
    """The caller's unique id."""
    return _text(request.principal.user_id)


def resource_account(request: AccessRequest, _name: str) -> Values:
    """The account of the key or alias."""
    resource = request.resource
    return _ABSENT if isinstance(resource, NoResource) else (resource.account_id,)


def key_spec(request: AccessRequest, _name: str) -> Values:
    """Of the KMS key."""
    resource = request.resource
    return (resource.key_spec,) if isinstance(resource, KeyResource) else _ABSENT


def key_usage(request: AccessRequest, _name: str) -> Values:
    """Of the KMS key."""
    resource = request.resource
    return (resource.key_usage,) if isinstance(resource, KeyResource) else _ABSENT


def key_origin(request: AccessRequest, _name: str) -> Values:
    """Of the KMS key."""
    resource = request.resource
    return (resource.origin,) if isinstance(resource, KeyResource) else _ABSENT


def multi_region(request: AccessRequest, _name: str) -> Values:
    """Whether the KMS key is a multi-Region key; every key has this (spec 04 §3.20)."""
    resource = request.resource
    return _boolean(resource.multi_region) if isinstance(resource, KeyResource) else _ABSENT


def multi_region_key_type(request: AccessRequest, _name: str) -> Values:
    """PRIMARY or REPLICA; absent on single-Region keys (spec 04 §3.21)."""
    resource = request.resource
    return _text(resource.multi_region_key_type) if isinstance(resource, KeyResource) else _ABSENT


def encryption_context(request: AccessRequest, name: str) -> Values:
    """The value of one pair; keys are compared without regard to case (spec 04 §3.6).

    A context whose keys differ in case only has several values for the name.
    """
    pairs = request.context.encryption_context
    return tuple(value for key, value in pairs.items() if fold_case(key) == name)


def encryption_context_keys(request: AccessRequest, _name: str) -> Values:
    """The keys of the pairs, as they were sent (spec 04 §3.7)."""
    return tuple(request.context.encryption_context)


def encryption_algorithm(request: AccessRequest, _name: str) -> Values:
    """The algorithm of the call (spec 04 §3.5)."""
    return _text(request.context.encryption_algorithm)


def request_alias(request: AccessRequest, _name: str) -> Values:
    """The alias name that the call identified its key by (spec 04 §3.25)."""
    return _text(request.context.request_alias)


def via_service(request: AccessRequest, _name: str) -> Values:
    """The service that forwarded the call; absent in a direct call (spec 04 §3.30)."""
    return _text(request.context.via_service)


def via_aws_service(request: AccessRequest, _name: str) -> Values:
    """Whether a service forwarded the call."""
    return _boolean(request.context.via_service is not None)


def replica_region(request: AccessRequest, _name: str) -> Values:
    """Where ReplicateKey replicates to (spec 04 §3.23)."""
    return _text(request.context.replica_region)


def bypass_policy_lockout_safety_check(request: AccessRequest, _name: str) -> Values:
    """The parameter; absent where it was not sent (spec 04 §2.2, exception A)."""
    return _boolean(request.context.bypass_policy_lockout_safety_check)


def reencrypt_on_same_key(request: AccessRequest, _name: str) -> Values:
    """Whether ReEncrypt's destination is the key that encrypted (spec 04 §3.24)."""
    return _boolean(request.context.reencrypt_on_same_key)


def secure_transport(request: AccessRequest, _name: str) -> Values:
    """Whether the call came over TLS."""
    return _boolean(request.context.secure_transport)
