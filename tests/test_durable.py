"""What must outlive a loss of power is written whole, and synced."""

import os
from pathlib import Path

import pytest

from filmroom import durable


def test_writes_that_stop_short_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    with (tmp_path / "file").open("wb", buffering=0) as file:
        durable.write_all(file.fileno(), b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_folder_is_synced_and_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    durable.sync_folder(tmp_path)
    assert synced == [tmp_path.stat().st_ino]


def test_what_is_no_folder_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        durable.sync_folder(tmp_path / "file")
