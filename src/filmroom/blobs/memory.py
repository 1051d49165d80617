"""A blob store in memory, for tests."""

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from filmroom.blobs.folder import translated
from filmroom.blobs.store import Content, Parts, checked, checked_note, missing, short


class Memory:
    """A blob store in memory, for tests. It is as durable as the process."""

    batch = 0

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[bytes, float]] = {}
        self._notes: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, key: str, content: Content) -> None:
        self.put_all([(key, content)])

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        taken = [(checked(key), content) for key, content in blobs]
        with translated("written"), self._lock:
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
            return self._blobs[checked(key)][0]
        except KeyError as error:
            raise missing() from error

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        content = self.get(key)
        if any(offset + length > len(content) for offset, length in ranges):
            raise short()
        return [content[offset : offset + length] for offset, length in ranges]

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        content = self.get(key)
        end = offset + length if length is not None else len(content)
        for start in range(offset, end, chunk):
            yield from self.get_ranges(key, [(start, min(chunk, end - start))])

    def streams(self, blobs: Sequence[tuple[str, int]]) -> Sequence[Iterator[bytes]]:
        return [self.stream(key, 0, length) for key, length in blobs]

    def size(self, key: str) -> int:
        return len(self.get(key))

    def delete(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._blobs.pop(checked(key), None)

    def close(self) -> None:
        pass

    def list(self) -> Iterator[tuple[str, float]]:
        for key, (_, put_at) in sorted(self._blobs.items()):
            yield key, time.time() - put_at

    def write_note(self, name: str, content: bytes, *, once: bool = False) -> None:
        with self._lock:
            if not once or name not in self._notes:
                self._notes[checked_note(name)] = bytes(content)

    def read_note(self, name: str) -> bytes | None:
        return self._notes.get(checked_note(name))
