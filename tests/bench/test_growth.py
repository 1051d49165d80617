"""How the rows grow with the archive, with twenty Instances beside forty."""

import json
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bench import bulk, disk, document, growth, rounds, tables
from bench.rows import ROWS
from filmroom.index.tables import instance


def test_a_row_is_measured_in_both_archives_and_a_second_run_finds_them_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "IN_MEMORY", set())  # wherever the tests run
    found = tmp_path / "found.json"
    sizes = ["--small", "20", "--instances", "40", "--stored", "20"]
    arguments = [*sizes, "--workers", "1", "--quick", "--rows", "store-131k-1"]
    for _ in range(2):
        assert growth.main([*arguments, "--folder", str(tmp_path), "--json", str(found)]) in {0, tables.MISSED}
    told = json.loads(found.read_text())
    row, memory = told["rows"]
    assert told["servers"] == ["40 Instances", "20 Instances"]
    assert [(row["title"], row["unit"]), row["goal"]] == [("Store 133 KB, 1 client", "/s"), 1 / 3]
    assert all(side["figure"] > 0 for side in (*row["servers"], *memory["servers"]))
    assert "#### Store" in document.text("growth", document.trimmed(told))
    with closing(bulk.opened(tmp_path / "40" / "filmroom")) as archive, archive.index.read() as tx:
        assert tx.core.scalar(select(func.count()).select_from(instance)) == 40 + rounds.FIRST + 120


def test_each_pattern_of_what_is_left_out_names_rows_of_the_table() -> None:
    assert all(any(fnmatch(row.name, name) for row in ROWS) for name in growth.LEFT_OUT)


def test_the_large_archive_is_the_larger_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        growth.main(["--instances", "20", "--small", "20"])
    assert "--instances is more than --small" in capsys.readouterr().err
