"""Whatever is done to a trail is found, and its place named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from filmroom.audit import chain
from filmroom.audit.records import by_itself
from tests.audit import given

Lines = list[bytes]


def _changed(lines: Lines) -> Lines:
    return [*lines[:2], lines[2].replace(b"someone", b"nobody!"), *lines[3:]]


def _last_changed(lines: Lines) -> Lines:
    return [*lines[:-1], lines[-1].replace(b"someone", b"nobody!")]


def _swapped(lines: Lines) -> Lines:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _twice(lines: Lines) -> Lines:
    return [*lines[:3], lines[2], *lines[3:]]


@pytest.mark.parametrize(
    ("done", "found"),
    [
        (_changed, "line 3: it is not as it was written"),
        (_last_changed, "its last line, number 5, is not as it was written"),
        (lambda lines: [*lines[:1], *lines[2:]], "line 2: it has number 3; number 2 is missing"),
        (lambda lines: [*lines[:1], *lines[3:]], "line 2: it has number 4; numbers 2 to 3 are missing"),
        (lambda lines: lines[1:], "the lines before number 2 are missing"),
        (_swapped, "line 2: it has number 3; number 2 is missing"),
        (_twice, "line 4: it has number 3, behind number 3; lines were moved, or written twice"),
        (lambda lines: lines[:-1], "The end is missing: the last line is number 4, and number 5 was written"),
        (lambda lines: [], "The end is missing: the last line is number 0, and number 5 was written"),
        (lambda lines: [*lines[:2], b"nothing\n", *lines[3:]], "line 3: it is no line of the trail"),
        (lambda lines: [*lines[:4], lines[4][:-1]], "line 5: it is no line of the trail"),
    ],
)
def test_what_was_done_to_a_file_is_found(tmp_path: Path, done: Callable[[Lines], Lines], found: str) -> None:
    path = given.written(tmp_path)
    given.rewrite(path, done(path.read_bytes().splitlines(keepends=True)))
    broken = given.check(tmp_path).broken
    assert broken is not None
    assert found in broken


@pytest.mark.parametrize(
    ("removed", "found"),
    [
        (0, "are missing, and the sealed note does not say that they may be"),
        (1, "are missing"),
        (-1, "The end is missing"),
    ],
)
def test_a_file_that_was_removed_is_found(tmp_path: Path, removed: int, found: str) -> None:
    made = given.open_trail(tmp_path, largest=400)
    for number in range(9):
        made.append([given.fact(number)])
    given.files(tmp_path)[removed].unlink()
    broken = given.check(tmp_path).broken
    assert broken is not None
    assert found in broken


def test_that_lines_may_be_missing_nobody_can_say_without_the_key(tmp_path: Path) -> None:
    """Not before a process goes on behind the line that says so, and not after."""
    made = given.open_trail(tmp_path, largest=400)
    for number in range(9):
        made.append([given.fact(number)])
    made.close()
    first, *_, last = given.files(tmp_path)
    kept, end = (path.read_bytes().splitlines(keepends=True) for path in (first, last))
    retired = by_itself(chain.RETIRED, files=1, through=len(kept), hash=chain.digest(kept[-1]))
    with last.open("ab") as file:
        file.write(chain.line(10, chain.digest(end[-1]), retired))
    first.unlink()
    for _ in range(2):
        broken = given.check(tmp_path).broken
        assert broken is not None
        assert "are missing, and the sealed note does not say that they may be" in broken
        given.open_trail(tmp_path, largest=400).append([given.fact(11)])


def test_a_trail_that_was_written_anew_as_a_whole_is_found(tmp_path: Path) -> None:
    """Every hash fits, but nobody without the key can make the note."""
    path = given.written(tmp_path)
    (tmp_path / "other").mkdir()
    given.rewrite(path, given.written(tmp_path / "other").read_bytes().splitlines(keepends=True)[:4])
    assert given.check(tmp_path).broken is not None
    (tmp_path / "audit/head").write_bytes((tmp_path / "other/audit/head").read_bytes())
    broken = given.check(tmp_path).broken
    assert broken is not None
    assert "not sealed with this key" in broken


def test_without_the_key_the_end_is_not_vouched_for(tmp_path: Path) -> None:
    given.written(tmp_path)
    (tmp_path / "audit-key").unlink()
    broken = given.check(tmp_path).broken
    assert broken is not None
    assert "can't be read" in broken


def test_a_trail_that_is_gone_is_no_sound_one(tmp_path: Path) -> None:
    assert given.check(tmp_path).broken is not None


def test_a_sound_trail_has_a_last_line_to_note_elsewhere(tmp_path: Path) -> None:
    given.written(tmp_path, 7)
    report = given.check(tmp_path)
    assert (report.broken, report.lines, report.files, report.head.number) == (None, 7, 1, 7)
    assert report.first < report.last
