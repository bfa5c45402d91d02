"""`regionkms quota`: the quotas in force in one Region, and changing them (spec 07 §4)."""

from typing import Annotated, Final

import typer
from rich.table import Table

from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import console, safe, say, told

AccountOption = Annotated[
    str | None, typer.Option("--account", help="Of one account; else of all.", metavar="ACCOUNT")
]

app: Final = typer.Typer(help="Quotas of one Region.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(data_dir: NodeDir, account: AccountOption = None) -> None:
    """Show every quota: its default in this Region, and what is in force."""
    with told():
        rows = operate(data_dir, "quota list", {} if account is None else {"account_id": account})
    table = Table("Code", "Name")
    for name in ("Default", "In force"):
        table.add_column(name, justify="right")
    table.add_column("Unit")
    for row in rows:
        changed = row["in_force"] != row["default"]
        table.add_row(
            safe(row["code"]),
            safe(row["name"]),
            _number(row["default"]),
            _number(row["in_force"]),
            safe(row["unit"]),
            style="bold" if changed else "",
        )
    console().print(table)


def _number(value: float | None) -> str:
    return "no limit" if value is None else f"{value:,.10g}"


@app.command("set")
def set_(
    code: Annotated[str, typer.Argument(help="As `quota list` shows it.")],
    value: Annotated[float, typer.Argument(help="Requests a second, or a count.")],
    data_dir: NodeDir,
    account: AccountOption = None,
) -> None:
    """Change a quota in this Region, at once and over restarts."""
    arguments: dict[str, object] = {"code": code, "value": value}
    if account is not None:
        arguments["account_id"] = account
    with told():
        operate(data_dir, "quota set", arguments)
    say(
        f"{code} is {_number(value)} {'for all accounts' if account is None else f'for {account}'}."
    )
