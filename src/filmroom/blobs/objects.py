"""A blob store in a bucket of an object store. An object is there whole or not at all, and durable once it is put.

A blob is the object `xx/key`, as the file is in a folder; a note is the object of its name.
"""

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from filmroom.blobs import buckets
from filmroom.blobs.buckets import Absent, Beyond, Present
from filmroom.blobs.store import FOLDER, KEY, Content, Parts, checked, checked_note, missing, short
from filmroom.errors import Unavailable, Unreadable

with suppress(ModuleNotFoundError):  # of filmroom[objects]; `buckets` says so
    import obstore

_THREADS = 16  # requests of one process that run at once, beside those of its request threads
_GAP = 256 << 10  # bytes read for nothing rather than asking twice
_UPLOADS = 4  # files of one process that go up in parts at once; with those of buckets.PART, 96 MB on their way
_CHUNK = 1 << 20  # bytes that are handed on at once
_CHUNKS = 4  # read by one request; a slow reader of a large file keeps two such answers in memory
_AHEAD = 8  # blobs of which the first chunk is on its way while another is sent
_BATCH = 500  # objects deleted or listed by one request
_ARCHIVED = {"InvalidObjectState", "BlobArchived"}  # of S3 and Azure: in a class of storage that is not read from

T = TypeVar("T")


class Objects:
    """A blob store in a bucket. Threads and processes may share it."""

    batch = 8 << 20

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self._store = buckets.connect(url, options)
        self._attributes = buckets.attributes(options)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        self._uploads = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="uploads")

    def check(self) -> None:
        """See whether the bucket is there, may be written, and keeps what it has when it is told to."""
        create = partial(buckets.persistently, lambda: self._create("writable", b""))
        with suppress(Present):
            create()
        try:
            create()
        except Present:
            return
        raise Unavailable(
            "The blob store can't be used: it overwrites an object that it was told to create (If-None-Match), "
            "so that two services could take it for theirs."
        )

    def put(self, key: str, content: Content) -> None:
        self.put_all([(key, content)])

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        paths = [(_path(key), content) for key, content in blobs]
        # What lies in the spool folder is large, and keeps what is small from no thread.
        pools = [self._uploads if isinstance(content, Path) else self._threads for _, content in paths]
        tasks = [pool.submit(self._put, path, content) for pool, (path, content) in zip(pools, paths, strict=True)]
        wait(tasks)
        failures = [error for task in tasks if (error := task.exception()) is not None]
        if failures:
            # Also what failed may have come through. What was there already is not ours to delete.
            ours = [p for (p, _), task in zip(paths, tasks, strict=True) if not isinstance(task.exception(), Present)]
            with suppress(Unavailable):
                self._delete(ours)
            raise _as_ours(failures[0])
        for _, content in paths:
            if isinstance(content, Path):
                content.unlink(missing_ok=True)

    def settle(self, keys: Iterable[str]) -> None:
        pass

    def get(self, key: str) -> bytes:
        with _reading():
            return bytes(self._get(_path(key), None))

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        path, runs = _path(key), _runs(ranges)
        if not runs:
            self.size(key)
        if len(runs) == 1:
            found = [self._run(path, runs[0])]
        else:
            found = _together([self._threads.submit(self._run, path, run) for run in runs])
        starts = [start for start, _ in runs]
        return [_within(starts, found, offset, length) for offset, length in ranges]

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = _CHUNK) -> Iterator[bytes]:
        """One request for what is a few chunks; for more, one chunk is on its way while another is sent."""
        path = _path(key)
        end = self.size(key) if length is None else offset + length
        taken = _CHUNK if chunk < _CHUNK else chunk * _CHUNKS
        pieces = iter([(start, min(start + taken, end)) for start in range(offset, end, taken)])
        following = next(pieces, None)
        if following is None:
            self.size(key)
            return
        coming: Future[memoryview] | None = None
        while following is not None:
            piece = self._run(path, following) if coming is None else coming.result()
            following = next(pieces, None)
            coming = None if following is None else self._threads.submit(self._run, path, following)
            for start in range(0, len(piece), chunk):
                yield bytes(piece[start : start + chunk])

    def streams(self, blobs: Sequence[tuple[str, int]]) -> Sequence[Iterator[bytes]]:
        coming: dict[int, Future[memoryview]] = {}  # the first chunks, at most _AHEAD of them

        def stream(place: int) -> Iterator[bytes]:
            key, length = blobs[place]
            for gone in [one for one in coming if one < place]:
                coming.pop(gone).cancel()
            for ahead in range(place, min(place + _AHEAD, len(blobs))):
                if ahead not in coming and blobs[ahead][1]:
                    first = 0, min(_CHUNK, blobs[ahead][1])
                    coming[ahead] = self._threads.submit(self._run, _path(blobs[ahead][0]), first)
            if length:
                yield bytes(coming.pop(place).result())
            if length > _CHUNK:
                yield from self.stream(key, _CHUNK, length - _CHUNK)

        return [stream(place) for place in range(len(blobs))]

    def size(self, key: str) -> int:
        with _reading(), buckets.translated("read"):
            return int(obstore.head(self._store, _path(key))["size"])

    def delete(self, keys: Iterable[str]) -> None:
        self._delete([_path(key) for key in keys])

    def close(self) -> None:
        self._threads.shutdown()
        self._uploads.shutdown()

    def list(self) -> Iterator[tuple[str, float]]:
        now = time.time()
        with buckets.translated("read"):
            for page in obstore.list(self._store, chunk_size=_BATCH):
                for found in page:
                    folder, _, key = found["path"].rpartition("/")
                    if KEY.fullmatch(key) and folder == key[FOLDER]:
                        yield key, now - found["last_modified"].timestamp()

    def write_note(self, name: str, content: bytes, *, once: bool = False) -> None:
        name = checked_note(name)
        if once:
            with suppress(Present):
                buckets.persistently(lambda: self._create(name, content))
        else:
            buckets.persistently(lambda: self._overwrite(name, content))

    def read_note(self, name: str) -> bytes | None:
        try:
            return bytes(self._get(checked_note(name), None))
        except Absent:
            return None

    def _put(self, path: str, content: Content) -> None:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        if size <= buckets.PART:
            read = content.read_bytes() if isinstance(content, Path) else bytes(content)
            try:
                buckets.persistently(lambda: self._create(path, read))
            except Present:
                # The answer to the first try may have been lost on its way.
                if bytes(self._get(path, None)) != read:
                    raise
            return
        buckets.persistently(lambda: self._upload(path, content))
        with _writing("read"):
            stored = int(obstore.head(self._store, path)["size"])
        if stored != size:
            raise Unavailable("The blob store can't be written: it has not got all of a file.")

    def _upload(self, path: str, content: Content) -> None:
        with _writing():
            buckets.put_in_parts(self._store, path, content, self._attributes)

    def _create(self, path: str, content: bytes) -> None:
        with _writing():
            obstore.put(self._store, path, content, attributes=self._attributes, mode="create", use_multipart=False)

    def _overwrite(self, path: str, content: bytes) -> None:
        with _writing():
            obstore.put(self._store, path, content, mode="overwrite")

    def _get(self, path: str, ends: tuple[int, int] | None) -> memoryview:
        with buckets.translated("read"):
            if ends is None:
                return memoryview(obstore.get(self._store, path).bytes())
            return memoryview(obstore.get_range(self._store, path, start=ends[0], end=ends[1]))

    def _run(self, path: str, ends: tuple[int, int]) -> memoryview:
        with _reading():
            found = self._get(path, ends)
        if len(found) != ends[1] - ends[0]:
            raise short()
        return found

    def _delete(self, paths: Iterable[str]) -> None:
        left = iter(dict.fromkeys(paths))
        while some := [*islice(left, _BATCH)]:
            try:
                buckets.persistently(partial(self._delete_these, some))
            except Absent:  # some stores then stop, at one of them
                _together([self._threads.submit(self._delete_one, path) for path in some])

    def _delete_one(self, path: str) -> None:
        with suppress(Absent):
            buckets.persistently(partial(self._delete_these, path))

    def _delete_these(self, paths: str | Sequence[str]) -> None:
        with buckets.translated("written"):
            obstore.delete(self._store, paths)


