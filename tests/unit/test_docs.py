"""The documentation: complete, fresh, and true where a machine can tell."""

import ast
import re
from pathlib import Path

import pytest
import typer

from regionkms.cli.app import build_app
from regionkms.config import SettingsAsRead
from regionkms.model import errors
from regionkms.model.shapes import OPERATIONS as SHAPES
from regionkms.node.operator_commands import OPERATOR_COMMANDS
from regionkms.operations import OPERATIONS
from regionkms.policy.condition_keys import CONDITION_KEYS
from regionkms.quota.table import REQUEST_QUOTAS, RESOURCE_QUOTAS
from tools import generate_reference
from tools.generate_reference import ROOT
from tools.reference_node import metric_families

DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
USER_PAGES = [path for path in PAGES if "adr" not in path.parts]
"""Decisions may name commands that come later; pages for users may not."""
ADR_PARTS = (
    "## Context",
    "## Drivers",
    "## Options",
    "## Decision",
    "## Consequences",
    "## What would change our mind",
)
GENERATED_ELSEWHERE = {"cli.md"}
"""Pages of docs/reference with a generator and a test of their own."""

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|`|\$ |&& |; )regionkms ((?:[a-z][a-z-]+ ?)+)", re.MULTILINE)
MAKE_TARGET = re.compile(r"(?:^|`)make ([a-z][a-z-]*)\b", re.MULTILINE)
FORBIDDEN = re.compile(
    r"/home/|/root/|/work/|\bTODO\b|\bFIXME\b|\bTBD\b|files\.pythonhosted|registry\.npmjs"
)


def read(path: Path) -> str:
    return path.read_text("utf-8")


def reference(name: str) -> str:
    return read(DOCS / "reference" / name)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- fresh ----------------------------------------------------------------------------------------


def test_generated_pages_are_what_the_tables_say_today() -> None:
    stale = [
        path for path, text in generate_reference.render().items() if read(ROOT / path) != text
    ]
    assert not stale, "run: python -m tools.generate_reference"


def test_the_reference_has_no_page_that_nobody_generates() -> None:
    found = {path.name for path in (DOCS / "reference").glob("*.md")}
    assert found - GENERATED_ELSEWHERE == set(generate_reference.PAGES)


# --- complete -------------------------------------------------------------------------------------


def test_every_operation_of_the_api_is_in_the_parity_page_as_offered_or_not() -> None:
    parity = read(DOCS / "parity.md")
    for name in SHAPES:
        word = r"\*\*offered\*\*" if name in OPERATIONS else "not offered"
        assert re.search(rf"^\| `{name}` \| {word} ", parity, re.MULTILINE), name


def test_every_offered_operation_is_in_the_reference() -> None:
    page = reference("operations.md")
    assert [name for name in OPERATIONS if f"| `{name}` |" not in page] == []


def test_every_quota_is_documented() -> None:
    page = reference("quotas.md")
    assert [code for code in (*REQUEST_QUOTAS, *RESOURCE_QUOTAS) if f"`{code}`" not in page] == []


def test_every_condition_key_is_documented() -> None:
    page = reference("condition-keys.md")
    assert [row.name for row in CONDITION_KEYS.values() if f"`{row.name}`" not in page] == []


def test_every_setting_is_documented() -> None:
    page = reference("settings.md")
    assert [name for name in SettingsAsRead.__slots__ if f"`{name}`" not in page] == []


def test_every_metric_is_documented() -> None:
    page = reference("metrics.md")
    assert [name for name, _, _ in metric_families() if f"`{name}`" not in page] == []


def test_every_error_is_documented() -> None:
    page = reference("errors.md")
    kinds = [
        each.__name__
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, (errors.KmsError, errors.Fault))
        and each not in {errors.KmsError, errors.Fault}
    ]
    assert len(kinds) > 30
    assert [name for name in kinds if f"`{name}`" not in page] == []


