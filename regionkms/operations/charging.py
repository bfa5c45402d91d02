"""The quota stage: charge the caller's account for a call, once (spec 07 §4.3)."""

from typing import Final

from regionkms.model.errors import ThrottlingException
from regionkms.model.ids import AccountId
from regionkms.model.key_spec import KeySpec
from regionkms.operations.call import Call
from regionkms.operations.loaded_key import LoadedKey
from regionkms.ports.quota_counter import QuotaCounter
from regionkms.quota.charging import HOT_KEY_OPERATIONS, hot_key_quota_for, quota_for
from regionkms.quota.table import RequestQuota

MESSAGE: Final = (
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
)
"""Word for word what clients know (spec 07 §4.5)."""


def charge(call: Call, key: LoadedKey | None) -> None:
    """Charge a call on one key, or on none, to its request quota and the hot-key limiter.

    Raises:
        ThrottlingException: The quota of this moment is used up.
    """
    if call.charged:
        return
    call.charged = True
    name = call.operation.name
    quotas = quota_for(name, None if key is None else key.key.key_spec)
    charge_quotas(call.region.quotas, call.account_id, quotas)
    if name in HOT_KEY_OPERATIONS and key is not None and key.key.account_id == call.account_id:
        # Not for strangers: being throttled on one key alone would tell them that it exists.
        charge_hot_key(call, key)


def charge_hot_key(call: Call, key: LoadedKey) -> None:
    """Charge a change of a key's state to that key.

    Raises:
        ThrottlingException: Too many changes of the same key (spec 07 §4.5).
    """
    quota = hot_key_quota_for(call.operation.name)
    if quota is None:
        return
    verdict = call.region.quotas.admit(call.account_id, quota, scope=key.arn)
    if not verdict.admitted:
        raise ThrottlingException(MESSAGE)


def charge_pair(call: Call, source: KeySpec | None, destination: KeySpec | None) -> None:
    """Charge ReEncrypt to the quotas of both key specs, each once.

    Raises:
        ThrottlingException: One of them is used up.
    """
    if call.charged:
        return
    call.charged = True
    quotas = quota_for(call.operation.name, source, destination_spec=destination)
    charge_quotas(call.region.quotas, call.account_id, quotas)


def charge_quotas(
    counter: QuotaCounter, account_id: AccountId, quotas: tuple[RequestQuota, ...]
) -> None:
    """Charge one request of an account to each of these quotas.

    Raises:
        ThrottlingException: One of them is used up.
    """
    for quota in quotas:
        if not counter.admit(account_id, quota).admitted:
            raise ThrottlingException(MESSAGE)
