"""`filmroom import` stores what lies in a folder, in this process."""

import signal
from pathlib import Path
from typing import Any

import pytest

from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.services import imports, operations
from filmroom.services.operations import State
from filmroom.settings import Settings
from tests import data
from tests.cli.program import Program


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The data of a service that has stored nothing."""
    Archive.open(Settings(data=tmp_path / "data", codec_processes=1)).close()
    return str(tmp_path / "data")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    for name in ("a", "b"):
        (made / name).write_bytes(data.file())
    return made


def test_all_are_stored(folder: str, source: Path, run: Program) -> None:
    ran = run("import", str(source), "--data", folder)
    assert (ran.code, ran.out, ran.err) == (0, "2 stored.\n", "")
    again = run("import", source.as_uri(), "--data", folder)
    assert (again.code, again.out) == (0, "0 stored, 2 were stored already.\n")


def test_what_is_not_stored_is_said(folder: str, source: Path, run: Program) -> None:
    (source / "half").write_bytes(data.file()[:300])
    (source / "notes").write_text("Nothing")
    ran = run("import", str(source), "--data", folder)
    assert (ran.code, ran.out) == (1, "2 stored, 1 were not; 1 files passed over.\n")
    assert ran.err.startswith("half: ")
    assert run("import", str(source), "--data", folder, "--quiet").out == ""


def test_what_is_not_there(folder: str, source: Path, run: Program) -> None:
    ran = run("import", str(source / "no"), "--data", folder)
    assert (ran.code, ran.err) == (3, f"filmroom: The folder {source / 'no'} does not exist.\n")
    assert run("import", str(source), "--data", str(source)).code == 3


def test_what_is_unavailable_is_said_and_not_waited_for(
    folder: str, source: Path, run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(imports, "store", fail)
    ran = run("import", str(source), "--data", folder)
    assert (ran.code, ran.err) == (3, "filmroom: The disk is full.\n")


def test_interrupted_it_ends_after_its_batch(
    folder: str, source: Path, run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    store = getattr(imports, "store")  # noqa: B009 - it is not exported there

    def interrupting(*given: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return store(*given, **options)

    monkeypatch.setattr(imports, "store", interrupting)
    ran = run("import", str(source), "--data", folder)
    assert (ran.code, ran.err) == (130, "filmroom: stopped; 1 files until then\n")
    archive = Archive.open(Settings(data=Path(folder), codec_processes=1))
    assert [one.state for one in operations.newest(archive)] == [State.CANCELED]
    archive.close()
