"""The blob store: the file of every stored Instance, under a key that is never reused.

A key is 32 hexadecimal digits: the milliseconds of its making (so that an index of keys grows at its end),
two digits of the folder, random digits. The keys of one second share a folder, and those who store at once its sync.

A file is created under its final name. A crash may leave half a file there, which no row names:
to be told from a good one it needs no other name, and the sweep removes it.
"""

import errno
import fcntl
import itertools
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from filmroom.errors import Lost, Unavailable

Content = bytes | bytearray | Path
Parts = list[bytes]  # a name of its own, for `list` is a method below

_KEY = re.compile(r"[0-9a-f]{32}")
_FOLDER = slice(12, 14)
_WRITERS = 8  # files of one request written and synced at once
_COPY_CHUNK = 1 << 20

# What a person can do about it. Everything else is reported in the words of the operating system.
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; raise it or free some space",
    errno.EROFS: "the disk is mounted read-only",
    errno.EMFILE: "too many files are open; raise the limit of open files",
}


class BlobStore(Protocol):
    """Bytes under keys. Everything raises Unavailable when the store does not do as it is told.

    What reads raises Lost when the content is missing, or shorter than what is asked for.
    """

    def put(self, key: str, content: Content) -> None:
        """Store the content, durably when this returns. A file is moved into the store where that is possible."""

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        """Store all or none. The bytes are on the disk when this returns; the names are when `settle` has."""

    def settle(self, keys: Iterable[str]) -> None:
        """What was put under the keys is there to stay when this returns. One call serves many requests."""

    def get(self, key: str) -> bytes:
        """The whole content."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        """The content of each (offset, length)."""

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        """The content from `offset` on, in chunks; nothing is opened before the first is taken."""

    def size(self, key: str) -> int:
        """The length of the content in bytes."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what is there; a key without content is no error."""

    def close(self) -> None:
        """Let go of threads and connections."""

    def list(self) -> Iterator[tuple[str, float]]:
        """Every key with the seconds since it was put."""


def new_keys(count: int) -> list[str]:
    """Keys that nobody has had before, for the files of one request.

    Milliseconds, folder, random. Keys of one second share a folder, so that requests at the same time share its sync.
    """
    milliseconds = time.time_ns() // 1_000_000
    start = f"{milliseconds:012x}{milliseconds // 1000 % 256:02x}"
    return [start + secrets.token_hex(9) for _ in range(count)]


def _checked(key: str) -> str:
    # A key becomes a path: one that is not ours could lead anywhere.
    if not _KEY.fullmatch(key):
        raise Unavailable("The index names a file by a key that is not of this blob store; the index is damaged.")
    return key


def _missing() -> Lost:
    return Lost("The file of a stored Instance is missing from the blob store; restore it from a backup.")


def _short() -> Lost:
    return Lost("The file of a stored Instance is shorter than it was; restore it from a backup.")


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
        raise Unavailable(f"The blob store can't be {doing}: {reason}.") from error


