"""Places outside of the archive, that exports write to and imports read from: files under names with slashes.

What is wrong with one file is NotFound (it can't be read) or Conflict (it can't be written), and others may be well;
what is wrong with the place is Unavailable. Nothing leads out of a place: no name, and no link in a folder.
"""

import errno
import os
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from filmroom.errors import BadRequest, Conflict, NotFound, Unavailable

CHUNK = 1 << 20
_OF_THE_PLACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE}


class Entry(NamedTuple):
    """A file, or (its name ends with a slash) a folder that can't be read."""

    name: str
    size: int
    share: float | None  # of the place lies before it, as far as that is known


class Place(Protocol):
    """Files under names."""

    url: str  # without credentials

    @property
    def real(self) -> str:
        """The URL of where it lies, behind all links."""

    def check(self) -> None:
        """BadRequest if it is not there."""

    def entries(self, after: str = "") -> Iterator[Entry]:
        """All files behind a name, in an order that is always the same."""

    def stream(self, name: str) -> Iterator[bytes]:
        """What a file holds. NotFound if it is no file, or can't be read."""

    def write(self, name: str, content: Iterable[bytes]) -> None:
        """Write a file, whole or not at all; it replaces one of that name."""

    def size(self, name: str) -> int:
        """The length of a file in bytes."""

    def settle(self) -> None:
        """When this returns, what was written is there to stay."""


def permit(url: str, allowed: Iterable[str], setting: str) -> None:
    """BadRequest unless a place lies in one of those that a setting names. Whose links lead elsewhere lies there."""
    place = open_place(url)
    for one in allowed:
        root = open_place(one)
        if f"{place.real}/".startswith(f"{root.real.rstrip('/')}/"):
            return
    raise BadRequest(f"This place is none of those that the setting {setting} of the service allows.")


def open_place(url: str, **options: str) -> Place:
    """The place that a URL names."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and not parts.query and not parts.fragment:
        return FolderPlace(unquote(parts.path))
    raise BadRequest("The URL of a place is that of a folder, such as file:///srv/images.")


class FolderPlace:
    """A folder of this machine."""

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        self.url = f"file://{self._root}"
        self._touched: set[str] = set()

    @property
    def real(self) -> str:
        return f"file://{os.path.realpath(self._root)}"

    def check(self) -> None:
        if not os.path.isdir(self._root):
            raise BadRequest("The folder does not exist.")

    def entries(self, after: str = "") -> Iterator[Entry]:
        walk = [_Level("", self._names(""), after.split("/") if after else [])]
        while walk:
            level = walk[-1]
            if level.at == len(level.names):
                walk.pop()
                continue
            share = _share(walk)
            name, kind = level.names[level.at]
            path, behind = level.folder + name, level.after[1:] if level.after[:1] == [name] else []
            past = bool(level.after) and (name < level.after[0] or (name == level.after[0] and not behind))
            level.at += 1
            if past:
                continue
            if kind is None:
                try:
                    walk.append(_Level(f"{path}/", self._names(path), behind))
                except OSError:
                    yield Entry(f"{path}/", 0, share)
            else:
                yield Entry(path, kind, share)

    def _names(self, folder: str) -> list[tuple[str, int | None]]:
        """What is in a folder, in order: files with their sizes, folders with None. Hidden folders are left out."""
        found: list[tuple[str, int | None]] = []
        with os.scandir(os.path.join(self._root, folder)) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        found.append((entry.name, entry.stat(follow_symlinks=False).st_size))
                elif not entry.name.startswith("."):
                    found.append((entry.name, None))
        return sorted(found, key=lambda one: one[0])

    def stream(self, name: str) -> Iterator[bytes]:
        try:
            # Neither waits for the writer of a pipe, nor follows a link, which may lead out of the place.
            file = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise NotFound("It is no file.")
                while chunk := os.read(file, CHUNK):
                    yield chunk
            finally:
                os.close(file)
        except OSError as error:
            if error.errno in _OF_THE_PLACE:
                raise Unavailable(f"The folder can't be read: {error.strerror}.") from error
            reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
            raise NotFound(f"The file can't be read: {reason}.") from error

    def write(self, name: str, content: Iterable[bytes]) -> None:
        path = self._path(name)
        folder = os.path.dirname(path)
        new = os.path.join(folder, f".{uuid.uuid4().hex}")
        try:
            with _writing():
                self._make(folder)
                file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                for chunk in content:
                    with _writing():
                        _write_all(file, chunk)
                with _writing():
                    os.fsync(file)
            finally:
                os.close(file)
            with _writing():
                os.rename(new, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(new)
            raise
        self._touched.add(folder)

    def _make(self, folder: str) -> None:
        while not os.path.isdir(folder):
            self._touched.add(folder)
            os.makedirs(folder, exist_ok=True)

    def size(self, name: str) -> int:
        with _writing():
            return os.lstat(self._path(name)).st_size

    def settle(self) -> None:
        touched, self._touched = self._touched, set()
        folders = {above for folder in touched for above in (folder, *_parents(folder, self._root))}
        for folder in folders:
            with _writing():
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def _path(self, name: str) -> str:
        if "\0" in name or {"", ".", ".."} & set(name.split("/")):
            raise Conflict("The name of the file is not one that can be used here.")
        return os.path.join(self._root, name)


class _Level:
    """A folder on the way down."""

    def __init__(self, folder: str, names: list[tuple[str, int | None]], after: list[str]) -> None:
        self.folder, self.names, self.after, self.at = folder, names, after, 0


def _share(walk: Sequence[_Level]) -> float:
    """How much lies before this: each name counts as much as the others of its folder."""
    found, part = 0.0, 1.0
    for level in walk:
        part /= len(level.names)
        found += part * (level.at if level is walk[-1] else level.at - 1)  # that is being walked through
    return found


def _parents(folder: str, root: str) -> Iterator[str]:
    while folder != root and folder.startswith(root):
        folder = os.path.dirname(folder)
        yield folder


def _write_all(file: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(file, left) :]


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_PLACE:
            reason = "the disk is full; free some space" if error.errno == errno.ENOSPC else error.strerror
            raise Unavailable(f"The folder can't be written to: {reason}.") from error
        raise Conflict(f"The file can't be written: {error.strerror}.") from error
