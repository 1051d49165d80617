"""A blob store whose calls are counted and timed, whichever store it is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from filmroom import metrics
from filmroom.blobs.store import BlobStore, Content, Parts
from filmroom.errors import Error
from filmroom.tracing import timed

_CALLS = ("put", "settle", "get", "get_ranges", "stream", "size", "delete", "write_note", "read_note")


class Metered:
    """Hands calls on to `store`, and says what they take, as those of a `kind`. A list is not timed: it is a walk."""

    def __init__(self, store: BlobStore, kind: str) -> None:
        self._store, self._kind = store, kind
        self._seconds = {call: metrics.blob_call_seconds.labels(kind, call) for call in _CALLS}
        self.batch = store.batch

    def put(self, key: str, content: Content) -> None:
        with self._timed("put"):
            self._store.put(key, content)

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        with self._timed("put"):
            self._store.put_all(blobs)

    def settle(self, keys: Iterable[str]) -> None:
        with self._timed("settle"):
            self._store.settle(keys)

    def get(self, key: str) -> bytes:
        with self._timed("get"):
            return self._store.get(key)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        with self._timed("get_ranges"):
            return self._store.get_ranges(key, ranges)

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        return self._begun(self._store.stream(key, offset, length, chunk))

    def streams(self, blobs: Sequence[tuple[str, int]]) -> Sequence[Iterator[bytes]]:
        return [self._begun(one) for one in self._store.streams(blobs)]

    def size(self, key: str) -> int:
        with self._timed("size"):
            return self._store.size(key)

    def delete(self, keys: Iterable[str]) -> None:
        with self._timed("delete"):
            self._store.delete(keys)

    def close(self) -> None:
        self._store.close()

    def list(self) -> Iterator[tuple[str, float]]:
        return self._store.list()

    def write_note(self, name: str, content: bytes, *, once: bool = False) -> None:
        with self._timed("write_note"):
            self._store.write_note(name, content, once=once)

    def read_note(self, name: str) -> bytes | None:
        with self._timed("read_note"):
            return self._store.read_note(name)

    def _begun(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """How fast the rest comes is a matter of who takes it."""
        with self._timed("stream"):
            first = next(chunks, None)
        if first is not None:
            yield first
            del first
            yield from chunks

    def _timed(self, call: str) -> "_Call":
        return _Call(self._seconds[call], self._kind, call)


class _Call(timed):
    __slots__ = ("_call", "_kind")

    def __init__(self, seconds: Any, kind: str, call: str) -> None:
        super().__init__(seconds, "blobs")
        self._kind, self._call = kind, call

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if isinstance(error[1], Error):
            metrics.blob_errors.labels(self._kind, self._call, type(error[1]).__name__).inc()
