"""Look for secrets in bytes that must not hold them, in every form that a leak might take.

A secret is searched for as it is, in hexadecimal digits of either case, in base64 and its URL form
at all three alignments, as Python and JSON show bytes, and each of these texts in UTF-16. What is
found is told by names: of the secret, the form and the place, never by its bytes.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIN_SECRET_BYTES: Final = 12
"""Shorter ones would be found by chance."""


_BLOCK: Final = 8
_LONG: Final = 2 * _BLOCK - 1
"""What is as long covers a whole aligned block, wherever it stands."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret where it must not be."""

    secret: str
    form: str
    place: str

    def __str__(self) -> str:
        return f"{self.secret} in {self.form} in {self.place}"


def forms_of(secret: bytes) -> dict[str, bytes]:
    """The byte strings by which a secret would be found, by the name of the form.

    Raises:
        ValueError: It is too short to be told from chance.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"a secret of {len(secret)} bytes can't be searched for")
    texts = {
        "hexadecimal": secret.hex(),
        "upper-case hexadecimal": secret.hex().upper(),
        "Python's repr": repr(secret)[2:-1],
        "numbers with spaces": ", ".join(map(str, secret)),
        "numbers": ",".join(map(str, secret)),
    }
    for shift in range(3):
        text = _base64_core(secret, shift)
        texts[f"base64 at {shift}"] = text
        texts[f"URL base64 at {shift}"] = text.replace("+", "-").replace("/", "_")
    forms = {"raw": secret}
    for name, text in texts.items():
        forms[name] = text.encode()
    if secret.isascii():
        texts["text"] = secret.decode()
    for name, text in texts.items():
        forms[f"{name}, UTF-16 little-endian"] = text.encode("utf-16-le")
        forms[f"{name}, UTF-16 big-endian"] = text.encode("utf-16-be")
    return forms


def _base64_core(secret: bytes, shift: int) -> str:
    """The digits that stand for the secret alone, whatever is encoded before and behind it."""
    encoded = base64.b64encode(bytes(shift) + secret).decode().rstrip("=")
    first = -(-8 * shift // 6)  # digits that have bits of what stands before
    last = (8 * (shift + len(secret))) // 6  # a further digit has bits of what stands behind
    return encoded[first:last]


class LeakSearch:
    """Searches for a set of secrets."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._forms = [
            (name, form, sought)
            for name, secret in secrets.items()
            for form, sought in forms_of(secret).items()
        ]

    def find(self, places: Iterable[tuple[str, bytes]]) -> list[Leak]:
        """Every secret that is found, with its form and place."""
        known: dict[bytes, list[tuple[str, str]]] = {}  # processes share what they map
        leaks = []
        for place, content in places:
            found = known.get(content)
            if found is None:
                found = known[content] = list(self._find_in(content))
            leaks += [Leak(name, form, place) for name, form in found]
        return leaks

    def _find_in(self, content: bytes) -> Iterator[tuple[str, str]]:
        """Search one place; a part of what is sought stands in one of its aligned blocks."""
        blocks = {content[start : start + _BLOCK] for start in range(0, len(content), _BLOCK)}
        for name, form, sought in self._forms:
            parts = (sought[start : start + _BLOCK] for start in range(_BLOCK))
            is_likely = len(sought) < _LONG or any(part in blocks for part in parts)
            if is_likely and sought in content:
                yield name, form


def files_below(folder: Path, *, but: Iterable[Path] = ()) -> Iterator[tuple[str, bytes]]:
    """The content of every regular file below a folder.

    Args:
        folder: Where to look.
        but: Files and folders that are secret by their purpose.
    """
    left_out = {path.resolve() for path in but}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if left_out & {path.resolve(), *path.resolve().parents}:
            continue
        yield str(path.relative_to(folder)), path.read_bytes()


def processes_below(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for each in found:
        children = Path(f"/proc/{each}/task/{each}/children")
        found += [int(child) for child in children.read_text().split()]
    return found


def process_facts(pid: int) -> Iterator[tuple[str, bytes]]:
    """What others can read of a process: command line, environment, and shared memory it maps.

    What is closed even to us is closed to others and left out.
    """
    for name in ("cmdline", "environ", "maps", "status"):
        content = _readable(Path(f"/proc/{pid}/{name}"))
        if content is not None:
            yield f"/proc/{pid}/{name}", content
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return
    for path in descriptors:
        try:
            is_shared = "memfd:" in os.readlink(path)  # noqa: PTH115 - the target is no path
        except FileNotFoundError:
            continue
        content = _readable(path) if is_shared else None
        if content is not None:
            yield f"shared memory of {pid}", content


def _readable(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
