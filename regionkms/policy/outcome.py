"""What a decision says: allowed or not, why, and which statements decided.

Source: spec 03 §3.3, §3.7 (AZ-21, AZ-22), §9 (trace output).
"""

from dataclasses import dataclass
from enum import StrEnum

from regionkms.policy.statement import Effect


class Reason(StrEnum):
    """Why a check was allowed or denied, by the step of the algorithm that decided."""

    KEY_POLICY = "the key policy allows the caller"
    ACCOUNT_AND_IDENTITY = "the key policy allows the account and the identity side the caller"
    IDENTITY = "the identity side allows the caller"
    EXPLICIT_DENY_KEY_POLICY = "explicit deny in the key policy"
    EXPLICIT_DENY_IDENTITY = "explicit deny on the identity side"
    NOT_CROSS_ACCOUNT = "the action does not work on resources of another account"
    ACCOUNT_NOT_ENABLED = "the caller's account is not enabled in this Region"
    NO_IDENTITY_POLICY = "nothing on the identity side allows the action"
    NO_KEY_POLICY = "nothing in the key policy allows the action"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRef:
    """A statement that decided.

    Attributes:
        document: Which document it stands in: `key policy`.
        index: Its place in the document, from 0.
        sid: Empty if it has none.
    """

    document: str
    index: int
    sid: str
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one check.

    Attributes:
        statements: Those that decided; empty where the absence of an Allow did.
        unevaluated: What could not be evaluated and had a part in a denial, named for the log:
            of the Deny that matched for that, or of Allows that would have been enough.
    """

    allowed: bool
    reason: Reason
    statements: tuple[StatementRef, ...] = ()
    unevaluated: tuple[str, ...] = ()
