"""Whether a service stays as it is."""

from pathlib import Path

import pytest

from bench import mixture, soak


def test_a_short_run_says_what_each_request_took_and_that_nothing_was_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture, "FILES", 1)
    monkeypatch.setattr(mixture, "STUDIES", 1)
    monkeypatch.setitem(soak.WEIGHTS, "store", 300)
    monkeypatch.setattr(soak, "EVERY", 0.1)
    assert soak.main(["--minutes", "0.1", "--clients", "2", "--workers", "1", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "| store |" in said.out
    assert "| delete |" in said.out
    assert "Memory of all processes" in said.out
    assert said.err.strip() == ""
