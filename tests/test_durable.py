"""What must outlive a loss of power is written whole, and synced."""

import os
import stat
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


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes of what is synced, in order."""
    made: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: made.append(os.fstat(descriptor).st_ino))
    return made


def test_a_file_is_replaced_by_one_that_is_synced_with_its_folder(tmp_path: Path, synced: list[int]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a longer one")
    durable.replace(path, b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert synced == [path.stat().st_ino, tmp_path.stat().st_ino]


def test_a_file_that_cannot_be_written_leaves_the_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        durable.replace(path, b"new")
    assert path.read_bytes() == b"old"
    with pytest.raises(OSError, match="No space"):
        durable.create(tmp_path / "another", b"new")
    assert not (tmp_path / "another").exists()


def test_a_file_is_made_once_and_synced_with_its_folder(tmp_path: Path, synced: list[int]) -> None:
    path = tmp_path / "file"
    durable.create(path, b"first")
    assert synced == [path.stat().st_ino, tmp_path.stat().st_ino]
    durable.create(path, b"second")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lock_keeps_out_whoever_does_not_only_read(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def free(shared: bool) -> bool:
        try:
            with durable.locked(path, shared=shared, wait=False):
                return True
        except BlockingIOError:
            return False

    with durable.locked(path, shared=True):
        assert (free(shared=True), free(shared=False)) == (True, False)
    with durable.locked(path):
        assert (free(shared=True), free(shared=False)) == (False, False)
    assert free(shared=False)
