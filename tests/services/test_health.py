"""Health: each part is tried."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.index.database import Database
from filmroom.index.transaction import Transaction
from filmroom.services import health
from filmroom.services.health import Part


def checked(archive: Archive) -> list[Part]:
    return [health.check(archive, name) for name in health.PROBES]


def test_all_is_well_and_nothing_is_left(either: Archive) -> None:
    parts = checked(either)
    assert [(part.name, part.healthy) for part in parts] == [
        ("index", True),
        ("blobs", True),
        ("spool", True),
        ("audit", True),
    ]
    assert not [*either.blobs.list(), *either.spool.iterdir()]


def test_a_lost_spool_folder_is_told(archive: Archive) -> None:
    archive.spool.rmdir()
    assert [part.name for part in checked(archive) if not part.healthy] == ["spool"]


def test_a_full_disk_is_told(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    index, blobs, *_ = checked(archive)
    assert (index.healthy, blobs.healthy) == (True, False)
    assert "the disk is full" in blobs.description


class LostIndex(Database):
    """A database that goes away after it was opened."""

    lost = False

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        if self.lost:
            raise Unavailable("The index can't be used: it is lost.")
        with super().begin() as tx:
            yield tx


def test_a_lost_index_is_told(archive: Archive, tmp_path: Path) -> None:
    other = LostIndex(f"sqlite:///{tmp_path / 'other.sqlite'}")
    other.lost = True
    index, blobs, *_ = checked(replace(archive, index=other))
    other.close()
    assert (index.healthy, blobs.healthy) == (False, True)
    assert index.description == "The index can't be used: it is lost."
