"""Who a request was authenticated as: the one value that policy, quota, audit and STS read.

Source: spec 03 §1 AUTH-2, §2 RES-3; spec 02 §3.3 (userIdentity).
"""

from dataclasses import dataclass

from regionkms.identity.sigv4.values import Verified
from regionkms.model.ids import AccountId, RegionName, partition_of
from regionkms.policy.principal import Principal, PrincipalKind, root_user


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentity:
    """The identity behind a verified signature.

    Attributes:
        principal: What policies are decided for.
        access_key_id: The credentials that signed.
    """

    principal: Principal
    access_key_id: str

    @property
    def kind(self) -> PrincipalKind:
        """Root user, user, session or service."""
        return self.principal.kind

    @property
    def account_id(self) -> AccountId:
        """The account that the identity belongs to, and that quotas charge."""
        return self.principal.account_id

    @property
    def arn(self) -> str:
        """As in GetCallerIdentity's Arn, such as `arn:aws:iam::111122223333:root`."""
        return self.principal.arn

    @property
    def principal_id(self) -> str:
        """As in GetCallerIdentity's UserId; the account id for the root user."""
        return self.principal.user_id

    @property
    def partition(self) -> str:
        """The partition of the Region that authenticated the request."""
        return self.principal.partition


def root_caller(verified: Verified, region: RegionName) -> CallerIdentity:
    """The root user of the account whose credentials signed.

    Until there is a directory of identities every access key is one of a root user (design §3).

    Args:
        verified: What the signature proved.
        region: The Region that serves the request; it decides the partition.
    """
    return CallerIdentity(
        principal=root_user(verified.account_id, partition_of(region)),
        access_key_id=verified.access_key_id,
    )
