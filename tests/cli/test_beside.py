"""The operations worker beside a service is started again, and ends with it (`test_worker.py` has it at work)."""

import json
import sys
import threading
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.cli import beside
from filmroom.server import journal
from filmroom.settings import Settings
from tests.service import wait_until


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(beside, "HEAD_START", 0.0)
    monkeypatch.setattr(beside, "REST", 0.0)
    monkeypatch.setattr(beside, "NICENESS", 0)  # what goes last on a machine under load may not start in time
    journal.configure("json")
    return Settings(data=tmp_path / "data", codec_processes=1)


def keepers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "operations worker"]


def lines(capfd: pytest.CaptureFixture[str], seen: list[str]) -> list[str]:
    seen.extend(capfd.readouterr().err.splitlines())
    return seen


def test_it_ends_with_the_block(settings: Settings) -> None:
    Archive.open(settings).close()
    with beside.operations_worker(settings):
        assert keepers()
    assert not keepers()


LOOK = """import os, signal
with open("{noted}.new", "w") as file:
    file.write(str(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())))
os.rename("{noted}.new", "{noted}")
"""


def test_ctrl_c_is_not_for_it_from_its_birth_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program, noted = tmp_path / "python", tmp_path / "noted"
    program.write_text(f"#!{sys.executable}\n{LOOK.format(noted=noted)}")  # a shell would clear its mask
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with beside.operations_worker(settings):
        wait_until(noted.exists)
    assert noted.read_text() == "True"


@pytest.mark.parametrize(
    ("program", "times", "said"),
    [(sys.executable, 1, ("exit_code", 3)), ("/no/python", 2, ("error", "No such file or directory"))],
)
def test_what_does_not_start_is_tried_again(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    program: str,
    times: int,
    said: tuple[str, object],
) -> None:
    monkeypatch.setattr(sys, "executable", program)  # the data folder is not there
    seen: list[str] = []
    with beside.operations_worker(settings):
        wait_until(lambda: sum('"operations worker' in line for line in lines(capfd, seen)) >= times)
    told = [json.loads(line) for line in seen if '"operations worker' in line]
    assert {(one["level"], one[said[0]]) for one in told} == {("warning", said[1])}
