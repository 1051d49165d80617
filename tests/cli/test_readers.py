"""Processes that read files."""

import multiprocessing
import os
import signal
from collections.abc import Iterator

import pytest

from filmroom.archive import Archive
from filmroom.cli import readers
from filmroom.errors import Unavailable
from filmroom.settings import Settings
from tests import data
from tests.services.test_delete import keep

COUNT = 20


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    opened = Archive.open(settings)
    keep(opened, *(data.dataset() for _ in range(COUNT)))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "CHUNK", 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_files_come_in_the_order_of_their_keys(settings: Settings, archive: Archive, processes: int) -> None:
    keys = [key for key, _ in archive.blobs.list()]
    with readers.readers(settings, archive, processes) as read:
        found = list(read(keys))
    assert [one.key for one in found] == keys
    assert all(one.rows is not None for one in found)


def test_a_reader_that_is_killed_is_told(settings: Settings, archive: Archive) -> None:
    before = {child.pid for child in multiprocessing.active_children()}
    with readers.readers(settings, archive, 2) as read:
        reading = read(key for key, _ in archive.blobs.list())
        next(iter(reading))
        for child in multiprocessing.active_children():
            if child.pid is not None and child.pid not in before:
                os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(Unavailable, match="too little memory"):
            list(reading)
