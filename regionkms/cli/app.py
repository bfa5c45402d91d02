"""The table of commands: each is one function of a module beside this one."""

from importlib.metadata import version
from typing import Final

import typer

from regionkms.cli import lab_commands
from regionkms.cli.node_command import node
from regionkms.cli.output import say

app: Final = typer.Typer(
    name="regionkms",
    help="A key management service for AWS KMS clients, run as a cluster of Regions.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("version")
def show_version() -> None:
    """Print the release."""
    say(version("regionkms"))


app.command("node")(node)
app.add_typer(lab_commands.app, name="lab")
