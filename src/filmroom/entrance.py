"""An entrance where many wait: who can still be told to come back later is, and an answer under way is let in in turn.

A thread that waits is a thread that others need. But when the status line of an answer is sent, nobody can be told any
more that the service is busy: the answer would break off. Whether it is sent is known at the edge, the entrance is far
inside, and all between them is none the wiser: so it is a variable of the context (decision 16).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from filmroom.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_begun = ContextVar("begun", default=False)


class Entrance:
    """Lets `count` in at once; `patience`, in seconds, is what an answer under way has. May be used from many threads.

    `refusal` is what the others are told.
    """

    def __init__(self, count: int, refusal: str, patience: float | None = None) -> None:
        self._places = threading.BoundedSemaphore(count)
        self._refusal = refusal
        self._patience = patience

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside until the block ends."""
        if not (self._places.acquire(timeout=self._patience) if _begun.get() else self._places.acquire(blocking=False)):
            raise Unavailable(self._refusal)
        try:
            yield
        finally:
            self._places.release()


class Alone:
    """One at a time inflates, for an inflated file may be a thousand times larger. At most `waiting` wait for it."""

    def __init__(self, waiting: int) -> None:
        self._entrance = Entrance(waiting + 1, "Too many ask for what is stored deflated. Try again later.")
        self._turn = threading.Lock()
        self._inside = ExitStack()

    def __enter__(self) -> None:
        with ExitStack() as entered:
            entered.enter_context(self._entrance.passed())
            entered.enter_context(self._turn)
            self._inside = entered.pop_all()

    def __exit__(self, *_: object) -> None:
        self._inside.close()


def under_way(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function for an answer whose status line is sent."""
    token = _begun.set(True)
    try:
        return function(*args, **kwargs)
    finally:
        _begun.reset(token)
