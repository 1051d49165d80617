"""A real service for the tests: `filmroom serve` as processes of its own, in a process group of its own."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import psycopg
import pytest

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to look at processes")

LISTENS = "Filmroom listens on "
DEADLINE = 60.0  # seconds in which whatever is waited for must happen


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: where it listens, where its data lies, what it has logged."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    journal: Path

    @property
    def urls(self) -> Sequence[str]:
        """Where requests can be sent."""
        return [self.url]

    def kill(self) -> None:
        """End every process at once, as a loss of power would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not self.processes())

    def stop(self) -> int:
        """Ask the service to end, and give its exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE)

    def processes(self) -> list[int]:
        """The ids of all its processes that live."""
        return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _group(pid) == self.process.pid]

    def operations_worker(self) -> int | None:
        """The process that does the long operations, once it is there."""
        return next(iter(self._called("filmroom worker")), None)

    def web_workers(self) -> list[int]:
        """The processes that answer requests."""
        return self._called("filmroom web-")

    def _called(self, name: str) -> list[int]:
        found = []
        for pid in self.processes():
            with suppress(OSError):  # it has ended by now
                found += [pid] if Path(f"/proc/{pid}/comm").read_text().startswith(name) else []
        return found

    def accepting(self) -> list[int]:
        """The web workers that take connections: their event loops watch a socket that listens.

        That one listens is not enough: the first does from the start, and is closed if its worker can't begin.
        """
        port = f":{int(self.url.rpartition(':')[2]):04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        sockets = {int(line[9]) for line in lines if line[1].endswith(port) and line[3] == "0A"}
        return [pid for pid in self.web_workers() if sockets & set(_watched(pid))]

    def is_healthy(self) -> bool:
        """Whether it can do all that it is for."""
        return httpx2.get(f"{self.url}/health/check", timeout=DEADLINE).is_success

    def begun(self) -> None:
        """Wait until all its processes are there, and a request has been answered."""
        httpx2.get(f"{self.url}/health/check", timeout=DEADLINE)
        wait_until(self.operations_worker)

    def memory(self, field: str) -> int:
        """Bytes in all processes that answer requests: `VmRSS` now, or `VmHWM` at most until now."""
        serving = set(self.processes()) - {self.operations_worker()}
        return sum(_kilobytes(pid, field) for pid in serving) * 1024

    def mishaps(self) -> list[str]:
        """What it has logged of errors that nobody foresaw."""
        return [line for line in self.logged().splitlines() if "Traceback" in line or "unforeseen" in line]

    def logged(self) -> str:
        """Everything that it has written to standard error."""
        return self.journal.read_text()


@contextmanager
def running(
    data: Path, *options: str, index: str | None = None, given: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Service]:
    """Start a service on `data` and a free port; it ends with the block, if it has not by then.

    Of the FILMROOM_* variables it gets those that are `given`.
    """
    if index is not None:
        options = (*options, "--index", index)
    journal = data.with_name(data.name + ".log")
    quick = ("--port", "0", "--workers", "1")  # to start, in memory; the last of an option counts
    command = [sys.executable, "-m", "filmroom", "serve", *quick, "--data", str(data), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FILMROOM_")} | dict(given)
    with journal.open("a") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True, env=environment
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith(LISTENS), journal.read_text()
        yield Service(process, line.removeprefix(LISTENS).strip(), data, journal)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        process.stdout.close()


def wait_until(holds: Callable[[], object], every: float = 0.005) -> None:
    """Return as soon as `holds` does, and fail if it does not in time.

    Who asks a service so often takes its time from the operations worker, which is nicer than others: ask it seldom.
    """
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)


def check_index(folder: Path) -> None:
    """The database of an archive is whole, and what it counts is what there is."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as index:
        assert index.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert index.execute("PRAGMA foreign_key_check").fetchall() == []
        check_counts(index)


def check_counts(index: sqlite3.Connection | psycopg.Connection[Any]) -> None:
    """What a database counts is what there is."""
    for parent in ("study", "series"):
        found = index.execute(
            f"SELECT count(*) FROM {parent} WHERE instances <> "
            f"(SELECT count(*) FROM instance WHERE instance.{parent}_key = {parent}.key)"
        )
        assert found.fetchone() == (0,)


def _group(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, _, group, *rest = stat.rpartition(")")[2].split()
    threads = int(rest[14])  # a killed process holds its sockets until the last of them has gone, its first before that
    return None if state == "Z" and threads <= 1 else int(group)


def _watched(pid: int) -> Iterator[int]:
    """The inodes of what a process waits for by epoll (proc_pid_fdinfo(5))."""
    with suppress(OSError):  # it has ended by now
        for file in Path(f"/proc/{pid}/fdinfo").iterdir():
            yield from (int(found, 16) for found in re.findall(r"tfd:.* ino:(\w+)", file.read_text()))


def _kilobytes(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field + ":"))