def test_every_operator_command_is_documented() -> None:
    page = reference("operator-commands.md")
    assert [row.name for row in OPERATOR_COMMANDS if f"| `{row.name}` |" not in page] == []


def test_every_command_is_documented() -> None:
    headings = set(HEADING.findall(reference("cli.md")))
    assert [
        name for name in sorted(commands(build_app())) if f"regionkms {name}" not in headings
    ] == []


# --- true -----------------------------------------------------------------------------------------


def commands(group: typer.Typer, before: str = "") -> set[str]:
    """Every command of the command line, as `lab up`."""
    found = set()
    for command in group.registered_commands:
        assert command.callback is not None
        found.add(before + (command.name or command.callback.__name__.replace("_", "-")))
    for row in group.registered_groups:
        assert row.typer_instance is not None
        name = row.name or row.typer_instance.info.name
        found |= {f"{before}{name}", *commands(row.typer_instance, f"{before}{name} ")}
    return found


@pytest.mark.parametrize("path", USER_PAGES, ids=shown)
def test_commands_that_a_page_names_exist(path: Path) -> None:
    known = commands(build_app())
    groups = {name.split()[0] for name in known if " " in name}
    for words in COMMAND.findall(read(path)):
        parts = words.split()
        named = " ".join(parts[:2]) if parts[0] in groups and len(parts) > 1 else parts[0]
        assert named in known, f"regionkms {named}"


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_make_targets_that_a_page_names_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", read(ROOT / "Makefile"), re.MULTILINE))
    assert set(MAKE_TARGET.findall(read(path))) <= targets


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_links_lead_to_pages_and_headings_that_exist(path: Path) -> None:
    for target in LINK.findall(FENCE.sub("", read(path))):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        assert page.exists(), target
        if anchor:
            assert anchor in {anchor_of(heading) for heading in HEADING.findall(read(page))}, target


def anchor_of(heading: str) -> str:
    """As code hosts make anchors of headings."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sentences() -> str:
    """Every text of the product's code, a line each; what is filled in stands as a blank."""
    found = []
    for path in (ROOT / "regionkms").rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else " " for part in node.values
                )
                found.append("".join(map(str, parts)).replace("\n", " "))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value.replace("\n", " "))
    return "\n".join(found)


def test_sentences_that_the_troubleshooting_table_quotes_are_said_by_the_code() -> None:
    _, _, section = read(DOCS / "operations.md").partition("## Troubleshooting")
    rows = [line.split("|")[2].strip() for line in section.splitlines() if line.startswith("| ")]
    quotes = [quote for quote in rows[1:] if quote]
    assert len(quotes) > 15
    said = sentences()
    for quote in quotes:
        pattern = ".*".join(re.escape(part.strip()) for part in quote.split("..."))
        assert re.search(pattern, said), quote


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_a_page_speaks_of_the_project_only(path: Path) -> None:
    assert FORBIDDEN.findall(read(path)) == []


# --- decisions ------------------------------------------------------------------------------------


def decisions() -> list[Path]:
    return sorted(path for path in (DOCS / "adr").glob("[0-9]*.md"))


def test_every_decision_has_the_parts_of_the_template_in_order() -> None:
    for path in decisions():
        text = read(path)
        at = [text.find(f"\n{part}\n") for part in ADR_PARTS]
        assert -1 not in at, path.name
        assert at == sorted(at), path.name
        assert re.match(rf"# {path.name[:4]}: \S", text), path.name
        assert re.search(r"^Status: (accepted|superseded by \[?[0-9]{4})", text, re.MULTILINE), path


def test_every_decision_has_a_number_of_its_own_and_a_line_in_the_index() -> None:
    index = read(DOCS / "adr" / "README.md")
    numbers = [path.name[:4] for path in decisions()]
    assert len(set(numbers)) == len(numbers)
    assert [path.name for path in decisions() if f"({path.name})" not in index] == []
