"""What is measured is durable: the service that the bench starts syncs file, folder and commit before it answers."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench import orthanc
from bench.data import KB_10, Instance
from bench.servers import Setup, filmroom
from bench.service import Service

# Runs in each process of the service before anything else, and writes down what is synced and what SQLite is told.
WATCHING = """
import itertools, json, os, sqlite3

def written(*what):
    with open({log!r}, "a") as log:
        log.write(json.dumps([os.getpid(), *what]) + "\\n")

def watched(sync):
    def synced(descriptor):
        sync(descriptor)
        written("synced", os.readlink(f"/proc/self/fd/{{descriptor}}"))
    return synced

numbers = itertools.count()

def connected(*arguments, connect=sqlite3.connect, **named):
    number, connection = next(numbers), connect(*arguments, **named)
    connection.set_trace_callback(lambda statement: written("told", number, statement))
    return connection

os.fsync, os.fdatasync = watched(os.fsync), watched(os.fdatasync)
sqlite3.connect = sqlite3.dbapi2.connect = connected
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log"
    (tmp_path / "sitecustomize.py").write_text(WATCHING.format(log=str(path)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return path


def test_a_store_is_answered_after_file_folder_and_commit_were_synced(tmp_path: Path, log: Path) -> None:
    with filmroom(tmp_path, Setup(1)) as server:
        at = Service(server.name, server.url)
        before = log.stat().st_size
        at.store_all([Instance(KB_10, at.run, at.new_study(), 0, 0)])
        with log.open() as lines:
            whole = [json.loads(line) for line in lines]
            lines.seek(before)
            since = [json.loads(line) for line in lines]
        with closing(sqlite3.connect(tmp_path / "filmroom/index.sqlite")) as index:
            assert index.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    [blob] = [path for path in (tmp_path / "filmroom/blobs").glob("??/*") if path.is_file()]
    inserted = next(place for place, one in enumerate(since) if "INSERT INTO instance " in str(one[-1]))
    process, _, connection, _ = since[inserted]
    committed = since.index([process, "told", connection, "COMMIT"], inserted)
    for path in (blob, blob.parent):
        assert [process, "synced", str(path)] in since[:committed]
    told = [one[3] for one in whole if one[:3] == [process, "told", connection]]
    synchronous = [statement for statement in told if re.search("synchronous", statement, re.IGNORECASE)]
    assert synchronous == ["PRAGMA synchronous = FULL"]


def test_the_service_is_started_with_nothing_that_makes_it_less_durable(tmp_path: Path) -> None:
    told = Setup(2).command(tmp_path, 4711)[1:]
    assert told == ["serve", "--host", "127.0.0.1", "--port", "4711", "--workers", "2", "--data", str(tmp_path)]


def test_orthanc_syncs_its_files_whatever_else_makes_it_fast() -> None:
    assert orthanc.configuration(Path("/data"), 4711, Path("/plugin.so"))["SyncStorageArea"] is True
    assert "SyncStorageArea" not in orthanc.FASTEST