class Folder:
    """A blob store in a folder of a local disk. Threads and processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._syncs: dict[str, _SharedSync] = {}  # of folders whose own entry is known to be on the disk
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="blobs")
        with _translated("made"):
            _make_folder(self._root)

    def put(self, key: str, content: Content) -> None:
        self.put_all([(key, content)])
        self.settle([key])

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        paths = [(self._path(key), content) for key, content in blobs]
        folders = {os.path.dirname(path) for path, _ in paths}
        written: list[str] = []  # appending is atomic, so the threads share it
        try:
            with _translated("written"):
                for folder in folders:
                    self._open_folder(folder)
                self._in_parallel([partial(_write, path, content, written) for path, content in paths])
        except Unavailable:
            for path in written:
                with suppress(OSError):
                    os.unlink(path)
            raise

    def settle(self, keys: Iterable[str]) -> None:
        with _translated("written"):
            for folder in {os.path.dirname(self._path(key)) for key in keys}:
                if folder in self._syncs:  # else nothing was put there
                    self._syncs[folder].sync()

    def get(self, key: str) -> bytes:
        with self._reading(key) as descriptor:
            return _read(descriptor, 0, os.fstat(descriptor).st_size)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        with self._reading(key) as descriptor:
            return [_read(descriptor, offset, length) for offset, length in ranges]

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        with self._reading(key) as descriptor:
            end = offset + length if length is not None else os.fstat(descriptor).st_size
            while offset < end:
                taken = _read(descriptor, offset, min(chunk, end - offset))
                offset += len(taken)
                yield taken

    def size(self, key: str) -> int:
        with self._reading(key) as descriptor:
            return os.fstat(descriptor).st_size

    def delete(self, keys: Iterable[str]) -> None:
        with _translated("written"):
            for key in keys:
                with suppress(FileNotFoundError):
                    os.unlink(self._path(key))

    def close(self) -> None:
        self._writers.shutdown()

    def list(self) -> Iterator[tuple[str, float]]:
        with _translated("read"):
            for folder in sorted(entry.path for entry in os.scandir(self._root) if entry.is_dir()):
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if _KEY.fullmatch(entry.name):
                            with suppress(FileNotFoundError):  # deleted meanwhile
                                yield entry.name, time.time() - entry.stat().st_mtime

    def _path(self, key: str) -> str:
        return os.path.join(self._root, _checked(key)[_FOLDER], key)

    def _open_folder(self, folder: str) -> None:
        """See that a folder is there, and stays there after a loss of power."""
        if folder not in self._syncs:
            # Somebody else may have just made it and not yet synced, so sync in any case.
            os.makedirs(folder, exist_ok=True)
            sync_folder(os.fspath(self._root))
            self._syncs.setdefault(folder, _SharedSync(folder))

    def _in_parallel(self, tasks: Sequence[Callable[[], None]]) -> None:
        if len(tasks) == 1:
            tasks[0]()
            return
        futures = [self._writers.submit(task) for task in tasks]
        wait(futures)  # all of them, so that nothing is written after a failure has been cleaned up
        for future in futures:
            future.result()

    @contextmanager
    def _reading(self, key: str) -> Iterator[int]:
        path = self._path(key)
        with _translated("read"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise _missing() from error
            try:
                yield descriptor
            finally:
                os.close(descriptor)


def _make_folder(folder: Path) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(os.fspath(made.parent))


def _write(path: str, content: Content, written: list[str]) -> None:
    if isinstance(content, Path):
        _move(content, path, written)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        written.append(path)
        _write_all(descriptor, content)
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes | bytearray) -> None:
    done = os.write(descriptor, content)
    while done < len(content):  # a signal came between, or there is no room: the next call says so
        done += os.write(descriptor, memoryview(content)[done:])


def _move(source: Path, path: str, written: list[str]) -> None:
    with source.open("rb") as file:
        os.utime(file.fileno())  # a slow client may have sent it hours ago, and the sweep goes by its age here
        _sync(file.fileno())
        try:
            os.rename(source, path)
            written.append(path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(file.fileno(), path, written)
            source.unlink()


def _copy(source: int, path: str, written: list[str]) -> None:
    """The way of a spooled file that lies on another file system."""
    with open(path, "xb") as file, open(source, "rb", closefd=False) as reader:
        written.append(path)
        shutil.copyfileobj(reader, file, _COPY_CHUNK)
        file.flush()
        _sync(file.fileno())


def _read(descriptor: int, offset: int, length: int) -> bytes:
    taken = os.pread(descriptor, length, offset)
    if len(taken) == length:
        return taken
    parts = [taken]  # one call reads 2 GiB at most
    while parts[-1] and (left := length - sum(map(len, parts))):
        parts.append(os.pread(descriptor, left, offset + length - left))
    if not parts[-1]:
        raise _short()
    return b"".join(parts)


def sync_folder(folder: str) -> None:
    """Have the names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


class _SharedSync:
    """The sync of a folder, shared by threads: one serves all that asked before it began."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._tickets = itertools.count(1)
        self._last = 0  # the newest ticket taken
        self._served = 0
        self._turn = threading.Lock()

    def sync(self) -> None:
        """When this returns, what was in the folder when it was called is there to stay."""
        ticket = self._last = next(self._tickets)
        with self._turn:
            if self._served < ticket:
                newest = self._last
                sync_folder(self._folder)
                self._served = newest


# On macOS fsync leaves the bytes in the cache of the drive; F_FULLFSYNC does not.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def _sync(descriptor: int) -> None:
    os.fsync(descriptor) if _FULL_SYNC is None else fcntl.fcntl(descriptor, _FULL_SYNC)


class Memory:
    """A blob store in memory, for tests. It is as durable as the process."""

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[bytes, float]] = {}
        self._lock = threading.Lock()

    def put(self, key: str, content: Content) -> None:
        self.put_all([(key, content)])

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        taken = [(_checked(key), content) for key, content in blobs]
        with _translated("written"), self._lock:
            if any(key in self._blobs for key, _ in taken):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            read = {
                key: content.read_bytes() if isinstance(content, Path) else bytes(content) for key, content in taken
            }
            self._blobs |= {key: (content, time.time()) for key, content in read.items()}
            for _, content in taken:
                if isinstance(content, Path):
                    content.unlink()

    def settle(self, keys: Iterable[str]) -> None:
        pass

    def get(self, key: str) -> bytes:
        try:
            return self._blobs[_checked(key)][0]
        except KeyError as error:
            raise _missing() from error

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        content = self.get(key)
        if any(offset + length > len(content) for offset, length in ranges):
            raise _short()
        return [content[offset : offset + length] for offset, length in ranges]

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        content = self.get(key)
        end = offset + length if length is not None else len(content)
        for start in range(offset, end, chunk):
            yield from self.get_ranges(key, [(start, min(chunk, end - start))])

    def size(self, key: str) -> int:
        return len(self.get(key))

    def delete(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._blobs.pop(_checked(key), None)

    def close(self) -> None:
        pass

    def list(self) -> Iterator[tuple[str, float]]:
        for key, (_, put_at) in sorted(self._blobs.items()):
            yield key, time.time() - put_at
