"""`filmroom sweep` removes the files of what was deleted, and nothing else."""

from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.dicom.resources import Resource
from filmroom.protocol.dialects import DICOMWEB
from filmroom.services import delete, store
from filmroom.settings import Settings
from tests import data
from tests.cli.program import Program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data of a service that stored two Instances and deleted one."""
    settings = Settings(data=tmp_path / "data", codec_processes=1)
    archive = Archive.open(settings)
    kept, gone = data.dataset(), data.dataset()
    store.store(archive, DICOMWEB, Resource(), [store.part(data.file(one)) for one in (kept, gone)], replace=False)
    delete.delete(archive, Resource(gone.StudyInstanceUID))
    archive.close()
    return settings.data


def test_the_files_of_deleted_instances_are_removed(folder: Path, run: Program) -> None:
    ran = run("sweep", "--data", str(folder), "--delay", "0")
    assert (ran.code, ran.out) == (0, "1 files removed.\n")
    assert len([path for path in (folder / "blobs").rglob("*") if path.is_file()]) == 1


def test_young_files_stay(folder: Path, run: Program) -> None:
    assert run("sweep", "--data", str(folder), "--delay", "3600").out == "0 files removed.\n"


def test_a_folder_without_data_is_not_made(tmp_path: Path, run: Program) -> None:
    ran = run("sweep", "--data", str(tmp_path / "nothing"))
    assert ran.code == 3
    assert "--data" in ran.err
    assert not (tmp_path / "nothing").exists()


def test_an_index_of_another_kind_is_refused(tmp_path: Path, run: Program) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index.sqlite").write_text("not a database, " * 100)
    ran = run("sweep", "--data", str(tmp_path / "data"))
    assert ran.code == 3
    assert "index" in ran.err
