"""Plaintext key material as a type that does not show itself."""

import hmac
from typing import NoReturn, SupportsIndex


class Material:
    """Secret bytes in memory: no repr, no pickling, constant-time equality.

    Use `reveal()` only where bytes enter a primitive; never in a message or a log.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def reveal(self) -> bytes:
        """The plaintext bytes."""
        return self._secret

    def __len__(self) -> int:
        return len(self._secret)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Material):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        raise TypeError("material is not hashable")

    def __repr__(self) -> str:
        return f"<material of {len(self._secret)} bytes>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("material is never pickled")
