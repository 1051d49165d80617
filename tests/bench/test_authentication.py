"""What it costs to say who one is."""

from pathlib import Path

import pytest

from bench import authentication


def test_all_three_answer_and_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authentication.main(["--rounds", "1", "--rows", "search-patient-1", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert ["by itself" in line for line in lines if line.startswith("search-patient-1")] == [False, True, True]
