"""The trail goes on behind whatever it finds, and says so."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filmroom.audit import chain
from tests.audit import given

HEAD = "audit/head"


def test_each_line_holds_the_hash_of_the_one_before(tmp_path: Path) -> None:
    path = given.written(tmp_path)
    written = path.read_bytes().splitlines(keepends=True)
    found = given.lines(tmp_path)
    assert [line["n"] for line in found] == [1, 2, 3, 4, 5]
    assert [line["prev"] for line in found] == [chain.NOTHING, *map(chain.digest, written[:-1])]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    given.written(tmp_path)
    for path in (*(tmp_path / "audit").iterdir(), tmp_path / "audit-key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700


def test_a_file_begins_when_the_one_before_is_full(tmp_path: Path) -> None:
    made = given.open_trail(tmp_path, largest=400)
    for number in range(6):
        made.append([given.fact(number)])
    assert len(given.files(tmp_path)) == 2
    assert given.check(tmp_path).broken is None


def test_a_file_begins_with_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = given.open_trail(tmp_path)
    for day in (1, 1, 2):
        now = datetime(2026, 1, day, tzinfo=UTC).timestamp()
        monkeypatch.setattr("time.time", lambda now=now: now)
        made.append([given.fact(1)])
    assert [path.name for path in given.files(tmp_path)] == [
        "000000000001-2026-01-01.jsonl",
        "000000000003-2026-01-02.jsonl",
    ]
    assert given.check(tmp_path).broken is None


def test_several_trails_make_one_chain(tmp_path: Path) -> None:
    one, other = given.open_trail(tmp_path, largest=2000), given.open_trail(tmp_path, largest=2000)
    for number in range(20):
        (one, other)[number % 2].append([given.fact(number)] * (1 + number % 3))
    report = given.check(tmp_path)
    assert (report.broken, report.notes) == (None, [])
    assert report.lines == 39


def test_processes_write_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.audit import given\n"
        "made = given.open_trail(Path(sys.argv[1]), largest=5000)\n"
        "for number in range(30): made.append([given.fact(number, who=sys.argv[2])] * 2)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen([*command, name], cwd=Path(__file__).parents[2]) for name in "abc"]
    assert [one.wait() for one in running] == [0, 0, 0]
    report = given.check(tmp_path)
    assert (report.broken, report.notes, report.lines) == (None, [], 180)
    assert {line["who"] for line in given.lines(tmp_path)} == {"a", "b", "c"}


def test_lines_of_a_process_that_was_killed_before_it_noted_them_are_kept(tmp_path: Path) -> None:
    given.written(tmp_path)
    before = (tmp_path / HEAD).read_bytes()
    made = given.open_trail(tmp_path)
    made.append([given.fact(6), given.fact(7)])
    (tmp_path / HEAD).write_bytes(before)
    assert given.check(tmp_path).notes == [
        "The last 2 lines are not noted: a process was ended before it did, or somebody else wrote them."
    ]
    given.open_trail(tmp_path).append([given.fact(9)])
    assert [line["n"] for line in given.lines(tmp_path)] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert given.lines(tmp_path)[7]["action"] == chain.RECOVERED
    assert given.lines(tmp_path)[7]["adopted"] == 2
    assert given.check(tmp_path).broken is None


def test_half_a_line_is_cut_off(tmp_path: Path) -> None:
    path = given.written(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"n":6,"prev"')
    given.open_trail(tmp_path).append([given.fact(7)])
    assert [(line["action"], line.get("torn")) for line in given.lines(tmp_path)[5:]] == [
        (chain.RECOVERED, 13),
        ("retrieve", None),
    ]
    assert given.check(tmp_path).broken is None


def test_a_file_that_was_just_begun_when_its_process_was_killed_is_gone_on_with(tmp_path: Path) -> None:
    made = given.open_trail(tmp_path, largest=100)
    made.append([given.fact(1)])
    before = (tmp_path / HEAD).read_bytes()
    made.append([given.fact(2)])
    (tmp_path / HEAD).write_bytes(before)
    given.open_trail(tmp_path, largest=100).append([given.fact(4)])
    assert [line["n"] for line in given.lines(tmp_path)] == [1, 2, 3, 4]
    assert given.check(tmp_path).broken is None


def test_one_slot_of_the_note_may_be_torn(tmp_path: Path) -> None:
    made = given.open_trail(tmp_path)
    for number in range(3):
        made.append([given.fact(number)])
    notes = bytearray((tmp_path / HEAD).read_bytes())
    newest = max((0, 1), key=lambda slot: _number(tmp_path, bytes(notes[slot * 512 : slot * 512 + 512])))
    notes[newest * 512 + 30] ^= 1
    (tmp_path / HEAD).write_bytes(notes)
    given.open_trail(tmp_path).append([given.fact(4)])
    assert given.check(tmp_path).broken is None
    assert given.lines(tmp_path)[3]["adopted"] == 1


def _number(folder: Path, slot: bytes) -> int:
    found = chain.newest(slot, (folder / "audit-key").read_bytes())
    assert found is not None
    return found.number


@pytest.mark.parametrize("gone", [HEAD, "audit-key"])
def test_it_goes_on_without_note_or_key_and_the_break_stays_visible(tmp_path: Path, gone: str) -> None:
    given.written(tmp_path)
    (tmp_path / gone).unlink()
    given.open_trail(tmp_path).append([given.fact(7)])
    assert [line["n"] for line in given.lines(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]
    broken = given.check(tmp_path).broken
    assert broken is not None
    assert "line 6: the service went on here" in broken


def test_a_key_that_was_not_written_wholly_seals_nothing(tmp_path: Path) -> None:
    path = given.written(tmp_path)
    before = path.read_bytes()
    (tmp_path / "audit-key").write_bytes(b"")
    with pytest.raises(OSError, match="fewer than 32 bytes"):
        given.open_trail(tmp_path).append([given.fact(7)])
    assert path.read_bytes() == before
    assert "the audit key has fewer than 32 bytes" in str(given.check(tmp_path).broken)


def test_the_key_is_on_the_disk_before_it_seals_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    given.written(tmp_path)
    assert synced[:2] == [(tmp_path / "audit-key").stat().st_ino, tmp_path.stat().st_ino]


@pytest.mark.parametrize("whole_file", [False, True])
def test_it_goes_on_behind_an_end_that_was_cut_off_and_the_break_stays_visible(
    tmp_path: Path, whole_file: bool
) -> None:
    path = given.written(tmp_path)
    kept = path.read_bytes().splitlines(keepends=True)[:3]
    if whole_file:
        path.unlink()
    else:
        given.rewrite(path, kept)
    given.open_trail(tmp_path).append([given.fact(7)])
    assert [line["n"] for line in given.lines(tmp_path)] == [*([] if whole_file else [1, 2, 3]), 6, 7]
    assert given.check(tmp_path).broken is not None


def test_a_full_disk_leaves_it_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = given.written(tmp_path)
    before = path.read_bytes()
    made = given.open_trail(tmp_path)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            made.append([given.fact(6)])
    assert path.read_bytes() == before
    made.append([given.fact(6)])
    assert given.check(tmp_path).broken is None


def test_files_go_when_their_time_is_over_and_the_trail_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = given.open_trail(tmp_path, largest=300, retention=30)
    for number in range(4):
        made.append([given.fact(number)])
    monkeypatch.setattr("time.time", lambda: 4e9)
    made.append([given.fact(5)])
    assert given.lines(tmp_path)[0]["n"] > 1
    assert [line["files"] for line in given.lines(tmp_path) if line["action"] == chain.RETIRED] == [2]
    assert given.check(tmp_path).broken is None


@pytest.mark.parametrize("noted", [False, True])
def test_a_process_that_is_killed_before_it_has_removed_old_files_leaves_no_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, noted: bool
) -> None:
    made = given.open_trail(tmp_path, largest=300, retention=30)
    for number in range(4):
        made.append([given.fact(number)])
    monkeypatch.setattr("time.time", lambda: 4e9)
    before = (tmp_path / HEAD).read_bytes()

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            made.append([given.fact(5)])
    if not noted:
        (tmp_path / HEAD).write_bytes(before)
    assert given.check(tmp_path).broken is None
    for number in range(2):
        given.open_trail(tmp_path, largest=300, retention=30).append([given.fact(number)])
        assert given.check(tmp_path).broken is None


def test_it_keeps_everything_unless_told_otherwise(tmp_path: Path) -> None:
    made = given.open_trail(tmp_path, largest=300)
    made.append([given.fact(1), given.fact(2)])
    os.utime(given.files(tmp_path)[0], (0, 0))
    made.append([given.fact(3)])
    made.append([given.fact(4)])
    assert given.lines(tmp_path)[0]["n"] == 1
