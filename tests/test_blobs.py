import errno
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filmroom import blobs
from filmroom.blobs import BlobStore, Folder, Memory, new_keys
from filmroom.errors import Lost, Unavailable

CONTENT = bytes(range(256)) * 40


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


class RawMemory:
    """A memory store, looked at without the code under test."""

    def __init__(self, _: Path) -> None:
        self.memory = Memory()
        self.store: BlobStore = self.memory

    def read(self, key: str) -> bytes:
        return self.memory._blobs[key][0]

    def write(self, key: str, content: bytes) -> None:
        self.memory._blobs[key] = content, time.time()

    def count(self) -> int:
        return len(self.memory._blobs)


Raw = RawFolder | RawMemory


@pytest.fixture(params=[RawFolder, RawMemory], ids=["folder", "memory"])
def raw(request: pytest.FixtureRequest, tmp_path: Path) -> Raw:
    made: Raw = request.param(tmp_path / "blobs")
    return made


@pytest.fixture
def key() -> str:
    return new_keys(1)[0]


def test_keys_are_never_the_same() -> None:
    assert len({key for _ in range(100) for key in new_keys(10)}) == 1000


def test_keys_of_one_request_share_a_folder() -> None:
    assert len({key[12:14] for key in new_keys(50)}) == 1


def test_later_keys_sort_behind_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = new_keys(1)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 2_000_000)
    assert earlier < new_keys(1)


def test_bytes_are_put(raw: Raw, key: str) -> None:
    raw.store.put(key, CONTENT)
    assert raw.read(key) == CONTENT


def test_a_file_is_moved_in(raw: Raw, key: str, tmp_path: Path) -> None:
    spooled = tmp_path / "spooled"
    spooled.write_bytes(CONTENT)
    raw.store.put(key, spooled)
    assert raw.read(key) == CONTENT
    assert not spooled.exists()


def test_many_are_put_at_once(raw: Raw, tmp_path: Path) -> None:
    keys = [*new_keys(20), *new_keys(20)]
    spooled = tmp_path / "spooled"
    spooled.write_bytes(b"from a file")
    contents: list[bytes | Path] = [key.encode() for key in keys[1:]]
    raw.store.put_all(zip(keys, [spooled, *contents], strict=True))
    assert [raw.read(key) for key in keys] == [b"from a file", *contents]


def test_nothing_is_put_by_an_empty_call(raw: Raw) -> None:
    raw.store.put_all([])
    assert raw.count() == 0


def test_empty_content_can_be_put(raw: Raw, key: str) -> None:
    raw.store.put(key, b"")
    assert raw.read(key) == b""
    assert list(raw.store.stream(key)) == []


def test_a_key_is_put_once(raw: Raw, key: str) -> None:
    raw.store.put(key, b"first")
    with pytest.raises(Unavailable):
        raw.store.put(key, b"second")
    assert raw.read(key) == b"first"


def test_all_or_none_are_put(raw: Raw) -> None:
    keys = new_keys(5)
    raw.write(keys[3], b"there already")
    with pytest.raises(Unavailable):
        raw.store.put_all((key, CONTENT) for key in keys)
    assert raw.count() == 1
    assert raw.read(keys[3]) == b"there already"


def test_a_missing_file_is_not_put(raw: Raw, key: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        raw.store.put(key, tmp_path / "nothing")
    assert raw.count() == 0


def test_the_whole_is_got(raw: Raw, key: str) -> None:
    raw.write(key, CONTENT)
    assert raw.store.get(key) == CONTENT
    assert raw.store.size(key) == len(CONTENT)


def test_ranges_are_got_in_the_order_asked_for(raw: Raw, key: str) -> None:
    raw.write(key, CONTENT)
    assert raw.store.get_ranges(key, [(300, 5), (0, 2), (300, 5), (7, 0)]) == [
        CONTENT[300:305],
        CONTENT[:2],
        CONTENT[300:305],
        b"",
    ]


@pytest.mark.parametrize(("offset", "length", "chunk"), [(0, None, 1000), (5, 100, 7), (5, 0, 7), (10_000, None, 999)])
def test_a_stream_is_the_content(raw: Raw, key: str, offset: int, length: int | None, chunk: int) -> None:
    raw.write(key, CONTENT)
    chunks = list(raw.store.stream(key, offset, length, chunk))
    assert b"".join(chunks) == CONTENT[offset : None if length is None else offset + length]
    assert all(len(taken) <= chunk for taken in chunks)


def test_deleted_is_gone(raw: Raw) -> None:
    keys = new_keys(3)
    for key in keys:
        raw.write(key, CONTENT)
    raw.store.delete([keys[0], keys[2], keys[2]])
    assert raw.count() == 1
    assert raw.read(keys[1]) == CONTENT


READS: list[Callable[[BlobStore, str], Any]] = [
    lambda store, key: store.get(key),
    lambda store, key: store.get_ranges(key, [(0, 1)]),
    lambda store, key: list(store.stream(key)),
    lambda store, key: store.size(key),
]


@pytest.mark.parametrize("read", READS)
def test_what_is_missing_is_said_to_be_missing(raw: Raw, key: str, read: Callable[[BlobStore, str], Any]) -> None:
    with pytest.raises(Lost, match="missing"):
        read(raw.store, key)


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", "/" + "a" * 31])
@pytest.mark.parametrize("use", [*READS, lambda s, key: s.put(key, b""), lambda s, key: s.delete([key])])
def test_a_key_that_is_not_ours_leads_nowhere(raw: Raw, key: str, use: Callable[[BlobStore, str], Any]) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        use(raw.store, key)


def test_a_cut_off_file_is_not_taken_for_whole(raw: Raw, key: str) -> None:
    raw.write(key, b"short")
    with pytest.raises(Lost, match="shorter"):
        raw.store.get_ranges(key, [(2, 4)])
    with pytest.raises(Lost, match="shorter"):
        list(raw.store.stream(key, 0, 6))


def test_every_key_is_listed_with_its_age(raw: Raw) -> None:
    keys = [*new_keys(3), *new_keys(3)]
    for key in keys:
        raw.write(key, b"")
    listed = dict(raw.store.list())
    assert listed.keys() == set(keys)
    assert all(-1 < age < 60 for age in listed.values())


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
    monkeypatch.setattr(blobs, "_FULL_SYNC", 51)
    monkeypatch.setattr(fcntl, "fcntl", lambda _, command: calls.append(command))
    folder.store.put(key, CONTENT)
    assert set(calls) == {51}
