"""Pages of lists: a marker names the last row shown, so pages stay right while rows come and go.

A marker is opaque to clients. It holds no secret and grants nothing: every page is read with the
rights of the call that asks for it.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from regionkms.model.errors import InvalidMarkerException
from regionkms.ports.store import Store, StoreTransaction

T = TypeVar("T")
_VERSION: Final = b"1:"
INVALID_MARKER: Final = "The marker is not valid. Use NextMarker of the page before, unchanged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page; `next_marker` is set exactly when `truncated` is."""

    rows: Sequence[T]
    truncated: bool
    next_marker: str | None


async def page_of(
    store: Store,
    *,
    marker: str | None,
    limit: int,
    read: Callable[[StoreTransaction, str, int], Sequence[T]],
    name: Callable[[T], str],
) -> Page[T]:
    """Read one page.

    Args:
        store: The Region's store.
        marker: Of the page before; None for the first.
        limit: Most rows of the page.
        read: Reads rows with a name greater than the given one, in order, at most so many.
        name: The name of a row that `read` compares with.

    Raises:
        InvalidMarkerException: The marker was not made by this service.
    """
    after = "" if marker is None else decode_marker(marker)
    rows = await store.read(lambda tx: read(tx, after, limit + 1))
    return cut(rows, limit=limit, name=name)


def cut(rows: Sequence[T], *, limit: int, name: Callable[[T], str]) -> Page[T]:
    """Cut rows, of which there may be one more than a page holds, to a page."""
    if len(rows) <= limit:
        return Page(rows=rows, truncated=False, next_marker=None)
    shown = rows[:limit]
    return Page(rows=shown, truncated=True, next_marker=encode_marker(name(shown[-1])))


def encode_marker(name: str) -> str:
    """The marker after a row of this name."""
    return base64.urlsafe_b64encode(_VERSION + name.encode()).decode()


def decode_marker(marker: str) -> str:
    """The name of the row that a marker stands after.

    Raises:
        InvalidMarkerException: The marker was not made by this service.
    """
    try:
        decoded = base64.b64decode(marker.encode("ascii"), altchars=b"-_", validate=True)
        text = decoded.decode()
    except (UnicodeError, binascii.Error):
        raise InvalidMarkerException(INVALID_MARKER) from None
    name = text[len(_VERSION) :]
    # Python's base64 takes surplus padding, and no store keeps U+0000.
    if encode_marker(name) != marker or "\0" in name:
        raise InvalidMarkerException(INVALID_MARKER)
    return name
