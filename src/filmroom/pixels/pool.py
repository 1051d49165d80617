"""Worker processes for work on pixels: a codec that crashes or hangs costs one request, not the service.

`concurrent.futures` gives up every pending call when one process dies, so this is a pool of its own: each worker has a
channel, serves one call at a time, and is replaced when it does not answer.
"""

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from filmroom import socket_folder, tracing
from filmroom.entrance import Entrance
from filmroom.errors import Error, NotAcceptable, TookTooLong, Unavailable, Unforeseen
from filmroom.interrupts import withheld
from filmroom.pixels.ahead import each
from filmroom.pixels.channel import Channel, Received, aside

if sys.platform != "win32":
    import resource

P = ParamSpec("P")
R = TypeVar("R")
Seconds = Callable[[float], None]

_CALLERS_FOR_EACH = 4  # calls at work or waiting, for each worker: more would hold threads that others need
_BUSY = "All workers for pixel data are busy. Try again later."
# Not "fork": the service has threads, and a forked worker would hold its sockets and locks. A process without threads
# imports what workers need; they are forks of that, begin at once and share its memory (decision 11).
if sys.platform == "linux":
    _CONTEXT = multiprocessing.get_context("forkserver")
    _CONTEXT.set_forkserver_preload(["__main__", "filmroom.pixels.preloaded"])
else:
    _CONTEXT = multiprocessing.get_context("spawn")
_START = 60  # seconds in which a worker has imported what it is to call
_PATIENCE = 2  # seconds in which a worker whose pipe has ended says how it ended
# By a person or the system, or with what started it (255, as multiprocessing says): not by the data.
_ENDED_FROM_OUTSIDE = {-signal.SIGKILL, -signal.SIGTERM, 255}
_CLOSED = "The service is shutting down."
MEMORY = 4 << 30  # bytes for the calls of one worker, besides what its libraries take; only Linux keeps the limit


class Pool:
    """At most `processes` workers, each started when first needed. May be used from many threads.

    `timeout` is in seconds, for one call and for the wait for a free worker before it. `waited` and `worked` are told
    how long that wait was, and how long the worker was held.
    """

    def __init__(
        self, processes: int, timeout: float, *, waited: Seconds = lambda _: None, worked: Seconds = lambda _: None
    ) -> None:
        self._timeout, self._waited, self._worked = timeout, waited, worked
        self.processes = processes
        self._threads = ThreadPoolExecutor(processes, "filmroom pixels")  # start when first needed
        self._entrance = Entrance(processes * _CALLERS_FOR_EACH, _BUSY, timeout)
        self._places = [Place(timeout) for _ in range(processes)]
        self._free: queue.LifoQueue[Place] = queue.LifoQueue()  # the last used is the warmest
        for place in self._places:
            self._free.put(place)

    def run(self, function: Callable[P, R], *arguments: P.args, **keywords: P.kwargs) -> R:
        """What `function` returns or the `filmroom.errors` it raises. It must be importable by name."""
        with self.place() as place:
            return place.run(function, *arguments, **keywords)

    @contextmanager
    def place(self) -> Iterator["Place"]:
        """A free worker until the block ends, for those whose arguments are large: they read them inside."""
        with self._entrance.passed(), self._taken() as place:
            yield place

    def ahead(self, function: Callable[..., R], calls: Iterable[tuple[Any, ...]]) -> Iterator[Callable[[], R]]:
        """`run` of each call, spread over the workers and a little ahead of who asks for the results, in order.

        Between two results no worker is held, however slow the reader is.
        """
        for begun in each(self._threads, partial(self._call, function), calls, len(self._places)):
            yield partial(self._result, begun)

    @property
    def busy(self) -> int:
        """How many workers are held."""
        return self.processes - self._free.qsize()

    def close(self) -> None:
        """End all workers. Calls under way fail, and so do all that come later."""
        for place in self._places:
            place.close()

    def _result(self, begun: "Future[R]") -> R:
        with self._entrance.passed():
            return begun.result()

    def _call(self, function: Callable[..., R], *arguments: Any) -> R:
        with self._taken() as place:
            return place.run(function, *arguments)

    @contextmanager
    def _taken(self) -> Iterator["Place"]:
        began = time.perf_counter()
        try:
            place = self._free.get(timeout=self._timeout)
        except queue.Empty:
            raise Unavailable(_BUSY) from None
        finally:
            self._waited(time.perf_counter() - began)
        began = time.perf_counter()
        try:
            with tracing.span("codec"):
                yield place
        finally:
            self._free.put(place)
            self._worked(time.perf_counter() - began)


