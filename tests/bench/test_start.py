"""How long it takes until Filmroom answers."""

import json
from pathlib import Path

import pytest

from bench import start
from bench.client import WrongAnswerError


def test_starts_are_measured_empty_and_with_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    arguments = ["--instances", "20", "--stored", "20", "--times", "1", "--workers", "1"]
    assert start.main([*arguments, "--folder", str(tmp_path / "new"), "--json", str(found)]) == 0
    starts = json.loads(found.read_text())["starts"]
    assert set(starts) == {"empty", "20 Instances"}
    assert all(one["seconds"] > 0 and one["cpu"] > 0 for each in starts.values() for one in each)
    assert "| empty |" in capsys.readouterr().out


def test_a_start_that_does_not_find_what_is_there_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(WrongAnswerError):
        start.started(tmp_path / "empty", tmp_path / "log", 1, count=1)
