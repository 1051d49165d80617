"""Whether the trail is as it was written: every line follows from the one before, and the last is what it was."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from filmroom.audit import chain, trail
from filmroom.audit.chain import Head
from filmroom.audit.records import Record


@dataclass(slots=True)
class Report:
    """What was found. `broken` is the first place where the trail is not as it was written; None if there is none."""

    lines: int = 0
    files: int = 0
    head: Head = field(default_factory=Head)  # the last line that is there
    first: str = ""  # time of the first line
    last: str = ""
    broken: str | None = None
    notes: list[str] = field(default_factory=list)  # what an auditor may want to know, and is no break


def check(folder: Path, key_file: Path) -> Report:
    """Go through the whole trail. The service may be running."""
    report = Report()
    if not folder.is_dir():
        report.broken = f"There is no audit trail in {folder}."
        return report
    with trail.locked(folder, shared=True):  # nobody writes; what is there is enough to go on without it
        found, sizes = trail.files(folder), {path.name: path.stat().st_size for path in trail.files(folder)}
        notes = (folder / trail.HEAD).read_bytes() if (folder / trail.HEAD).exists() else b""
    report.files = len(found)
    noted, obstacle = _noted(notes, key_file)
    try:
        report.broken = _Walk(report, noted).go(found, sizes) or obstacle or _end(report, noted)
    except OSError as error:
        report.broken = f"{error.filename} can't be read: {error.strerror}."
    return report


def lines(path: Path, size: int) -> Iterator[bytes]:
    """The lines of a file, as long as it was when it was looked at."""
    with path.open("rb") as file:
        while (left := size - file.tell()) > 0 and (written := file.readline(left)):
            yield written


class _Walk:
    """From line to line, until one is not as it was written; gives in a sentence which, and why."""

    def __init__(self, report: Report, noted: Head | None) -> None:
        self._report, self._noted = report, noted
        self._before = ""  # where the line before is

    def go(self, paths: Iterable[Path], sizes: Mapping[str, int]) -> str | None:
        for path in paths:
            for place, written in enumerate(lines(path, sizes[path.name]), 1):
                broken = self._step(path.name, f"{path.name}, line {place}", written)
                if broken is not None:
                    return broken
        return None

    def _step(self, file: str, where: str, written: bytes) -> str | None:
        record = _record(written)
        if record is None:
            return f"{where}: it is no line of the trail."
        broken = self._follows(where, record)
        if broken is None and record.get("action") == chain.RECOVERED:
            broken = self._recovered(where, record)
        if broken is not None:
            return broken
        self._count(file, record, written)
        self._before = where
        return None

    def _follows(self, where: str, record: Record) -> str | None:
        number, head = record["n"], self._report.head
        if not self._report.lines:
            if self._noted is None or number <= self._noted.first:
                return None  # of a process that was killed more may be left than must be there
            missing = f"the lines before number {number} are missing"
            return f"{where}: {missing}, and the sealed note does not say that they may be."
        if number <= head.number:
            return f"{where}: it has number {number}, behind number {head.number}; lines were moved, or written twice."
        if number > head.number + 1:
            first, last = head.number + 1, number - 1
            missing = f"number {first} is" if first == last else f"numbers {first} to {last} are"
            return f"{where}: it has number {number}; {missing} missing."
        if record["prev"] != head.hash:
            return (
                f"{self._before}: it is not as it was written; the line behind it, {where}, follows from another one."
            )
        return None

    def _recovered(self, where: str, record: Record) -> str | None:
        if record.get("broken"):
            was = "what was before it, or the note of the head, was not as it was"
            return f"{where}: the service went on here, and {was}."
        self._report.notes.append(
            f"{where}: a process was ended before it noted {record.get('adopted')} lines, "
            f"and {record.get('torn')} bytes of one that was not complete."
        )
        return None

    def _count(self, file: str, record: Record, written: bytes) -> None:
        report, time = self._report, str(record.get("time", ""))
        size = report.head.size if report.head.file == file else 0
        report.head = Head(record["n"], chain.digest(written), file, size + len(written))
        report.lines += 1
        report.first, report.last = report.first or time, time


def _record(written: bytes) -> Record | None:
    """What a line says, if it is one."""
    try:
        found = orjson.loads(written)
        if isinstance(found["n"], int) and isinstance(found["prev"], str) and written.endswith(b"\n"):
            return dict(found)
    except (ValueError, TypeError, KeyError):
        pass
    return None


def _noted(notes: bytes, key_file: Path) -> tuple[Head | None, str]:
    """What the note says, or why it says nothing."""
    try:
        noted = chain.newest(notes, trail.read_key(key_file))
    except OSError as error:
        return None, f"The end can't be checked: the key {key_file} can't be read ({error.strerror})."
    missing = "The note of the head is missing, or not sealed with this key: lines at the end may be missing."
    return noted, "" if noted else missing


def _end(report: Report, noted: Head | None) -> str | None:
    """What the note says of the end."""
    if noted is None:
        return None
    if noted.number > report.head.number:
        return (
            f"The end is missing: the last line is number {report.head.number}, and number {noted.number} was written."
        )
    if noted.number == report.head.number and noted.hash != report.head.hash:
        return f"{report.head.file}: its last line, number {noted.number}, is not as it was written."
    if noted.number < report.head.number:
        more = report.head.number - noted.number
        report.notes.append(
            f"The last {more} lines are not noted: a process was ended before it did, or somebody else wrote them."
        )
    return None
