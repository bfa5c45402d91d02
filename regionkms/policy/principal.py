"""Who calls, and whom a statement's Principal element covers.

Source: spec 03 §2 RES-3, §3.2 AZ-6 and AZ-7, §3.3 notes, §4.3.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from regionkms.model.ids import AccountId

NO_ACCOUNT: Final = AccountId("")
"""The account of an AWS service principal: it has none."""


class PrincipalKind(StrEnum):
    """What kind of identity signed the request; the value is that of `aws:PrincipalType`."""

    ROOT = "Account"
    USER = "User"
    ROLE_SESSION = "AssumedRole"
    FEDERATED_USER = "FederatedUser"
    SERVICE = "Service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The identity that a request was authenticated as.

    Attributes:
        arn: Of the root user, user or session; of a service its name (`ec2.amazonaws.com`).
        account_id: NO_ACCOUNT for a service, and for a service only.
        role_arn: Of the assumed role, with its path; for ROLE_SESSION, and for that only.
        user_id: Unique id, as in `aws:userid`; the account id for the root user.

    Raises:
        ValueError: The members don't go together.
    """

    kind: PrincipalKind
    arn: str
    account_id: AccountId
    partition: str = "aws"
    role_arn: str | None = None
    user_id: str = ""

    def __post_init__(self) -> None:
        if (self.kind is PrincipalKind.ROLE_SESSION) != (self.role_arn is not None):
            raise ValueError("a role session, and nothing else, has a role ARN")
        if (self.kind is PrincipalKind.SERVICE) != (self.account_id == NO_ACCOUNT):
            raise ValueError("a service, and nothing else, has no account")

    @property
    def account_arn(self) -> str:
        """The ARN of the account principal, which is also that of the root user."""
        return f"arn:{self.partition}:iam::{self.account_id}:root"


def root_user(account_id: AccountId, partition: str = "aws") -> Principal:
    """The root user of an account."""
    return Principal(
        kind=PrincipalKind.ROOT,
        arn=f"arn:{partition}:iam::{account_id}:root",
        account_id=account_id,
        partition=partition,
        user_id=account_id,
    )


class Coverage(StrEnum):
    """How a Principal element covers a caller (spec 03 §3.3)."""

    NONE = "none"
    ACCOUNT = "account"
    """Through the account only: in an Allow it delegates, it does not give (AZ-6)."""
    DIRECT = "direct"
    """By the caller's own ARN, its role's, its service name, or `*`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalSet:
    """A validated Principal element.

    Attributes:
        everyone: `"*"` or `{"AWS": "*"}`: every identity of every account (KP-17).
        accounts: Account ids, and ARNs of account principals, as they were written (KP-20).
        arns: Users, roles, role sessions and federated users.
        services: Names of AWS services.
    """

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def allow_coverage(self, principal: Principal) -> Coverage:
        """How an Allow with this element covers the caller.

        `*` covers the identities of accounts, not AWS services: those must be named (KP-17).
        """
        if principal.kind is PrincipalKind.SERVICE:
            return Coverage.DIRECT if principal.arn in self.services else Coverage.NONE
        if self.everyone or principal.arn in self.arns or principal.role_arn in self.arns:
            return Coverage.DIRECT
        return Coverage.ACCOUNT if self._names_account_of(principal) else Coverage.NONE

    def denies(self, principal: Principal) -> bool:
        """Whether a Deny with this element covers the caller.

        In a Deny an account principal covers every identity of the account, its root user too, and
        `*` covers services as well (spec 03 §3.3).
        """
        return self.everyone or self.allow_coverage(principal) is not Coverage.NONE

    def _names_account_of(self, principal: Principal) -> bool:
        return principal.account_id in self.accounts or principal.account_arn in self.accounts
