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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import linear_regression

from bench import commands, machine, tables
from bench.mixture import READINGS, Client, Latencies, together
from bench.processes import PROC, proportional, tree
from bench.rounds import percentile
from bench.servers import Setup, filmroom, folder_in
from bench.service import Service

EVERY = 2.0  # seconds between looks at memory and descriptors
SETTLING = 0.2  # of the time, in which caches fill
WEIGHTS = {"store": 30, **READINGS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what was seen."""
    parser = argparse.ArgumentParser("bench.soak", description="Mixed clients for minutes.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=commands.count, default=8)
    parser.add_argument("--workers", type=commands.count, default=2, help="web workers of the service")
    parser.add_argument("--folder", type=Path, help="where everything is stored; on a real disk")
    given = parser.parse_args(arguments)
    with folder_in(given.folder) as folder, filmroom(folder, Setup(given.workers)) as server:
        assert server.pid is not None
        print(f"{machine.said(machine.described(folder))}; {server.name}, {given.clients} clients")
        until = time.monotonic() + given.minutes * 60
        clients = [
            Client(Service(str(one), server.url), Random(one), until, WEIGHTS, deletes=True)
            for one in range(given.clients)
        ]
        watch = _Watch(server.pid)
        with watch, ThreadPoolExecutor(given.clients) as pool:
            try:
                seen = together(list(pool.map(Client.run, clients)))
            finally:
                for client in clients:
                    client.until = 0  # whoever ends the run waits for one answer of each
    _say(seen.latencies, watch, given.minutes * 60)
    print(*seen.failures, sep="\n", file=sys.stderr)
    return tables.FAILED if seen.failures else 0


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


def _say(latencies: Latencies, watch: _Watch, seconds: float) -> None:
    rows = [
        [name, len(waited), percentile(waited, 0.5), percentile(waited, 0.99), waited[-1]]
        for name, waited in sorted(latencies.items())
    ]
    print(tables.markdown(["request", "count", "50th ms", "99th ms", "longest ms"], rows))
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
    commands.run(main)
