"""How a lab is shown: a table of Regions, one of the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from regionkms.cli.output import safe
from regionkms.lab.layout import NETWORK
from regionkms.lab.status import LabStatus, PartState, RegionStatus

_STYLES: Final = {
    PartState.READY: "bold green",
    PartState.STARTING: "yellow",
    PartState.DOWN: "bold red",
}
_PART_NAMES: Final = {NETWORK: "front door, ways"}
_WIDE: Final = 100
_OLD_MIRROR_S: Final = 15.0
"""Three of the agent's periodic passes; below it an answer is only late."""
_NOTHING: Final = "-"
_SECONDS_PER_DAY: Final = 86_400.0


def status_tables(status: LabStatus, *, width: int) -> tuple[Table, Table]:
    """The Regions, and what is between them.

    Args:
        status: Of the lab.
        width: Of the terminal in characters; a narrow one is spared some columns.
    """
    return _regions(status, wide=width >= _WIDE), _parts(status)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)


def _regions(status: LabStatus, *, wide: bool) -> Table:
    table = _table("Regions")
    for column in _COLUMNS:
        if wide or not column.wide_only:
            table.add_column(column.title, justify=column.justify)
    for region in status.regions:
        cells = [column.cell(region) for column in _COLUMNS if wide or not column.wide_only]
        table.add_row(*cells)
    return table


def _parts(status: LabStatus) -> Table:
    table = _table("Between them")
    for name in ("Part", "Address", "State"):
        table.add_column(name, no_wrap=True)
    table.add_column("Pid", justify="right", no_wrap=True)
    for part in status.parts:
        table.add_row(
            safe(_PART_NAMES.get(part.name, part.name)),
            safe(part.address),
            Text(part.state.value, style=_STYLES[part.state]),
            _or_nothing(part.pid),
        )
    return table


def _state(region: RegionStatus) -> Text:
    text = Text(region.state.value, style=_STYLES[region.state])
    if region.partitioned:
        text.append(", cut off", style="bold magenta")
    return text


def _etcd(region: RegionStatus) -> Text:
    """Whether the Region's agent works with etcd: a mirror that grows old says that it can't."""
    value = safe(region.facts.get("etcd", _NOTHING))
    if float(region.facts.get("mirror_lag_s") or 0) > _OLD_MIRROR_S:
        return Text("no answer", style="bold red")
    text = Text(value, style="" if value == "connected" else "yellow")
    stopped = region.facts.get("stopped")
    if stopped:
        text.append(f" (stopped: {safe(stopped)})", style="bold red")
    return text


def _or_nothing(value: object) -> str:
    return _NOTHING if value is None else safe(value)


def _fact(facts: Mapping[str, Any], name: str) -> str:
    return _or_nothing(facts.get(name))


def _lag(facts: Mapping[str, Any]) -> str:
    lag_s = facts.get("mirror_lag_s")
    return _NOTHING if lag_s is None else f"{float(lag_s):.1f} s"


def _clock(facts: Mapping[str, Any]) -> str:
    offset_s = facts.get("clock_offset_s")
    return _NOTHING if offset_s is None else f"+{float(offset_s) / _SECONDS_PER_DAY:.2f} d"


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[RegionStatus], str | Text]
    justify: Literal["left", "right"] = "left"
    wide_only: bool = False


_COLUMNS: Final = (
    _Column("Region", lambda region: safe(region.region)),
    _Column("Endpoint", lambda region: safe(region.endpoint)),
    _Column("State", _state),
    _Column("etcd", _etcd),
    _Column("Keys", lambda region: _fact(region.facts, "keys"), "right"),
    _Column("MRKs", lambda region: _fact(region.facts, "multi_region_keys"), "right"),
    _Column("Lag", lambda region: _lag(region.facts), "right"),
    _Column("Clock", lambda region: _clock(region.facts), "right", wide_only=True),
    _Column("Workers", lambda region: str(region.workers), "right", wide_only=True),
    _Column("Pid", lambda region: _or_nothing(region.pid), "right", wide_only=True),
)
"""Columns of the table of Regions. MRKs: multi-Region keys. Lag: age of the mirror of etcd."""
