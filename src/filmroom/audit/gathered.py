"""What is found out inside about what a request does, for its record.

The record is written at the edge, and what knows whose Study it was is far inside, in another thread: so it is a
variable of the context.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


class Gathered:
    """The facts of one request."""

    __slots__ = ("_late", "facts")

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self._late: Callable[[dict[str, Any]], None] | None = None

    def add(self, facts: dict[str, Any]) -> None:
        if self._late is None:
            self.facts.update(facts)
        else:
            self._late(facts)

    def close(self, late: Callable[[dict[str, Any]], None]) -> None:
        """The record is written; what comes now goes to `late`."""
        self._late = late


_current: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


def begin() -> Gathered:
    """Gather for a request, in its context and those of its threads."""
    made = Gathered()
    _current.set(made)
    return made


def note(**facts: Any) -> None:
    """Add to the record of the request for which this works; outside of any it is of no effect."""
    gathered = _current.get()
    if gathered is not None:
        gathered.add(facts)
