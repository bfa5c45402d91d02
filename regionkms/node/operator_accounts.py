"""Operator commands about accounts and their root credentials (design §3, Accounts).

`account create` makes credentials in one Region; `account import` brings the same values into the
others. A secret is shown once, to who made it, and recorded nowhere.
"""

from typing import Annotated, Final

import msgspec

from regionkms.crypto.material import Material
from regionkms.identity.access_keys import (
    RANDOM_BYTES,
    Credentials,
    import_access_key,
    new_access_key,
    set_access_key_active,
)
from regionkms.model.ids import AccountId
from regionkms.node.operator import NoArguments, OperatorCall, OperatorCommand
from regionkms.ports.store import StoreTransaction

AccountIdText = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$")]


class CreateAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `account create`."""

    account_id: AccountIdText


class ImportAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `account import`."""

    account_id: AccountIdText
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"<credentials {self.access_key_id}>"


class SetAccessKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `account disable-key` and `account enable-key`."""

    access_key_id: str


async def create_account(call: OperatorCall) -> object:
    """Make root credentials for an account, new to this Region or not."""
    credentials = new_access_key(call.ports.random_bytes(RANDOM_BYTES))
    await _store(call, call.arguments.account_id, credentials)
    return {
        "account_id": call.arguments.account_id,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret.reveal().decode(),
    }


async def import_account(call: OperatorCall) -> object:
    """Store credentials that exist already; nothing happens if they are here."""
    arguments: ImportAccount = call.arguments
    secret = Material(arguments.secret_access_key.encode())
    credentials = Credentials(access_key_id=arguments.access_key_id, secret=secret)
    await _store(call, arguments.account_id, credentials)
    return {"account_id": arguments.account_id, "access_key_id": arguments.access_key_id}


async def _store(call: OperatorCall, account_id: str, credentials: Credentials) -> None:
    ports = call.ports
    now = ports.clock.now()

    def work(tx: StoreTransaction) -> None:
        import_access_key(
            tx,
            ports.vault,
            account_id=AccountId(account_id),
            credentials=credentials,
            created_at=now,
        )

    await call.commit(work)


async def list_accounts(call: OperatorCall) -> object:
    """Every access key, by account; never a secret."""
    rows = await call.ports.store.read(lambda tx: tx.access_keys.all())
    return [
        {
            "account_id": row.account_id,
            "access_key_id": row.access_key_id,
            "active": row.active,
            "created_at": row.created_at,
        }
        for row in sorted(rows, key=lambda row: (row.account_id, row.access_key_id))
    ]


async def disable_access_key(call: OperatorCall) -> object:
    """Refuse what an access key signs from now on."""
    return await _set_active(call, active=False)


async def enable_access_key(call: OperatorCall) -> object:
    """Take an access key's signatures again."""
    return await _set_active(call, active=True)


async def _set_active(call: OperatorCall, *, active: bool) -> object:
    name: str = call.arguments.access_key_id
    row = await call.commit(lambda tx: set_access_key_active(tx, name, active=active))
    return {"account_id": row.account_id, "access_key_id": name, "active": row.active}


COMMANDS: Final = (
    OperatorCommand(
        name="account create",
        handler=create_account,
        arguments=CreateAccount,
        audited=("account_id",),
    ),
    OperatorCommand(
        name="account import",
        handler=import_account,
        arguments=ImportAccount,
        audited=("account_id", "access_key_id"),
    ),
    OperatorCommand(
        name="account list", handler=list_accounts, arguments=NoArguments, read_only=True
    ),
    OperatorCommand(
        name="account disable-key",
        handler=disable_access_key,
        arguments=SetAccessKey,
        audited=("access_key_id",),
    ),
    OperatorCommand(
        name="account enable-key",
        handler=enable_access_key,
        arguments=SetAccessKey,
        audited=("access_key_id",),
    ),
)
"""Rows of this family."""
