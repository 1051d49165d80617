"""What a server costs: CPU seconds and peak memory of a process and its descendants (Linux, proc(5))."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.commands import refuse

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
# Seconds between two looks at the memory, and how many times as long as a look took.
INTERVAL, REST = 0.1, 10  # where a row is about memory
SELDOM, LONG_REST = 1.0, 50  # over a whole run, of whose time looking takes a fiftieth


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of one round. Bytes; None where it could not be read or was not watched."""

    seconds: float  # that it was watched: checks of the answers take longer than the answers
    cpu: float | None  # seconds, of the server
    machine_cpu: float  # seconds, of everything on the machine, the benchmark's own included, and what was stolen of it
    peak: int | None  # sum of the processes' highest resident sizes: shared pages count for each process
    peak_shared: int | None  # highest proportional set size: shared pages count once
    highest: int | None = None  # the same since the run began


class Meter:
    """Measures one server, which may be several processes, or only the machine if none is known."""

    def __init__(self, *pids: int | None) -> None:
        self.pids = [pid for pid in pids if pid is not None]
        for pid in self.pids:
            if not (PROC / str(pid)).exists():
                refuse(f"There is no process {pid}.")
        self.idle = self.highest = proportional(self.pids)

    def look(self) -> int | None:
        """The memory of all processes now, of which the highest is kept."""
        now = proportional(self.pids)
        if now is not None:
            self.highest = max(now, self.highest or 0)
        return now

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Look at the memory now and then, whatever is done inside."""
        with _Watch(self, SELDOM, LONG_REST):
            yield

    @contextlib.contextmanager
    def watch(self, memory: bool) -> Iterator[list[Usage]]:
        """Measure what happens inside; afterwards the list holds the Usage. `memory`: also look meanwhile."""
        usages: list[Usage] = []
        reset_peaks(self.pids)
        begun, cpu, machine = time.perf_counter(), cpu_seconds(self.pids), machine_seconds()
        with _Watch(self, INTERVAL if memory else None, REST) as watch:
            yield usages
        after = cpu_seconds(self.pids)
        spent = None if cpu is None or after is None else after - cpu
        seconds, busy = time.perf_counter() - begun, machine_seconds() - machine
        usages.append(Usage(seconds, spent, busy, peaks(self.pids), watch.highest, self.highest))


def standing(pids: Sequence[int]) -> contextlib.AbstractContextManager[None]:
    """No process of the trees does anything inside, but where it is let `going`."""
    return _told(pids, signal.SIGSTOP, signal.SIGCONT)


def going(pids: Sequence[int]) -> contextlib.AbstractContextManager[None]:
    """The processes of trees that stand go on inside."""
    return _told(pids, signal.SIGCONT, signal.SIGSTOP)


@contextlib.contextmanager
def _told(pids: Sequence[int], before: signal.Signals, after: signal.Signals) -> Iterator[None]:
    _tell(pids, before)
    try:
        yield
    finally:
        _tell(pids, after)


def _tell(pids: Sequence[int], number: signal.Signals) -> None:
    for one in tree(*pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)


class _Watch:
    def __init__(self, meter: Meter, interval: float | None, rest: int) -> None:
        self._meter, self._interval, self._rest = meter, interval, rest
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.highest: int | None = None

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while self._interval and self._meter.pids:
            start = time.perf_counter()
            now = self._meter.look()
            if now is not None:
                self.highest = max(now, self.highest or 0)
            # Looking at gigabytes takes long, and the server waits meanwhile.
            if self._done.wait(max(self._interval, self._rest * (time.perf_counter() - start))):
                break


def tree(*pids: int) -> list[int]:
    """The processes and all their descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(pids)
    for parent in found:
        found.extend(children.get(parent, []))
    return found


def cpu_seconds(pids: Sequence[int]) -> float | None:
    """User and system time of the trees, and of those of their children that have ended."""
    if not pids:
        return None
    return sum(sum(map(int, fields[11:15])) for one in tree(*pids) if (fields := _stat(one))) / TICKS


def machine_seconds() -> float:
    """The time that all cores were busy, or kept from this machine by others of the same host (steal)."""
    return busy((PROC / "stat").read_text())


def busy(stat: str) -> float:
    """The same of what /proc/stat says; guests are counted in user and nice already."""
    fields = stat.split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / TICKS


def reset_peaks(pids: Sequence[int]) -> None:
    """Let the highest resident sizes begin anew. Without the right to, they count from the start."""
    for one in tree(*pids):
        with contextlib.suppress(OSError):
            (PROC / str(one) / "clear_refs").write_text("5")


def peaks(pids: Sequence[int]) -> int | None:
    """The sum of the highest resident sizes."""
    if not pids:
        return None
    return sum(_kilobytes(PROC / str(one) / "status", "VmHWM:") or 0 for one in tree(*pids)) * 1024


def proportional(pids: Sequence[int]) -> int | None:
    """The memory of the trees, in which a page that n processes share counts 1/n for each."""
    sizes = [_kilobytes(PROC / str(one) / "smaps_rollup", "Pss:") for one in tree(*pids)]
    known = [size for size in sizes if size is not None]
    return sum(known) * 1024 if known else None


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks and parentheses."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []


def _kilobytes(path: Path, key: str) -> int | None:
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    return None
