"""In-memory twin of ChangeCounter."""


class InMemoryChangeCounter:
    """A change counter of one process."""

    def __init__(self) -> None:
        self._value = 0

    def bump(self) -> None:
        self._value += 1

    def read(self) -> int:
        return self._value
