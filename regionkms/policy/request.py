"""What is decided about: one action of one caller on one resource, with the call's facts.

A call that needs several checks (ReEncrypt, the alias operations) makes one AccessRequest for each.

Source: spec 03 §3.1, §3.3, §3.6; spec 04 §2.2.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

import msgspec

from regionkms.model.ids import AccountId
from regionkms.policy.permissions import ResourceKind
from regionkms.policy.principal import Principal

_NO_CONTEXT: Final[Mapping[str, str]] = MappingProxyType({})


class IdentityVerdict(StrEnum):
    """What the caller's identity side says about an action on a resource.

    The identity side is the caller's account: its identity policies, boundary, session policy and
    service control policies. Until there is a directory of identities, root users have the
    identity side of their account and nobody else has any.
    """

    ALLOW = "allow"
    IMPLICIT_DENY = "implicit deny"
    EXPLICIT_DENY = "explicit deny"

    # Every call looks one up in a dictionary, and the hash of Enum is a function in Python.
    __hash__ = str.__hash__


class KeyResource(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key, by the properties that conditions may ask for.

    Attributes:
        multi_region_key_type: PRIMARY or REPLICA; None for a single-Region key.
    """

    kind: ClassVar[ResourceKind] = ResourceKind.KEY
    arn: str
    account_id: AccountId
    key_spec: str
    key_usage: str
    origin: str
    multi_region: bool = False
    multi_region_key_type: str | None = None


class AliasResource(msgspec.Struct, frozen=True, kw_only=True):
    """An alias; only the alias operations are checked on one."""

    kind: ClassVar[ResourceKind] = ResourceKind.ALIAS
    arn: str
    account_id: AccountId


class NoResource(msgspec.Struct, frozen=True, kw_only=True):
    """No key and no alias: CreateKey, ListKeys, ListAliases, GenerateRandom."""

    kind: ClassVar[ResourceKind] = ResourceKind.NONE
    arn: ClassVar[str] = "*"


class ConditionContext(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a call that conditions may ask for; None where the call has no such fact.

    Defaults of the API's parameters are filled in by the caller (spec 04 §2.2), except those of
    parameters for which absence itself counts.

    Attributes:
        encryption_context: Of CreateGrant the one in the grant's constraint; of ReEncrypt the
            source's or destination's, by the action.
        encryption_algorithm: SYMMETRIC_DEFAULT where the call names none.
        request_alias: `alias/` and name, if the call's key identifier is an alias name or ARN.
        via_service: `<service>.<region>.amazonaws.com` that forwarded the call; None if direct.
        bypass_policy_lockout_safety_check: None where the parameter was not sent.
        reencrypt_on_same_key: Whether ReEncrypt's two keys are one.
        secure_transport: Whether the call came over TLS.
    """

    encryption_context: Mapping[str, str] = _NO_CONTEXT
    encryption_algorithm: str | None = None
    request_alias: str | None = None
    via_service: str | None = None
    replica_region: str | None = None
    bypass_policy_lockout_safety_check: bool | None = None
    reencrypt_on_same_key: bool | None = None
    secure_transport: bool = False


NO_FACTS: Final = ConditionContext()


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One check.

    Attributes:
        action: With its prefix: `kms:Decrypt`. It and the resource's kind name a row of
            permissions.py.
        identity: What the caller's account says.
        account_enabled: Whether the caller's account is enabled in the key's Region (AZ-15).
    """

    principal: Principal
    action: str
    resource: KeyResource | AliasResource | NoResource
    identity: IdentityVerdict
    context: ConditionContext = NO_FACTS
    account_enabled: bool = True
