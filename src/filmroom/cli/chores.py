"""What the operations worker sees to beside the operations: what nobody asks for, but everybody relies on.

(1) Studies that have expired     are deleted
(2) a sweep, every so often       is started as an operation, one at a time over all workers
(3) operations that ended         are forgotten after a while
(4) query tags half removed       are removed wholly
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from filmroom.archive import Archive
from filmroom.services import delete, operations, query_tags
from filmroom.settings import Settings

LOOK = 10.0  # seconds between looks for what expired, or is due; each is a SELECT
TIDY = 3600.0  # seconds between looks for what is left over
STEP = 60.0  # seconds: who sets a clock by more may have made a mistake
STEADY = 120.0  # seconds in which that is put right

Seconds = Callable[[], float]


@dataclass(slots=True)
class Clock:
    """The time, once the clock has gone evenly for a while: one that jumped ahead must not delete what is kept.

    A machine that has just started may not have asked yet what time it is, either.
    """

    clock: Seconds = time.time
    even: Seconds = time.monotonic
    _ahead: float = field(init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.even()
        self._ahead = self.clock() - self._since

    def __call__(self) -> float | None:
        """Seconds since 1970; None if nobody can be sure yet."""
        now, even = self.clock(), self.even()
        if abs(now - even - self._ahead) > STEP:
            self._since = even
        self._ahead = now - even
        return now if even - self._since >= STEADY else None


@dataclass(slots=True)
class Chores:
    """The chores of one worker, and when they are due next."""

    archive: Archive
    settings: Settings
    clock: Callable[[], float | None] = field(default_factory=Clock)
    _look_at: float = 0.0
    _tidy_at: float = 0.0

    def do(self, stopping: Callable[[], bool]) -> None:
        """Do what is due. `stopping` is asked before each transaction of those that take long."""
        if time.monotonic() >= self._look_at:
            now = self.clock()
            if now is not None:
                delete.expire(self.archive, now, stopping)
            if now is not None and self.settings.sweep_every:  # to a clock that is ahead every file would be old
                every = self.settings.sweep_every
                # `every` tells them from those that people started, who may still ask what became of them.
                arguments = {"delay": self.settings.sweep_delay, "every": every}
                operations.start_due(self.archive, delete.SWEEP, arguments, every)
            self._look_at = time.monotonic() + LOOK
        if time.monotonic() >= self._tidy_at:
            operations.forget(self.archive, self.settings.operation_retention)
            query_tags.finish_deleting(self.archive, stopping)
            self._tidy_at = time.monotonic() + TIDY
