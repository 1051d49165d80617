"""The program, a real service for its commands to speak with, and one that answers what a test lays ready."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.cli import launch
from filmroom.settings import Settings
from tests.cli.program import Program
from tests.client.recorder import Recorder, json


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    """`run("search", "studies")`, in an empty folder and without the user's variables."""
    monkeypatch.delenv("FILMROOM_URL", raising=False)
    monkeypatch.delenv("FILMROOM_TOKEN", raising=False)
    monkeypatch.delenv("FILMROOM_PARTITION", raising=False)
    monkeypatch.chdir(tmp_path)
    return Program(capsys)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of an archive of the test's own, on this machine."""
    return Settings(data=tmp_path / "data", codec_processes=1)


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    """It, opened."""
    opened = Archive.open(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that the tests share; what they store has UIDs of its own."""
    with launch.service(tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture
def service(running: str, run: Program, monkeypatch: pytest.MonkeyPatch) -> str:
    """The service, which the commands take without being told."""
    url = f"{running}/dicomweb"
    monkeypatch.setenv("FILMROOM_URL", url)
    return url


@pytest.fixture
def recorder(run: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A service that notes what it is asked, and finds nothing unless told otherwise; the commands take it too."""
    with Recorder() as recorder:
        recorder.replies = [json([])]
        monkeypatch.setenv("FILMROOM_URL", recorder.url)
        yield recorder
