"""What the machine can do at most: taken for real, and refused where it is not what it says."""

from pathlib import Path

import pytest

from bench import probes
from bench.client import WrongAnswerError


def test_each_that_can_be_taken_here_gives_a_figure_and_leaves_nothing(tmp_path: Path) -> None:
    with probes.probing([probe.name for probe in probes.PROBES], tmp_path) as found:
        figures = {name: measure(0.05) for name, measure in found.items()}
    assert figures.keys() == {probe.name for probe in probes.PROBES if not probes.missing(probe.name)}
    assert min(figures.values()) > 0
    assert list(tmp_path.iterdir()) == []


def test_without_nginx_its_probes_are_told_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_nginx", lambda: None)
    with probes.probing(["static-131k-1", "commits-1"], tmp_path) as found:
        assert found.keys() == {"commits-1"}
    assert probes.missing("static-131k-1") == "nginx is not installed"


def test_other_bytes_than_those_of_the_file_do_not_count(tmp_path: Path) -> None:
    if reason := probes.missing("static-131k-1"):
        pytest.skip(reason)
    for name in ("served", "other"):
        (tmp_path / name).mkdir()
    with probes._serving(tmp_path / "served", {100}) as port:
        (tmp_path / "other/static").mkdir()
        (tmp_path / "other/static/100").write_bytes(bytes(100))
        with pytest.raises(WrongAnswerError, match="other bytes"):
            probes.static_file(tmp_path / "other", port, 100, 1, 0.05)
