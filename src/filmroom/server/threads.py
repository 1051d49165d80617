"""Threads that do calls from one queue.

Those of `concurrent.futures` make a future, a condition and a lock for each call, which takes as long as the rest of
the way to a thread and back.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Call = Callable[[], None]


class Threads:
    """So many at most, begun as they are needed. What a call does with its result or its error is its own affair."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._threads: list[threading.Thread] = []
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._open = 0  # calls that have not ended

    def submit(self, call: Call) -> None:
        """Have a call done, when a thread is free."""
        with self._lock:
            self._open += 1
            if len(self._threads) < min(self._open, self._most):
                # Those that nobody closes, as when a service is told to end while it starts, must not keep it alive.
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
        self._calls.put(call)

    def close(self) -> None:
        """Wait for what was submitted, and end the threads."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # while this waits for the next it holds nothing of the last
            with self._lock:
                self._open -= 1
