"""Processes are started again when they end, and end with who supervises them."""

import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest
import typer

from filmroom.cli import beside, processes
from filmroom.server import journal
from tests.service import DEADLINE, wait_until


@dataclass(slots=True, kw_only=True)
class Noting(processes.Place):
    """Its processes write down what they see when they begin."""

    noted: Path
    lives: Callable[..., None]
    fails: bool = False

    def life(self) -> tuple[Callable[..., None], tuple[Any, ...], str]:
        if self.fails:
            raise OSError(11, "Resource temporarily unavailable")
        return self.lives, (self.noted,), "filmroom test"

    def has_started(self) -> bool:
        return False


def stay(supervisor: Connection, noted: Path) -> None:
    sees = {
        "pid": os.getpid(),
        "masked": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "handlers": [repr(signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)],
    }
    part = noted.with_suffix(".part")
    part.write_text(json.dumps(sees))
    part.rename(noted)
    wait([supervisor])


def leave(_: Connection, noted: Path) -> None:
    with noted.open("a") as file:
        file.write(".")
    raise SystemExit(7)


class Ended(Exception):
    """The supervisor is asked to end."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # The process of the tests may have threads.
    monkeypatch.setattr(processes, "_CONTEXT", multiprocessing.get_context("spawn"))
    monkeypatch.setattr(processes, "REST", 0.01)
    journal.configure("json")


def supervise(places: Sequence[processes.Place], until: Callable[[], object]) -> None:
    """Supervise until that holds."""

    def end(*_: object) -> None:
        raise Ended

    def watch() -> None:
        try:
            wait_until(until)
        finally:
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, end)
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with pytest.raises(Ended):
            processes.run(places, lambda: None)
    finally:
        signal.signal(signal.SIGUSR1, before)
        watching.join()


def place(noted: Path, lives: Callable[..., None] = stay, **more: Any) -> Noting:
    return Noting(called="test", patience=DEADLINE, rest=0.01, noted=noted, lives=lives, **more)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_born_without_ctrl_c_and_without_our_handlers_and_ends_with_us(tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    supervise([place(noted)], noted.exists)
    saw = json.loads(noted.read_text())
    assert saw["masked"]
    assert "SIG_DFL" in saw["handlers"][0]
    assert "default_int_handler" in saw["handlers"][1]
    assert not alive(saw["pid"])


def test_what_ends_is_started_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noted = tmp_path / "noted"
    supervise([place(noted, leave)], lambda: noted.exists() and len(noted.read_text()) > 2)
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"test ended"' in line]
    assert {(one["level"], one["exit_code"]) for one in said} == {("warning", 7)}
    rests = [one["next_in_seconds"] for one in said]
    assert rests == [0.01 * 2**turn for turn in range(len(rests))]


def test_what_cannot_be_started_is_tried_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = place(tmp_path / "noted", fails=True)
    supervise([one], lambda: one.rest > 0.05)
    told = capfd.readouterr().err.splitlines()
    assert {json.loads(line)["error"] for line in told} == {"Resource temporarily unavailable"}
    assert {json.loads(line)["event"] for line in told} == {"test could not start"}


def test_who_is_without_hope_ends(tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    one = place(noted, leave)
    with pytest.raises(SystemExit) as ended:
        processes.run([one], lambda: one.exit_code)
    assert ended.value.code == 7
    assert noted.read_text() == "."


def test_who_ends_while_hope_is_asked_for_is_seen_when_it_is_asked_for_again(tmp_path: Path) -> None:
    staying, leaving = place(tmp_path / "staying"), place(tmp_path / "leaving", leave)
    asked = itertools.count()

    def hopeless() -> int | None:
        if next(asked):
            return staying.exit_code or 1
        assert staying.process is not None
        staying.process.kill()
        staying.process.join()
        return None

    with pytest.raises(SystemExit) as ended:
        processes.run([staying, leaving], hopeless)
    assert ended.value.code == -signal.SIGKILL


ENDED_WHILE_FORKING = """
import os, signal, sys
from multiprocessing.connection import wait
from filmroom.cli import processes

class Waiting(processes.Place):
    def life(self):
        return (lambda supervisor: wait([supervisor]), (), "filmroom test")

    def has_started(self):
        return True

signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
processes.run([Waiting(called="test", patience=60)], lambda: None)
"""


@pytest.mark.skipif(not processes._FORKS, reason="processes are forked on Linux only")
def test_who_is_told_to_end_while_a_process_is_forked_ends() -> None:
    """What is raised in functions that Python calls after a fork is lost."""
    ended = subprocess.run([sys.executable, "-c", ENDED_WHILE_FORKING], timeout=DEADLINE, capture_output=True)
    assert (ended.returncode, ended.stderr) == (5, b"")


def test_the_operations_worker_is_always_the_same_and_comes_after_the_others() -> None:
    before = time.monotonic()
    one = beside.place()
    assert one.due >= before + beside.HEAD_START
    assert one.life()[1] == one.life()[1]
    assert not one.has_started()
    one.began -= processes.LONGEST_REST
    assert one.has_started()


ENDED_WHILE_LOADING = """
import signal, sys
from filmroom.cli import processes

signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
processes.load(["ends"])
"""


@pytest.mark.skipif(not processes._FORKS, reason="processes are forked on Linux only")
def test_who_is_told_to_end_while_it_imports_ends_when_that_is_done(tmp_path: Path) -> None:
    """What is raised meanwhile may be lost, or become another error."""
    text = "import signal, sys\ntry:\n    signal.raise_signal(signal.SIGTERM)\nexcept SystemExit:\n    sys.exit(6)\n"
    (tmp_path / "ends.py").write_text(text)
    command, environment = [sys.executable, "-c", ENDED_WHILE_LOADING], os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, timeout=DEADLINE, capture_output=True, env=environment)
    assert (ended.returncode, ended.stderr) == (5, b"")


LOADED = """
import os
from filmroom.cli import processes, serve
from filmroom.settings import Settings
processes.load(serve._needed(Settings(issuer="https://login.example/", audience="a", tls_certificate="a.pem")))
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not processes._FORKS, reason="processes are forked on Linux only")
def test_who_has_loaded_what_its_processes_need_has_one_thread() -> None:
    assert subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True).stdout == b"1\n"


@pytest.mark.skipif(not processes._FORKS, reason="processes are forked on Linux only")
def test_what_is_done_apart_is_done_in_another_process_unless_there_are_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert processes.apart(os.getpid) == os.getpid()
    finally:
        over.set()
        thread.join()
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert processes.apart(os.getpid) != os.getpid()


@pytest.mark.skipif(not processes._FORKS, reason="processes are forked on Linux only")
def test_a_process_apart_that_ends_early_is_told_of_by_its_exit_code_or_its_signal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    with pytest.raises(SystemExit) as ended:
        processes.apart(os._exit, 3)
    assert (ended.value.code, capsys.readouterr().err) == (3, "")
    for number in (signal.SIGKILL, 37):  # that is a real-time signal, of which but the first and the last have names
        with pytest.raises(typer.Exit) as killed:
            processes.apart(signal.raise_signal, number)
        assert killed.value.exit_code == 128 + number
        assert f"ended by signal {number:d} (" in capsys.readouterr().err
