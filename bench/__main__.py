"""The command line: which servers, which rows, and in turn A B A B…"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import machine, report, tables
from bench.buckets import KINDS, bucket
from bench.client import WrongAnswerError
from bench.newer import unpacked
from bench.orthanc import installed, orthanc
from bench.postgresql import postgresql
from bench.probes import PROBES, probing
from bench.processes import Meter
from bench.report import Result, Round
from bench.rows import FULL, QUICK, ROWS, Row, Scale
from bench.servers import Server, Setup, filmroom, folder_in
from bench.service import Service, address

# No answer, a wrong one, or one that is not even JSON of the expected form.
FAILURES = (WrongAnswerError, OSError, ValueError, LookupError, TypeError, AttributeError)


def main() -> int:
    """Run, print the table, and return 1 if a row failed."""
    options = _options()
    signal.signal(signal.SIGTERM, _end)
    rows = [row for row in ROWS if any(fnmatch(row.name, pattern) for pattern in options.rows)]
    if options.list or not rows:
        print("\n".join(f"{row.name:20} {row.title} ({row.unit.name})" for row in ROWS))
        return 0 if options.list else 2
    scale = QUICK if options.quick else FULL
    scale = replace(scale, rounds=options.rounds or scale.rounds)
    probed: dict[str, dict[str, list[float]]] = {name: {} for name in _probes(options, rows)}
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in(options.folder))
        servers = _servers(options, folder, stack)
        about = machine.described(folder)
        print(", ".join(f"{what} {value}" for what, value in about.items()))
        print(*(f"{letter}: {one.name}" for letter, one in zip(tables.LETTERS, servers, strict=False)), sep="\n")
        measures = stack.enter_context(probing(list(probed), folder))

        def probe(name: str, beside: str) -> None:
            if name in measures:
                probed[name].setdefault(beside, []).append(measures[name](scale.seconds / 2))

        beside = {row.limit[0] for row in rows if row.limit}
        alone = [name for name in probed if name not in beside]
        for name in alone:
            probe(name, "before")
        results = measure(servers, rows, scale, probe)
        for name in alone:
            probe(name, "after")
    names = [one.name for one in servers]
    run = machine.stamped("./scripts/bench", about) | report.as_run(names, results, probed)
    print("", tables.table(run), "", *([tables.probes(run), ""] if probed else []), report.others(results), sep="\n")
    failures = report.failures(names, results)
    print(*failures, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(run, indent=1))
    return 1 if failures else 0


def _probes(options: argparse.Namespace, rows: Sequence[Row]) -> list[str]:
    """What the rows are compared with, and everything if all rows are measured."""
    named = {row.limit[0] for row in rows if row.limit}
    return [probe.name for probe in PROBES if probe.name in named or options.rows == ["*"]]


def _end(number: int, _: FrameType | None) -> NoReturn:
    """An end by `kill` ends the servers and removes the folder, as Ctrl-C does."""
    raise SystemExit(128 + number)


def measure(
    servers: Sequence[Server], rows: Sequence[Row], scale: Scale, probe: Callable[[str, str], None] = lambda *_: None
) -> list[tuple[Row, list[Result]]]:
    """Each row on each server: the probe of its limit, a round on A, a round on B, the probe, a round on A…"""
    sides = [(Service(one.name, one.url, one.also, one.fields), Meter(one.pid, *one.beside)) for one in servers]
    results = []
    with ExitStack() as stack:
        for _, meter in sides:
            stack.enter_context(meter.looking())
        for row in rows:
            found = [Result([]) for _ in sides]
            for _ in range(min(scale.rounds, row.rounds or scale.rounds)):
                if row.limit:
                    probe(row.limit[0], row.name)
                for place, (service, meter) in enumerate(sides):
                    found[place] = _with_another_round(found[place], row, service, meter, scale)
            results.append((row, found))
            shown = " ".join(f"{tables.number(one.figure):>9}" for one in found)
            print(f"{row.name:20}{shown} {row.unit.name}", file=sys.stderr)
    return results


def _with_another_round(result: Result, row: Row, service: Service, meter: Meter, scale: Scale) -> Result:
    """The result after one more round, unless one has failed or the memory can't be read."""
    if result.failure or (row.unit.needs_memory and meter.idle is None):
        return result
    try:
        return Result([*result.rounds, _round(row, service, meter, scale)])
    except FAILURES as error:
        return Result(result.rounds, f"{type(error).__name__}: {error}")


