"""`filmroom worker`, alone and beside a service: it does what was started, whatever happens to it meanwhile."""

import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.cli.chores import Chores
from filmroom.cli.stopping import Stopping
from filmroom.cli.worker import POLL, REST, work
from filmroom.errors import BadRequest, Unavailable
from filmroom.index import tables
from filmroom.server import journal
from filmroom.services import operations
from filmroom.services.operations import Function
from filmroom.settings import Settings
from filmroom.task import Task
from tests import service
from tests.cli.program import Program
from tests.service import DEADLINE, needs_proc, wait_until

MANY = 2500  # files to sweep: several batches


def state(archive: Archive, name: str) -> str:
    return operations.status(archive, name).state


# --- In this process


@pytest.fixture
def asked() -> Stopping:
    return Stopping()


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The watches over what might hang, in place of those that would end this process."""
    watches: list[float] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda seconds, exit: watches.append(seconds))  # noqa: A006
    return watches


def test_it_works_until_it_is_asked_to_end(
    archive: Archive,
    settings: Settings,
    asked: Stopping,
    armed: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    journal.configure("json")
    outcomes: dict[str, BaseException | None] = {
        "good": None,
        "bad": BadRequest("There is no such folder."),
        "worse": KeyError("Doe^John"),
        "broken": Unavailable("The disk is full."),
    }

    def run(task: Task) -> None:
        if (error := outcomes[task.arguments["how"]]) is not None:
            raise error
        with task.batch():
            pass

    def last(_: Task) -> None:
        asked.note()

    monkeypatch.setattr(operations, "FUNCTIONS", {"try": Function(run), "last": Function(last)})
    started = [operations.start(archive, "try", {"how": how}) for how in outcomes]
    operations.start(archive, "last", {})
    work(archive, settings, "worker", asked)
    assert [state(archive, one) for one in started] == ["succeeded", "failed", "failed", "running"]
    assert armed == [operations.LEASE] * 6  # at the beginning of each, and after the batch
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line.get("reason") or line.get("error")) for line in logged] == [
        ("operation", "info", None),
        ("operation", "warning", "There is no such folder."),
        ("unforeseen", "error", "KeyError"),
        ("operation", "warning", "The disk is full."),
        ("operation", "info", None),
    ]
    assert "Doe" not in str(logged)


class Waits:
    """Whether to end, asked and answered by hand; `rested` holds each longer wait, and ends the third."""

    def __init__(self) -> None:
        self.rested: list[float] = []

    def __call__(self, seconds: float) -> bool:
        if seconds > POLL:
            self.rested.append(seconds)
        return len(self.rested) > 2


@pytest.mark.parametrize(("of", "name"), [(operations, "forget"), (operations.Worker, "run_next")])
def test_it_waits_for_an_index_that_is_away(
    archive: Archive, settings: Settings, monkeypatch: pytest.MonkeyPatch, of: object, name: str
) -> None:
    def refuse(*_: Any) -> None:
        raise Unavailable("The index can't be used.")

    waits = Waits()
    monkeypatch.setattr(of, name, refuse)
    work(archive, settings, "worker", waits)
    assert waits.rested == [REST] * 3


def test_what_nobody_foresaw_of_a_chore_ends_it(
    archive: Archive, settings: Settings, asked: Stopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "forget", {}.__getitem__)
    with pytest.raises(TypeError):
        work(archive, settings, "worker", asked)


def test_studies_expire_while_an_operation_goes_on(
    archive: Archive, settings: Settings, asked: Stopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = threading.Event()
    seen: list[bool] = []

    def run(_: Task) -> None:
        seen.append(expired.wait(DEADLINE))
        asked.note()

    monkeypatch.setattr(operations, "FUNCTIONS", {"long": Function(run)})
    monkeypatch.setattr(Chores, "do", lambda *_: expired.set())
    operations.start(archive, "long", {})
    work(archive, settings, "worker", asked)
    assert seen == [True]


# --- As a process


@pytest.fixture
def deleted(archive: Archive, settings: Settings) -> Path:
    """The folder of blobs, full of files that a sweep removes."""
    keys = new_keys(MANY)
    archive.blobs.put_all((key, b"") for key in keys)
    archive.blobs.settle(keys)
    with archive.index.begin() as tx:
        tx.core.execute(insert(tables.deleted_blob), [{"blob": key, "deleted_at": 0.0} for key in keys])
    return settings.data / "blobs"


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def begin(settings: Settings) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "filmroom", "worker", "--data", str(settings.data)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def test_ended_by_a_signal_it_leaves_the_rest_to_the_next(archive: Archive, settings: Settings, deleted: Path) -> None:
    swept = operations.start(archive, "sweep", {"delay": 0})
    first = begin(settings)
    wait_until(lambda: files(deleted) < MANY)
    first.terminate()
    said = first.communicate(timeout=service.DEADLINE)[1].decode()
    assert (first.returncode, "filmroom: stopped" in said) == (0, False)
    assert said.startswith(f"filmroom: waiting for operations of {settings.data}; Ctrl-C ends it\n")
    second = begin(settings)
    assert second.stderr is not None
    assert b"waiting for operations" in second.stderr.readline()  # now it hears signals; the first may have done all
    wait_until(lambda: state(archive, swept) == "succeeded")
    second.send_signal(signal.SIGINT)
    said = second.communicate(timeout=service.DEADLINE)[1].decode()
    assert (second.returncode, files(deleted)) == (130, 0)
    assert said.endswith("filmroom: stopped; what is not done yet, the next worker goes on with\n")


@needs_proc
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_beside_a_service_it_is_replaced_and_goes_on(
    archive: Archive, settings: Settings, deleted: Path, workers: str
) -> None:
    with service.running(settings.data, "--workers", workers) as running:
        swept = operations.start(archive, "sweep", {"delay": 0})
        wait_until(lambda: files(deleted) < MANY)
        first = running.operations_worker()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        path = f"{running.url}/dicomweb/operations/{swept}"
        wait_until(lambda: httpx2.get(path, timeout=60).status_code == 200, every=0.1)
        told = httpx2.get(path, timeout=60).json()
        assert (told["status"], told["results"], files(deleted)) == ("succeeded", {"filesRemoved": MANY}, 0)
        wait_until(lambda: running.operations_worker() not in {None, first})
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, running.operations_worker() or 0) == 10)
        ended = [json.loads(line) for line in running.logged().splitlines() if "operations worker ended" in line]
        assert [line["exit_code"] for line in ended] == [-signal.SIGKILL]
        assert not running.mishaps()


@needs_proc
def test_when_the_service_is_killed_it_ends_as_well(settings: Settings) -> None:
    with service.running(settings.data) as running:
        wait_until(lambda: running.operations_worker())
        running.process.kill()
        running.process.wait()
        wait_until(lambda: not running.processes())


def test_a_folder_without_data_is_not_made(tmp_path: Path, run: Program) -> None:
    ran = run("worker", "--data", tmp_path / "nothing")
    assert (ran.code, "--data" in ran.err, (tmp_path / "nothing").exists()) == (3, True, False)


def test_a_bad_setting(run: Program, tmp_path: Path) -> None:
    (tmp_path / "filmroom.toml").write_text("operation_retention = -1")
    ran = run("worker")
    assert (ran.code, "operation_retention" in ran.err) == (2, True)