class Place:
    """Where one worker works, and the next when it has ended. One thread at a time may use it."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._closed = False
        self._worker: _Worker | None = None

    def run(self, function: Callable[P, R], *arguments: P.args, **keywords: P.kwargs) -> R:
        """What `function` returns or the `filmroom.errors` it raises. It must be importable by name."""
        try:
            outcome = self._answer((function, arguments, keywords))
        except _Ended:  # what ended it may not have been these data: the system may have wanted its memory
            outcome = self._last_answer((function, arguments, keywords))
        if isinstance(outcome, _Raised):
            raise outcome.error
        value: R = outcome.value
        return value

    def close(self) -> None:
        """End the worker, whoever waits for it. There is no other."""
        with self._lock:
            self._closed = True
            if self._worker is not None:
                self._worker.kill()

    def _last_answer(self, request: tuple[Any, ...]) -> "_Returned[Any] | _Raised":
        try:
            return self._answer(request)
        except _Ended as error:
            if error.exit_code in _ENDED_FROM_OUTSIDE:
                raise Unavailable("A worker for pixel data was killed, perhaps for want of memory.") from None
            # Not Unavailable: the same data would end the next worker too.
            raise NotAcceptable("The pixel data can't be converted: the worker ended over them.") from None

    def _answer(self, request: tuple[Any, ...]) -> "_Returned[Any] | _Raised":
        worker = self._alive()
        answered = False
        try:
            outcome: _Returned[Any] | _Raised = worker.call(request, self._timeout)
            answered = True
        except _Ended:
            if self._closed:
                raise Unavailable(_CLOSED) from None
            raise
        finally:
            if not answered:
                worker.end()
        return outcome

    def _alive(self) -> "_Worker":
        with self._lock:
            if self._closed:
                raise Unavailable(_CLOSED)
            if self._worker is None or not self._worker.is_alive():
                if self._worker is not None:
                    self._worker.end()
                self._worker = None  # if the next can't be started
                self._worker = _Worker()
            return self._worker


@dataclass(frozen=True, slots=True)
class _Returned(Generic[R]):
    """The answer of a worker: what the function returned."""

    value: R


@dataclass(frozen=True, slots=True)
class _Raised:
    """The answer of a worker: what the function raised."""

    error: Error | Unforeseen


class _Ended(Exception):
    """A worker has ended before it gave an answer."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__()
        self.exit_code = exit_code  # None: only its pipe has


class _Worker:
    """One process and our end of the channel to it."""

    def __init__(self) -> None:
        self._begun = False
        try:
            socket_folder.keep()
            ours, theirs = _CONTEXT.Pipe()
            with theirs:
                self._channel = Channel(ours)
                self._process = _CONTEXT.Process(target=_serve, args=(theirs,), name="filmroom pixels", daemon=True)
                with withheld():
                    self._process.start()
                self._channel.offer()
        except (OSError, EOFError) as error:  # EOFError: it could not be forked
            raise Unavailable("No worker for pixel data could be started. Try again later.") from error

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def call(self, request: tuple[Any, ...], timeout: float) -> Any:
        try:
            self._channel.send(request)
            if not self._begun:  # what a call takes is not what it takes to start a process and import its libraries
                self._wait(_START)
                self._channel.receive()
                self._begun = True
            self._wait(timeout)
            return self._channel.receive().loads()
        except (EOFError, OSError):
            self._process.join(_PATIENCE)
            raise _Ended(self._process.exitcode) from None

    def _wait(self, seconds: float) -> None:
        if not self._channel.poll(seconds):
            raise TookTooLong(f"The work on the pixel data was not done after {seconds:g} seconds and was given up.")

    def kill(self) -> None:
        """May come from any thread: the one that waits for an answer sees the pipe end."""
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """Let it go, whatever it does."""
        self.kill()
        self._channel.close()


def _serve(pipe: Connection) -> None:
    """The life of a worker: answer calls until the service ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the service ends its workers itself
    warnings.simplefilter("ignore")  # pydicom's warnings quote values
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    with suppress(EOFError, OSError):
        channel = Channel.taken(pipe)
        request = channel.receive()
        with suppress(Exception):  # which the answer will tell
            request.loads()  # imports what is called
        channel.send(None)
        while True:
            _answer(channel, request)
            request = channel.receive()


def _answer(channel: Channel, request: Received) -> None:
    """Send back what the function returns, or an error."""
    try:
        function, arguments, keywords = request.loads()  # imports what is called
        _limit_memory()
        value = function(*arguments, **keywords)
        channel.send(_Returned(aside(value) if isinstance(value, bytes) else value))
    except Error as error:
        channel.send(_Raised(error))
    except MemoryError:
        channel.send(_Raised(NotAcceptable("The pixel data can't be converted: that would take too much memory.")))
    except Exception as error:  # noqa: BLE001 - the service writes it down, without what its message may quote
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__} at {place.filename}:{place.lineno} in {place.name}"
        channel.send(_Raised(Unforeseen(told)))


@cache
def _limit_memory() -> None:
    """Once, when the libraries are in memory: `MEMORY` above that."""
    with suppress(OSError, ValueError):  # there is no such file but on Linux; a lower limit may be in force
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))


def _end_with_the_service() -> None:
    """End at once when the service is gone, killed or not, even in the midst of a call."""
    service = multiprocessing.parent_process()
    assert service is not None
    wait([service.sentinel])
    os._exit(1)  # pragma: no cover, for nothing is written down any more
