"""`regionkms status`: how a running node is, by its operator socket."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import console, safe, say, told

_NOTHING: Final = "-"
_BAD: Final = "bold red"
_LAG_S: Final = 15.0
"""Three of the agent's periodic passes; docs/operations.md says when to wake somebody."""


def status(
    data_dir: NodeDir,
    as_json: Annotated[
        bool, typer.Option("--json", help="What the node answers, as it is.")
    ] = False,
) -> None:
    """Show how a running node is: its keys, its clock, and what its agent knows of the cluster."""
    with told():
        found = operate(data_dir, "status", {})
    if as_json:
        say(json.dumps(found, indent=2))
    else:
        console().print(status_table(found))


def status_table(found: Mapping[str, Any]) -> Table:
    """A node's answer to `status` as a table; facts that it does not tell are left out."""
    table = Table(title=f"Node of {safe(found['region'])}", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("Fact", no_wrap=True)
    table.add_column("Value", overflow="fold")
    for title, fact, cell in _ROWS:
        if fact in found:
            table.add_row(title, cell(found[fact]))
    return table


def _plain(value: object) -> Text:
    return Text(safe(value))


def _yes_no(value: object) -> Text:
    return Text("yes" if value else "no")


def _instant(value: float) -> Text:
    return Text(datetime.fromtimestamp(value, tz=UTC).isoformat(timespec="seconds"))


def _seconds(value: float) -> Text:
    return Text(f"{value:g} s")


def _etcd(value: object) -> Text:
    """`none` is a node without a cluster; what else is not `connected` wants a look."""
    return Text(safe(value), style="" if value in {"connected", "none"} else _BAD)


def _lag(value: float) -> Text:
    return Text(f"{value:.1f} s", style=_BAD if value > _LAG_S else "")


def _names(value: list[object]) -> Text:
    return Text(", ".join(map(safe, value)) or _NOTHING)


def _faults(value: list[object]) -> Text:
    """A list that is empty when all is well."""
    return Text("; ".join(map(safe, value)) or _NOTHING, style=_BAD if value else "")


_ROWS: Final[tuple[tuple[str, str, Callable[[Any], Text]], ...]] = (
    ("Lab", "lab", _yes_no),
    ("Store", "store_id", _plain),
    ("Time of KMS", "time", _instant),
    ("Ahead of the machine", "clock_offset_s", _seconds),
    ("Accounts", "accounts", _plain),
    ("Keys", "keys", _plain),
    ("Multi-Region keys", "multi_region_keys", _plain),
    ("Commits", "commit_number", _plain),
    ("Cluster", "cluster", _plain),
    ("etcd", "etcd", _etcd),
    ("Regions", "regions", _names),
    ("Records last seen", "mirror_lag_s", _lag),
    ("Idle", "idle", _yes_no),
    ("Stopped", "stopped", _faults),
    ("Audit chains rolled back", "audit_rolled_back", _faults),
)
"""Title, name in the answer, and how it is shown."""
