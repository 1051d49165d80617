"""Whether a command that works batch by batch was asked to end: by a signal, or by who started it."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Stopping:
    """Whether the end was asked for, by a signal or by what is watched. A handler may take no lock."""

    def __init__(self, *watched: int) -> None:
        self._reading, self._writing = os.pipe()
        self._watched = (self._reading, *watched)
        self.by: int | None = None  # the signal

    def note(self, number: int = 0, _: object = None) -> None:
        """The handler of a signal."""
        self.by = self.by or number
        os.write(self._writing, b".")

    def __call__(self, seconds: float = 0.0) -> bool:
        """The answer, as soon as it is yes, or after so many seconds."""
        return bool(select.select(self._watched, [], [], seconds)[0])

    def close(self) -> None:
        """No signal is noted any more."""
        os.close(self._reading)
        os.close(self._writing)


@contextmanager
def by_interrupt() -> Iterator[Stopping]:
    """Ctrl-C asks for the end, and is no end by itself, as long as the block lasts."""
    stopping = Stopping()
    before = signal.signal(signal.SIGINT, stopping.note)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
        stopping.close()
