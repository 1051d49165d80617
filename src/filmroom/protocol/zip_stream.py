"""ZIP archives written while they are sent (APPNOTE.TXT 6.3): files are stored, not compressed, and held in no memory.

A file's CRC-32 is known when its last byte is sent, so it stands behind the file (§4.3.9) and in the directory at the
end. Where lengths are known beforehand, so is that of the archive.
"""

import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

_LIMIT32, _LIMIT16 = 0xFFFFFFFF, 0xFFFF
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8  # made by; so that the permissions are understood
_PERMISSIONS = 0o100644 << 16
_FLAGS = 1 << 3 | 1 << 11  # CRC-32 and lengths come behind; names are UTF-8

_LOCAL = Struct("<4s5H3L2H")
_LOCAL_64 = Struct("<2H2Q")
_BEHIND = Struct("<4s3L")
_BEHIND_64 = Struct("<4sL2Q")
_ENTRY = Struct("<4s6H3L5H2L")
_ENTRY_64 = Struct("<2H3Q")
_END_64 = Struct("<4sQ2H2L4Q")
_LOCATOR_64 = Struct("<4sLQL")
_END = Struct("<4s4H2LH")
_EXTRA_64 = 1  # the id of the field for long numbers (§4.5.3)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its name with "/" between folders, its length if known, when it was made, its bytes."""

    name: str
    length: int | None
    modified: float
    chunks: Iterable[bytes]

    @property
    def long(self) -> bool:
        """Whether its length may not fit 32 bits."""
        return self.length is None or self.length >= _LIMIT32


@dataclass(frozen=True, slots=True)
class _Written:
    entry: Entry
    length: int
    crc: int
    offset: int


def write(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive, in chunks. An entry is taken when its turn comes, so the last may tell of those before it."""
    written, position = [], 0
    for entry in entries:
        head = _head(entry)
        yield head
        length = crc = 0
        for chunk in entry.chunks:
            crc, length = zlib.crc32(chunk, crc), length + len(chunk)
            yield chunk
        tail = (_BEHIND_64 if entry.long else _BEHIND).pack(b"PK\7\x08", crc, length, length)
        yield tail
        written.append(_Written(entry, length, crc, position))
        position += len(head) + length + len(tail)
    directory = b"".join(map(_directory_entry, written))
    yield directory
    yield _end(len(written), len(directory), position)


def length_of(entries: Sequence[Entry]) -> int | None:
    """The length of the archive, if those of all files are known."""
    position = directory = 0
    for entry in entries:
        if entry.length is None:
            return None
        directory += len(_directory_entry(_Written(entry, entry.length, 0, position)))
        position += len(_head(entry)) + entry.length + (_BEHIND_64 if entry.long else _BEHIND).size
    return position + directory + len(_end(len(entries), directory, position))


def _head(entry: Entry) -> bytes:
    name = entry.name.encode()
    version, sizes, extra = _VERSION, 0, b""
    if entry.long:
        version, sizes, extra = _VERSION_64, _LIMIT32, _LOCAL_64.pack(_EXTRA_64, 16, 0, 0)
    clock, day = _dos(entry.modified)
    head = _LOCAL.pack(b"PK\3\4", version, _FLAGS, 0, clock, day, 0, sizes, sizes, len(name), len(extra))
    return head + name + extra


def _directory_entry(written: _Written) -> bytes:
    entry, length, offset = written.entry, written.length, written.offset
    name, version, extra = entry.name.encode(), _VERSION_64 if entry.long else _VERSION, b""
    if length >= _LIMIT32 or offset >= _LIMIT32:
        version, extra = _VERSION_64, _ENTRY_64.pack(_EXTRA_64, 24, length, length, offset)
        length = offset = _LIMIT32
    clock, day = _dos(entry.modified)
    fixed = (b"PK\1\2", _UNIX | version, version, _FLAGS, 0, clock, day, written.crc, length, length)
    return _ENTRY.pack(*fixed, len(name), len(extra), 0, 0, 0, _PERMISSIONS, offset) + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    """What stands behind the directory; numbers that are too long for it in a record of their own (§4.3.14)."""
    long = b""
    if count >= _LIMIT16 or size >= _LIMIT32 or offset >= _LIMIT32:
        versions = (_UNIX | _VERSION_64, _VERSION_64)
        long = _END_64.pack(b"PK\6\6", _END_64.size - 12, *versions, 0, 0, count, count, size, offset)
        long += _LOCATOR_64.pack(b"PK\6\7", 0, offset + size, 1)
    count, size, offset = min(count, _LIMIT16), min(size, _LIMIT32), min(offset, _LIMIT32)
    return long + _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


def _dos(seconds: float) -> tuple[int, int]:
    """Time and date (§4.4.6), which begin in 1980 and know no time zone."""
    year, month, day, hour, minute, second, *_ = time.gmtime(max(seconds, 315532800))
    return hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
