"""How long it takes until Filmroom answers."""

import json
from pathlib import Path

import pytest

from bench import start, tables
from bench.client import WrongAnswerError


def test_starts_are_measured_empty_and_with_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    arguments = ["--instances", "20", "--stored", "20", "--times", "1", "--workers", "1"]
    assert start.main([*arguments, "--folder", str(tmp_path / "new"), "--json", str(found)]) in {0, tables.MISSED}
    run = json.loads(found.read_text())
    assert [row["title"][27:] for row in run["rows"]] == ["empty", "20 Instances"]
    assert [row["most"] for row in run["rows"]] == [1.5, None]
    sides = [side for row in run["rows"] for side in row["servers"]]
    assert all(one["figure"] > 0 and one["cpu"] > 0 for side in sides for one in side["rounds"])
    assert tables.table(run) in capsys.readouterr().out


def test_a_start_of_a_million_has_a_goal_and_one_that_is_late_misses_it() -> None:
    found = {"empty": [start.Start(1.0, 1.0)], "1,000,000 Instances": [start.Start(4.0, 2.0)]}
    run = start.as_run(2, found, 1_000_000)
    assert [tables.reached(row) for row in run["rows"]] == [[1.5], [0.75]]
    assert tables.status(run) == tables.MISSED


def test_a_start_that_does_not_find_what_is_there_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswerError):
        start.started(tmp_path / "empty", tmp_path / "log", 1, count=1)


def test_no_start_is_no_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        start.main(["--times", "0"])
    assert "argument --times: it is a number from 1" in capsys.readouterr().err
