"""Threads that do calls. Of those that are free the last to become so is the next: its stack, and what it has of its
own, are still in the processor's cache.

Those of `concurrent.futures` make a future, a condition and a lock for each call, which takes as long as the rest of
the way to a thread and back; and all wait at one queue, where each call wakes a second one for nothing.
"""

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

# What it gives is to be done after all that waits.
Call = Callable[[], "Call | None"]


class Threads:
    """So many at most, begun as they are needed. What a call does with its result or its error is its own affair."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._lock = threading.Lock()
        self._threads: dict[SimpleQueue[Call | None], threading.Thread] = {}  # by where each waits for a call
        self._free: list[SimpleQueue[Call | None]] = []
        self._waiting: deque[Call] = deque()
        self._closed = False

    def submit(self, call: Call) -> bool:
        """Have a call done; whether a thread has it, or it waits for one. RuntimeError if there can be none."""
        with self._lock:
            if self._closed:  # nobody would do it
                raise RuntimeError("the threads have ended")
            if self._free:
                self._free.pop().put(call)
                return True
            if len(self._threads) < self._most:
                try:
                    self._begin().put(call)
                except RuntimeError:  # the system gives no more
                    if not self._threads:
                        raise
                else:
                    return True
            self._waiting.append(call)
            return False

    def close(self) -> None:
        """Wait for what was submitted, and end the threads."""
        with self._lock:
            self._closed = True  # so none is begun while these are told
        for calls in self._threads:
            calls.put(None)
        for thread in self._threads.values():
            thread.join()

    def _begin(self) -> SimpleQueue[Call | None]:
        calls: SimpleQueue[Call | None] = SimpleQueue()
        # Those that nobody closes, as when a service is told to end while it starts, must not keep it alive.
        thread = threading.Thread(
            target=self._work, args=(calls,), name=f"{self._name}_{len(self._threads)}", daemon=True
        )
        thread.start()
        self._threads[calls] = thread
        return calls

    def _work(self, calls: SimpleQueue[Call | None]) -> None:
        while (call := calls.get()) is not None:
            while call is not None:
                following = call()
                del call  # while this waits for the next it holds nothing of the last
                call = self._next(following, calls)
                del following

    def _next(self, following: Call | None, calls: SimpleQueue[Call | None]) -> Call | None:
        """What a thread is to do now; if there is nothing, it is free."""
        with self._lock:
            if following is not None:
                self._waiting.append(following)
            if self._waiting:
                return self._waiting.popleft()
            self._free.append(calls)
            return None