def _path(key: str) -> str:
    return f"{checked(key)[FOLDER]}/{key}"


@contextmanager
def _reading() -> Iterator[None]:
    """What is not there, or is shorter, is lost."""
    try:
        yield
    except Absent:
        raise missing() from None
    except Beyond:
        raise short() from None
    except buckets.Refused as refused:
        if refused.code not in _ARCHIVED:
            raise
        raise Unreadable("A file of the blob store can't be read: it is archived, restore it first.") from None


@contextmanager
def _writing(doing: str = "written") -> Iterator[None]:
    """What is to be written to is not there."""
    try:
        with buckets.translated(doing):
            yield
    except Absent:
        raise Unavailable(
            "The blob store can't be written: there is no such bucket, or the upload was removed; make the bucket, or "
            "try again."
        ) from None


def _as_ours(error: BaseException) -> BaseException:
    if isinstance(error, Present):
        return Unavailable("The blob store can't be written: there is something under a new key.")
    if isinstance(error, OSError):
        return Unavailable(f"The spool folder can't be used: {error.strerror}.")
    return error


def _together(tasks: Sequence[Future[T]]) -> list[T]:
    wait(tasks)
    return [task.result() for task in tasks]


def _runs(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Start and end of what is read at once for some (offset, length): neighbours together."""
    runs: list[tuple[int, int]] = []
    for start, end in sorted((offset, offset + length) for offset, length in ranges if length):
        if runs and start - runs[-1][1] <= _GAP:
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((start, end))
    return runs


def _within(starts: Sequence[int], found: Sequence[memoryview], offset: int, length: int) -> bytes:
    """A range, out of the run that holds it."""
    if not length:
        return b""
    run = bisect_right(starts, offset) - 1
    begin = offset - starts[run]
    return bytes(found[run][begin : begin + length])
