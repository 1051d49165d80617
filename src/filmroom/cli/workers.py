"""Web worker processes: each with a listening socket of its own, replaced when it dies (decision 9).

Of a socket that all share, the worker that happens to wake first accepts nearly all connections.
"""

import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from filmroom import metric_files, metrics
from filmroom.cli import processes
from filmroom.cli.allocation import keep_freed_memory
from filmroom.cli.processes import shared_numbers
from filmroom.server import health
from filmroom.server.balance import ABSENT, Share

BACKLOG = 2048
PATIENCE = 40  # seconds in which a worker finishes what is under way, before it is killed

_OWN_SOCKETS = sys.platform == "linux"  # elsewhere SO_REUSEPORT gives all connections to one of the sockets


def listen(host: str, port: int) -> socket.socket:
    """The socket of the first worker, which listens at once, so that nobody is turned away.

    It is bound without SO_REUSEPORT, so that a port in use by another service is found out. OSError or UnicodeError if
    it can't be.
    """
    first = _bound(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))
    first.listen(BACKLOG)
    if _OWN_SOCKETS:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return first


def places(
    config: uvicorn.Config, listening: socket.socket, count: int, numbers: Path | None = None, drain: float = 0.0
) -> "list[Place]":
    """Places for so many workers. The first has the socket that listens, or all have, where they can't have their own.

    They count in the folder `numbers`, and go on for `drain` seconds after they are asked to end.
    """
    counts = shared_numbers([ABSENT] * count)
    return [
        Place(
            called="worker",
            patience=PATIENCE + drain,
            config=config,
            counts=counts,
            number=number,
            family=listening.family,
            address=listening.getsockname(),
            listening=listening if number == 0 or not _OWN_SOCKETS else None,
            numbers=numbers,
            drain=drain,
        )
        for number in range(count)
    ]


def hopeless(workers: "Sequence[Place]") -> Callable[[], int | None]:
    """Gives an exit code when a worker can't start and none ever served: the next would meet the same."""
    served = False

    def code() -> int | None:
        nonlocal served
        served = served or any(count < ABSENT for count in workers[0].counts)
        failed = not served and any(place.exit_code == STARTUP_FAILURE for place in workers)
        return STARTUP_FAILURE if failed else None

    return code


@dataclass(slots=True, kw_only=True)
class Place(processes.Place):
    """Where one web worker serves, and the next when that has ended."""

    config: uvicorn.Config
    counts: Any  # the connections of each worker
    number: int  # of this place among them
    family: socket.AddressFamily
    address: Any
    listening: socket.socket | None
    numbers: Path | None
    drain: float

    def life(self) -> tuple[Callable[..., None], tuple[Any, ...], str]:
        """A worker with a socket of its own. OSError if the port is another's by now."""
        if self.listening is None:  # until now: a worker that is forked would have those of the others as well
            self.listening = _bound(self.family, self.address, socket.SO_REUSEPORT)
        given = (self.config, self.listening, self.counts, self.number, self.numbers, self.drain)
        return _serve, given, f"filmroom {place_of(self.number)}"

    def let_go(self) -> None:
        """While our socket is open the kernel deals connections to it, served or not."""
        if _OWN_SOCKETS and self.listening is not None:
            self.listening.close()
            self.listening = None

    def has_started(self) -> bool:
        """Whether it has taken connections."""
        return bool(self.counts[self.number] < ABSENT)

    def left(self) -> None:
        """Its socket has ended with it: nobody waits for its successor."""
        self.counts[self.number] = ABSENT
        if self.numbers is not None:
            metric_files.leave(self.numbers, place_of(self.number))


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
    supervisor: Connection,
    config: uvicorn.Config,
    listening: socket.socket,
    counts: Any,
    place: int,
    numbers: Path | None,
    drain: float,
) -> None:
    """The life of a worker."""
    keep_freed_memory()
    config.configure_logging()
    if numbers is not None:
        metrics.share(numbers, place_of(place))
    share = Share(counts, place)
    config.http = partial(cast("Any", config.http), share=share)  # type: ignore[assignment]
    threading.Thread(target=_finish_with, args=(supervisor,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches the whole group
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        Server(config, drain, share).run(sockets=[listening])


class Server(uvicorn.Server):
    """Ends streams before it ends; tells the other workers when it takes connections, and all who ask that it ends."""

    def __init__(self, config: uvicorn.Config, drain: float, share: Share) -> None:
        super().__init__(config)
        self._drain, self._share = drain, share
        self._ends_at = math.inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Exits with STARTUP_FAILURE if the application can't be started."""
        await super().startup(sockets)
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


def _finish_with(supervisor: Connection) -> None:
    """Finish what is under way, and end, when the process that started this one is gone."""
    wait([supervisor])
    os.kill(os.getpid(), signal.SIGTERM)
