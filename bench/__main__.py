"""The command line: which servers, which rows, and in turn A B, B A…"""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from bench import commands, disk, machine, report, tables
from bench.buckets import KINDS, bucket
from bench.newer import unpacked
from bench.orthanc import installed, orthanc
from bench.postgresql import postgresql
from bench.probes import PROBES, probing
from bench.rounds import measure
from bench.rows import FULL, QUICK, ROWS, Row
from bench.servers import Server, Setup, filmroom, folder_in
from bench.service import answering


def main() -> int:
    """Run, print the table, and return 1 if a row failed, 3 if a goal is missed."""
    options = _options()
    rows = commands.chosen(options, ROWS)
    _check(options)
    scale = QUICK if options.quick else FULL
    scale = replace(scale, rounds=options.rounds or scale.rounds)
    probed: dict[str, dict[str, list[float]]] = {name: {} for name in _probes(rows)}
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in(options.folder))
        if any(row.group == "Store" for row in rows):
            disk.kept(folder)
        servers = _servers(options, folder, stack)
        about = machine.described(folder)
        names = [one.name for one in servers]
        print(machine.said(about), tables.legend(names), sep="\n")
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
    run = machine.stamped("./scripts/bench", about) | report.as_run(names, results, probed)
    print("", tables.table(run), "", *([tables.probes(run), ""] if probed else []), report.others(results), sep="\n")
    print(*report.failures(run), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(run, indent=1))
    return tables.status(run)


def _probes(rows: Sequence[Row]) -> list[str]:
    """What the rows are compared with, and everything if all rows are measured."""
    named = {row.limit[0] for row in rows if row.limit}
    return [probe.name for probe in PROBES if probe.name in named or len(rows) == len(ROWS)]


def _servers(options: argparse.Namespace, folder: Path, stack: ExitStack) -> list[Server]:
    servers = [Server(url, url, pid) for url, pid in zip_longest(options.urls, options.pid)]
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


def _index(text: str) -> str:
    if text not in {"sqlite", "postgresql"} and not text.startswith(("postgresql://", "postgres://")):
        raise argparse.ArgumentTypeError(
            "it is sqlite, postgresql, or a URL as postgresql://filmroom@db.example/images"
        )
    return text


def _blobs(text: str) -> str:
    if text not in KINDS and "://" not in text:
        raise argparse.ArgumentTypeError(f"it is {', '.join(KINDS)}, or a URL as s3://bucket/prefix")
    return text


def _check(options: argparse.Namespace) -> None:
    """Refuse what can't be measured before anything is started or printed."""
    if len(options.urls) + _started(options) > len(tables.LETTERS):
        commands.refuse("At most three servers can be compared.")
    if len(options.pid) > len(options.urls):
        commands.refuse("A --pid is that of a BASE_URL, and there are fewer of these.")
    for url in options.urls:
        answering(url)


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
    parser.add_argument("--workers", type=commands.count, help="Filmroom's web workers, of each service")
    parser.add_argument("--services", type=commands.count, default=1, help="how many Filmrooms share index and files")
    parser.add_argument(
        "--index", type=_index, default="sqlite", help="Filmroom's index: sqlite, postgresql (one is started), or a URL"
    )
    parser.add_argument(
        "--blobs",
        type=_blobs,
        metavar="URL",
        help="Filmroom's blob store: a folder unless said, the URL of a bucket (its options are those of the variable "
        "FILMROOM_BLOBS_OPTIONS), or an S3 that is started: ceph, or moto, which is slow itself",
    )
    parser.add_argument("--quick", action="store_true", help="one short round of each row")
    parser.add_argument("--rounds", type=commands.count, help="rounds of each row")
    commands.choosing(parser, "*")
    parser.add_argument(
        "--pid", type=int, action="append", default=[], help="process of a BASE_URL; once for each, in their order"
    )
    parser.add_argument("--folder", type=Path, help="where started servers store; on a real disk")
    parser.add_argument("--json", type=commands.new_file, metavar="FILE", help="write everything measured to FILE")
    return parser.parse_args()


if __name__ == "__main__":
    commands.run(main)
