"""Files that outlive a loss of power: written whole, and synced with the folder that names them; and their locks."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# On macOS fsync leaves the bytes in the cache of the drive; F_FULLFSYNC does not.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def write_all(descriptor: int, content: bytes | bytearray) -> None:
    """Write all of it to a file."""
    done = os.write(descriptor, content)
    while done < len(content):  # a signal came between, or there is no room: the next call says so
        done += os.write(descriptor, memoryview(content)[done:])


def sync(descriptor: int) -> None:
    """Have what was written to a file outlive a loss of power."""
    os.fsync(descriptor) if _FULL_SYNC is None else fcntl.fcntl(descriptor, _FULL_SYNC)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Have the names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Write a file, in place of that which is there: whoever reads it finds the one or the other. One at a time may."""
    beside = path.with_name(f"{path.name}.new")
    _write(beside, content)
    beside.replace(path)
    sync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """Write a file unless there is one: of several who make it at once the first does, and nobody finds half of it."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _write(beside, content)
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file, which is made if there is none, until the block ends, or the process.

    BlockingIOError if another holds it, and nobody is to `wait`.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(lock)


def _write(path: Path, content: bytes) -> None:
    """Write a file that its user alone may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, content)
        sync(descriptor)
    finally:
        os.close(descriptor)
