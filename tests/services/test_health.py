"""Health: each part is tried."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.index.database import Database
from filmroom.services import health


def test_all_is_well_and_nothing_is_left(either: Archive) -> None:
    assert [(part.name, part.healthy) for part in health.check(either)] == [("index", True), ("blobs", True)]
    assert not list(either.blobs.list())


def test_a_full_disk_is_told(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    index, blobs = health.check(archive)
    assert (index.healthy, blobs.healthy) == (True, False)
    assert "the disk is full" in blobs.description


def test_a_broken_index_is_told(archive: Archive, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    other.close()
    (tmp_path / "other.sqlite").write_bytes(b"this is no database" * 100)
    index, blobs = health.check(replace(archive, index=other))
    assert (index.healthy, blobs.healthy) == (False, True)
    assert "not an index" in index.description
