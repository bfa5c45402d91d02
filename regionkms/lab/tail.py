"""Following several logs at once."""

from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path
from time import sleep
from typing import Final

_POLL_S: Final = 0.2


def follow(logs: Mapping[str, Path], *, tell: Callable[[str], None]) -> None:
    """Tell each new line of some logs, for ever.

    Args:
        logs: By the name that goes before each line.
        tell: Takes a line.

    Raises:
        OSError: A log can't be read.
    """
    width = max(map(len, logs))
    opened: dict[str, BufferedReader] = {}
    try:
        for name, path in logs.items():
            opened[name] = path.open("rb")
            opened[name].seek(0, 2)
        while True:
            for name, file in opened.items():
                for line in file.readlines():
                    tell(f"{name:{width}} | {line.decode(errors='replace').rstrip()}")
            sleep(_POLL_S)
    finally:
        for file in opened.values():
            file.close()
