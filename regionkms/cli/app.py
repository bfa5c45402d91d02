"""The table of commands: families of them in modules beside this one.

Only the family that is called is imported: a verb of the lab should not wait for the SQL layer.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final

import typer

from regionkms.cli.output import say

FAMILIES: Final = {
    "node": ("node_command", "node"),
    "status": ("status_command", "status"),
    "lab": ("lab_commands", "app"),
    "cluster": ("cluster_commands", "cluster"),
    "region": ("cluster_commands", "region"),
    "account": ("account_commands", "app"),
    "quota": ("quota_commands", "app"),
    "key": ("key_commands", "key"),
    "keys": ("keys_commands", "app"),
    "audit": ("audit_commands", "app"),
    "store": ("store_commands", "app"),
}
"""Name of a command or of a family of them, the module that has it, and its name there."""


def show_version() -> None:
    """Print the release."""
    say(version("regionkms"))


def build_app(families: Sequence[str] = tuple(FAMILIES)) -> typer.Typer:
    """The command with these families; all of them for its help."""
    app = typer.Typer(
        name="regionkms",
        help="A key management service for AWS KMS clients, run as a cluster of Regions.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.command("version")(show_version)
    for family in families:
        module, name = FAMILIES[family]
        found = getattr(import_module(f"regionkms.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=family)
        else:
            app.command(family)(found)
    return app


def called_families(arguments: Sequence[str]) -> Sequence[str]:
    """The families that a command line can mean."""
    if arguments and arguments[0] in FAMILIES:
        return arguments[:1]
    return tuple(FAMILIES)
