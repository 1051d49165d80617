"""Calls in other threads, some of them ahead of who takes the results, which come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextvars import copy_context
from typing import Any, TypeVar

R = TypeVar("R")


def each(
    threads: Executor, function: Callable[..., R], calls: Iterable[tuple[Any, ...]], ahead: int
) -> Iterator[Future[R]]:
    """The outcome of each call. `ahead` more are begun by then, which bounds what waits in memory."""
    begun: deque[Future[R]] = deque()
    try:
        for arguments in calls:
            begun.append(threads.submit(copy_context().run, function, *arguments))
            if len(begun) > ahead:
                yield begun.popleft()
        while begun:
            yield begun.popleft()
    finally:
        for future in begun:
            future.cancel()
