"""How a lab is shown, as snapshots: what people read must not change by accident."""

import io

from rich.console import Console

from regionkms.cli.lab_tables import status_tables
from regionkms.lab.status import LabStatus, PartState, PartStatus, RegionStatus
from regionkms.model.ids import RegionName

STATUS = LabStatus(
    folder="/lab",
    gateway="http://127.0.0.1:8100",
    clock_offset_s=86_400,
    accounts=("111122223333",),
    regions=(
        RegionStatus(
            region=RegionName("us-east-1"),
            endpoint="http://127.0.0.1:8101",
            state=PartState.READY,
            partitioned=True,
            pid=1234,
            workers=2,
            facts={
                "etcd": "connected",
                "keys": 12,
                "multi_region_keys": 3,
                "mirror_lag_s": 0.25,
                "clock_offset_s": 86_400,
            },
        ),
        RegionStatus(
            region=RegionName("eu-west-1"),
            endpoint="http://127.0.0.1:8102",
            state=PartState.DOWN,
            partitioned=False,
            pid=None,
            workers=2,
            facts={},
        ),
        RegionStatus(
            region=RegionName("ap-southeast-2"),
            endpoint="http://127.0.0.1:8103",
            state=PartState.READY,
            partitioned=False,
            pid=5678,
            workers=2,
            facts={"etcd": "stopped", "stopped": ["etcd was restored\x1b[2J"], "keys": 0},
        ),
    ),
    parts=(
        PartStatus(name="network", state=PartState.READY, pid=1, address="http://127.0.0.1:8100"),
        PartStatus(name="etcd-0", state=PartState.DOWN, pid=None, address="http://127.0.0.1:8104"),
    ),
)


def shown(width: int) -> list[str]:
    target = io.StringIO()
    screen = Console(file=target, width=width, markup=False, highlight=False, emoji=False)
    screen.print(*status_tables(STATUS, width=width), sep="\n")
    return [line.rstrip() for line in target.getvalue().splitlines() if line.strip(" \u2500")]


def test_a_wide_terminal_shows_everything() -> None:
    lines = shown(160)
    assert lines[1].split() == [
        *("Region", "Endpoint", "State", "etcd", "Keys", "MRKs", "Lag", "Clock", "Workers", "Pid")
    ]
    assert lines[2].split() == [
        *("us-east-1", "http://127.0.0.1:8101", "ready,", "cut", "off", "connected"),
        *("12", "3", "0.2", "s", "+1.00", "d", "2", "1234"),
    ]
    assert lines[3].split() == [
        *("eu-west-1", "http://127.0.0.1:8102", "down", "-", "-", "-", "-", "-", "2", "-")
    ]


def test_a_narrow_terminal_is_spared_some_columns() -> None:
    header = " ".join(shown(80)[:3])
    assert "Region" in header
    assert "Workers" not in header


def test_no_value_of_a_node_can_drive_the_terminal() -> None:
    text = "\n".join(shown(200))
    assert "\x1b" not in text
    assert "stopped (stopped: ['etcd was restored\\x1b[2J'])" in text


def test_a_lab_is_ready_when_all_of_it_is() -> None:
    assert STATUS.ready is False
    assert STATUS.as_json()["ready"] is False
    assert STATUS.as_json()["regions"][0]["state"] == "ready"
