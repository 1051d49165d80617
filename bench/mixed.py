"""What readers wait while others write: 4 writers and 4 readers for a minute, beside each kind of reading alone.

    python -m bench.mixed [--url BASE_URL [--pid PID]] [--seconds 60] [--workers N] [--folder DIR] [--json FILE]

Each client is a process of its own, so that none waits for another's checks. First each kind of reading is asked by one
client while nothing else is at work. At the end everything that was acknowledged must be found. Any wrong answer, or
none, ends the run with status 1, a goal that is missed with 3.
"""

import argparse
import json
import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from bench import checks, commands, disk, machine, report, tables
from bench.client import Task
from bench.data import KB_131, Instance
from bench.mixture import FILES, READINGS, STUDIES, TASKS, Client, Latencies, Seen, together
from bench.processes import Meter, Usage
from bench.rounds import FAILURES, percentile
from bench.servers import Server, Setup, filmroom, folder_in
from bench.service import JSON, STORING, Service, answering

WRITERS = READERS = 4
UNMEASURED = 4.0  # seconds, in which processes start and caches fill
LEAST = 500  # requests of a kind, of which five are above the 99th of a hundred
MORE = 5  # times what a reading takes alone its 99th of a hundred may be
PARTS = {"99 of a hundred": 0.99, "50 of a hundred": 0.5, "999 of a thousand": 0.999}
Studies = deque[list[Instance]]


@dataclass(frozen=True, slots=True)
class Mixed:
    """What readers waited alone and together, what was wrong, and what the server spent together."""

    alone: Latencies
    mixed: Latencies
    failures: Sequence[str]
    stored: int  # acknowledged together, and found afterwards unless that is a failure
    usage: Usage
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what was seen."""
    given = _options(arguments)
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in(given.folder))
        server = Server(given.url, given.url, given.pid)
        if given.url is None:
            disk.kept(folder)
            server = stack.enter_context(filmroom(folder, Setup(given.workers)))
        about = machine.described(folder)
        print(machine.said(about), tables.legend(sides(server.name)), sep="\n")
        found = measured(stack.enter_context(processes()), server, given.seconds)
    run = machine.stamped("python -m bench.mixed", about) | as_run(server.name, found)
    print("", tables.table(run), "", *run["notes"], *report.failures(run), sep="\n")
    for failure in found.failures:
        print(failure, file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps(run, indent=1))
    return tables.status(run)


@contextmanager
def processes() -> Iterator[ProcessPoolExecutor]:
    """A process for each client. Whoever ends the run does not wait until they have asked everything."""
    pool = ProcessPoolExecutor(WRITERS + READERS, multiprocessing.get_context("spawn"), _heedless)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
            process.join()
        raise
    pool.shutdown()


def _heedless() -> None:
    """Ctrl-C, and the end of a terminal, reach all its processes: the first ends the others."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)


def measured(pool: ProcessPoolExecutor, server: Server, seconds: float) -> Mixed:
    """What each reading takes alone, what requests take together, and what was wrong in both."""
    studies, meter = _stored(server.url), Meter(server.pid, *server.beside)
    everybody = [{"store": 1}] * WRITERS + [READINGS] * READERS
    _asked(pool, server.url, studies, everybody, UNMEASURED)
    alone = [_asked(pool, server.url, studies, [{kind: 1}], seconds / 12, LEAST) for kind in READINGS]
    began = time.monotonic()
    with meter.watch(memory=True) as usages:
        mixed = _asked(pool, server.url, studies, everybody, seconds)
    took = time.monotonic() - began
    idle = together(alone)
    failures = [*idle.failures, *mixed.failures, *_lost(server.url, mixed.stored)]
    return Mixed(idle.latencies, mixed.latencies, failures, len(mixed.stored), usages[0], took)


