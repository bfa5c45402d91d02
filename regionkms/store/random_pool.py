"""Random bytes for the data plane, fetched from the kernel in chunks.

A piece of a pool costs half of `os.urandom` where that need not enter the kernel, and less of it
where it must. A pool is made after exec, never before: two processes with the
same pool would encrypt with the same nonces.
"""

import os
import weakref
from typing import Final, NoReturn, SupportsIndex

CHUNK_BYTES: Final = 4096
"""Fetched at once: 146 encryptions."""
MAX_PIECE_BYTES: Final = 64
"""Longer requests are rare, and go to the kernel."""


class RandomPool:
    """Bytes of the kernel's generator; none is handed out twice. Threads may share it.

    A chunk is cut into pieces of the size asked for, and a piece is taken off a list: one step
    that no other thread can share, without a lock. What was taken is not kept.
    """

    __slots__ = ("__weakref__", "_pieces")

    def __init__(self) -> None:
        self._pieces: Final[dict[int, list[bytes]]] = {}
        pool = weakref.ref(self)
        # Nothing of ours forks, but a library might: its child must not repeat our bytes.
        os.register_at_fork(after_in_child=lambda: _forget(pool()))

    def take(self, size: int) -> bytes:
        """`size` fresh random bytes."""
        try:
            return self._pieces[size].pop()
        except (KeyError, IndexError):
            return self._fetched(size)

    def forget(self) -> None:
        """Drop all that is left, so that the next request fetches a new chunk."""
        self._pieces.clear()

    def _fetched(self, size: int) -> bytes:
        if not 0 < size <= MAX_PIECE_BYTES:
            return os.urandom(size)
        chunk = os.urandom(CHUNK_BYTES)
        last = len(chunk) - size
        pieces = [chunk[start : start + size] for start in range(0, last + 1, size)]
        first = pieces.pop()
        # Two threads that fetch at once overwrite one another's pieces: unused bytes are lost.
        self._pieces[size] = pieces
        return first

    def __repr__(self) -> str:
        return "<pool of random bytes>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a pool of random bytes is never pickled")


def _forget(pool: RandomPool | None) -> None:
    if pool is not None:
        pool.forget()
