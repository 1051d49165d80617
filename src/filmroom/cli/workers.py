"""Web worker processes: each with a listening socket of its own, replaced when it dies (decision 9).

Of a socket that all share, the worker that happens to wake first accepts nearly all connections.
"""

import math
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from filmroom import metric_files, metrics
from filmroom.cli.allocation import keep_freed_memory
from filmroom.interrupts import withheld
from filmroom.server import health
from filmroom.server.balance import ABSENT, Share

BACKLOG = 2048
REST = 0.5  # seconds before a worker is replaced, doubled each time that it could not start
LONGEST_REST = 30.0
NICENESS = 10  # of the operations worker: an answer to somebody who waits goes first
PATIENCE = 40  # seconds in which a worker finishes what is under way, before it is killed

_CONTEXT = multiprocessing.get_context("spawn")  # the service will have threads, which a fork would not survive
_OWN_SOCKETS = sys.platform == "linux"  # elsewhere SO_REUSEPORT gives all connections to one of the sockets

log = structlog.get_logger()


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets for so many workers. The kernel spreads connections over them.

    The first listens at once, so that nobody is turned away; the others when their worker is ready. It is bound
    without SO_REUSEPORT, so that a port in use by another service is found out. OSError or UnicodeError if it can't be.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = _bound(family, (host, port))
    first.listen(BACKLOG)
    if count == 1 or not _OWN_SOCKETS:
        return [first] * count
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return [first, *(_bound(family, first.getsockname(), socket.SO_REUSEPORT) for _ in range(count - 1))]


def run(
    config: uvicorn.Config, listening: Sequence[socket.socket], numbers: Path | None = None, drain: float = 0.0
) -> None:
    """One worker for each socket, until a signal handler raises or the first of them can't start.

    They count in the folder `numbers`, and go on for `drain` seconds after they are asked to end.
    """
    counts = _CONTEXT.RawArray("i", [ABSENT] * len(listening))
    places = [
        _Place(config, counts, number, one.family, one.getsockname(), one, numbers, drain)
        for number, one in enumerate(listening)
    ]
    served = False
    try:
        while True:
            for place in places:
                place.fill()
            rests = [place.due - time.monotonic() for place in places if place.worker is None]
            wait([place.worker.sentinel for place in places if place.worker], max(min(rests), 0) if rests else None)
            served = served or any(count < ABSENT for count in counts)
            for place in places:
                code = place.exit_code
                if code == STARTUP_FAILURE and not served:
                    raise SystemExit(STARTUP_FAILURE)  # the next would meet the same
                if code is not None:
                    place.clear()
    finally:
        workers = [place.worker for place in places if place.worker]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(PATIENCE + drain)
            worker.kill()


@dataclass(slots=True)
class _Place:
    """Where one worker serves, and the next when that has ended."""

    config: uvicorn.Config
    counts: Any  # the connections of each worker
    number: int  # of this place among them
    family: socket.AddressFamily
    address: Any
    listening: socket.socket | None
    numbers: Path | None
    drain: float
    worker: SpawnProcess | None = None
    rest: float = REST  # before the next is started, in seconds
    due: float = 0.0  # when that is

    @property
    def exit_code(self) -> int | None:
        """How the worker has ended; None if it has not, or if there is none."""
        return self.worker.exitcode if self.worker else None

    def fill(self) -> None:
        """Start a worker if there is none and it is time for it."""
        if self.worker is not None or time.monotonic() < self.due:
            return
        try:
            if self.listening is None:
                self.listening = _bound(self.family, self.address, socket.SO_REUSEPORT)
            given = (self.config, self.listening, self.counts, self.number, self.numbers, self.drain)
            worker = _CONTEXT.Process(target=_serve, args=given, name="filmroom web")
            with withheld():
                worker.start()
            self.worker = worker  # at once: a signal may end the service here, and it ends those that it knows
            if _OWN_SOCKETS:  # the worker has it: while ours is open the kernel deals connections to it, served or not
                self.listening.close()
                self.listening = None
        except OSError as error:  # no more processes, or the port is another's by now
            self._leave(error=error.strerror)

    def clear(self) -> None:
        """The worker has ended, and its socket with it: nobody waits for its successor."""
        assert self.worker is not None
        if self.counts[self.number] < ABSENT:
            self.rest = REST  # it had begun to serve
        code, pid, self.worker = self.worker.exitcode, self.worker.pid, None
        if self.numbers is not None:
            metric_files.leave(self.numbers, place_of(self.number))
        self._leave(exit_code=code, pid=pid)

    def _leave(self, **why: Any) -> None:
        log.warning("worker ended", **why, next_in_seconds=self.rest)
        self.counts[self.number] = ABSENT
        self.due = time.monotonic() + self.rest
        self.rest = min(self.rest * 2, LONGEST_REST)


def _bound(family: socket.AddressFamily, address: Any, *options: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in (socket.SO_REUSEADDR, *options):
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made


def place_of(number: int) -> str:
    """Where the numbers of a worker are counted."""
    return f"web-{number}"


def _serve(
    config: uvicorn.Config, listening: socket.socket, counts: Any, place: int, numbers: Path | None, drain: float
) -> None:
    """The life of a worker."""
    keep_freed_memory()
    config.configure_logging()
    if numbers is not None:
        metrics.share(numbers, place_of(place))
    share = Share(counts, place)
    config.http = partial(cast("Any", config.http), share=share)  # type: ignore[assignment]
    threading.Thread(target=_finish_with_the_service, daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches the whole group
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        Server(config, drain, share).run(sockets=[listening])


class Server(uvicorn.Server):
    """Ends streams before it ends; tells the other workers when it takes connections, and all who ask that it ends."""

    def __init__(self, config: uvicorn.Config, drain: float, share: Share | None = None) -> None:
        super().__init__(config)
        self._drain, self._share = drain, share
        self._ends_at = math.inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Exits with STARTUP_FAILURE if the application can't be started."""
        await super().startup(sockets)
        if self._share is not None:
            self._share.begin()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM lets `drain` seconds pass; a second one, and Ctrl-C, do not."""
        again = health.ending.is_set()
        health.ending.set()
        if sig == signal.SIGTERM and self._drain and not again:
            self._ends_at = time.monotonic() + self._drain
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Asked ten times a second whether to end."""
        if time.monotonic() >= self._ends_at and not self.should_exit:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams that have no end of their own come to it first; then what is under way is waited for."""
        self.lifespan.state["events"].close()
        await super().shutdown(sockets)


def _finish_with_the_service() -> None:
    """Finish what is under way, and end, when the process that started this one is gone."""
    service = multiprocessing.parent_process()
    assert service is not None
    wait([service.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
