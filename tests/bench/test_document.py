"""The page of the benchmarks is what the kept runs give."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import document
from tests.bench.test_tables import row

MARKED = "Before.\n\n<!-- figures: one -->\nold\n<!-- end -->\nAfter.\n"
TABLE = {"title": "Growth", "head": ["n", "ms"], "rows": [["10,000", 1.2345]], "date": "2026-01-02", "command": "x"}


def run(*rows: dict[str, Any]) -> dict[str, Any]:
    about = {"machine": {"CPU": "2 cores", "kernel": "Linux 6"}, "date": "2026-01-02", "command": "./scripts/bench"}
    return {**about, "servers": ["Filmroom 1", "Orthanc 1"], "rows": list(rows), "probes": []}


def test_page_and_graphs_are_what_the_runs_give() -> None:
    runs, page = document.kept(), document.PAGE.read_text()
    assert page == document.renewed(page, runs), "run scripts/tables"
    drawn = {path.name: path.read_text() for path in document.GRAPHS.glob("*.svg")}
    assert drawn == document.graphs(runs), "run scripts/tables"


def test_kept_runs_name_no_folder_of_a_machine() -> None:
    for path in document.FIGURES.glob("*.json"):
        assert re.search(r"[ \"'=]/[\w.-]+/", path.read_text()) is None


def test_what_people_wrote_stays_and_the_machine_is_named() -> None:
    page = document.renewed(MARKED, {"one": run(row(30, 10, goal=2), row(5, 10) | {"group": "Search"})})
    assert page.startswith(
        "Before.\n\n<!-- figures: one -->\n`./scripts/bench` on 2026-01-02; 2 cores, kernel Linux 6."
    )
    assert page.endswith("<!-- end -->\nAfter.\n")
    assert "* A: Filmroom 1\n* B: Orthanc 1" in page
    assert page.index("#### Store") < page.index("(benchmarks/one-store.svg)") < page.index("#### Search")
    assert page == document.renewed(page, {"one": run(row(30, 10, goal=2), row(5, 10) | {"group": "Search"})})


def test_other_measurements_are_plain_tables() -> None:
    page = document.renewed(MARKED, {"one": TABLE | {"machine": "2 cores"}})
    assert "**Growth**\n\n| n | ms |\n| --- | ---: |\n| 10,000 | 1.23 |\n\n`x` on 2026-01-02; 2 cores." in page


def test_a_run_without_a_place_and_a_place_without_a_run_are_refused() -> None:
    with pytest.raises(SystemExit, match="without a file in bench/figures: one"):
        document.renewed(MARKED, {})
    with pytest.raises(SystemExit, match=r"Add these lines .*\n<!-- figures: two -->\n<!-- end -->"):
        document.renewed(MARKED, {"one": run(), "two": run()})


def test_of_each_round_everything_is_kept() -> None:
    made = row(30.123456, 10)
    made["servers"][0]["rounds"] = [{"figure": 30.123456, "latency_ms": [1, 2], "other_cores": 0.1}]
    [side, _] = document.trimmed(run(made))["rows"][0]["servers"]
    assert side["rounds"] == [{"figure": 30.123, "latency_ms": [1, 2], "other_cores": 0.1}]


def test_a_run_without_a_mark_is_refused_before_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "run.json"
    given.write_text(json.dumps(run(row(30, 10))))
    monkeypatch.setattr(sys, "argv", ["bench.document", str(given), "nowhere"])
    with pytest.raises(SystemExit, match="<!-- figures: nowhere -->"):
        document.main()
    assert "nowhere" not in document.kept()


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_what_is_no_run_is_a_sentence(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SystemExit, match="2"):
        document.read(file)
    assert re.fullmatch(r"\S+ (can't be read|is nothing that).*\.\n", capsys.readouterr().err)


def test_goals_in_the_page_are_those_of_the_rows() -> None:
    assert "| `store-10k-8` | Store 10 KB, 8 clients | 3 x |" in document.goals()
    assert "| 2.5 x, at most 1.2 x of `metadata-cold-200` |" in document.goals()
    page = document.renewed("<!-- goals -->\nold\n<!-- end -->\n", {})
    assert page == f"<!-- goals -->\n{document.goals()}\n<!-- end -->\n"


def test_a_run_has_its_title_and_its_notes() -> None:
    page = document.renewed(MARKED, {"one": run(row(30, 10)) | {"title": "Growth", "notes": ["As it was."]}})
    assert "<!-- figures: one -->\n**Growth**\n" in page
    assert "\n\nAs it was.\n\n" in page


def test_of_a_plain_table_nothing_else_is_kept() -> None:
    table = TABLE | {"machine": "2 cores"}
    assert document.trimmed(table | {"starts": [1, 2]}).keys() == table.keys()


def test_there_is_a_graph_for_each_group_that_is_compared() -> None:
    alone = row(30, None) | {"group": "Search"}
    alone["servers"][1]["failure"] = None
    runs = {"one": run(row(30, 10), alone), "two": TABLE}
    assert document.graphs(runs).keys() == {"one-store.svg"}
