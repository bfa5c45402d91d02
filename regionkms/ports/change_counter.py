"""The node's sign that something in the regional store has changed (design §2, the store)."""

from typing import Protocol


class ChangeCounter(Protocol):
    """One value, shared by the processes of a node.

    A writer bumps it after its commit and before its answer. A reader that keeps something from
    the store takes `read` before it loads, and believes what it keeps while `read` has not moved.
    """

    def bump(self) -> None:
        """Move the value; every process sees it at its next `read`."""

    def read(self) -> int:
        """The current value. It tells equal from different, not how many changes there were."""
