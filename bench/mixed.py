"""What readers wait while others write: 4 writers and 4 readers for a minute, beside each kind of reading alone.

    python -m bench.mixed [--url BASE_URL] [--seconds 60] [--workers N] [--folder DIR] [--json FILE]

Each client is a process of its own, so that none waits for another's checks. First each kind of reading is asked by one
client while nothing else is at work. Any wrong answer, or none, is counted and ends the run with status 1.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

from bench import machine, tables
from bench.data import KB_131, Instance
from bench.mixture import FILES, READINGS, STUDIES, TASKS, Client, Latencies, percentile, together
from bench.servers import Setup, filmroom, folder_in
from bench.service import STORING, Service, address

WRITERS = READERS = 4
UNMEASURED = 4.0  # seconds, in which processes start and caches fill
Studies = deque[list[Instance]]
Cells = list[str | float]
HEAD = (
    "request",
    "count",
    "alone, p50 ms",
    "alone, p99 ms",
    "together, p50 ms",
    "together, p99 ms",
    "together, p99.9 ms",
    "p99 against alone",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what was seen."""
    given = _options(arguments)
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in(given.folder))
        url, name = given.url, given.url
        if url is None:
            server = stack.enter_context(filmroom(folder, Setup(given.workers)))
            url, name = server.url, server.name
        about = machine.described(folder)
        print(", ".join(f"{what} {value}" for what, value in about.items()), name, sep="\n")
        spawn = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(WRITERS + READERS, spawn))
        idle, mixed, failures = measured(pool, url, given.seconds)
    rows = [_row(kind, idle.get(kind), waited) for kind, waited in sorted(mixed.items())]
    asked = sum(map(len, mixed.values()))
    print("", tables.markdown(HEAD, rows), "", f"{len(failures)} errors in {asked:,} requests", sep="\n")
    print(*failures, sep="\n", end="", file=sys.stderr)
    if given.json:
        title = f"{WRITERS} writers and {READERS} readers of {name}: {len(failures)} errors in {asked:,} requests"
        found = {"title": title, "head": HEAD, "rows": rows, "failures": failures}
        given.json.write_text(json.dumps(found | machine.stamped("python -m bench.mixed", about), indent=1))
    return 1 if failures else 0


def measured(pool: ProcessPoolExecutor, url: str, seconds: float) -> tuple[Latencies, Latencies, list[str]]:
    """What each reading takes alone, what requests take together, and what was wrong in both."""
    studies = _stored(url)
    readers = [READINGS] * READERS
    _asked(pool, url, studies, [{"store": 1}] * WRITERS + readers, UNMEASURED)
    idle: Latencies = {}
    failures: list[str] = []
    for kind in READINGS:
        alone, wrong = _asked(pool, url, studies, [{kind: 1}], seconds / 12)
        idle |= alone
        failures += wrong
    mixed, wrong = _asked(pool, url, studies, [{"store": 1}] * WRITERS + readers, seconds)
    return idle, mixed, failures + wrong


def _stored(url: str) -> Studies:
    """What readers read. Some images are asked for, as what renders may only start when it is first needed."""
    at = Service("readers", url)
    numbers = [at.new_study() for _ in range(STUDIES)]
    studies = deque([Instance(KB_131, at.run, study, 0, each) for each in range(FILES)] for study in numbers)
    at.store_all([one for study in studies for one in study])
    reader = Client(at, Random(), 0, READINGS, studies)
    at.measure(lambda _: TASKS["rendered"](reader), STORING, 4 * STORING, 0)
    return studies


def _asked(
    pool: ProcessPoolExecutor, url: str, studies: Studies, weights: Sequence[Mapping[str, int]], seconds: float
) -> tuple[Latencies, list[str]]:
    until = time.monotonic() + seconds  # the clock is the same in all processes
    clients = [
        Client(Service("one of them", url), Random(), until, each, deque() if "store" in each else studies)
        for each in weights
    ]
    return together([one.result() for one in [pool.submit(client.run) for client in clients]])


def _row(kind: str, idle: Sequence[float] | None, mixed: Sequence[float]) -> Cells:
    high = percentile(mixed, 0.99)
    cells = [kind, len(mixed), *(percentile(idle, part) if idle else "" for part in (0.5, 0.99))]
    cells += [percentile(mixed, 0.5), high, percentile(mixed, 0.999)]
    return [*cells, high / percentile(idle, 0.99) if idle else ""]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.mixed", description="What readers wait while others write.")
    parser.add_argument("--url", metavar="BASE_URL", help="none: Filmroom is started")
    parser.add_argument("--seconds", type=float, default=60, help="of reading and writing; a twelfth of each alone")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="web workers of the service")
    parser.add_argument("--folder", type=Path, help="where everything is stored; on a real disk")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was seen to FILE")
    given = parser.parse_args(arguments)
    if given.url:
        address(given.url)
    return given


if __name__ == "__main__":
    sys.exit(main())
