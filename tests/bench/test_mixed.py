"""What readers wait while others write."""

import json
from pathlib import Path

import pytest

from bench import mixed


def test_a_short_run_compares_each_reading_with_itself_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WRITERS", 1), ("READERS", 1), ("STUDIES", 2), ("FILES", 2), ("UNMEASURED", 0.5)):
        monkeypatch.setattr(mixed, name, value)
    found = tmp_path / "found.json"
    arguments = ["--seconds", "2", "--workers", "1", "--folder", str(tmp_path), "--json", str(found)]
    assert mixed.main(arguments) == 0
    said = json.loads(found.read_text())
    assert said["failures"] == []
    rows = {kind: dict(zip(said["head"], [kind, *cells], strict=True)) for kind, *cells in said["rows"]}
    assert rows["frame"]["p99 against alone"] > 0
    assert rows["store"]["p99 against alone"] == ""
    assert "| frame |" in capsys.readouterr().out


def test_an_answer_that_is_wrong_or_missing_is_a_failure_and_gives_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed, "measured", lambda *_: ({"frame": [1.0]}, {"frame": [2.0]}, ["frame: no"]))
    assert mixed.main(["--url", "http://127.0.0.1:1/dicomweb"]) == 1
    said = capsys.readouterr()
    assert "1 errors in 1 requests" in said.out
    assert said.err == "frame: no"
