"""What long operations do in parallel: threads at work on the items of a batch, while the worker says that it lives."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Self, TypeVar

from filmroom.task import Task

T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
PULSE = 2.0  # seconds between looks whether the operation is to end; a file may take minutes


class GivenUp(Exception):
    """The operation ended while a thread was at work. Nobody waits for what it would give."""


class Crew:
    """Threads for one task."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="operation")
        self._over = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._over.set()
        self._pool.shutdown(cancel_futures=True)

    def do(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The result of each item, in their order. The first that raises ends the crew: nothing is at work any more
        when that is known here, so what was done can be told.
        """
        try:
            return self._done(work, items)
        except BaseException:
            self._end()
            raise

    def _done(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        futures = [self._pool.submit(work, item) for item in items]
        left = set(futures)
        while left:
            done, left = wait(left, PULSE)
            for future in done:
                future.result()
            if left:
                self._task.renew()
        return [future.result() for future in futures]

    def watched(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks of a file, until the operation ends."""
        for chunk in chunks:
            if self._over.is_set():
                raise GivenUp
            yield chunk
