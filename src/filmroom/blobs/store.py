"""What a blob store is: keys, what can be done with them, and what is said when it can't be done.

A key is 32 hexadecimal digits: the milliseconds of its making (so that an index of keys grows at its end),
two digits of the folder, five of the data partition, random digits. The keys of one second share a folder, and those
who store at once its sync.

Beside the blobs lie notes: small texts that say what blobs they are.
"""

import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from filmroom.errors import Lost, Unavailable

Content = bytes | bytearray | Path
Parts = list[bytes]  # a name of its own, for `list` is a method below

KEY = re.compile(r"[0-9a-f]{32}")
FOLDER = slice(12, 14)
PARTITION = slice(14, 19)
LARGEST_PARTITION = 16**5 - 1  # the key of a data partition that has its digits
_RANDOM = 4 * (32 - PARTITION.stop)  # bits
_NOTE = re.compile(r"[a-z]+(-[a-z]+)*")


class BlobStore(Protocol):
    """Bytes under keys. Everything raises Unavailable when the store does not do as it is told.

    What reads raises Lost when the content is missing, or shorter than what is asked for.
    """

    batch: int  # bytes of ranges that are best read by one call; 0 where a call costs nothing

    def put(self, key: str, content: Content) -> None:
        """Store the content, durably when this returns. A file is moved into the store where that is possible."""

    def put_all(self, blobs: Iterable[tuple[str, Content]]) -> None:
        """Store all or none. The bytes are on the disk when this returns; the names are when `settle` has."""

    def settle(self, keys: Iterable[str]) -> None:
        """What was put under the keys is there to stay when this returns. One call serves many requests."""

    def get(self, key: str) -> bytes:
        """The whole content."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Parts:
        """The content of each (offset, length)."""

    def stream(self, key: str, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        """The content from `offset` on, in chunks; nothing is opened before the first is taken."""

    def streams(self, blobs: Sequence[tuple[str, int]]) -> Sequence[Iterator[bytes]]:
        """The whole contents of blobs (key, length) that are taken in this order: the next are on their way."""

    def size(self, key: str) -> int:
        """The length of the content in bytes."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what is there; a key without content is no error."""

    def close(self) -> None:
        """Let go of threads and connections."""

    def list(self) -> Iterator[tuple[str, float]]:
        """Every key with the seconds since it was put."""

    def write_note(self, name: str, content: bytes, *, once: bool = False) -> None:
        """Have a note say this, durably, whole or not at all. `once`: what it says already stays, also a moment old."""

    def read_note(self, name: str) -> bytes | None:
        """What a note says, if it is there."""


def new_keys(count: int, partition: int = 1) -> list[str]:
    """Keys that nobody has had before, for the files of one request.

    Milliseconds, folder, data partition (the default one is the first), random. Keys of one second share a folder, so
    that requests at the same time share its sync. They grow, so that a rebuild adds the files of a request in order.
    """
    milliseconds = time.time_ns() // 1_000_000
    start = f"{milliseconds:012x}{milliseconds // 1000 % 256:02x}{partition:05x}"
    return sorted(f"{start}{secrets.randbits(_RANDOM):013x}" for _ in range(count))


def made_at(key: str) -> float:
    """When a key was made, in seconds since 1970."""
    return int(key[:12], 16) / 1000


def partition_of(key: str) -> int:
    """The key of the data partition that a file belongs to: so the index can be made again from the files."""
    return int(key[PARTITION], 16)


def checked(key: str) -> str:
    """A key becomes a path: one that is not ours could lead anywhere."""
    if not KEY.fullmatch(key):
        raise Unavailable("The index names a file by a key that is not of this blob store; the index is damaged.")
    return key


def checked_note(name: str) -> str:
    """So does the name of a note, which is never that of a folder."""
    if not _NOTE.fullmatch(name) or len(name) < 4:
        raise ValueError(f"not a name of a note: {name}")
    return name


def missing() -> Lost:
    """Nothing is under the key."""
    return Lost("The file of a stored Instance is missing from the blob store; restore it from a backup.")


def short() -> Lost:
    """Less is under the key than the index says."""
    return Lost("The file of a stored Instance is shorter than it was; restore it from a backup.")