def _round(row: Row, service: Service, meter: Meter, scale: Scale) -> Round:
    work = row.prepare(service, scale)
    with meter.watch(row.unit.needs_memory) as usages:
        timing = service.measure(work.task, row.clients, work.count, scale.seconds)
    if work.after:
        service.ask(work.after)
    return Round(row.unit.figure(timing, usages[0], meter), timing, usages[0])


def _servers(options: argparse.Namespace, folder: Path, stack: ExitStack) -> list[Server]:
    pids = (options.pid_a, options.pid_b, options.pid_c)
    servers = [Server(url, url, pid) for url, pid in zip(options.urls, pids, strict=False)]
    unsaid = not (options.urls or _started(options))
    if options.filmroom or unsaid:
        servers.insert(0, stack.enter_context(filmroom(folder, _setup(options, stack))))
    if options.orthanc or (unsaid and installed()):
        servers.append(stack.enter_context(orthanc(folder)))
    if options.orthanc_newer:
        servers.append(stack.enter_context(orthanc(folder, unpacked(options.orthanc_newer))))
    if options.orthanc_postgresql:
        database = stack.enter_context(postgresql(options.folder, "orthanc"))
        servers.append(stack.enter_context(orthanc(folder, database=database)))
    return servers


def _setup(options: argparse.Namespace, stack: ExitStack) -> Setup:
    blobs = options.blobs
    if blobs in KINDS:
        blobs = stack.enter_context(bucket(blobs, options.folder))
    setup = Setup(options.workers, options.services, options.index, blobs)
    if options.index != "postgresql":
        return replace(setup, index=None if options.index == "sqlite" else options.index)
    database = stack.enter_context(postgresql(options.folder, "filmroom"))
    return replace(setup, index=database.url, beside=(database.pid,))


def _started(options: argparse.Namespace) -> int:
    """How many servers the options ask to start."""
    asked = (options.filmroom, options.orthanc, options.orthanc_newer, options.orthanc_postgresql)
    return sum(map(bool, asked))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it is a number from 1")
    return int(text)


def _check(options: argparse.Namespace) -> None:
    """Refuse what can't be measured before anything is started or printed."""
    if len(options.urls) + _started(options) > len(tables.LETTERS):
        raise SystemExit("At most three servers can be compared.")
    for url in options.urls:
        address(url)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench", description="Measure one DICOMweb server, or up to three in turn.")
    parser.add_argument(
        "urls", nargs="*", metavar="BASE_URL", help="none: --filmroom, and --orthanc if it is installed"
    )
    parser.add_argument("--filmroom", action="store_true", help="start Filmroom as the first server")
    parser.add_argument("--orthanc", action="store_true", help="start Orthanc as the last server")
    parser.add_argument(
        "--orthanc-newer", type=Path, metavar="DIR", help="start another Orthanc, which bench.newer unpacked there"
    )
    parser.add_argument("--orthanc-postgresql", action="store_true", help="the same with its index in PostgreSQL")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="Filmroom's web workers, of each service")
    parser.add_argument("--services", type=_count, default=1, help="how many Filmrooms share index and files")
    parser.add_argument(
        "--index", default="sqlite", help="Filmroom's index: sqlite, postgresql (one is started), or a URL"
    )
    parser.add_argument(
        "--blobs",
        metavar="URL",
        help="Filmroom's blob store: a folder unless said, the URL of a bucket (its options are those of the variable "
        "FILMROOM_BLOBS_OPTIONS), or an S3 that is started: ceph, or moto, which is slow itself",
    )
    parser.add_argument("--quick", action="store_true", help="one short round of each row")
    parser.add_argument("--rounds", type=_count, help="rounds of each row")
    parser.add_argument("--rows", action="append", metavar="PATTERN", help="as 'store-*'; may be repeated")
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.add_argument("--pid-a", "--pid", type=int, metavar="PID", help="process of the first BASE_URL")
    parser.add_argument("--pid-b", type=int, metavar="PID", help="process of the second BASE_URL")
    parser.add_argument("--pid-c", type=int, metavar="PID", help="process of the third BASE_URL")
    parser.add_argument("--folder", type=Path, help="where started servers store; on a real disk")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    options = parser.parse_args()
    options.rows = options.rows or ["*"]
    _check(options)
    return options


if __name__ == "__main__":
    sys.exit(main())
