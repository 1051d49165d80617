"""The files of the trail, which all processes of a machine write together: one chain, under one lock.

To append, in order, and why:

(1) take the lock                     processes write in turn: one order of all that was done
(2) read the note of the head         another process may have written since
(3) look at the end of the file       a process that was killed may have written lines and no note; what is missing
                                      there is written down, so that `verify` shows it for ever
(4) begin a new file, if it is time   of a day or a size; the files that may go are named in the trail, and removed
                                      once the note says where it begins now: a line that says so anybody can write
(5) write the lines, and sync         what is in the note is on the disk
(6) write the note                    in one of two slots: a loss of power can tear one
"""

import errno
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from filmroom import durable
from filmroom.audit import chain
from filmroom.audit.chain import Head
from filmroom.audit.records import Facts, by_itself
from filmroom.durable import sync, sync_folder, write_all

LOCK, HEAD = "lock", "head"
PATTERN = "*.jsonl"
DAY = 24 * 3600.0  # seconds
KEY = 32  # bytes
_DIGITS = 12


def files(folder: Path) -> list[Path]:
    """The files of the trail, the oldest first: their names begin with the number of their first line."""
    return sorted(folder.glob(PATTERN))


def read_key(path: Path) -> bytes:
    """The key of the seals. OSError if there is none: what is shorter was not written wholly, and anybody can guess it.

    Its `strerror` is a sentence for people.
    """
    key = path.read_bytes()
    if len(key) < KEY:
        raise OSError(errno.EINVAL, f"the audit key has fewer than {KEY} bytes; restore it from a backup", str(path))
    return key


def locked(folder: Path, *, shared: bool = False) -> AbstractContextManager[None]:
    """Keep others from writing, until the block ends."""
    return durable.locked(folder / LOCK, shared=shared)


class Trail:
    """The trail in a folder. One thread uses it.

    A file has `largest` bytes, and is kept for `retention` days; 0 is for ever.
    """

    def __init__(self, folder: Path, key_file: Path, largest: int = 64 << 20, retention: float = 0.0) -> None:
        self.folder = folder
        self._key_file, self._largest, self._retention = key_file, largest, retention
        self._key = b""
        self._notes = b""  # as they were when the head was read, or written
        self._head = Head()
        self._file, self._open = -1, ""

    def append(self, facts: Sequence[Facts]) -> None:
        """Write lines, which are on the disk when this returns. If they can't be: OSError, and nothing has changed."""
        if not self._key:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._key_file.exists():
                durable.create(self._key_file, secrets.token_bytes(KEY))
            self._key = read_key(self._key_file)
        try:
            with locked(self.folder):  # (1)
                self._look()  # (2), (3)
                self._rotate(time.time())  # (4)
                self._write(facts)  # (5), (6)
        except BaseException:
            self.close()  # what is known of the head may be more than there is
            raise

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._open, self._notes, self._head = -1, "", b"", Head()

    def _look(self) -> None:
        notes = _read(self.folder / HEAD)
        if notes != self._notes:
            self._head, self._notes = chain.newest(notes, self._key) or Head(), notes
        there = self._head.file and self._take(self._head.file, make=False)
        size = os.fstat(self._file).st_size if there else 0
        if size > self._head.size:
            self._adopt()
        elif size < self._head.size or (not self._head.file and files(self.folder)):
            self._go_on_behind_a_break()

    def _take(self, name: str, *, make: bool = True) -> bool:
        """Have that file open, and not another of its name that was put aside. Whether it is there."""
        path = self.folder / name
        if self._open == name:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(self._file)):
                    return True
        if self._file >= 0:
            os.close(self._file)
            self._file, self._open = -1, ""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
        except FileNotFoundError:
            return False
        self._open = name
        return True

    def _adopt(self) -> None:
        """Go on behind lines that no note names: their process was killed before it wrote one."""
        head, adopted = self._head, 0
        lines, torn = self._whole_lines(head.size)
        for written in lines:
            adopted += 1
            size = head.size + len(written)
            head = replace(head, number=head.number + 1, hash=chain.digest(written), file=self._open, size=size)
        self._head = head
        self._write([by_itself(chain.RECOVERED, adopted=adopted, torn=torn)])

    def _go_on_behind_a_break(self) -> None:
        """Lines are missing that the note names, or the note itself is. Go on behind what is there, and say so."""
        number, last, size, sound = self._head.number, self._head.hash, 0, not self._head.number
        for path in reversed(files(self.folder)):
            self._take(path.name)
            lines, _ = self._whole_lines(0)
            if lines:
                sound = False
                number, last, size = max(number, _number(lines[-1])), chain.digest(lines[-1]), sum(map(len, lines))
                break
        if sound:  # nothing was ever written: the disk was full
            return
        self._head = replace(self._head, number=number, hash=last, file=self._open, size=size)
        if not self._open:
            self._rotate(time.time())
        self._write([by_itself(chain.RECOVERED, broken=True)])

    def _whole_lines(self, begin: int) -> tuple[list[bytes], int]:
        """The lines of the file from there on, and how many bytes of a line that was not written wholly are cut off."""
        size = os.fstat(self._file).st_size
        lines = os.pread(self._file, size - begin, begin).splitlines(keepends=True)
        torn = len(lines.pop()) if lines and not lines[-1].endswith(b"\n") else 0
        if torn:
            os.ftruncate(self._file, size - torn)
        return lines, torn

    def _rotate(self, now: float) -> None:
        head = self._head
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        if head.file and head.size < self._largest and today in head.file:
            return
        first = f"{head.number + 1:0{_DIGITS}}-"
        begun = [path.name for path in self.folder.glob(f"{first}*")]  # by a process that was killed at just this
        self._take((begun or [f"{first}{today}.jsonl"])[0])
        sync_folder(self.folder)
        self._head = replace(head, file=self._open, size=0)
        if os.fstat(self._file).st_size:
            self._adopt()
        if self._retention:
            self._retire(now - self._retention * DAY)

    def _retire(self, before: float) -> None:
        """Remove files that have not been written to since a time, once the trail says what was the last in them."""
        all_files = files(self.folder)
        gone = [path for path in all_files[:-1] if path.stat().st_mtime < before]
        if not gone:
            return
        with gone[-1].open("rb") as file:
            *_, last = file
        through = _number(last)
        self._head = replace(self._head, first=through + 1)
        self._write([by_itself(chain.RETIRED, files=len(gone), through=through, hash=chain.digest(last))])
        for path in gone:
            path.unlink()

    def _write(self, facts: Sequence[Facts]) -> None:
        head, lines = self._head, []
        number, previous = head.number, head.hash
        for one in facts:
            number += 1
            lines.append(chain.line(number, previous, one))
            previous = chain.digest(lines[-1])
        block = b"".join(lines)
        try:
            write_all(self._file, block)
            sync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, head.size)
            raise
        self._head = replace(head, number=number, hash=previous, file=self._open, size=head.size + len(block))
        self._note()

    def _note(self) -> None:
        notes = self._notes[: 2 * chain.SLOT].ljust(2 * chain.SLOT)
        slots = [notes[: chain.SLOT], notes[chain.SLOT :]]
        older = min((0, 1), key=lambda slot: (chain.newest(slots[slot], self._key) or Head(-1)).number)
        slots[older] = self._head.written(self._key)
        descriptor = os.open(self.folder / HEAD, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, slots[older], older * chain.SLOT)
        finally:
            os.close(descriptor)
        self._notes = _read(self.folder / HEAD)


def _number(written: bytes) -> int:
    try:
        return int(orjson.loads(written)["n"])
    except (ValueError, TypeError, KeyError):
        return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
