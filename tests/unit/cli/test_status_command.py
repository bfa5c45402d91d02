"""How a node's status is shown."""

import io
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

from regionkms.cli.status_command import status_table

ALONE: Final[Mapping[str, Any]] = {
    "region": "eu-west-1",
    "lab": False,
    "store_id": "5" * 32,
    "time": 1_700_000_000.0,
    "clock_offset_s": 0.0,
    "accounts": 2,
    "keys": 12,
    "multi_region_keys": 0,
    "commit_number": 345,
    "etcd": "none",
}
CLUSTERED: Final[Mapping[str, Any]] = {
    **ALONE,
    "etcd": "connected",
    "cluster": "test-0123456789abcdef",
    "stopped": [],
    "mirror_lag_s": 0.25,
    "regions": ["eu-west-1", "us-east-1"],
    "idle": True,
    "audit_rolled_back": [],
}


def shown(found: Mapping[str, Any], *, color: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=80, markup=False, highlight=False, emoji=False, force_terminal=color
    )
    console.print(status_table(found))
    return out.getvalue()


def rows(found: Mapping[str, Any]) -> dict[str, str]:
    lines = [line.rstrip() for line in shown(found).splitlines()[3:] if line.strip()]
    return {line[2:26].strip(): line[26:].strip() for line in lines}


def test_a_node_without_a_cluster_is_shown_without_one() -> None:
    assert [line.rstrip() for line in shown(ALONE).splitlines()] == [
        "Node of eu-west-1",
        "",
        "  Fact                   Value",
        " ─────────────────────────────────────────────────────────",
        "  Lab                    no",
        "  Store                  55555555555555555555555555555555",
        "  Time of KMS            2023-11-14T22:13:20+00:00",
        "  Ahead of the machine   0 s",
        "  Accounts               2",
        "  Keys                   12",
        "  Multi-Region keys      0",
        "  Commits                345",
        "  etcd                   none",
        "",
    ]


def test_a_clustered_node_shows_its_regions_and_that_all_is_well() -> None:
    found = rows(CLUSTERED)
    assert found["etcd"] == "connected"
    assert found["Regions"] == "eu-west-1, us-east-1"
    assert found["Records last seen"] == "0.2 s"
    assert found["Stopped"] == found["Audit chains rolled back"] == "-"
    assert "\x1b[1;31m" not in shown(CLUSTERED, color=True)


def test_what_wants_a_look_is_red_and_in_words() -> None:
    found = {
        **CLUSTERED,
        "etcd": "no answer",
        "mirror_lag_s": 61.0,
        "stopped": ["another etcd", "another store"],
        "audit_rolled_back": ["worker-2"],
    }
    text = shown(found, color=True)
    assert text.count("\x1b[1;31m") == 4
    assert "another etcd; another store" in text


def test_control_characters_of_an_answer_do_not_reach_the_terminal() -> None:
    text = shown({**CLUSTERED, "cluster": "x\x1b[2J", "stopped": ["a\x07"], "region": "r\x1b[0m"})
    assert "\x1b" not in text
    assert "x\\x1b[2J" in text
    assert "a\\x07" in text
