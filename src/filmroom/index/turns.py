"""Turns at writing a SQLite file: one thread of one process at a time, the others asleep in a queue.

SQLite has a lock of its own, but who finds it taken sleeps and tries again, as long as others are quicker:
with four busy processes half of the throughput was lost, and some waited for seconds.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filmroom.errors import Unavailable

PATIENCE = 30.0  # seconds that a transaction waits for others


class Turns:
    """The queue for a database. Processes meet at a file beside it: to close the database's own would end its locks."""

    def __init__(self, database: str) -> None:
        self._threads = threading.Lock()
        try:
            self._file = Path(database + "-turns").open("ab")  # noqa: SIM115 - until `close`
        except OSError as error:
            raise Unavailable(f"The index can't be opened: {error.strerror}; look at its folder.") from error

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for a turn, and have it until the block ends, or the process."""
        if not self._threads.acquire(timeout=PATIENCE):
            raise Unavailable("The index can't be used: another has been writing for too long; try again.")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._threads.release()

    def close(self) -> None:
        self._file.close()


class Anytime:
    """No queue, for databases that many may write at once."""

    def __init__(self, _: str) -> None:
        pass

    @contextmanager
    def mine(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        pass
