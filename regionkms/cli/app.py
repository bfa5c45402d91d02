"""The table of commands: each is one function of a module beside this one."""

from importlib.metadata import version
from typing import Final

import typer

from regionkms.cli import (
    account_commands,
    audit_commands,
    cluster_commands,
    key_commands,
    lab_commands,
    quota_commands,
    store_commands,
)
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
app.add_typer(cluster_commands.cluster, name="cluster")
app.add_typer(cluster_commands.region, name="region")
app.add_typer(account_commands.app, name="account")
app.add_typer(quota_commands.app, name="quota")
app.add_typer(key_commands.key, name="key")
app.add_typer(key_commands.keys, name="keys")
app.add_typer(audit_commands.app, name="audit")
app.add_typer(store_commands.app, name="store")
