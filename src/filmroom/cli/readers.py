"""Processes that read the files for `filmroom rebuild`: reading is Python, of which one process uses one core."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing.connection import wait

from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.interrupts import withheld
from filmroom.services.partitions import noted
from filmroom.services.rebuild import Read, Reader, read
from filmroom.settings import Settings

CHUNK = 50  # files that a process is given at once
AHEAD = 3  # chunks for each process that are read while others are added

_files: Callable[[str], Read] | None = None  # what reads a file in this process, if it is a reader


@contextmanager
def readers(settings: Settings, archive: Archive, processes: int) -> Iterator[Reader]:
    """What reads files; with one process, this one."""
    if processes == 1:
        known = noted(archive)
        yield lambda keys: (read(archive, known, key) for key in keys)
        return
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawned, _begin, (settings,)) as pool:
        try:
            yield lambda keys: _read_ahead(pool, keys, processes * AHEAD)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _read_ahead(pool: ProcessPoolExecutor, keys: Iterable[str], ahead: int) -> Iterator[Read]:
    left, waiting = iter(keys), deque[Future[list[Read]]]()
    try:
        while True:
            while len(waiting) < ahead and (chunk := list(islice(left, CHUNK))):
                with withheld():  # the first one starts the processes
                    waiting.append(pool.submit(_read, chunk))
            if not waiting:
                return
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise Unavailable("A process that reads files ended; there may be too little memory.") from error


def _begin(settings: Settings) -> None:
    """In a new process: it ends with the one that started it, and Ctrl-C is for that one."""
    global _files
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    archive = Archive.open(settings, rebuilding=True)
    _files = partial(read, archive, noted(archive))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _read(keys: list[str]) -> list[Read]:
    assert _files is not None
    return list(map(_files, keys))
