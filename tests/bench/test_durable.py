"""What is measured is durable: the service that the bench starts syncs file, folder and commit before it answers."""

import json
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing
from math import inf
from pathlib import Path

import pytest

from bench import orthanc
from bench.client import Connection
from bench.data import DX, KB_10, KB_530, Instance, Shape
from bench.servers import Setup, filmroom
from bench.service import Service, address

# Runs in each process of the service before anything else, and writes down which folders are made, what is synced, by
# inode because a file may get another name, and what SQLite is told. All processes of Linux have the same clock.
WATCHING = """
import itertools, json, os, sqlite3, time

def written(*what):
    line = json.dumps([time.perf_counter(), os.getpid(), *what])
    with open({log!r}, "a") as log:
        log.write(line + "\\n")

def watched(sync):
    def synced(descriptor):
        sync(descriptor)
        written("synced", os.fstat(descriptor).st_ino)
    return synced

def making(path, *arguments, mkdir=os.mkdir, **named):
    mkdir(path, *arguments, **named)
    written("made", os.stat(path, dir_fd=named.get("dir_fd")).st_ino)

numbers = itertools.count()

class Connection(sqlite3.Connection):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.number = next(numbers)
        self.set_trace_callback(lambda statement: written("told", self.number, statement[:100]))

    def commit(self):
        super().commit()
        written("committed", self.number)

def connected(*arguments, connect=sqlite3.connect, **named):
    return connect(*arguments, factory=Connection, **named)

os.fsync, os.fdatasync, os.mkdir = watched(os.fsync), watched(os.fdatasync), making
sqlite3.connect = sqlite3.dbapi2.connect = connected
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    """The service that the bench starts, being watched, and the folder that holds its data and the log."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "sitecustomize.py").write_text(WATCHING.format(log=str(folder / "log")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        with filmroom(folder, Setup(request.param)) as server:
            yield Service(server.name, server.url), folder


@pytest.mark.parametrize(
    ("shape", "count"),
    [(KB_10, 1), (KB_530, 50), (DX, 1)],
    ids=["small", "many in one request, some of them spooled", "one that is spooled"],
)
def test_a_store_is_answered_after_files_folders_and_commit_were_synced(
    service: tuple[Service, Path], shape: Shape, count: int
) -> None:
    at, folder = service
    log, blobs = folder / "log", folder / "filmroom/blobs"
    with ExitStack() as stack:
        for _ in range(3):  # while the others stay open, so that a second worker gets one as well
            connection = stack.enter_context(closing(Connection(*address(at.url))))
            start, before = log.stat().st_size, set(blobs.glob("??/*"))
            study = at.new_study()
            task = at.store(*(Instance(shape, at.run, study, 0, number) for number in range(count)))
            asked, answer = time.perf_counter(), connection.ask(task.request)
            task.check(answer)
            new = set(blobs.glob("??/*")) - before
            assert len(new) == count
            in_order(log, start, new, asked, answer.began)


def test_the_index_is_in_wal_mode(service: tuple[Service, Path]) -> None:
    with closing(sqlite3.connect(service[1] / "filmroom/index.sqlite")) as index:
        assert index.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def in_order(log: Path, start: int, files: set[Path], asked: float, answered: float) -> None:
    """File, then folder, then commit, then answer; the folder above when the folder was made, and before the commit."""
    with log.open() as lines:
        whole = [json.loads(line) for line in lines]
        lines.seek(start)
        since = [json.loads(line) for line in lines]
    inserted = next(one for one in since if "INSERT INTO instance " in str(one[-1]))
    process, connection = inserted[1], inserted[3]
    committed = next(one[0] for one in since if one[1:] == [process, "committed", connection] and one[0] > inserted[0])
    synced: dict[int, list[float]] = defaultdict(list)
    for one in whole:
        if one[2] == "synced":
            synced[one[3]].append(one[0])

    def after(began: float, path: Path) -> float:
        return min((at for at in synced[path.stat().st_ino] if at > began), default=inf)

    made = {one[3]: one[0] for one in whole if one[2] == "made"}
    for file in files:
        assert after(after(asked, file), file.parent) < committed < answered
        assert after(made[file.parent.stat().st_ino], file.parent.parent) < committed
    told = [one[4] for one in whole if one[1:4] == [process, "told", connection]]
    assert [one for one in told if re.search("synchronous", one, re.IGNORECASE)] == ["PRAGMA synchronous = FULL"]


def test_the_service_is_started_with_nothing_that_makes_it_less_durable(tmp_path: Path) -> None:
    told = Setup(2).command(tmp_path, 4711)[1:]
    assert told == ["serve", "--host", "127.0.0.1", "--port", "4711", "--workers", "2", "--data", str(tmp_path)]


def test_orthanc_syncs_its_files_whatever_else_makes_it_fast() -> None:
    assert orthanc.configuration(Path("/data"), 4711, Path("/plugin.so"))["SyncStorageArea"] is True
    assert "SyncStorageArea" not in orthanc.FASTEST
