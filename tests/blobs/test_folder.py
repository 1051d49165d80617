import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Any

import pytest

from filmroom import durable
from filmroom.blobs import BlobStore, Folder, new_keys
from filmroom.errors import Unavailable, Unreadable
from tests.blobs.contract import CONTENT, Contract


class RawFolder:
    """A folder of blobs, looked at without the code under test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store: BlobStore = Folder(root)

    def read(self, key: str) -> bytes:
        return (self.root / key[12:14] / key).read_bytes()

    def write(self, key: str, content: bytes) -> None:
        path = self.root / key[12:14] / key
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def count(self) -> int:
        return sum(path.is_file() for path in self.root.rglob("*"))


class TestFolder(Contract):
    @pytest.fixture
    def raw(self, tmp_path: Path) -> RawFolder:
        return RawFolder(tmp_path / "blobs")


@pytest.fixture
def key() -> str:
    return new_keys(1)[0]


@pytest.fixture
def folder(tmp_path: Path) -> RawFolder:
    return RawFolder(tmp_path / "blobs")


def test_the_age_is_that_of_the_file(folder: RawFolder, key: str) -> None:
    folder.write(key, b"")
    long_ago = time.time() - 5000
    os.utime(folder.root / key[12:14] / key, (long_ago, long_ago))
    [(_, age)] = folder.store.list()
    assert 4999 < age < 5060


def test_files_of_others_are_not_listed(folder: RawFolder) -> None:
    (folder.root / "lost+found").mkdir()
    (folder.root / "lost+found" / "notes.txt").touch()
    (folder.root / "readme").touch()
    assert list(folder.store.list()) == []


def test_a_file_deleted_while_listing_is_passed_over(folder: RawFolder) -> None:
    keys = new_keys(2)
    for key in keys:
        folder.write(key, b"")
    listing = folder.store.list()
    next(listing)
    folder.store.delete(keys)
    assert list(listing) == []


def test_a_file_from_another_file_system_is_copied(
    folder: RawFolder, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: str) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", refuse)
    spooled = tmp_path / "spooled"
    spooled.write_bytes(CONTENT)
    folder.store.put(key, spooled)
    assert folder.read(key) == CONTENT
    assert not spooled.exists()


@pytest.mark.parametrize(
    ("code", "says"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "Input/output error")]
)
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failed_put_leaves_nothing(
    folder: RawFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, says: str, call: str
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    spooled = tmp_path / "spooled"
    spooled.write_bytes(CONTENT)
    keys = new_keys(3)
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(Unavailable, match=says):
        folder.store.put_all(zip(keys, [CONTENT, spooled, CONTENT], strict=True))
    assert folder.count() == 0


def test_the_store_goes_on_after_a_failure(folder: RawFolder, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "makedirs", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(Unavailable, match="free some space"):
            folder.store.put(key, CONTENT)
    folder.store.put(key, CONTENT)
    assert folder.read(key) == CONTENT


def _synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of what is synced from now on."""
    paths: list[str] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return paths


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells open files by /proc")
def test_files_then_their_folder_are_synced_once_each(folder: RawFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = new_keys(5)
    parent = folder.root / keys[0][12:14]
    synced = _synced(monkeypatch)
    folder.store.put_all((key, CONTENT) for key in keys)
    assert str(parent) not in synced
    folder.store.settle(keys)
    assert synced[0] == str(folder.root)  # which has got a folder
    assert sorted(synced[1:-1]) == sorted(str(parent / key) for key in keys)
    assert synced[-1] == str(parent)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells open files by /proc")
def test_new_folders_are_synced_into_their_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = _synced(monkeypatch)
    Folder(tmp_path / "data" / "blobs")
    assert synced == [str(tmp_path / "data"), str(tmp_path)]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="can't be made"):
        Folder(tmp_path / "file" / "blobs")


def test_reads_of_the_system_that_stop_short_are_continued(
    folder: RawFolder, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(key, CONTENT)
    read = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, length, offset: read(descriptor, min(length, 1000), offset))
    assert folder.store.get(key) == CONTENT


def test_macos_is_asked_to_empty_the_cache_of_the_drive(
    folder: RawFolder, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(durable, "_FULL_SYNC", 51)
    monkeypatch.setattr(fcntl, "fcntl", lambda _, command: calls.append(command))
    folder.store.put(key, CONTENT)
    assert set(calls) == {51}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells open files by /proc")
def test_a_note_is_synced_with_its_folder(folder: RawFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = _synced(monkeypatch)
    folder.store.write_note("index-id", b"1")
    assert [path.rpartition("/")[2].partition(".")[0] for path in synced] == ["index-id", folder.root.name]


@pytest.mark.parametrize("once", [False, True])
def test_a_note_that_can_not_be_written_leaves_what_was_there(
    folder: RawFolder, monkeypatch: pytest.MonkeyPatch, once: bool
) -> None:
    folder.store.write_note("index-id", b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(Unavailable, match="disk is full"):
        folder.store.write_note("index-id", b"new", once=once)
    assert folder.store.read_note("index-id") == b"old"
    assert folder.count() == 1


def test_a_disk_without_hard_links_will_do(folder: RawFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    folder.store.write_note("index-id", b"first", once=True)
    folder.store.write_note("index-id", b"second", once=True)
    assert folder.store.read_note("index-id") == b"first"
    assert folder.count() == 1


def test_what_lies_beside_the_folders_of_blobs_is_not_looked_into(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (lost := tmp_path / "lost+found").mkdir(0o700)  # where a disk is mounted, and nobody but root may enter
    (lost / ("0" * 32)).touch()
    assert list(folder.list()) == []
    folder.close()


def test_a_copy_in_the_folder_of_others_is_not_listed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    key = "0" * 12 + "ab" + "0" * 18
    folder.put(key, b"")
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / key).touch()
    assert [found for found, _ in folder.list()] == [key]
    folder.close()


def test_a_file_that_cannot_be_opened_for_damage_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    folder = Folder(tmp_path)
    [key] = new_keys(1)
    folder.put(key, b"")
    with monkeypatch.context() as hurt:
        hurt.setattr("filmroom.blobs.folder.os.open", damaged)
        with pytest.raises(Unreadable, match="Input/output error"):
            folder.get(key)
    folder.close()
