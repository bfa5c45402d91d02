"""What commands print: values made safe for terminals, and errors as one sentence.

Every value that comes from a store, a node or a file passes `safe` on its way to a terminal, so
that no key description or log line can drive it (design §7).

Exit codes of every command: see `ExitCode`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

from rich.console import Console

from regionkms.model.errors import Fault

_ESCAPES: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\n"
} | {
    # What turns the direction of text, or breaks lines, in terminals and editors.
    code: f"\\u{code:04x}"
    for code in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
}


_PIPE_WIDTH: Final = 120
"""Columns of what is no terminal."""


class ExitCode(IntEnum):
    """How a command ends."""

    DONE = 0
    FAILED = 1
    """Refused or failed; the sentence on standard error tells the fix."""
    USAGE = 2
    """Wrong options or arguments."""
    PROBLEMS_FOUND = 3
    """A verification ran to its end and found something wrong."""


def safe(value: object, *, newlines: bool = False) -> str:
    """A value as text without control characters: they are shown as escapes.

    Args:
        value: Anything with a text form.
        newlines: Keep line feeds, for documents that are printed as they are.
    """
    text = str(value).encode("utf-8", "backslashreplace").decode().translate(_ESCAPES)
    return text if newlines else text.replace("\n", "\\n")


def console() -> Console:
    """Where tables go: standard output; no markup is read from values."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)


def say(text: str) -> None:
    """Print a line (or several) on standard output."""
    sys.stdout.write(safe(text, newlines=True) + "\n")
    sys.stdout.flush()


@contextmanager
def told() -> Iterator[None]:
    """End the command with one sentence on standard error if what it does fails on purpose."""
    try:
        yield
    except Fault as error:
        sys.stderr.write(f"regionkms: {safe(error)}\n")
        sys.exit(ExitCode.FAILED)
