"""Web worker processes: each with a listening socket of its own, replaced when it dies (decision 9).

Of a socket that all share, the worker that happens to wake first accepts nearly all connections.
"""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from filmroom.server.balance import Share
from filmroom.server.limits import BoundedProtocol

BACKLOG = 2048
REST = 0.5  # seconds before a worker is replaced, so that one that can't live costs no core
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


def run(config: uvicorn.Config, listening: Sequence[socket.socket]) -> None:
    """One worker for each socket, until a signal handler raises or a worker can't start."""
    counts = _CONTEXT.RawArray("i", len(listening))
    workers = [_start(config, one, counts, place) for place, one in enumerate(listening)]
    try:
        while True:
            wait([worker.sentinel for worker in workers])
            for place, worker in enumerate(workers):
                if worker.exitcode is None:
                    continue
                if worker.exitcode == STARTUP_FAILURE:
                    raise SystemExit(STARTUP_FAILURE)  # the next would meet the same
                log.warning("worker replaced", exit_code=worker.exitcode, pid=worker.pid)
                time.sleep(REST)
                counts[place] = 0
                workers[place] = _start(config, listening[place], counts, place)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(PATIENCE)
            worker.kill()


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


def _start(config: uvicorn.Config, listening: socket.socket, counts: Any, place: int) -> SpawnProcess:
    worker = _CONTEXT.Process(target=_serve, args=(config, listening, counts, place), name="filmroom web")
    worker.start()
    return worker


def _serve(config: uvicorn.Config, listening: socket.socket, counts: Any, place: int) -> None:
    """The life of a worker."""
    config.configure_logging()
    config.http = partial(BoundedProtocol, share=Share(counts, place))  # type: ignore[assignment]
    threading.Thread(target=_finish_with_the_service, daemon=True).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches the whole group
        uvicorn.Server(config).run(sockets=[listening])


def _finish_with_the_service() -> None:
    """Finish what is under way, and end, when the process that started this one is gone."""
    service = multiprocessing.parent_process()
    assert service is not None
    wait([service.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
