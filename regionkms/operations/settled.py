"""Stages 4, 6 and 7 for calls that repeat: looked up together in place of one by one.

Which key an identifier names, a decision of the key policy that leaves nothing to evaluate, and
what the state table says follow from caller, operation, identifier and the rows of the key alone.
So they are kept from one call to the next, until any key or alias is forgotten (KeyCache.settled).
Each call is charged all the same, and whatever is not settled so goes through the stages.

It costs 0.4 us where the stages cost 1.7 us; that both come to the same is tested.
"""

from typing import Final

import msgspec

from regionkms.crypto.blob import MAX_BLOB_BYTES, MIN_BLOB_BYTES, OWNER_BYTES
from regionkms.model.ids import AccountId
from regionkms.operations.call import Call
from regionkms.operations.charging import charge_quotas
from regionkms.operations.loaded_key import LoadedKey
from regionkms.ports.operation import Plane, Resource
from regionkms.quota.charging import quota_for
from regionkms.quota.table import RequestQuota

Name = tuple[str | bytes, str, str, str]

_KEY_OR_ALIAS: Final = Resource.KEY_OR_ALIAS
_CIPHERTEXT: Final = Resource.CIPHERTEXT


class Settled(msgspec.Struct, frozen=True, gc=False):
    """What the calls of one name pass with.

    Attributes:
        account_id: Whom they are charged to.
    """

    key: LoadedKey
    quotas: tuple[RequestQuota, ...]
    account_id: AccountId


def pass_as_settled(call: Call) -> bool:
    """Take a call through stages 4 to 7 if a call like it has passed them.

    Raises:
        ThrottlingException: Its quota is used up.
    """
    region = call.region
    settled: Settled | None = region.keys.settled.get(_name_of(call))
    if settled is None:
        return False
    if not call.charged:
        call.charged = True
        charge_quotas(region.quotas, settled.account_id, settled.quotas)
    key = settled.key
    call.loaded = key
    call.resources = key.touched
    return True


def settle(call: Call) -> None:
    """Keep what a call has passed with, if the next one like it must pass as well."""
    name, key, operation = _name_of(call), call.key, call.operation
    if name is None or operation.plane is not Plane.DATA or not operation.checks_state:
        return
    prepared = call.region.decisions.lookup(
        key.policy.digest,
        call.principal.arn,
        operation.permission,
        owner=key.key.account_id,
        identity=call.identity,
    )
    if prepared is not None and prepared.constant is not None and prepared.constant.allowed:
        quotas = quota_for(operation.name, key.key.key_spec)
        call.region.keys.keep_settled(name, Settled(key, quotas, call.account_id))


def _name_of(call: Call) -> Name | None:
    operation, request = call.operation, call.request
    identifier: str | bytes | None
    if operation.resource is _KEY_OR_ALIAS:
        identifier = request.key_id
    elif operation.resource is _CIPHERTEXT:
        identifier = request.key_id or _owner_in(request.ciphertext_blob)
        if request.dry_run_modifiers:
            return None
    else:
        return None
    if identifier is None:
        return None
    return (identifier, operation.name, call.caller.principal.arn, call.identity)


def _owner_in(blob: bytes | None) -> bytes | None:
    if blob is None or not MIN_BLOB_BYTES <= len(blob) <= MAX_BLOB_BYTES:
        return None
    return blob[:OWNER_BYTES]
