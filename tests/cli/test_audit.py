"""`filmroom audit`: verify, show and export, and the trail of what commands do."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from filmroom.archive import Archive
from filmroom.settings import Settings
from tests.audit import given
from tests.cli.program import Program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data of a service with a trail."""
    folder = tmp_path / "data"
    folder.mkdir()
    trail = given.open_trail(folder)
    trail.append([given.fact(1, study="1.2", patient="ID1", status=200, request="r1")])
    trail.append([given.fact(2, study="1.3", patient="ID2", status=404)])
    trail.append([given.fact(3, studies=["1.2", "1.4"], who="=other", action="export")])
    trail.close()
    return folder


def _json(ran: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def test_a_sound_trail_is_0_and_says_its_last_line(folder: Path, run: Program) -> None:
    ran = run("audit", "verify", "--data", folder)
    assert ran.code == 0
    assert "as it was written: 3 lines in 1 files" in ran.out
    assert f"number 3, SHA-256 {given.check(folder).head.hash}" in ran.out


def test_one_that_was_changed_is_1_and_names_the_place(folder: Path, run: Program) -> None:
    path = given.files(folder)[0]
    path.write_text(path.read_text().replace("ID2", "ID1"))
    ran = run("audit", "verify", "--data", folder)
    assert (ran.code, f"{path.name}, line 2: it is not as it was written" in ran.err) == (1, True)


def test_no_trail_is_none_to_show(tmp_path: Path, run: Program) -> None:
    assert run("audit", "verify", "--data", tmp_path).code == 1
    ran = run("audit", "show", "--data", tmp_path)
    assert (ran.code, "There is no audit trail" in ran.err) == (3, True)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], [1, 2, 3]),
        (["--study", "1.2"], [1, 3]),
        (["--patient", "ID2"], [2]),
        (["--who", "someone"], [1, 2]),
        (["--action", "export"], [3]),
        (["--since", "2026-01-02T03:04:02+00:00"], [2, 3]),
        (["--until", "2026-01-02T03:04:02+00:00"], [1]),
        (["--since", "1h"], []),
    ],
)
def test_records_are_chosen(folder: Path, run: Program, options: list[str], found: list[int]) -> None:
    assert [record["n"] for record in _json(run("audit", "show", "--json", "--data", folder, *options))] == found


def test_an_action_that_there_is_not_is_refused_with_those_that_there_are(folder: Path, run: Program) -> None:
    ran = run("audit", "show", "--action", "retreive", "--data", folder)
    assert (ran.code, ran.out) == (2, "")
    assert all(known in ran.err for known in ("retrieve", "export", "delete"))
    assert run("audit", "show", "--action", "delete", "--data", folder).code == 0


def test_a_table_shows_the_newest(folder: Path, run: Program) -> None:
    ran = run("audit", "show", "--data", folder, "--limit", "2")
    assert "ID1" not in ran.out
    assert "1.2 and 1 more" in ran.out
    assert ran.err.startswith("1 older ones are not shown")


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "7"])
def test_a_time_that_is_none_is_refused(folder: Path, run: Program, time: str) -> None:
    assert run("audit", "show", "--data", folder, "--since", time).code == 2


def test_who_looked_is_written_down(folder: Path, run: Program) -> None:
    run("audit", "show", "--data", folder)
    last = given.lines(folder)[-1]
    assert (last["action"], last["what"]) == ("audit-log-used", "show")
    assert run("audit", "verify", "--data", folder).code == 0


def test_a_table_for_programs_is_written_into_a_new_file(folder: Path, run: Program, tmp_path: Path) -> None:
    to = tmp_path / "trail.csv"
    assert run("audit", "export", "--data", folder, "--form", "csv", "--to", to).code == 0
    rows = list(csv.DictReader(io.StringIO(to.read_text())))
    assert [row["who"] for row in rows] == ["someone", "someone", "'=other"]
    assert run("audit", "export", "--data", folder, "--to", to).code == 3


def test_dicom_messages_are_written_one_a_line(folder: Path, run: Program) -> None:
    """Of the two Studies of the export it is not known whose they are, so each has its own."""
    ran = run("audit", "export", "--data", folder, "--form", "dicom")
    assert [ElementTree.fromstring(line).tag for line in ran.out.splitlines()] == ["AuditMessage"] * 4


def test_no_option_is_passed_over_that_the_word_does_not_heed(folder: Path, run: Program) -> None:
    for word, *option in (
        ("verify", "--study", "1.2"),
        ("verify", "--since", "7d"),
        ("verify", "--json"),
        ("export", "--limit", "5"),
        ("export", "--json"),
        ("show", "--form", "csv"),
        ("show", "--to", "x"),
    ):
        assert run("audit", word, *option, "--data", folder).code == 2, (word, option)


def test_what_commands_do_is_written_down(archive: Archive, settings: Settings, run: Program) -> None:
    assert run("token", "create", "--name", "CT 2", "--role", "writer", "--data", settings.data).code == 0
    assert run("sweep", "--data", settings.data).code == 0
    assert run("check", "--repair", "--data", settings.data).code == 0
    found = given.lines(settings.data)
    assert [line["action"] for line in found] == ["create-token", "sweep", "repair"]
    assert (found[0]["name"], found[0]["roles"]) == ("CT 2", ["writer"])
    assert found[1]["results"] == {"filesRemoved": 0}
