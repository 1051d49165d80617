"""A blob store in a folder of a local disk: what is put there outlives a loss of power.

A file is created under its final name. A crash may leave half a file there, which no row names:
to be told from a good one it needs no other name, and the sweep removes it.
"""

import errno
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

from filmroom.blobs.store import FOLDER, KEY, Content, Parts, checked, checked_note, missing, short
from filmroom.durable import sync, sync_folder, write_all
from filmroom.errors import Unavailable, Unreadable

_WRITERS = 8  # files of one request written and synced at once
_FOLDER = re.compile("[0-9a-f]{2}")  # beside them lie notes and, where a disk is mounted, its lost+found
_COPY_CHUNK = 1 << 20

# What a person can do about it. Everything else is reported in the words of the operating system.
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; raise it or free some space",
    errno.EROFS: "the disk is mounted read-only",
    errno.EMFILE: "too many files are open; raise the limit of open files",
}
# A bad sector; what is no file; a file system that is damaged there, as Linux says it.
_OF_ONE_FILE = {errno.EIO, errno.EISDIR, getattr(errno, "EUCLEAN", errno.EIO)}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """What the operating system says, in words that help."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
        raise Unavailable(f"The blob store can't be {doing}: {reason}.") from error


class Folder:
    """A blob store in a folder of a local disk. Threads and processes may share it."""

    batch = 0

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._syncs: dict[str, _SharedSync] = {}  # of folders whose own entry is known to be on the disk
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="blobs")
        with translated("made"):
            _make_folder(self._root)

    def put(self, key: str, content: Content) -> None:
        self.put_all([(key, content)])
        self.settle([key])

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        paths = [(self._path(key), content) for key, content in blobs]
        folders = {os.path.dirname(path) for path, _ in paths}
        written: list[str] = []  # appending is atomic, so the threads share it
        try:
            with translated("written"):
                for folder in folders:
                    self._open_folder(folder)
                self._in_parallel([partial(_write, path, content, written) for path, content in paths])
        except Unavailable:
            for path in written:
                with suppress(OSError):
                    os.unlink(path)
            raise

    def settle(self, keys: Iterable[str]) -> None:
        with translated("written"):
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

    def streams(self, blobs: Sequence[tuple[str, int]]) -> Sequence[Iterator[bytes]]:
        return [self.stream(key, 0, length) for key, length in blobs]

    def size(self, key: str) -> int:
        with self._reading(key) as descriptor:
            return os.fstat(descriptor).st_size

    def delete(self, keys: Iterable[str]) -> None:
        with translated("written"):
            for key in keys:
                with suppress(FileNotFoundError):
                    os.unlink(self._path(key))

    def close(self) -> None:
        self._writers.shutdown()

    def list(self) -> Iterator[tuple[str, float]]:
        with translated("read"):
            found = (entry.path for entry in os.scandir(self._root) if _FOLDER.fullmatch(entry.name) and entry.is_dir())
            for folder in sorted(found):
                with os.scandir(folder) as entries:
                    for entry in entries:
                        ours = KEY.fullmatch(entry.name) and folder.endswith(entry.name[FOLDER])
                        if ours and (age := _age(entry)) is not None:
                            yield entry.name, age

    def write_note(self, name: str, content: bytes, *, once: bool = False) -> None:
        path = os.path.join(self._root, checked_note(name))
        with translated("written"):
            _write_note(path, content, once=once)
            sync_folder(os.fspath(self._root))

    def read_note(self, name: str) -> bytes | None:
        with translated("read"), suppress(FileNotFoundError):
            return (self._root / checked_note(name)).read_bytes()
        return None

    def _path(self, key: str) -> str:
        return os.path.join(self._root, checked(key)[FOLDER], key)

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
        with translated("read"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    yield descriptor
                finally:
                    os.close(descriptor)
            except FileNotFoundError as error:
                raise missing() from error
            except OSError as error:
                if error.errno in _OF_ONE_FILE:
                    raise Unreadable(f"A file of the blob store can't be read: {error.strerror}.") from error
                raise


def _age(entry: "os.DirEntry[str]") -> float | None:
    """Seconds since it was written; 0 if nobody can know, so that it is left; None if it was deleted meanwhile."""
    try:
        return time.time() - entry.stat().st_mtime
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _OF_ONE_FILE:
            return 0.0
        raise


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
        write_all(descriptor, content)
        sync(descriptor)
    finally:
        os.close(descriptor)


def _write_note(path: str, content: bytes, *, once: bool) -> None:
    new = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        with open(new, "xb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())
        if not once:
            os.rename(new, path)
            return
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        except OSError:  # there are no hard links on that disk
            if not os.path.exists(path):
                os.rename(new, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)


def _move(source: Path, path: str, written: list[str]) -> None:
    with source.open("rb") as file:
        os.utime(file.fileno())  # a slow client may have sent it hours ago, and the sweep goes by its age here
        sync(file.fileno())
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
        sync(file.fileno())


def _read(descriptor: int, offset: int, length: int) -> bytes:
    taken = os.pread(descriptor, length, offset)
    if len(taken) == length:
        return taken
    parts = [taken]  # one call reads 2 GiB at most
    while parts[-1] and (left := length - sum(map(len, parts))):
        parts.append(os.pread(descriptor, left, offset + length - left))
    if not parts[-1]:
        raise short()
    return b"".join(parts)


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
