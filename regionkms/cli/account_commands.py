"""`regionkms account`: root credentials of accounts, in one Region (design §3, Accounts)."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.table import Table

from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import console, safe, say, told

AccountArgument = Annotated[str, typer.Argument(help="Twelve digits.", metavar="ACCOUNT")]
AccessKeyId = Annotated[str, typer.Argument(metavar="ACCESS-KEY-ID")]

app: Final = typer.Typer(
    help="Accounts and the credentials of their root users, in one Region.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def create(account: AccountArgument, data_dir: NodeDir) -> None:
    """Make root credentials for an account. The secret is shown this once.

    For clients that use several Regions, import the same values in each of them.
    """
    with told():
        made = operate(data_dir, "account create", {"account_id": account})
    say(
        f"AWS_ACCESS_KEY_ID={made['access_key_id']}\n"
        f"AWS_SECRET_ACCESS_KEY={made['secret_access_key']}"
    )


@app.command("import")
def import_(
    account: AccountArgument,
    access_key_id: Annotated[str, typer.Option(help="Of the credentials.", metavar="ID")],
    data_dir: NodeDir,
) -> None:
    """Bring an account's credentials into this Region.

    The secret is asked for, or read from standard input. Nothing happens if they are here already.
    """
    secret = typer.prompt("Secret access key", hide_input=True, err=True)
    with told():
        operate(
            data_dir,
            "account import",
            {
                "account_id": account,
                "access_key_id": access_key_id,
                "secret_access_key": str(secret),
            },
        )
    say(f"{access_key_id} of account {account} can sign here.")


@app.command("list")
def list_(data_dir: NodeDir) -> None:
    """Show every access key of this Region, never a secret."""
    with told():
        rows = operate(data_dir, "account list", {})
    table = Table("Account", "Access key id", "State", "Made (KMS time)")
    for row in rows:
        table.add_row(
            safe(row["account_id"]),
            safe(row["access_key_id"]),
            "active" if row["active"] else "disabled",
            datetime.fromtimestamp(row["created_at"], tz=UTC).isoformat(timespec="seconds"),
        )
    console().print(table)


@app.command()
def disable_key(access_key_id: AccessKeyId, data_dir: NodeDir) -> None:
    """Refuse what an access key signs, from now on, in this Region."""
    with told():
        operate(data_dir, "account disable-key", {"access_key_id": access_key_id})
    say(f"{access_key_id} no longer signs here.")


@app.command()
def enable_key(access_key_id: AccessKeyId, data_dir: NodeDir) -> None:
    """Take an access key's signatures again in this Region."""
    with told():
        operate(data_dir, "account enable-key", {"access_key_id": access_key_id})
    say(f"{access_key_id} signs here again.")
