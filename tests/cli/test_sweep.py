"""`filmroom sweep` removes the files of what was deleted, and nothing else."""

import os
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import delete, store
from filmroom.services.examination import part
from filmroom.settings import Settings
from tests import data
from tests.cli.program import Program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data of a service that stored two Instances and deleted one."""
    settings = Settings(data=tmp_path / "data", codec_processes=1)
    archive = Archive.open(settings)
    kept, gone = data.dataset(), data.dataset()
    store.store(archive, DICOMWEB, Resource(), [part(data.file(one)) for one in (kept, gone)], replace=False)
    delete.delete(archive, Resource(gone.StudyInstanceUID))
    archive.close()
    return settings.data


def test_the_files_of_deleted_instances_are_removed(folder: Path, run: Program) -> None:
    ran = run("sweep", "--data", str(folder), "--delay", "0")
    assert (ran.code, ran.out) == (0, "1 files removed.\n")
    assert len([path for path in (folder / "blobs").glob("*/*") if path.is_file()]) == 1


def test_young_files_stay(folder: Path, run: Program) -> None:
    assert run("sweep", "--data", str(folder), "--delay", "3600").out == "0 files removed.\n"


def test_a_folder_without_data_is_not_made(tmp_path: Path, run: Program) -> None:
    ran = run("sweep", "--data", str(tmp_path / "nothing"))
    assert ran.code == 3
    assert "--data" in ran.err
    assert not (tmp_path / "nothing").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, run: Program) -> None:
    (tmp_path / "etc").mkdir()
    ran = run("sweep", "--data", str(tmp_path / "etc"))
    assert (ran.code, "There is no data in" in ran.err) == (3, True)
    assert list((tmp_path / "etc").iterdir()) == []


def test_the_settings_of_the_service_are_read(
    folder: Path, run: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    (tmp_path / "own.toml").write_text(f'data = "{folder}"\nsweep_delay = 0\n')
    assert run("sweep", "--config", tmp_path / "own.toml").out == "1 files removed.\n"


def test_a_bad_variable(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_SWEEP_DELAY", "long")
    ran = run("sweep")
    sentence = "filmroom: The variable FILMROOM_SWEEP_DELAY is 'long': it must be a number.\n"
    assert (ran.code, ran.err) == (2, sentence)


def test_a_bad_file(run: Program, tmp_path: Path) -> None:
    (tmp_path / "filmroom.toml").write_text("data")
    ran = run("sweep")
    assert (ran.code, "is not TOML" in ran.err) == (2, True)


def test_an_index_of_another_kind_is_refused(tmp_path: Path, run: Program) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index.sqlite").write_text("not a database, " * 100)
    ran = run("sweep", "--data", str(tmp_path / "data"))
    assert ran.code == 3
    assert "index" in ran.err
