"""Paths of Unix sockets that do not fit a socket's address.

An address has room for about a hundred bytes (unix(7)), a data directory may lie deeper. On Linux a
socket is then reached through its open folder: /proc/self/fd/N/name is short.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MAX_PATH_BYTES: Final = 100
"""Of an address: 108 bytes on Linux, 104 elsewhere, with a final zero."""


def fits(path: Path) -> bool:
    """Whether a path fits a socket's address as it is."""
    return len(os.fsencode(path)) <= MAX_PATH_BYTES


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A path that fits, for as long as the context lasts.

    Raises:
        OSError: The folder can't be opened.
    """
    if fits(path):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def lasting_path(path: Path) -> str:
    """A path that fits, for the life of the process: a long one costs an open descriptor.

    Raises:
        OSError: The folder can't be opened.
    """
    if fits(path):
        return str(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{folder}/{path.name}"
