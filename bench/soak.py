"""Whether a service stays as it is: mixed clients for minutes; each answer is checked, memory and descriptors watched.

    python -m bench.soak [--minutes 10] [--clients 8] [--workers 2] [--folder DIR]

A client stores into Studies of its own, reads and searches them, and deletes the oldest when it has many: so what is
stored stays about the same, and memory must, too. Any wrong answer ends the run with status 1.
"""

import argparse
import os
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import linear_regression, quantiles

from bench import checks, report
from bench.client import Connection, Task
from bench.data import KB_131, Instance
from bench.processes import PROC, proportional, tree
from bench.servers import Setup, filmroom, folder_in
from bench.service import DICOM, JPEG, JSON, OCTETS, Service, address

FILES, STUDIES = 20, 12  # of a Study, and of a client
EVERY = 2.0  # seconds between looks at memory and descriptors
SETTLING = 0.2  # of the time, in which caches fill
WEIGHTS = {"store": 30, "frame": 25, "instance": 10, "metadata": 10, "search": 15, "rendered": 8, "list": 2}


@dataclass(slots=True)
class Client:
    """One of them, with what it has stored."""

    service: Service
    random: Random
    until: float
    studies: deque[list[Instance]] = field(default_factory=deque)
    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self) -> None:
        """Ask until it is time."""
        connection = Connection(*address(self.service.url))
        kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
        try:
            while time.monotonic() < self.until:
                name = self.random.choices(kinds, weights)[0] if self.studies else "store"
                if len(self.studies) > STUDIES:
                    name = "delete"
                task = _TASKS[name](self)
                began = time.perf_counter()
                answer = connection.ask(task.request)
                self.latencies[name].append((time.perf_counter() - began) * 1000)
                task.check(answer)
        finally:
            connection.close()

    @property
    def one(self) -> Instance:
        """Any that is stored."""
        return self.random.choice(self.random.choice(self.studies))


def _store(client: Client) -> Task:
    if not client.studies or len(client.studies[-1]) == FILES:
        client.studies.append([])
    last = client.studies[-1]
    number = last[0].study if last else client.service.new_study()
    last.append(Instance(KB_131, client.service.run, number, 0, len(last)))
    return client.service.store(last[-1])


def _frame(client: Client) -> Task:
    one = client.one
    return client.service.get(f"{one.path}/frames/1", OCTETS, lambda answer: checks.parts(answer, [one.frame(1)]))


def _instance(client: Client) -> Task:
    one = client.one
    return client.service.get(one.path, DICOM, lambda answer: checks.parts(answer, [tuple(one.pieces())]))


def _metadata(client: Client) -> Task:
    study = client.random.choice(client.studies)
    return client.service.get(f"{study[0].series_path}/metadata", JSON, lambda answer: checks.metadata(answer, study))


def _search(client: Client) -> Task:
    one = client.one
    return client.service.search(f"PatientID={one.patient}", lambda answer: checks.studies(answer, {one.uids[0]}, 1))


def _list(client: Client) -> Task:
    return client.service.search("limit=100", lambda answer: checks.expect_status(answer, 200))


def _rendered(client: Client) -> Task:
    one = client.one
    return client.service.get(
        f"{one.path}/rendered", JPEG, lambda answer: checks.jpeg(answer, one.shape.rows, one.shape.columns)
    )


def _delete(client: Client) -> Task:
    return client.service.delete(client.studies.popleft()[0].series_path.partition("/series")[0])


_TASKS: dict[str, Callable[[Client], Task]] = {
    "store": _store,
    "frame": _frame,
    "instance": _instance,
    "metadata": _metadata,
    "search": _search,
    "list": _list,
    "rendered": _rendered,
    "delete": _delete,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what was seen."""
    parser = argparse.ArgumentParser("bench.soak", description="Mixed clients for minutes.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2, help="web workers of the service")
    parser.add_argument("--folder", type=Path, help="where everything is stored; on a real disk")
    given = parser.parse_args(arguments)
    with folder_in(given.folder) as folder, filmroom(folder, Setup(given.workers)) as server:
        assert server.pid is not None
        print(f"{report.machine()}, data on {report.file_system(folder)}; {server.name}, {given.clients} clients")
        until = time.monotonic() + given.minutes * 60
        clients = [Client(Service(str(one), server.url), Random(one), until) for one in range(given.clients)]
        watch = _Watch(server.pid)
        with watch, ThreadPoolExecutor(given.clients) as pool:
            ended = [pool.submit(client.run) for client in clients]
        errors = [error for one in ended if (error := one.exception())]
    _say(clients, watch, given.minutes * 60)
    print(*(f"{type(error).__name__}: {error}" for error in errors), sep="\n", file=sys.stderr)
    return 1 if errors else 0


class _Watch:
    """Memory and open descriptors of a service, again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: list[tuple[float, float, int]] = []  # seconds, MB, descriptors

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        began = time.monotonic()
        while not self._done.wait(EVERY):
            memory = proportional([self._pid])
            descriptors = 0
            for pid in tree(self._pid):
                with suppress(OSError):
                    descriptors += len(os.listdir(PROC / str(pid) / "fd"))
            if memory is not None:
                self.seen.append((time.monotonic() - began, memory / 1e6, descriptors))


def _say(clients: Sequence[Client], watch: _Watch, seconds: float) -> None:
    print("| request | count | 50th ms | 99th ms | longest ms |", "| --- | ---: | ---: | ---: | ---: |", sep="\n")
    for name in _TASKS:
        waited = sorted(one for client in clients for one in client.latencies[name])
        if len(waited) > 1:
            cuts = quantiles(waited, n=100)
            print(f"| {name} | {len(waited):,} | {cuts[49]:.1f} | {cuts[98]:.1f} | {waited[-1]:.0f} |")
    settled = [one for one in watch.seen if one[0] >= seconds * SETTLING]
    if len(settled) > 1:
        times, memory, descriptors = zip(*settled, strict=True)
        trend = linear_regression(times, memory).slope * 60
        print(
            f"Memory of all processes (PSS): {memory[0]:.0f} MB after {times[0]:.0f} s, {memory[-1]:.0f} at the end,",
            f"{max(memory):.0f} MB at most; {trend:+.2f} MB a minute.",
            f"Descriptors: {min(descriptors)} to {max(descriptors)}.",
        )


if __name__ == "__main__":
    sys.exit(main())
