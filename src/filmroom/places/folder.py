"""A folder of this machine as a place."""

import errno
import os
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path

from filmroom.durable import sync, sync_folder, write_all
from filmroom.errors import BadRequest, Conflict, NotFound, Unavailable
from filmroom.places.place import CHUNK, Entry, checked

_TEMPORARY = ".filmroom-"  # what a file's name begins with until it is whole
_OF_THE_PLACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE}
_REASONS = {errno.ENOSPC: "the disk is full; free some space", errno.ELOOP: "it is a link"}


class FolderPlace:
    """A folder of this machine."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root or "/")
        self.url = Path(self._root).as_uri()
        self._touched: set[str] = set()

    def check(self) -> None:
        if not os.path.isdir(self._root):
            raise BadRequest(f"The folder {self._root} does not exist.")

    def entries(self, after: str = "") -> Iterator[Entry]:
        with _translated("read", Unavailable):
            walk = [_Level(self._names(""))]
        while walk:
            level = walk[-1]
            if level.at == len(level.names):
                walk.pop()
                continue
            share = _share(walk)
            name, size = level.names[level.at]
            level.at += 1
            if not name.endswith("/"):
                if os.fsencode(name) > os.fsencode(after):
                    yield Entry(name, size, share)
            elif not _all_before(name, after):
                try:
                    with _translated("read", NotFound):
                        walk.append(_Level(self._names(name)))
                except NotFound:
                    yield Entry(name, 0, share)

    def _names(self, folder: str) -> list[tuple[str, int]]:
        """What is in a folder: files with their sizes, folders with a slash. Hidden folders are left out."""
        found: list[tuple[str, int]] = []
        with os.scandir(os.path.join(self._root, folder)) as entries:
            for entry in entries:
                name = f"{folder}{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(_TEMPORARY):
                        with suppress(FileNotFoundError):
                            found.append((name, entry.stat(follow_symlinks=False).st_size))
                elif not entry.name.startswith("."):
                    found.append((f"{name}/", 0))
        # Of whole names, in which "a.b" comes before "a/b".
        return sorted(found, key=lambda one: os.fsencode(one[0]))

    def stream(self, name: str) -> Iterator[bytes]:
        with _translated("read", NotFound, _OF_THE_PLACE - {errno.EIO}):  # a bad sector is of one file
            # Neither waits for the writer of a pipe, nor follows a link, which may lead out of the place.
            file = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise NotFound("It is no file.")
                while chunk := os.read(file, CHUNK):
                    yield chunk
            finally:
                os.close(file)

    def write(self, name: str, content: Iterable[bytes]) -> None:
        path = self._path(name)
        folder = os.path.dirname(path)
        new = os.path.join(folder, f"{_TEMPORARY}{uuid.uuid4().hex}")
        try:
            with _translated("written", Conflict):
                self._make(folder)
                file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                for chunk in content:
                    with _translated("written", Conflict):
                        write_all(file, chunk)
                with _translated("written", Conflict):
                    sync(file)
            finally:
                os.close(file)
            with _translated("written", Conflict):
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
        with _translated("written", Conflict):
            return os.lstat(self._path(name)).st_size

    def settle(self) -> None:
        touched, self._touched = self._touched, set()
        folders = {above for folder in touched for above in (folder, *_parents(folder, self._root))}
        for folder in folders:
            with _translated("written", Conflict):
                sync_folder(folder)

    def _path(self, name: str) -> str:
        path = os.path.join(self._root, checked(name))
        folder = os.path.dirname(path)
        if os.path.realpath(folder) != folder:
            raise Conflict("A link in the folder leads out of it; what is behind it is not read or written.")
        return path


class _Level:
    """A folder on the way down."""

    def __init__(self, names: list[tuple[str, int]]) -> None:
        self.names, self.at = names, 0


def _all_before(folder: str, after: str) -> bool:
    """Whether all names in a folder (with its slash) come before a name, or it was told by that name itself."""
    return folder == after or (os.fsencode(folder) < os.fsencode(after) and not after.startswith(folder))


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


@contextmanager
def _translated(
    doing: str, kind: type[NotFound | Conflict | Unavailable], of_the_place: Set[int] = _OF_THE_PLACE
) -> Iterator[None]:
    """What the system says: wrong with one file, as `kind` of error, or with the whole place."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror
        if error.errno in of_the_place or kind is Unavailable:
            raise Unavailable(f"The folder can't be {doing}: {reason}.") from error
        raise kind(f"The file can't be {doing}: {reason}.") from error
