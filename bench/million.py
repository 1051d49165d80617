"""The table of a million Instances: how long searches take, and how that grows with the archive.

    python -m bench.million [--instances 1000000] [--folder DIR] [--seconds N] [--orthanc] [--index URL]

Every answer is checked, so a quick wrong one fails its row; where others store, rows whose answer that shifts must only
find something. For each row it is measured what CPU the index
alone takes, in this process; how long `filmroom serve` lets one client wait; and how long while eight others store.
"""

import argparse
import gc
import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request

from bench import bulk, checks, commands, machine
from bench.client import Answer, Check, Connection, Task, WrongAnswerError, run
from bench.data import KB_10, Instance
from bench.orthanc import orthanc
from bench.population import studies
from bench.questions import Asked, Question, Row, questions
from bench.rounds import FAILURES, percentile
from bench.searches import ROWS
from bench.servers import NEAR, Server, Setup, filmroom, kept_in
from bench.service import JSON, STORING, Service, address
from bench.tables import markdown, number
from filmroom.archive import Archive

SMALL = 10_000
WORKERS = 2
UNMEASURED = 5  # questions, after which connections are open and statements compiled
A_STUDY = 200  # Instances that the others store in one Study


@dataclass(frozen=True, slots=True)
class Figures:
    """The latencies of a row in milliseconds, or why there are none."""

    p50: float = 0
    p95: float = 0
    p99: float = 0
    failure: str | None = None

    @classmethod
    def of(cls, latencies: Sequence[float]) -> "Figures":
        """Those that this many of a hundred requests stay below; of none there are none."""
        ordered = sorted(latencies) or [0.0]
        p50, p95, p99 = (percentile(ordered, part) * 1e3 for part in (0.5, 0.95, 0.99))
        return cls(p50, p95, p99)

    def __str__(self) -> str:
        if self.failure:
            return "FAILED"
        if not self.p99:
            return "–"  # so small an archive can't be asked this
        return " / ".join(number(each) for each in (self.p50, self.p95, self.p99))


Table = dict[str, Figures]  # by the names of rows
Once = Callable[[], float]  # asks once, checks the answer, and gives the seconds it took


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the archives, ask, print the tables, and give 1 if an answer was wrong."""
    options = _options(arguments)
    rows = commands.chosen(options, ROWS)
    with ExitStack() as stack:
        folder = stack.enter_context(kept_in(options.folder))
        print(machine.said(machine.described(folder)))
        sizes = sorted({min(options.small, options.instances), options.instances})
        tables = {size: measured(folder / str(size), size, rows, options) for size in sizes}
        if options.orthanc:
            tables[sizes[0]]["Orthanc"] = of_peer(folder, Asked(studies(sizes[0])), rows, options.seconds)
    print(table(rows, {f"{size:,} {name}": found for size in sizes for name, found in tables[size].items()}))
    failures = [
        f"FAILED {name}, {how}, {size} Instances: {one.failure}"
        for size, kinds in tables.items()
        for how, found in kinds.items()
        for name, one in found.items()
        if one.failure
    ]
    print(*failures, sep="\n")
    return 1 if failures else 0


def measured(folder: Path, instances: int, rows: Sequence[Row], options: argparse.Namespace) -> dict[str, Table]:
    """The rows on an archive of so many Instances, which is made if it is not there."""
    begin = time.monotonic()
    data = folder / "filmroom"  # where `servers.filmroom` has it
    asked = Asked(bulk.made(data, instances, options.stored, options.index))
    print(f"{instances:,} Instances: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    gc.collect()
    gc.freeze()  # what is known of the archive here would be gone through again and again while the index is asked
    with closing(bulk.opened(data, options.index)) as archive:
        found = {"index, CPU": of_index(archive, asked, rows, options.seconds)}
    if options.index:
        return found
    with filmroom(folder, Setup(WORKERS)) as server:
        found["HTTP"] = of_server(server, asked, rows, options.seconds)
        with storing(server.url):
            found["HTTP, 8 storing"] = of_server(server, asked, rows, options.seconds, shifting=True)
    return found


def of_index(archive: Archive, asked: Asked, rows: Sequence[Row], seconds: float) -> Table:
    """Each row asked of the index in this process: its CPU time, which hardly depends on what else the machine does."""

    def asking(question: Question) -> Once:
        fetch = question.directly(archive)

        def once() -> float:
            begin = time.thread_time()
            with archive.index.read() as tx:
                answer = fetch(tx)
            took = time.thread_time() - begin
            question.check(answer)
            return took

        return once

    return {row.name: _told(row, _timed(questions(row, asked), asking, seconds)) for row in rows}


def of_server(server: Server, asked: Asked, rows: Sequence[Row], seconds: float, *, shifting: bool = False) -> Table:
    """Each row asked by one client. `shifting`: others store, so what is newest is not known."""
    service = Service(server.name, server.url)
    connection = Connection(*address(server.url))

    def asking(question: Question, *, exact: bool) -> Once:
        path = _followed(server, question.path) if question.through else question.path
        task = service.get(path, JSON, _checked(question) if exact else _answered)
        connection.close()  # a server may not keep it until all questions of a row are made

        def once() -> float:
            return run([connection], lambda _: task, 1, 0).latencies[0]

        return once

    def exact(row: Row) -> bool:
        return not (shifting and row.shifts)

    try:
        return {
            row.name: _told(row, _timed(questions(row, asked), partial(asking, exact=exact(row)), seconds))
            for row in rows
        }
    finally:
        connection.close()


def _followed(server: Server, path: str) -> str:
    """The path, under the root, of the next page of an answer."""
    with NEAR.open(Request(server.url + path, headers={"Accept": JSON}), timeout=60) as answer:
        target = answer.headers["Link"].partition("<")[2].partition(">")[0]
    parts = urlsplit(target)
    return f"{parts.path}?{parts.query}".removeprefix(urlsplit(server.url).path)


def _checked(question: Question) -> Check:
    def check(answer: Answer) -> None:
        checks.expect_status(answer, 200, 204)
        question.check(json.loads(answer.body) if answer.status == 200 else [])

    return check


def _answered(answer: Answer) -> None:
    checks.expect_status(answer, 200)
    if not json.loads(answer.body):
        raise WrongAnswerError("nothing was found")


def _told(row: Row, figures: Figures) -> Figures:
    print(f"{row.name:24}{figures}", file=sys.stderr)
    return figures


def _timed(asked: Sequence[Question], asking: Callable[[Question], Once], seconds: float) -> Figures:
    """Every question once, and again as long as there is time."""
    try:
        each = [asking(question) for question in asked]
        for once in each[:UNMEASURED]:
            once()
        latencies, deadline = [once() for once in each], time.monotonic() + seconds
        while time.monotonic() < deadline:
            latencies += [once() for once in each]
    except FAILURES as error:
        return Figures(failure=f"{type(error).__name__}: {error}")
    return Figures.of(latencies)


@contextmanager
def storing(url: str) -> Iterator[None]:
    """Eight clients of another process store Instances of 10 KB until the block ends; then they are deleted."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_store, args=(url, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()
    if process.exitcode:
        raise RuntimeError("whoever was to store meanwhile failed, so the figures say nothing")


