"""kill -9 of what changes an archive but is none of the operations of a worker: another finishes it, and nothing twice.

The process is a real one, which is killed by a signal in the middle of a transaction.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import update

from filmroom.archive import Archive
from filmroom.cli.chores import Chores
from filmroom.dicom.query_tags import QueryTag, Status
from filmroom.dicom.resources import Level
from filmroom.index import query_tags as tag_rows
from filmroom.index import tables
from filmroom.services import check, operations, query_tags
from filmroom.services.check import Kind
from filmroom.services.operations import State, Worker
from filmroom.settings import Settings
from tests import data
from tests.conftest import Elsewhere
from tests.postgresql import EACH
from tests.service import DEADLINE
from tests.services.test_check import found, kinds
from tests.services.test_delete import changes, keep
from tests.services.test_operations import set_lease

# The program, in steps as small as possible, that ends itself where it has done a thing so often and not committed it.
CHILD = """
import os, signal, sys
from importlib import import_module
from filmroom.cli import chores
from filmroom.cli.main import filmroom
from filmroom.services import exports, imports, query_tags

chores.STEADY, query_tags.REMOVED, imports.BATCH, exports.BATCH = 0.0, 2, 1, 1
module, name, times, *arguments = sys.argv[1:]
module, left = import_module(module), [None] * int(times)
function = getattr(module, name)

def counted(*given, **options):
    done = function(*given, **options)
    left.pop()
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(module, name, counted)
filmroom(arguments)
"""
TAG = QueryTag(0, "00200012", "IS", Level.INSTANCE)  # Acquisition Number


@dataclass(frozen=True, slots=True)
class Opened:
    """An archive, and how a program finds it."""

    archive: Archive
    settings: Settings

    def killed(self, seam: str, times: int, *arguments: str) -> None:
        """Run the program until it has called a function, `module:name`, so often."""
        index = self.settings.index
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FILMROOM_")}
        environment |= {"FILMROOM_INDEX": index.get_secret_value()} if index else {}
        command = [sys.executable, "-c", CHILD, *seam.split(":"), str(times), *arguments]
        command += ["--data", str(self.settings.data)]
        ran = subprocess.run(
            command, env=environment, timeout=2 * DEADLINE, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        assert ran.returncode == -signal.SIGKILL, ran.stderr

    def see_to(self) -> None:
        """What a worker sees to that has run for long."""
        Chores(self.archive, self.settings, time.time).do(lambda: False)


@pytest.fixture(params=EACH)
def opened(request: pytest.FixtureRequest, tmp_path: Path, elsewhere: Elsewhere) -> Iterator[Opened]:
    with elsewhere(request.param) as index:
        given = {"data": tmp_path / "data", "codec_processes": 1, "index": index}
        settings = Settings.model_validate(given)
        archive = Archive.open(settings)
        yield Opened(archive, settings)
        archive.close()


def made(count: int) -> list[Dataset]:
    return [data.dataset(AcquisitionNumber=number) for number in range(count)]


def test_while_studies_expire(opened: Opened) -> None:
    keep(opened.archive, *made(4), lifetime=1e-6)
    opened.killed("filmroom.index.instances:remove", 3, "worker")
    assert changes(opened.archive) == ["create"] * 4 + ["delete"] * 2
    opened.see_to()
    assert changes(opened.archive) == ["create"] * 4 + ["delete"] * 4
    assert found(opened.archive) == []


def test_while_a_query_tag_is_removed(opened: Opened) -> None:
    archive = opened.archive
    query_tags.declare(archive, [TAG])
    keep(archive, *made(7))
    assert Worker(archive, "worker").run_next() is not None
    with archive.index.begin() as tx:  # as a service that was killed there as well
        tag_rows.change(tx)
        tag_rows.assign(tx, [query_tags.fetch(archive, TAG.path).tag.key], status=Status.DELETING)
    opened.killed("filmroom.index.query_tags:remove_values", 2, "worker")
    assert tag_values(archive) == 5
    assert query_tags.fetch(archive, TAG.path).tag.status is Status.DELETING
    opened.see_to()
    assert (tag_values(archive), query_tags.fetch_all(archive, -1, 0)) == (0, [])


def tag_values(archive: Archive) -> int:
    with archive.index.read() as tx:
        return len(tx.core.execute(tables.TAG_VALUES[Level.INSTANCE].select()).all())


def test_while_an_archive_is_mended(opened: Opened) -> None:
    keep(opened.archive, *made(3))
    with opened.archive.index.begin() as tx:
        tx.core.execute(update(tables.study).values(instances=7))
    opened.killed("filmroom.index.rows:recount", 2, "check", "--repair")
    assert kinds(found(opened.archive)) == [Kind.COUNTS] * 2
    assert [one.repaired for one in check.check(opened.archive, check.Asked(repair=True))] == [True] * 2
    assert found(opened.archive) == []


def finish(archive: Archive) -> dict[str, object]:
    """What the worker of the service does of it, once the one that was killed has been silent for long; its results."""
    worker = Worker(archive, "of the service")
    assert worker.run_next() is None
    [begun] = operations.newest(archive)
    assert begun.state is State.RUNNING
    set_lease(archive, 0)
    assert worker.run_next() is not None
    ended = operations.status(archive, begun.id)
    assert (ended.state, operations.failures(archive, begun.id, 9, 0)) == (State.SUCCEEDED, [])
    results: dict[str, object] = ended.results
    return results


def test_an_import_on_the_machine(opened: Opened, tmp_path: Path) -> None:
    (place := tmp_path / "in").mkdir()
    for number, one in enumerate(made(5)):
        (place / f"{number}").write_bytes(data.file(one))
    opened.killed("filmroom.services.imports:store", 3, "import", str(place))
    assert finish(opened.archive) == {"stored": 4, "storedAlready": 1, "failed": 0, "passedOver": 0}
    assert changes(opened.archive) == ["create"] * 5
    assert found(opened.archive) == []


def test_an_export_on_the_machine(opened: Opened, tmp_path: Path) -> None:
    (place := tmp_path / "out").mkdir()
    stored = made(5)
    keep(opened.archive, *stored)
    opened.killed("filmroom.services.exports:_copy", 3, "export", str(place))
    assert finish(opened.archive)["exported"] == len(stored)
    [log] = place.glob("*/errors.log")
    copied = {path.stem: path.read_bytes() for path in place.glob("*/results/*/*/*")}
    assert (copied, log.read_bytes()) == ({one.SOPInstanceUID: data.file(one) for one in stored}, b"")
    assert not list(place.rglob(".*"))
