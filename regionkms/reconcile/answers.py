"""Whether this Region takes a proposed replica: what only the target of ReplicateKey can check.

Regions never read each other's store, so the primary proposes and the target answers in the record
(protocol §5, H14). The proposal was signed by the primary; its policy, tags and lockout check are
as the primary's Region found them. Source: spec 05 §3.7, §3.8, spec 07 §4.3 rule 9.
"""

from collections import OrderedDict
from typing import Final

from regionkms.model.errors import (
    AccessDeniedException,
    KmsError,
    KMSInternalException,
    LimitExceededException,
    ThrottlingException,
)
from regionkms.model.ids import RegionName, partition_of
from regionkms.model.proposal import Proposal
from regionkms.model.record import Refusal
from regionkms.policy.decision import decide, decide_unknown_key, denial_message
from regionkms.policy.prepared import Subject
from regionkms.policy.principal import Principal, root_user
from regionkms.policy.request import AccessRequest, IdentityVerdict, NoResource
from regionkms.ports.coordinator import RecordKey
from regionkms.ports.quota_counter import QuotaCounter
from regionkms.ports.store import StoreTransaction
from regionkms.quota.charging import target_region_charge
from regionkms.reconcile.ports import AgentPorts

_CREATE: Final = "kms:CreateKey"
_TAG: Final = "kms:TagResource"
_THROTTLED: Final = (
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
)
_MAX_REMEMBERED: Final = 4096


class Answers:
    """The checks of one Region. Remembers for a while what it has charged, to charge it once."""

    def __init__(self, ports: AgentPorts) -> None:
        self._ports = ports
        self._charged: OrderedDict[tuple[RecordKey, int], None] = OrderedDict()

    async def judge(self, key: RecordKey, life: int, proposal: Proposal | None) -> Refusal | None:
        """None to accept, or the error for the caller in the primary's Region.

        Raises:
            StoreUnavailable: The store did not answer; judge again.
        """
        if proposal is None:
            return _refusal(KMSInternalException("The proposal's text is missing or not signed."))
        try:
            check_permission(proposal, self._ports.region)
            self._charge(key, life, proposal)
            await self._check_quota(key)
        except KmsError as error:
            return _refusal(error)
        return None

    def _charge(self, key: RecordKey, life: int, proposal: Proposal) -> None:
        if (key, life) in self._charged:
            return
        charge_caller(self._ports.quotas, proposal)
        self._charged[key, life] = None
        if len(self._charged) > _MAX_REMEMBERED:
            self._charged.popitem(last=False)

    async def _check_quota(self, key: RecordKey) -> None:
        account_id = key.account_id

        def excess(tx: StoreTransaction) -> bool:
            has_row = tx.keys.get(account_id, key.key_id) is not None
            return not has_row and tx.keys.count(account_id) >= quota

        quota = self._ports.keys_per_account(account_id)
        if await self._ports.store.read(excess):
            raise LimitExceededException(
                f"The account has reached its quota of {quota} KMS keys in {self._ports.region}. "
                "Delete unused keys, or have the quota raised."
            )


def check_permission(proposal: Proposal, region: RegionName) -> None:
    """The requester needs kms:CreateKey here, and kms:TagResource for tags (spec 05 §3.11).

    Raises:
        AccessDeniedException: Its identity side does not allow it in this Region.
    """
    account_id = proposal.caller_account_id
    root = root_user(account_id, partition_of(region))
    # Until there is a directory of identities only root users have an identity side.
    is_root = proposal.caller_arn == root.arn
    identity = IdentityVerdict.ALLOW if is_root else IdentityVerdict.IMPLICIT_DENY
    create = AccessRequest(principal=root, action=_CREATE, resource=NoResource(), identity=identity)
    decision = decide(create)
    if not decision.allowed:
        raise _denied(denial_message(decision, root, action=_CREATE, resource_arn="*"), proposal)
    if proposal.tags:
        subject = Subject(principal=root, action=_TAG, owner=proposal.account_id, identity=identity)
        tagging = decide_unknown_key(subject)
        if not tagging.allowed:
            arn = f"arn:{root.partition}:kms:{region}:{proposal.account_id}:key/*"
            message = denial_message(tagging, root, action=_TAG, resource_arn=arn)
            raise _denied(message, proposal)


def charge_caller(quotas: QuotaCounter, proposal: Proposal) -> None:
    """Count two CreateKey requests of the caller's account in this Region.

    Raises:
        ThrottlingException: The quota of this moment is used up.
    """
    charge = target_region_charge("ReplicateKey")
    if charge is None:
        return
    verdict = quotas.admit(proposal.caller_account_id, charge.quota, cost=charge.cost)
    if not verdict.admitted:
        raise ThrottlingException(_THROTTLED)


def caller_principal(proposal: Proposal, region: RegionName) -> Principal:
    """Who asked, for the audit record."""
    return root_user(proposal.caller_account_id, partition_of(region))


def _denied(message: str, proposal: Proposal) -> AccessDeniedException:
    root = f"arn:aws:iam::{proposal.caller_account_id}:root"
    return AccessDeniedException(message.replace(root, proposal.caller_arn))


def _refusal(error: KmsError) -> Refusal:
    return Refusal(code=error.code, message=error.message)
