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

Name = tuple[str, str, str]

_KEY_OR_ALIAS: Final = Resource.KEY_OR_ALIAS
_CIPHERTEXT: Final = Resource.CIPHERTEXT


class Passage(msgspec.Struct, frozen=True):
    """What the calls of one caller for one operation pass with.

    With many keys each look-up meets cold memory, so a key is found by its identifier at once.

    Attributes:
        account_id: Whom they are charged to.
        quotas: The quotas that they are charged to; calls on keys of others are never settled.
        keys: The keys, by what identifies them in requests.
    """

    account_id: AccountId
    quotas: tuple[RequestQuota, ...]
    keys: dict[str | bytes, LoadedKey]


def pass_as_settled(call: Call) -> bool:
    """Take a call through stages 4 to 7 if a call like it has passed them.

    Raises:
        ThrottlingException: Its quota is used up.
    """
    region = call.region
    passage: Passage | None = region.keys.settled.get(_name_of(call))
    if passage is None:
        return False
    identifier = _identifier_of(call)
    key = None if identifier is None else passage.keys.get(identifier)
    if key is None:
        return False
    if not call.charged:
        call.charged = True
        charge_quotas(region.quotas, passage.account_id, passage.quotas)
    call.loaded = key
    call.resources = ((key.account_id, key.arn),)
    return True


def settle(call: Call) -> None:
    """Keep what a call has passed with, if the next one like it must pass as well."""
    identifier, key, operation = _identifier_of(call), call.key, call.operation
    if identifier is None or operation.plane is not Plane.DATA or not operation.checks_state:
        return
    keys = call.region.keys
    prepared = call.region.decisions.lookup(
        key.policy.digest,
        call.principal.arn,
        operation.permission,
        owner=key.key.account_id,
        identity=call.identity,
    )
    if prepared is None or prepared.constant is None or not prepared.constant.allowed:
        return
    name, quotas = _name_of(call), quota_for(operation.name, key.key.key_spec)
    known: Passage | None = keys.settled.get(name)
    if known is not None and known.quotas != quotas:
        return
    keys.make_room_for_settled()
    passage: Passage = keys.settled.setdefault(name, Passage(call.account_id, quotas, {}))
    passage.keys[identifier] = key


def _name_of(call: Call) -> Name:
    return call.operation.name, call.caller.principal.arn, call.identity


def _identifier_of(call: Call) -> str | bytes | None:
    """What names the key in a request, as far as that can be looked up."""
    resource, request = call.operation.resource, call.request
    if resource is _KEY_OR_ALIAS:
        return request.key_id  # type: ignore[no-any-return]  # the request's type is the operation's
    if resource is not _CIPHERTEXT or request.dry_run_modifiers:
        return None
    return request.key_id or _owner_in(request.ciphertext_blob)


def _owner_in(blob: bytes | None) -> bytes | None:
    if blob is None or not MIN_BLOB_BYTES <= len(blob) <= MAX_BLOB_BYTES:
        return None
    return blob[:OWNER_BYTES]
