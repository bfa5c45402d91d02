"""From a key identifier to a key, silently: what is not there is said only after authorization.

Source: spec 01 §5 (I1-I11); design §5 steps 4 and 6.
"""

from typing import Final

from regionkms.model.errors import NotFoundException
from regionkms.model.ids import (
    ALIAS_PREFIX,
    AccountId,
    AliasName,
    ArnKind,
    KeyId,
    alias_arn,
    is_alias_name,
    is_key_id,
    key_arn,
    parse_arn,
)
from regionkms.operations.region import Region
from regionkms.operations.target import Target

__all__ = ["Target", "find_key", "resolve"]

_ARN_PREFIX: Final = "arn:"


def resolve(
    region: Region, caller_account: AccountId, identifier: str, *, accepts_alias: bool
) -> Target:
    """Find the key that an identifier names.

    Raises:
        InvalidArnException: A malformed ARN.
        NotFoundException: No identifier at all (I7), another Region's ARN (I9), or an alias where
            none is accepted (I3).
        Miss: Not in memory; resolve it and ask again.
    """
    if not accepts_alias:
        return _resolve(region, caller_account, identifier, accepts_alias=False)
    # Parsing an identifier each time costs 1.6 us, the look-up 0.2 us.
    name = (caller_account, identifier)
    target = region.keys.targets.get(name)
    if target is None:
        target = _resolve(region, caller_account, identifier, accepts_alias=True)
        region.keys.keep_target(name, target)
    return target


def _resolve(
    region: Region, caller_account: AccountId, identifier: str, *, accepts_alias: bool
) -> Target:
    if identifier.startswith(_ARN_PREFIX):
        return _resolve_arn(region, identifier, accepts_alias=accepts_alias)
    if identifier.startswith(ALIAS_PREFIX):
        if not accepts_alias:
            raise _invalid(identifier)
        return _resolve_alias(region, caller_account, AliasName(identifier))
    if not is_key_id(identifier):
        raise _invalid(identifier)
    return find_key(region, caller_account, KeyId(identifier))


def find_key(region: Region, account_id: AccountId, key_id: KeyId) -> Target:
    """The key of an account with this id.

    Raises:
        Miss: Not in memory.
    """
    key = region.keys.key((account_id, key_id))
    if key is not None:
        return Target(key=key, account_id=account_id, arn=key.arn)
    arn = key_arn(region.name, account_id, key_id)
    return Target(
        key=None,
        account_id=account_id,
        arn=arn,
        absence=NotFoundException(f"Key '{arn}' does not exist"),
    )


def _resolve_arn(region: Region, text: str, *, accepts_alias: bool) -> Target:
    arn = parse_arn(text)
    if arn.region != region.name or arn.partition != region.partition:
        raise NotFoundException(f"Invalid arn {arn.region}")
    if arn.kind is ArnKind.ALIAS:
        if not accepts_alias:
            raise _invalid(text)
        return _resolve_alias(region, arn.account_id, AliasName(ALIAS_PREFIX + arn.name))
    if not is_key_id(arn.name):
        raise _invalid(text)
    return find_key(region, arn.account_id, KeyId(arn.name))


def _resolve_alias(region: Region, account_id: AccountId, alias_name: AliasName) -> Target:
    # A name that no alias can have is not looked for: it would only fill memory.
    key_id = region.keys.alias((account_id, alias_name)) if is_alias_name(alias_name) else None
    key = None if key_id is None else region.keys.key((account_id, key_id))
    own_arn = alias_arn(region.name, account_id, alias_name)
    return Target(
        key=key,
        account_id=account_id,
        arn=own_arn if key is None else key.arn,
        alias_name=alias_name,
        absence=NotFoundException(f"Alias {own_arn} is not found."),
    )


def _invalid(identifier: str) -> NotFoundException:
    return NotFoundException(f"Invalid keyId '{identifier[:256]}'")
