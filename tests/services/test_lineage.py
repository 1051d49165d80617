"""A sweep beside an index that is older than the files takes none of them."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.errors import Conflict
from filmroom.services import check, delete, lineage, rebuild
from filmroom.services.check import Asked, Kind
from filmroom.settings import Settings
from filmroom.task import Task
from tests import data
from tests.services.test_delete import keep, keys, targets
from tests.services.test_rebuild import emptied, rebuilt


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", codec_processes=1)


def store(settings: Settings) -> None:
    with closing(Archive.open(settings)) as archive:
        keep(archive, data.dataset())


def sweep(settings: Settings) -> int:
    with closing(Archive.open(settings)) as archive:
        return delete.sweep(archive, 0, orphan_age=0)


@pytest.fixture
def restored(settings: Settings, tmp_path: Path) -> Settings:
    """An archive whose index was restored from a backup; since that one Instance was stored, and a sweep done."""
    store(settings)
    sweep(settings)
    shutil.copytree(settings.data, tmp_path / "backup", ignore=shutil.ignore_patterns("blobs"))
    store(settings)
    assert sweep(settings) == 0
    emptied(settings)
    shutil.copytree(tmp_path / "backup", settings.data, dirs_exist_ok=True)
    return settings


def test_files_that_an_older_index_does_not_name_are_kept(restored: Settings) -> None:
    for _ in range(2):
        with pytest.raises(Conflict, match="older than the files"):
            sweep(restored)
        store(restored)  # by which the index does not become the same again
    with closing(Archive.open(restored)) as archive:
        assert keys(archive) == 4


def test_what_was_deleted_is_swept_all_the_same(restored: Settings) -> None:
    made = data.dataset()
    with closing(Archive.open(restored)) as archive:
        keep(archive, made)
        delete.delete(archive, targets(made)[0])
        with pytest.raises(Conflict):
            delete.sweep(archive, -1, orphan_age=0)
        assert keys(archive) == 2


def test_a_rebuilt_index_has_them_and_sweeps(restored: Settings) -> None:
    emptied(restored)
    assert rebuilt(restored)["instances"] == 2
    store(restored)
    assert sweep(restored) == sweep(restored) == 0


def test_a_check_that_mends_leaves_them_too(restored: Settings) -> None:
    with closing(Archive.open(restored)) as archive:
        problems = list(check.check(archive, Asked(repair=True, orphan_age=0)))
        assert [(one.kind, one.repaired) for one in problems] == [(Kind.ORPHAN, False)]


def test_who_gives_up_a_rebuild_and_puts_the_older_index_back_keeps_them(restored: Settings, tmp_path: Path) -> None:
    def given_up(task: Task) -> None:
        def progress(_: object) -> None:
            raise KeyError

        rebuild.rebuild(task, lambda keys: (rebuild.read(task.archive, None, key) for key in keys), progress)

    emptied(restored)
    with pytest.raises(KeyError):
        rebuilt(restored, given_up)
    emptied(restored)
    shutil.copytree(tmp_path / "backup", restored.data, dirs_exist_ok=True)
    with pytest.raises(Conflict, match="older than the files"):
        sweep(restored)


def test_without_the_note_they_go(restored: Settings) -> None:
    (restored.data / "blobs" / lineage.NOTE).unlink()
    assert sweep(restored) == 1
    assert sweep(restored) == 0


def test_an_index_without_a_single_entry_sweeps(settings: Settings) -> None:
    assert sweep(settings) == sweep(settings) == 0
