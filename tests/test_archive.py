import os
import time
from pathlib import Path

import pytest

from filmroom.archive import LEFTOVER_AGE, Archive
from filmroom.errors import Unavailable
from filmroom.settings import Settings


def opened(folder: Path) -> None:
    Archive.open(Settings(data=folder)).close()


def test_a_new_archive_is_made_with_its_folders(tmp_path: Path) -> None:
    opened(tmp_path / "deep" / "data")
    assert {path.name for path in (tmp_path / "deep" / "data").iterdir()} >= {"blobs", "index.sqlite", "spool"}


def test_an_archive_can_be_opened_again(tmp_path: Path) -> None:
    opened(tmp_path)
    opened(tmp_path)


def test_two_processes_may_have_it_open(tmp_path: Path) -> None:
    first = Archive.open(Settings(data=tmp_path))
    opened(tmp_path)
    first.close()


def test_what_an_earlier_run_left_in_the_spool_is_removed(tmp_path: Path) -> None:
    opened(tmp_path)
    old, new = tmp_path / "spool" / "old", tmp_path / "spool" / "new"
    folder = tmp_path / "spool" / "folder"
    folder.mkdir()
    for file in (old, new, folder / "file"):
        file.touch()
    long_ago = time.time() - LEFTOVER_AGE - 1
    os.utime(old, (long_ago, long_ago))
    os.utime(folder, (long_ago, long_ago))
    opened(tmp_path)
    assert list((tmp_path / "spool").iterdir()) == [new]


def test_an_index_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(Unavailable, match="not an index of Filmroom"):
        opened(tmp_path)
