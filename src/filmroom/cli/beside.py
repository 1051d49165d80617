"""The operations worker that `filmroom serve` runs beside its web workers: replaced when it dies, ended with them."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from filmroom.cli.workers import LONGEST_REST, NICENESS, REST
from filmroom.interrupts import withheld
from filmroom.settings import Settings

OPERATIONS = "operations"  # where it counts
HEAD_START = 1.0  # seconds: the web workers are waited for, and the operations are not
PATIENCE = 5.0  # seconds in which it ends its batch, before it is killed: that costs no more than the batch

log = structlog.get_logger()


@contextmanager
def operations_worker(settings: Settings, numbers: Path | None = None) -> Iterator[None]:
    """One operations worker, as long as the block lasts. It counts in the folder `numbers`."""
    place = _Place(os.environ | settings.environment(), numbers)
    keeper = threading.Thread(target=place.keep, name="operations worker", daemon=True)
    with withheld():  # the worker is not for Ctrl-C, and of the threads here only the main one
        keeper.start()
    try:
        yield
    finally:
        place.leave()
        keeper.join(PATIENCE)
        place.kill()
        keeper.join()


@dataclass(slots=True)
class _Place:
    """Where one worker is, and the next when that has ended. What the dead one had under its name, the next has."""

    environment: dict[str, str]
    numbers: Path | None = None
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    leaving: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)  # nobody starts what nobody would end
    process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start a worker whenever there is none."""
        rest = REST
        self.leaving.wait(HEAD_START)
        while not self.leaving.is_set():
            began = time.monotonic()
            try:
                process = self._start()
                code = None if process is None else process.wait()
            except OSError as error:
                if not self.leaving.is_set():
                    log.warning("operations worker could not start", error=error.strerror, next_in_seconds=rest)
            else:
                if not self.leaving.is_set():
                    log.warning("operations worker ended", exit_code=code, next_in_seconds=rest)
            rest = REST if time.monotonic() - began > LONGEST_REST else rest
            self.leaving.wait(rest)
            rest = min(rest * 2, LONGEST_REST)

    def _start(self) -> subprocess.Popen[bytes] | None:
        command = [sys.executable, "-m", "filmroom", "worker", "--owner", self.owner]
        command += [] if self.numbers is None else ["--numbers", str(self.numbers)]
        with self.lock:
            if self.leaving.is_set():
                return None
            self._let_go()
            pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
            self.process = subprocess.Popen(command, stdin=pipe, stdout=nothing, env=self.environment)  # noqa: S603
            niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))  # only root may be less nice than before
            os.setpriority(os.PRIO_PROCESS, self.process.pid, niceness)  # from its first import on
            return self.process

    def leave(self) -> None:
        """Ask the worker to end, and start no other."""
        with self.lock:
            self.leaving.set()
            self._let_go()

    def kill(self) -> None:
        """End it now, if it has not."""
        if self.process is not None:
            self.process.kill()

    def _let_go(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
