"""CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

Each of the first three is checked on the alias and on every key concerned (spec 01 A29). Aliases
belong to one Region and are never replicated (A5).
Source: spec 01 §7.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from regionkms.model import shapes
from regionkms.model.errors import (
    AlreadyExistsException,
    InvalidAliasNameException,
    KMSInternalException,
    LimitExceededException,
    NotFoundException,
    ValidationException,
)
from regionkms.model.ids import ALIAS_PREFIX, AWS_ALIAS_PREFIX, AliasName, KeyId, alias_arn
from regionkms.model.key import Alias, KmsKey
from regionkms.model.key_spec import KEY_SPECS
from regionkms.operations.authorize import authorize_alias, authorize_key, target_of
from regionkms.operations.call import Call, not_found
from regionkms.operations.charging import charge_hot_key
from regionkms.operations.loaded_key import LoadedKey
from regionkms.operations.paging import page_of
from regionkms.operations.resolve import Target
from regionkms.ports.operation import Audited, Operation, Plane, Resource
from regionkms.ports.store import StoreTransaction

_LIST_DEFAULT: Final = 50
_LIST_MAX: Final = 100
"""Of a page; a greater Limit, which the API model allows, gets this many (spec 01 A17)."""
_MOST_TRIES: Final = 16
"""Of a call whose alias is moved by others; each loss means that another call has succeeded."""
_HELP: Final = "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"


class _AliasMovedError(Exception):
    """The alias names another key than the one that the call was authorized for."""


def _checked_name(name: str) -> AliasName:
    """An alias name that a customer may create, update or delete (spec 01 §7.2)."""
    if not name.startswith(ALIAS_PREFIX):
        raise ValidationException(
            f'Alias must start with the prefix "{ALIAS_PREFIX}". Please see {_HELP}'
        )
    if ":" in name or name == ALIAS_PREFIX:
        raise ValidationException(f"{name} contains invalid characters for an alias")
    if name.startswith(AWS_ALIAS_PREFIX):
        raise InvalidAliasNameException(
            f"{AWS_ALIAS_PREFIX} is reserved for aliases of AWS managed keys."
        )
    return AliasName(name)


async def _target_key(call: Call, identifier: str) -> Target:
    """The key that an alias is to refer to, authorized; an alias is no key (spec 01 §7.2)."""
    if identifier.startswith(ALIAS_PREFIX) or ":alias/" in identifier:
        raise ValidationException("Aliases must refer to keys. Not aliases")
    return await target_of(call, identifier)


def _touch(call: Call, name: AliasName, *keys: LoadedKey, alias_first: bool) -> None:
    account_id = call.account_id
    alias = (account_id, alias_arn(call.region.name, account_id, name))
    touched = [(key.key.account_id, str(key.arn)) for key in keys]
    call.resources = (alias, *touched) if alias_first else (*touched, alias)


async def create_alias(call: Call) -> None:
    """Give a key a name that is new in the account and Region."""
    request: shapes.CreateAliasRequest = call.request
    name = _checked_name(request.alias_name)
    authorize_alias(call, "kms:CreateAlias", name)
    target = await _target_key(call, request.target_key_id)
    key = authorize_key(call, "kms:CreateAlias", target)
    call.loaded = key
    _touch(call, name, key, alias_first=False)
    key.check_state("CreateAlias")
    now = call.region.clock.now()

    def work(tx: StoreTransaction) -> None:
        row = call.recheck(tx)
        if tx.aliases.get(call.account_id, name) is not None:
            arn = alias_arn(call.region.name, call.account_id, name)
            raise AlreadyExistsException(f"An alias with the name {arn} already exists")
        _require_room(call, tx, row)
        tx.aliases.put(
            Alias(
                account_id=call.account_id,
                alias_name=name,
                target_key_id=row.key_id,
                created_at=now,
                updated_at=now,
            )
        )

    await call.commit(work)


def _require_room(call: Call, tx: StoreTransaction, key: KmsKey) -> None:
    quota = call.region.aliases_per_key(key.account_id)
    if tx.aliases.count(key.account_id, key.key_id) >= quota:
        raise LimitExceededException(
            f"{call.key.arn} has reached its quota of {quota} aliases. Delete one, or have the "
            "quota raised."
        )


async def update_alias(call: Call) -> None:
    """Point an alias at another key of the same type and usage (spec 01 A20)."""
    await _while_it_moves(call, _update_alias)


async def _while_it_moves(call: Call, once: Callable[[Call], Awaitable[None]]) -> None:
    """Do what depends on an alias's key, anew where another call has moved the alias meanwhile.

    Everything is looked at again, the permissions on the key that it names now too.
    """
    for _ in range(_MOST_TRIES):
        try:
            await once(call)
        except _AliasMovedError:
            continue
        return
    raise KMSInternalException("The alias is changing too fast. Retry the request.")


async def _update_alias(call: Call) -> None:
    request: shapes.UpdateAliasRequest = call.request
    name = _checked_name(request.alias_name)
    authorize_alias(call, "kms:UpdateAlias", name)
    current_id = await _current_target(call, name)
    target = await _target_key(call, request.target_key_id)
    key = authorize_key(call, "kms:UpdateAlias", target)
    current = await target_of(call, current_id)
    if current.key is not None:
        authorize_key(call, "kms:UpdateAlias", current)
        _require_same_kind(current.key, key)
    charge_hot_key(call, key)
    call.loaded = key
    _touch(call, name, key, alias_first=True)
    key.check_state("UpdateAlias")
    now = call.region.clock.now()

    def work(tx: StoreTransaction) -> None:
        row = call.recheck(tx)
        alias = _unmoved(call, tx, name, current_id)
        if alias.target_key_id != row.key_id:
            _require_room(call, tx, row)
        tx.aliases.put(replace(alias, target_key_id=row.key_id, updated_at=now))

    await call.commit(work)


def _unmoved(call: Call, tx: StoreTransaction, name: AliasName, target: KeyId) -> Alias:
    """The alias, if it still refers to the key that the call was authorized for.

    Raises:
        _AliasMovedError: It names another key now.
        NotFoundException: It is gone.
    """
    alias = tx.aliases.get(call.account_id, name)
    if alias is None:
        raise _alias_not_found(call, name)
    if alias.target_key_id != target:
        raise _AliasMovedError
    return alias


async def _current_target(call: Call, name: AliasName) -> KeyId:
    alias = await call.region.store.read(lambda tx: tx.aliases.get(call.account_id, name))
    if alias is None:
        raise _alias_not_found(call, name)
    return alias.target_key_id


def _alias_not_found(call: Call, name: AliasName) -> NotFoundException:
    arn = alias_arn(call.region.name, call.account_id, name)
    return NotFoundException(f"Alias {arn} is not found.")


def _require_same_kind(current: LoadedKey, new: LoadedKey) -> None:
    def kind(key: LoadedKey) -> tuple[str, str]:
        return KEY_SPECS[key.key.key_spec].key_type.value, key.key.key_usage.value

    if kind(current) != kind(new):
        raise ValidationException(
            f"Alias update must keep key type and key usage: {current.arn} is "
            f"{' '.join(kind(current))}, {new.arn} is {' '.join(kind(new))}."
        )


async def delete_alias(call: Call) -> None:
    """Remove an alias; its key is not touched."""
    await _while_it_moves(call, _delete_alias)


async def _delete_alias(call: Call) -> None:
    request: shapes.DeleteAliasRequest = call.request
    name = _checked_name(request.alias_name)
    authorize_alias(call, "kms:DeleteAlias", name)
    current_id = await _current_target(call, name)
    target = await target_of(call, current_id)
    if target.key is None:
        raise not_found(target.arn)
    call.loaded = authorize_key(call, "kms:DeleteAlias", target)
    _touch(call, name, call.loaded, alias_first=True)

    def work(tx: StoreTransaction) -> None:
        _unmoved(call, tx, name, current_id)
        tx.aliases.delete(call.account_id, name)

    await call.commit(work)


async def list_aliases(call: Call) -> shapes.ListAliasesResponse:
    """List the account's aliases in this Region, of all keys or of one."""
    request: shapes.ListAliasesRequest = call.request
    region = call.region
    key_id: KeyId | None = None
    if request.key_id is not None:
        target = await target_of(call, request.key_id)
        if target.key is None or target.account_id != call.account_id:
            raise target.absence or not_found(target.arn)
        key_id = target.key.key.key_id
    page = await page_of(
        region.store,
        marker=request.marker,
        limit=min(request.limit or _LIST_DEFAULT, _LIST_MAX),
        read=lambda tx, after, limit: tx.aliases.page(
            call.account_id, key_id=key_id, after=after, limit=limit
        ),
        name=lambda alias: alias.alias_name,
    )
    return shapes.ListAliasesResponse(
        aliases=[
            shapes.AliasListEntry(
                alias_name=alias.alias_name,
                alias_arn=alias_arn(region.name, alias.account_id, AliasName(alias.alias_name)),
                target_key_id=alias.target_key_id,
                creation_date=alias.created_at,
                last_updated_date=alias.updated_at,
            )
            for alias in page.rows
        ],
        truncated=page.truncated,
        next_marker=page.next_marker,
    )


OPERATIONS: Final = (
    Operation(
        name="CreateAlias",
        handler=create_alias,
        plane=Plane.CONTROL,
        resource=Resource.COMPOSITE,
        permission="kms:CreateAlias",
        read_only=False,
        audited=Audited(request=("AliasName", "TargetKeyId"), key_arn=True),
    ),
    Operation(
        name="UpdateAlias",
        handler=update_alias,
        plane=Plane.CONTROL,
        resource=Resource.COMPOSITE,
        permission="kms:UpdateAlias",
        read_only=False,
        audited=Audited(request=("AliasName", "TargetKeyId"), key_arn=True),
    ),
    Operation(
        name="DeleteAlias",
        handler=delete_alias,
        plane=Plane.CONTROL,
        resource=Resource.COMPOSITE,
        permission="kms:DeleteAlias",
        read_only=False,
        audited=Audited(request=("AliasName",), key_arn=True),
    ),
    Operation(
        name="ListAliases",
        handler=list_aliases,
        plane=Plane.CONTROL,
        resource=Resource.NONE,
        permission="kms:ListAliases",
        read_only=True,
        audited=Audited(request=("Limit", "Marker", "KeyId")),
    ),
)
"""Rows of this family."""
