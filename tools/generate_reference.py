"""Write docs/reference/ and the generated parts of other pages from the tables of the code.

Run it after a change of a table, from the root of the repository::

    python -m tools.generate_reference

A test renders the same in memory and compares, so that no page goes stale. docs/reference/cli.md,
docs/features.md and docs/performance.md have generators of their own.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tools import reference_api, reference_node
from tools.markdown import table

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"


def _decisions() -> str:
    """The index of decisions: each page's number and title, from its first line."""
    rows = []
    for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        number, _, title = (
            path.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(": ")
        )
        rows.append((f"[{number}]({path.name})", title))
    return table(("", "decided"), rows)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "audit.md": reference_api.audit_page,
    "condition-keys.md": reference_node.condition_keys_page,
    "errors.md": reference_api.errors_page,
    "key-specs.md": reference_api.key_specs_page,
    "key-states.md": reference_api.key_states_page,
    "limits.md": reference_node.limits_page,
    "metrics.md": reference_node.metrics_page,
    "operations.md": reference_api.operations_page,
    "operator-commands.md": reference_node.operator_commands_page,
    "permissions.md": reference_node.permissions_page,
    "quotas.md": reference_node.quotas_page,
    "settings.md": reference_node.settings_page,
}
"""Whole pages, by their name in docs/reference."""

BLOCKS: Final[Mapping[str, tuple[str, Callable[[], str]]]] = {
    "docs/adr/README.md": ("decisions", _decisions),
    "docs/parity.md": ("operations", reference_api.operations_block),
}
"""Generated parts of pages written by hand: page, name of the part, text."""


def render() -> dict[str, str]:
    """Every generated page by its path in the repository, and pages with generated parts.

    Raises:
        ValueError: A page lacks the marks of its generated part.
    """
    rendered = {f"docs/reference/{name}": make() for name, make in PAGES.items()}
    for path, (name, make) in BLOCKS.items():
        rendered[path] = _with_block((ROOT / path).read_text("utf-8"), name, make())
    return rendered


def _with_block(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no part {name!r} between its marks")
    return f"{head}{begin}\n\n{text}\n\n{end}{tail}"


def main() -> None:
    """Write all of it."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for path, text in render().items():
        (ROOT / path).write_text(text, "utf-8")
        print(path)


if __name__ == "__main__":
    main()
