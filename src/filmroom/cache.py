"""Files that can be made again, kept in a folder of bounded size that several processes share.

A file's name is the digest of all that it is made of. So what changes has another name, nothing is ever out of date,
and what nobody asks for any more is the first to go. A file begins with the checksum of its content: one that a crash
or a disk damaged is made again, never served. Nothing here is worth a sync.
"""

import hashlib
import os
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from filmroom import metrics
from filmroom.entrance import Entrance

_FOLDERS = 16  # each is looked through by itself, for its share
_CHECKSUM = 4
_BLOCK = 4096  # what the smallest file takes on a disk
_RECENTLY = 600.0  # seconds in which a use is not noted again
_LEFTOVER_AGE = 3600.0
_UNFINISHED = ".part"


class Cache:
    """At most about `limit` bytes under `folder`; 0 keeps nothing. Threads, and so many processes, may share it.

    At most `waiting` threads wait for others to make what they ask for: more would hold threads that others need.
    """

    def __init__(self, folder: Path, limit: int, waiting: int = 4, processes: int = 1) -> None:
        self._folder, self._share = str(folder), limit // _FOLDERS
        self._step = self._share // (4 * processes)  # together they add a quarter before one of them looks
        self._lock = threading.Lock()
        self._flights: dict[str, Future[bytes]] = {}
        self._entrance = Entrance(waiting, "Too many wait for the same image. Try again later.")
        self._unseen: dict[str, int] = {}  # bytes put into each folder since it was last looked through

    def fetch(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The content of that name, a `digest`. Who asks for what is just being made waits for it, or for its error."""
        content = self._read(name)
        metrics.cache_looks["rendered"][content is not None].inc()
        return self._shared(name, make) if content is None else content

    def _shared(self, name: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            flight = self._flights.get(name)
            waits = flight is not None
            flight = self._flights.setdefault(name, Future())
        if waits:
            with self._entrance.passed():
                return flight.result()
        try:
            content = self._read(name)  # it may have been made since
            if content is None:
                content = make()
                self._keep(name, content)
            flight.set_result(content)
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flights[name]
        return content

    def _read(self, name: str) -> bytes | None:
        if not self._share:
            return None
        path = f"{self._folder}/{name[0]}/{name}"
        try:
            with open(path, "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                checksum, content = file.read(_CHECKSUM), file.read(status.st_size)
        except OSError:
            return None
        if checksum != _checksum(content):
            with suppress(OSError):
                os.unlink(path)
            return None
        if time.time() - status.st_mtime > _RECENTLY:
            with suppress(OSError):
                os.utime(path)  # the time of its last use: the oldest goes first
        return content

    def _keep(self, name: str, content: bytes) -> None:
        """Keep it if that works: a full disk costs the next one who asks, not this one."""
        if len(content) + _CHECKSUM > self._share:
            return
        folder = f"{self._folder}/{name[0]}"
        with suppress(OSError):
            try:
                _write(folder, name, content)
            except FileNotFoundError:
                for missing in (self._folder, folder):  # `parents` would make them with another mode
                    Path(missing).mkdir(mode=0o700, exist_ok=True)
                _write(folder, name, content)
            self._make_room(folder, len(content))

    def _make_room(self, folder: str, added: int) -> None:
        """Look through the folder when enough is new in it, and remove what was used longest ago.

        That is the first time, and whenever a step was added: the other processes may add as much meanwhile.
        """
        with self._lock:
            unseen = self._unseen.get(folder, self._share) + added
            full = unseen >= self._step
            self._unseen[folder] = 0 if full else unseen
        if not full:
            return
        files = sorted(_files(folder))
        excess = sum(size for _, size, _ in files) - self._share * 3 // 4
        for used, size, path in files:
            abandoned = path.endswith(_UNFINISHED) and time.time() - used > _LEFTOVER_AGE
            if excess > 0 or abandoned:
                with suppress(OSError):
                    os.unlink(path)
                excess -= size


def digest(*made_of: object) -> str:
    """The name of what is made of these values, which differs if any of them does."""
    return hashlib.blake2b(repr(made_of).encode(), digest_size=16).hexdigest()


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM, "big")


def _write(folder: str, name: str, content: bytes) -> None:
    """All of it or nothing, to be read by this user alone."""
    unfinished = f"{folder}/{os.urandom(8).hex()}{_UNFINISHED}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(_checksum(content))
            file.write(content)
        os.rename(unfinished, f"{folder}/{name}")
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)
        raise


def _files(folder: str) -> list[tuple[float, int, str]]:
    """Time of last use, size and path of each."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # another process removed it
                status = entry.stat()
                found.append((status.st_mtime, -(-status.st_size // _BLOCK) * _BLOCK, entry.path))
    return found
