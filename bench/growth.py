"""How the rows of the table grow with the archive: one of 10,000 Instances beside one of 300,000.

    python -m bench.growth [--instances N] [--small N] [--folder DIR] [--rounds N] [--rows PATTERN] [--json FILE]

The archives are those of `bench.million`: patients, Studies and dates of ten years, a file for each Instance. Into both
the same is stored, read and searched, a round in the one, a round in the other; so answers are as long, and only what
else is there differs. All rows of the table are taken but those of one 2 GB object and of memory, which depend on the
bytes of one request alone.
"""

import argparse
import json
import urllib.parse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from urllib.request import Request

from bench import bulk, commands, disk, machine, report, tables
from bench.checks import value
from bench.data import KB_131
from bench.rounds import measure
from bench.rows import FULL, QUICK, RATE, ROWS, Row
from bench.rows.storing import store
from bench.servers import NEAR, Server, Setup, filmroom, kept_in, version
from bench.service import JSON

SLOWER = 3  # times, at most
LEFT_OUT = ("store-2g*", "*-memory")
GROWING = (
    Row("store-131k-1", "Store 133 KB, 1 client", RATE, 1, store(KB_131, 300), group="Store"),
    *(row for row in ROWS if not any(fnmatch(row.name, name) for name in LEFT_OUT)),
)
OURS = "B*^Given*"  # names of the patients of whom the rows store, and of no others of these archives


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the archives, measure, print the table; 1 if a row failed, 3 if one is too slow."""
    given = _options(arguments)
    rows = [replace(row, goal=1 / SLOWER, most=None, limit=None, like=None) for row in commands.chosen(given, GROWING)]
    scale = QUICK if given.quick else FULL
    with ExitStack() as stack:
        folder = stack.enter_context(kept_in(given.folder))
        if any(row.group == "Store" for row in rows):
            disk.kept(folder)
        about = machine.described(folder)
        print(machine.said(about))
        servers = []
        for size in (given.instances, given.small):
            bulk.made(folder / str(size) / "filmroom", size, given.stored)  # where `servers.filmroom` has it
            server = stack.enter_context(filmroom(folder / str(size), Setup(given.workers)))
            tidy(server)
            servers.append(replace(server, name=f"{size:,} Instances"))
        names = [one.name for one in servers]
        print(f"Filmroom {version()}", tables.legend(names), sep="\n")
        results = measure(servers, rows, replace(scale, rounds=given.rounds or scale.rounds))
    run = (
        machine.stamped("python -m bench.growth", about)
        | report.as_run(names, results, {})
        | {
            "title": f"The same rows at {given.instances:,} and at {given.small:,} instances",
            "notes": [
                f"Filmroom {version()}. Below 1 the large archive (A) is slower: at most {SLOWER} times is the goal."
            ],
        }
    )
    print("", tables.table(run), "", *report.failures(run), report.others(results), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(run, indent=1))
    return tables.status(run)


def tidy(server: Server) -> None:
    """Delete what the rows of an earlier run have stored, so that the archive is as it was made."""
    query = urllib.parse.urlencode({"PatientName": OURS, "limit": 100})
    while found := _asked(Request(f"{server.url}/studies?{query}", headers={"Accept": JSON})):
        for study in json.loads(found):
            _asked(Request(f"{server.url}/studies/{value(study, '0020000D')}", method="DELETE"))


def _asked(request: Request) -> bytes:
    with NEAR.open(request, timeout=60) as answer:
        content: bytes = answer.read()
        return b"" if content == b"[]" else content


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench.growth", description="How the rows grow with the archive.")
    parser.add_argument("--instances", type=commands.count, default=300_000, help="of the large archive")
    parser.add_argument("--small", type=commands.count, default=10_000, help="of the archive that it is compared with")
    parser.add_argument("--stored", type=int, default=bulk.STORED, help="that go through the Store Transaction")
    parser.add_argument("--folder", type=Path, help="where the archives are kept for another run; on a real disk")
    parser.add_argument("--workers", type=commands.count, help="web workers of each service")
    parser.add_argument("--rounds", type=commands.count, help="of each row in each archive")
    parser.add_argument("--quick", action="store_true", help="one short round of each row")
    commands.choosing(parser, "*")
    parser.add_argument("--json", type=commands.new_file, metavar="FILE", help="write the figures to FILE")
    given = parser.parse_args(arguments)
    if given.instances <= given.small:
        parser.error("--instances is more than --small: the large archive is compared with the small one")
    return given


if __name__ == "__main__":
    commands.run(main)