def as_run(name: str, found: Mixed) -> tables.Run:
    """The readings as rows: A is what they wait together, B alone."""
    asked = sum(map(len, found.mixed.values())) or 1
    wrong = f"{len(found.failures)}, the first: {found.failures[0]}" if found.failures else None
    usage = found.usage
    cost: dict[str, Any] = {
        "cpu_ms": None if usage.cpu is None else usage.cpu / asked * 1e3,
        "peak_mb": None if usage.peak is None else usage.peak / 1e6,
        "rounds": [{"figure": asked / found.seconds, "requests": asked, "seconds": found.seconds, **asdict(usage)}],
    }
    whole = [
        report.line(
            "requests",
            "All requests",
            "Whole run",
            "/s",
            [report.figure(asked / found.seconds, **cost), report.figure(None)],
            more_is_better=True,
        ),
        report.line(
            "errors",
            "Wrong or missing answers, lost stores",
            "Whole run",
            "",
            [report.figure(0, wrong), report.figure(None)],
            most=0,
        ),
    ]
    kinds = sorted(found.mixed)
    counts = "; ".join(
        f"{kind} {len(found.mixed[kind]):,} ({len(found.alone.get(kind, ())):,} alone)" for kind in kinds
    )
    end = "" if found.failures else ", and a search found each of them at the end"
    return {
        "title": f"{WRITERS} writers and {READERS} readers",
        "servers": sides(name),
        "notes": [f"{asked:,} requests: {counts}.", f"{found.stored:,} stores were acknowledged{end}."],
        "rows": [_row(found, kind, group) for group in PARTS for kind in kinds] + whole,
        "probes": [],
    }


def sides(name: str) -> list[str]:
    """What is compared: a server with itself."""
    return [f"{name}, together", "the same, each reading alone"]


def _row(found: Mixed, kind: str, group: str) -> tables.Run:
    both = [_side(kind, one.get(kind, ()), group) for one in (found.mixed, found.alone)]
    goal = 1 / MORE if PARTS[group] == 0.99 and kind in READINGS else None
    return report.line(f"{kind}-{PARTS[group]:g}", f"{kind}, {group}", group, "ms", both, goal=goal)


def _side(kind: str, waited: Sequence[float], group: str) -> tables.Run:
    if not waited:
        return report.figure(None)
    few = kind in READINGS and len(waited) < LEAST
    value = percentile(waited, PARTS[group])
    rounds = [
        {"figure": value, "requests": len(waited), "latency_ms": [percentile(waited, one) for one in report.QUANTILES]}
    ]
    why = f"only {len(waited)} of {LEAST} requests, too few for a 99th and more: more --seconds are needed"
    return report.figure(value, why if few else None, rounds=rounds)


def _stored(url: str) -> Studies:
    """What readers read. Some images are asked for, as what renders may only start when it is first needed."""
    at = Service("readers", url)
    numbers = [at.new_study() for _ in range(STUDIES)]
    studies = deque([Instance(KB_131, at.run, study, 0, each) for each in range(FILES)] for study in numbers)
    at.store_all([one for study in studies for one in study])
    reader = Client(at, Random(), 0, READINGS, studies)
    at.measure(lambda _: TASKS["rendered"](reader), STORING, 4 * STORING, 0)
    return studies


def _lost(url: str, stored: Sequence[Instance]) -> list[str]:
    """What is wrong with the Series of what was acknowledged: a search for their Instances must find each."""
    at, expected = Service("afterwards", url), dict[str, set[str]]()
    for one in stored:
        expected.setdefault(one.series_path, set()).add(one.uids[2])

    def search(path: str, uids: set[str]) -> Task:
        return at.get(f"{path}/instances", JSON, lambda answer: checks.found(answer, "00080018", uids, len(uids)))

    failures = []
    for path, uids in expected.items():
        try:
            at.ask(search(path, uids))
        except FAILURES as error:
            failures.append(f"found afterwards: {type(error).__name__}: {error}")
    return failures


def _asked(
    pool: ProcessPoolExecutor,
    url: str,
    studies: Studies,
    weights: Sequence[Mapping[str, int]],
    seconds: float,
    least: int = 1,
) -> Seen:
    until = time.monotonic() + seconds  # the clock is the same in all processes
    clients = [
        Client(Service("one of them", url), Random(), until, each, deque() if "store" in each else studies, least=least)
        for each in weights
    ]
    return together([one.result() for one in [pool.submit(client.run) for client in clients]])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.mixed", description="What readers wait while others write.")
    parser.add_argument("--url", metavar="BASE_URL", help="none: Filmroom is started")
    parser.add_argument("--pid", type=int, help="process of that service, for its CPU and memory")
    parser.add_argument(
        "--seconds", type=commands.seconds, default=60, help="of reading and writing; a twelfth of each alone"
    )
    parser.add_argument("--workers", type=commands.count, help="web workers of the service")
    parser.add_argument("--folder", type=Path, help="where everything is stored; on a real disk")
    parser.add_argument("--json", type=commands.new_file, metavar="FILE", help="write what was seen to FILE")
    given = parser.parse_args(arguments)
    if given.pid and not given.url:
        commands.refuse("A --pid is that of a --url.")
    if given.url:
        answering(given.url)
    return given


if __name__ == "__main__":
    commands.run(main)
