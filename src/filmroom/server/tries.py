"""Things tried for many who ask, side by side, each in a thread of its own and by one try at a time.

A disk or a database that stands still gives no error; who tries it waits for as long. That must cost neither a thread
of those that requests need nor one more with each who asks.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Tries(Generic[T]):
    """Functions by their names, tried at most once in `fresh` seconds."""

    def __init__(self, functions: Mapping[str, Callable[[], T]], fresh: float = 0.0) -> None:
        self._functions, self._fresh = functions, fresh
        self._threads = ThreadPoolExecutor(len(functions), thread_name_prefix="tries")
        self._begun: dict[str, asyncio.Future[T]] = {}
        self._told: dict[str, T | None] = {}
        self._until = 0.0

    async def results(self, patience: float) -> Mapping[str, T | None]:
        """What each gave; None if it has not after so many seconds.

        What is tried already is not tried once more, but waited for.
        """
        if time.monotonic() < self._until:
            return self._told
        for name, function in self._functions.items():
            if name not in self._begun or self._begun[name].done():
                self._begun[name] = asyncio.wrap_future(self._threads.submit(function))
        tries = dict(self._begun)
        await asyncio.wait(tries.values(), timeout=patience)
        self._told = {name: one.result() if one.done() else None for name, one in tries.items()}
        self._until = time.monotonic() + self._fresh
        return self._told

    @property
    def under_way(self) -> bool:
        """Whether any is tried now."""
        return any(not one.done() for one in self._begun.values())

    def close(self) -> None:
        """Wait for what is tried and end the threads."""
        self._threads.shutdown()
