"""The processes of a service: each has a place, and is replaced when it ends, by a supervisor that does no more.

On Linux they are forked from it, which has imported all that they need: they start at once, and share what is imported
(decision 31). What a fork would break the supervisor does not have: no thread, no event loop, no index and no bucket.
"""

import gc
import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import structlog

from filmroom.cli.exits import stop
from filmroom.cli.loading import uncollected
from filmroom.interrupts import withheld

REST = 0.5  # seconds before a process is replaced, doubled each time that it could not start
LONGEST_REST = 30.0

_FORKS = sys.platform == "linux"  # on macOS its own libraries don't survive a fork
_CONTEXT: Any = multiprocessing.get_context("fork" if _FORKS else "spawn")
# What a handler raises is lost if it comes while Python calls what is to be called after a fork or, as imports have it
# do, when an object is gone; and in the midst of an import it may become another error.
_ENDING = {signal.SIGTERM, signal.SIGINT}
_LONGEST_NAME = 15  # of a process, as `top` shows it (proc_pid_comm(5))

R = TypeVar("R")

log = structlog.get_logger()


def load(modules: Iterable[str]) -> None:
    """Import what the processes need, if they are forked from this one. A signal is handled when that is done."""
    if not _FORKS:
        return
    with withheld(_ENDING), uncollected():
        for name in modules:
            import_module(name)
    gc.freeze()  # nobody's collector writes to what all share


def apart(function: Callable[..., R], *arguments: Any) -> R:
    """What `function` gives, in a process of its own where others are forked from this one. It may open anything."""
    if not _FORKS or threading.active_count() > 1:  # with threads this is no supervisor
        return function(*arguments)
    receiving, sending = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_answer, args=(sending, function, arguments))
    with withheld(_ENDING):
        process.start()
    sending.close()
    with closing(receiving):
        try:
            found: R = receiving.recv()
        except EOFError:
            process.join()
            raise SystemExit(_told(process.exitcode or 1)) from None
        finally:
            process.join()
    return found


def _told(exit_code: int) -> int:
    """The exit code of a process that ended early, which has said why unless it was killed."""
    if exit_code < 0:
        name = signal.strsignal(-exit_code) or "which has no name"  # `Signals` knows none of the real-time ones
        stop(f"a process that it needs was ended by signal {-exit_code} ({name})", 128 - exit_code)
    return exit_code


def _answer(sending: Connection, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    sending.send(function(*arguments))


def shared_numbers(numbers: Sequence[int]) -> Any:
    """Whole numbers in memory that the processes share."""
    return _CONTEXT.RawArray("i", numbers)


@dataclass(slots=True, kw_only=True)
class Place:
    """Where one process is, and the next when that has ended."""

    called: str  # in the log
    patience: float  # seconds that it has to end when it is asked to
    due: float = 0.0  # when the next is started
    process: BaseProcess | None = None
    rest: float = REST  # before the next is started, in seconds

    def life(self) -> tuple[Callable[..., None], tuple[Any, ...], str]:
        """What the next process is to do: a function, its arguments, and the name of the process.

        Before these arguments the function is given what can be read from when the supervisor is gone.
        """
        raise NotImplementedError

    def has_started(self) -> bool:
        """Whether the one that has ended had begun its work."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Close what the next process was given: it has its own by now, or could not be started."""

    def left(self) -> None:
        """Put away what the ended one has left."""

    @property
    def exit_code(self) -> int | None:
        """How the process has ended; None if it has not, or if there is none."""
        return self.process.exitcode if self.process else None

    def fill(self, line: "tuple[Connection, Connection]") -> None:
        """Start a process if there is none and it is time for it."""
        if self.process is not None or time.monotonic() < self.due:
            return
        try:
            function, arguments, name = self.life()
            process = _CONTEXT.Process(target=_live, args=(line, name, function, arguments), name=name)
            with withheld(_ENDING):
                process.start()
                self.process = process  # at once: a signal may end the service here, and it ends those that it knows
        except OSError as error:  # no more processes, or what it needs is another's by now
            self._rest("could not start", error=error.strerror)
        finally:
            self.let_go()

    def clear(self) -> None:
        """The process has ended."""
        assert self.process is not None
        if self.has_started():
            self.rest = REST
        code, pid, self.process = self.process.exitcode, self.process.pid, None
        self.left()
        self._rest("ended", exit_code=code, pid=pid)

    def _rest(self, what: str, **why: Any) -> None:
        log.warning(f"{self.called} {what}", **why, next_in_seconds=self.rest)
        self.due = time.monotonic() + self.rest
        self.rest = min(self.rest * 2, LONGEST_REST)


def run(places: Sequence[Place], hopeless: Callable[[], int | None]) -> None:
    """Keep a process at each place, until a signal handler raises or `hopeless` gives an exit code."""
    line = _CONTEXT.Pipe(duplex=False)
    try:
        while True:
            for place in places:
                place.fill(line)
            rests = [place.due - time.monotonic() for place in places if place.process is None]
            wait([place.process.sentinel for place in places if place.process], max(min(rests), 0) if rests else None)
            ended = [place for place in places if place.exit_code is not None]  # before `hopeless`, which sees them all
            if (code := hopeless()) is not None:
                raise SystemExit(code)
            for place in ended:
                place.clear()
    finally:
        filled = [(place.process, place.patience) for place in places if place.process]
        for process, _ in filled:
            process.terminate()
        for process, patience in filled:
            process.join(patience)
            process.kill()
        for end in line:
            end.close()


def _live(
    line: tuple[Connection, Connection], name: str, function: Callable[..., None], arguments: Sequence[Any]
) -> None:
    """The life of a process. `function` is given, first, what can be read from when the supervisor is gone."""
    supervisor, ours = line
    ours.close()  # the last to have that end is the supervisor
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not as the supervisor, of which this may be a copy
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    with suppress(OSError):  # elsewhere than on Linux
        Path("/proc/self/comm").write_text(name[:_LONGEST_NAME])
    function(supervisor, *arguments)
