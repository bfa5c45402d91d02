"""`regionkms key show`."""

import json
from typing import Annotated, Final

import typer

from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import say, told

key: Final = typer.Typer(
    help="One key as its Region knows it.", no_args_is_help=True, rich_markup_mode=None
)


@key.callback()
def _key() -> None:
    """One key as its Region knows it."""


@key.command()
def show(
    key_id: Annotated[str, typer.Argument(help="Key id, no ARN.", metavar="KEY-ID")],
    account: Annotated[str, typer.Option(help="Owner of the key.", metavar="ACCOUNT")],
    data_dir: NodeDir,
) -> None:
    """Show everything that a Region's store knows of a key, as JSON; material is not among it.

    Of a multi-Region key that is the record as the Region last saw it, and how long ago that was.
    """
    with told():
        found = operate(data_dir, "key show", {"account_id": account, "key_id": key_id})
    say(json.dumps(found, indent=2))