def _store(url: str, stop: Event) -> None:
    for each in (signal.SIGINT, signal.SIGHUP):  # of a terminal they reach this process as well: `stop` ends it
        signal.signal(each, signal.SIG_IGN)
    at = Service("storing", url)
    number = 0

    def task(place: int) -> Task:
        one = number + place
        return at.store(Instance(KB_10, at.run, one // A_STUDY, 0, one % A_STUDY))

    begin = time.monotonic()
    try:
        while not stop.is_set():
            number += len(at.measure(task, STORING, STORING * 10, 0).latencies)
        print(f"{number / (time.monotonic() - begin):.0f} Instances a second were stored meanwhile", file=sys.stderr)
    finally:
        for study in range(-(-number // A_STUDY)):
            uid = Instance(KB_10, at.run, study, 0, 0).uids[0]
            NEAR.open(Request(f"{url}/studies/{uid}", method="DELETE"), timeout=60).close()


def of_peer(folder: Path, asked: Asked, rows: Sequence[Row], seconds: float) -> Table:
    """Rows that Orthanc knows as well, on the same Instances."""
    with orthanc(folder) as server:
        at = Service(server.name, server.url)
        print(server.name)
        files = [bulk.file(study, series, number) for study, series in asked.series for number in series.numbers]
        at.measure(lambda number: at.post(files[number]), STORING, len(files), 0)
        return of_server(server, asked, [row for row in rows if row.peer], seconds)


def table(rows: Sequence[Row], columns: Mapping[str, Table]) -> str:
    """A Markdown table: p50 / p95 / p99 in milliseconds."""
    return markdown(
        ["row", *columns],
        [[row.title, *(str(found.get(row.name, "–")) for found in columns.values())] for row in rows],
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.million", description="Measure searches as an archive grows.")
    parser.add_argument("--instances", type=commands.count, default=1_000_000, help="of the large archive")
    parser.add_argument("--small", type=commands.count, default=SMALL, help="of the archive that it is compared with")
    parser.add_argument("--stored", type=int, default=bulk.STORED, help="that go through the Store Transaction")
    parser.add_argument("--folder", type=Path, help="where the archives are kept for another run; on a real disk")
    parser.add_argument(
        "--seconds", type=commands.seconds, default=2, help="of each row; every question is asked once at least"
    )
    commands.choosing(parser, "*")
    parser.add_argument("--index", metavar="URL", help="of an empty PostgreSQL database; the index alone is measured")
    parser.add_argument("--orthanc", action="store_true", help="the small archive in Orthanc as well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    commands.run(main)
