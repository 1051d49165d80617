"""Files that outlive a loss of power: written whole, and synced with the folder that names them."""

import fcntl
import os

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
