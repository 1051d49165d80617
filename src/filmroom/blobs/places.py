"""Places that files are exported to and imported from: a folder or a bucket, by URL, under names of theirs.

A name is a relative path with slashes. It comes from outside: none leads out of the place, neither by its parts nor
by a link on the way.
"""

import errno
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from filmroom.blobs import buckets
from filmroom.blobs.buckets import Absent, Beyond
from filmroom.errors import BadParameter, NotFound, Unavailable

with suppress(ModuleNotFoundError):  # of filmroom[objects]; `buckets` says so
    import obstore

_PAGE = 1000
_PART = 8 << 20
_UPLOADS = 3
_LONGEST = 1024  # bytes of a name, in S3
_TEMPORARY = ".filmroom-"  # what a file begins with until it is whole


class Place(Protocol):
    """Files under names. What can't be done raises Unavailable, or NotFound if there is no such file."""

    def names(self, prefix: str = "", after: str = "") -> Iterator[tuple[str, int]]:
        """Names that begin with a prefix and come `after` another, in the order of their bytes, with sizes."""

    def exists(self, name: str) -> bool:
        """Whether there is a file."""

    def read(self, name: str) -> bytes:
        """The whole file."""

    @contextmanager
    def file(self, name: str, spool: Path) -> Iterator[Path]:
        """The file on a local disk, for as long as the block lasts: itself, or a copy in the folder `spool`."""

    def write(self, name: str, content: bytes | Path) -> None:
        """Have the file hold this, whole or not at all, durably. A file that is given stays where it is."""


def open_place(url: str, options: Mapping[str, str] | None = None) -> Place:
    """The place that a URL names: file:///srv/export, s3://bucket/prefix, az://container/prefix, gs://bucket/prefix."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FolderPlace(Path(unquote(parts.path)))
    if parts.scheme in buckets.SCHEMES and parts.netloc:
        return BucketPlace(url, options or {})
    raise BadParameter(
        "The place must be a URL such as file:///srv/export, s3://bucket/prefix, az://container/prefix or "
        "gs://bucket/prefix."
    )


def checked(name: str) -> str:
    """A name that stays within its place."""
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in name or "\\" in name or len(os.fsencode(name)) > _LONGEST:
        raise BadParameter("A file in a place of exports and imports has a relative path with no '.' or '..' in it.")
    return name


class FolderPlace:
    """A folder of a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    def names(self, prefix: str = "", after: str = "") -> Iterator[tuple[str, int]]:
        with _translated("read"):
            if not self._root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is no folder")
            yield from self._below("", prefix, after)

    def _below(self, folder: str, prefix: str, after: str) -> Iterator[tuple[str, int]]:
        """In the order of whole names, in which `a.b` comes before `a/b`. Links are passed over."""
        with os.scandir(self._root / folder) as entries:
            found = [
                (f"{folder}{entry.name}/" if entry.is_dir(follow_symlinks=False) else f"{folder}{entry.name}", entry)
                for entry in entries
                if not entry.is_symlink() and not entry.name.startswith(_TEMPORARY)
            ]
        for name, entry in sorted(found, key=lambda one: os.fsencode(one[0])):
            if name.endswith("/"):
                if (name.startswith(prefix) or prefix.startswith(name)) and not _all_before(name, after):
                    yield from self._below(name, prefix, after)
            elif name.startswith(prefix) and os.fsencode(name) > os.fsencode(after):
                with suppress(FileNotFoundError):  # deleted meanwhile
                    if entry.is_file(follow_symlinks=False):
                        yield name, entry.stat(follow_symlinks=False).st_size

    def exists(self, name: str) -> bool:
        return os.path.isfile(self._path(name))

    def read(self, name: str) -> bytes:
        with self.file(name, self._root) as path, _translated("read"):
            return path.read_bytes()

    @contextmanager
    def file(self, name: str, spool: Path) -> Iterator[Path]:
        path = self._path(name)
        if not path.is_file():
            raise NotFound("There is no such file in the place.")
        yield path

    def write(self, name: str, content: bytes | Path) -> None:
        path = self._path(name)
        with _translated("written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
            try:
                with new.open("xb") as file:
                    file.writelines(_chunks(content))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(new, path)
            finally:
                with suppress(FileNotFoundError):
                    new.unlink()
            _sync(path.parent)

    def _path(self, name: str) -> Path:
        path = self._root / checked(name)
        with _translated("used"):
            within = Path(os.path.realpath(path)).is_relative_to(self._root)
        if not within:
            raise BadParameter("A link in the folder leads out of it; what is behind it is not read or written.")
        return path


class BucketPlace:
    """A part of a bucket."""

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self._store = buckets.connect(url, options)
        kind = options.get(buckets.STORAGE_CLASS)
        self._attributes = {"Storage-Class": kind} if kind else None

    def names(self, prefix: str = "", after: str = "") -> Iterator[tuple[str, int]]:
        # Stores list by whole folders only, and in the order of their bytes.
        folder = prefix.rpartition("/")[0] or None
        with _of_bucket("read"):
            for page in obstore.list(self._store, folder, offset=after or None, chunk_size=_PAGE):
                for found in page:
                    if found["path"].startswith(prefix) and found["path"] != after:
                        yield found["path"], int(found["size"])

    def exists(self, name: str) -> bool:
        try:
            with _of_bucket("read"):
                obstore.head(self._store, checked(name))
        except NotFound:
            return False
        return True

    def read(self, name: str) -> bytes:
        with _of_bucket("read"):
            return bytes(obstore.get(self._store, checked(name)).bytes())

    @contextmanager
    def file(self, name: str, spool: Path) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(dir=spool) as copy:
            with _of_bucket("read"):
                for chunk in obstore.get(self._store, checked(name)).stream(_PART):
                    copy.write(chunk)
                copy.flush()
            yield Path(copy.name)

    def write(self, name: str, content: bytes | Path) -> None:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        with _of_bucket("written"):
            obstore.put(
                self._store,
                checked(name),
                content,
                attributes=self._attributes,
                use_multipart=size > _PART,
                chunk_size=_PART,
                max_concurrency=_UPLOADS,
            )


def _all_before(folder: str, after: str) -> bool:
    """Whether all names in a folder (with its slash) come before a name."""
    return os.fsencode(folder) < os.fsencode(after) and not after.startswith(folder)


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    if not isinstance(content, Path):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The place can't be {doing}: {error.strerror or type(error).__name__}.") from error


@contextmanager
def _of_bucket(doing: str) -> Iterator[None]:
    try:
        with buckets.translated(doing, "place"):
            yield
    except Absent:
        raise NotFound("There is no such file in the place.") from None
    except Beyond:  # pragma: no cover - no range is asked for
        raise Unavailable("The place can't be read: its files change.") from None
