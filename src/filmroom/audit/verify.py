"""Whether the trail is as it was written: every line follows from the one before, and the last is what it was."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from filmroom.audit import chain, trail
from filmroom.audit.chain import Head


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
    try:
        report.broken = next(_breaks(found, sizes, report), None) or _end(report, notes, key_file)
    except OSError as error:
        report.broken = f"{error.filename} can't be read: {error.strerror}."
    return report


def lines(path: Path, size: int) -> Iterator[bytes]:
    """The lines of a file, as long as it was when it was looked at."""
    with path.open("rb") as file:
        while (left := size - file.tell()) > 0 and (written := file.readline(left)):
            yield written


def _breaks(found: list[Path], sizes: dict[str, int], report: Report) -> Iterator[str]:
    missing: tuple[str, int, str] | None = None  # where lines before the first one are missing, and which they were
    before = ""
    for path in found:
        for place, written in enumerate(lines(path, sizes[path.name]), 1):
            where = f"{path.name}, line {place}"
            facts = _facts(written)
            if facts is None:
                yield f"{where}: it is no line of the trail."
                return
            number = facts["n"]
            if not report.lines:
                missing = (where, number - 1, facts["prev"]) if number > 1 else None
            elif number != report.head.number + 1:
                yield _gap(where, number, report.head.number)
            elif facts["prev"] != report.head.hash:
                yield f"{before}: it is not as it was written; the line behind it, {where}, follows from another one."
            if missing and facts.get("action") == chain.RETIRED and (facts["through"], facts["hash"]) == missing[1:]:
                missing = None
            if facts.get("action") == chain.RECOVERED:
                yield from _recovered(where, facts, report)
            _count(report, number, written, path.name, str(facts.get("time", "")))
            before = where
    if missing:
        yield f"{missing[0]}: the lines before number {missing[1] + 1} are missing, and no line says that they may be."


def _facts(written: bytes) -> dict[str, Any] | None:
    try:
        facts = orjson.loads(written)
        if isinstance(facts["n"], int) and isinstance(facts["prev"], str) and written.endswith(b"\n"):
            return dict(facts)
    except (ValueError, TypeError, KeyError):
        pass
    return None


def _gap(where: str, number: int, before: int) -> str:
    if number <= before:
        return f"{where}: it has number {number}, behind number {before}; lines were moved, or written twice."
    missing = f"number {before + 1} is" if number == before + 2 else f"numbers {before + 1} to {number - 1} are"
    return f"{where}: it has number {number}; {missing} missing."


def _recovered(where: str, facts: dict[str, Any], report: Report) -> Iterator[str]:
    if facts.get("broken"):
        yield f"{where}: the service went on here, and what was before it, or the note of the head, was not as it was."
    else:
        report.notes.append(
            f"{where}: a process was ended before it noted {facts.get('adopted')} lines, "
            f"and {facts.get('torn')} bytes of one that was not complete."
        )


def _count(report: Report, number: int, written: bytes, file: str, time: str) -> None:
    size = report.head.size if report.head.file == file else 0
    report.head = Head(number, chain.digest(written), file, size + len(written))
    report.lines += 1
    report.first = report.first or time
    report.last = time


def _end(report: Report, notes: bytes, key_file: Path) -> str | None:
    """What the note says of the end."""
    try:
        key = trail.read_key(key_file)
    except OSError as error:
        return f"The end can't be checked: the key {key_file} can't be read ({error.strerror})."
    noted = chain.newest(notes, key)
    if noted is None:
        return "The note of the head is missing, or not sealed with this key: lines at the end may be missing."
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
