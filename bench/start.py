"""Seconds from the start of `filmroom serve` to its first right answer, empty and with a million Instances.

    python -m bench.start [--instances 1000000] [--folder DIR] [--times 5] [--workers N] [--json FILE]

The answer is that to `GET /dicomweb/studies?limit=1`. The archive is the one of `bench.million`, which is made unless
the folder holds it; an empty folder is a new one each time. Each is started once before, so that what is read is in the
page cache.
"""

import argparse
import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import bulk, checks, commands, machine, report, tables
from bench.client import Answer, Connection
from bench.processes import cpu_seconds
from bench.servers import STARTING, Setup, folder_in, free_port, kept_in, not_started, served
from bench.service import JSON, Service, address

OFTEN = 0.005  # seconds between two tries to connect
MOST, MOST_FULL, FULL = 1.5, 3, 1_000_000  # seconds, with nothing, and with so many Instances and more


@dataclass(frozen=True, slots=True)
class Start:
    """One start: how long it took, and the CPU of all processes until then."""

    seconds: float
    cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, again and again, and print the medians; 3 if a goal is missed."""
    given = _options(arguments)
    found: dict[str, list[Start]] = {}
    with ExitStack() as stack:
        kept = stack.enter_context(kept_in(given.folder))
        empty, folder = stack.enter_context(folder_in(kept)), kept / str(given.instances)
        about = machine.described(empty)
        print(machine.said(about), Setup(given.workers).name, sep="\n")
        bulk.made(folder / "filmroom", given.instances, given.stored)
        times = range(given.times + 1)
        for name, places, count in (
            ("empty", [empty / f"empty-{number}" for number in times], 0),
            (f"{given.instances:,} Instances", [folder / "filmroom" for _ in times], 1),
        ):
            once = [started(data, empty / "log", given.workers, count) for data in places]
            found[name] = once[1:]
    run = machine.stamped("python -m bench.start", about) | as_run(given.workers, found, given.instances)
    print("", tables.table(run), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(run, indent=1))
    return tables.status(run)


def as_run(workers: int | None, found: Mapping[str, Sequence[Start]], instances: int) -> tables.Run:
    """The starts as rows, each with its goal."""
    goals = (MOST, MOST_FULL if instances >= FULL else None)
    rows = [_row(archive, each, most) for (archive, each), most in zip(found.items(), goals, strict=True)]
    return {
        "title": "From the start to the first right answer",
        "servers": [Setup(workers).name],
        "notes": ["CPU is that of all processes until the first right answer."],
        "rows": rows,
        "probes": [],
    }


def _row(archive: str, starts: Sequence[Start], most: float | None) -> tables.Run:
    side = report.figure(
        median(one.seconds for one in starts),
        cpu_ms=median(one.cpu for one in starts) * 1000,
        rounds=[{"figure": one.seconds, "cpu": one.cpu} for one in starts],
    )
    return report.line(f"start-{archive}", f"Start to the first answer, {archive}", "Start", "s", [side], most=most)


def started(data: Path, log: Path, workers: int | None, count: int) -> Start:
    """Start once; the answer must be of so many Studies."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/dicomweb"

    def check(answer: Answer) -> None:
        checks.expect_status(answer, 200, 204)
        if count or answer.status == 200:
            checks.studies(answer, None, count)

    task = Service("start", url).get("/studies?limit=1", JSON, check)
    setup = Setup(workers)
    command = setup.command(data, port)
    began = time.perf_counter()
    with served(command, log, setup) as process, closing(Connection(*address(url))) as connection:
        while not _listens(port):
            if process.poll() is not None or time.perf_counter() > began + STARTING:
                raise not_started(process, log)
            time.sleep(OFTEN)
        answer = connection.ask(task.request)
        took = time.perf_counter() - began
        cpu = cpu_seconds([process.pid]) or 0.0
        task.check(answer)
    return Start(took, cpu)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.start", description="How long it takes until Filmroom answers.")
    parser.add_argument("--instances", type=commands.count, default=1_000_000, help="of the archive that is not empty")
    parser.add_argument("--stored", type=int, default=bulk.STORED, help="that go through the Store Transaction")
    parser.add_argument("--folder", type=Path, help="where the archive is kept for another run; on a real disk")
    parser.add_argument("--times", type=commands.count, default=5, help="of each, whose median is given")
    parser.add_argument("--workers", type=commands.count, help="web workers of the service")
    parser.add_argument("--json", type=commands.new_file, metavar="FILE", help="write every start to FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    commands.run(main)
