"""What a table says of a run: against whom, and whether goals are met."""

from typing import Any

from bench import tables


def row(*values: float | None, more: bool = True, **goals: Any) -> dict[str, Any]:
    sides = [
        {"figure": one, "failure": None if one else "late", "cpu_ms": 1.5, "peak_mb": 30.0, "disturbed": False}
        for one in values
    ]
    about = {"name": "r", "title": "A row", "group": "Store", "unit": "/s" if more else "ms", "more_is_better": more}
    return {**about, "goal": None, "most": None, "limit": None, **goals, "servers": sides}


def limit(figure: float | None, share: float) -> dict[str, Any]:
    return {"probe": "commits-1", "share": share, "figure": figure, "rounds": []}


def lines(*rows: dict[str, Any]) -> list[str]:
    return tables.table({"servers": ["F", "O", "N"][: len(rows[0]["servers"])], "rows": list(rows)}).splitlines()


def test_the_best_of_the_others_is_what_counts() -> None:
    assert (tables.best_peer(row(30, 10, 20)), tables.best_peer(row(30, 10, 20, more=False))) == (2, 1)
    assert tables.ratio(row(30, 10, 20)) == 1.5
    assert tables.ratio(row(30, 10, 20, more=False)) == 10 / 30
    assert tables.ratio(row(30, None, 20)) == 1.5
    assert tables.ratio(row(30, None, None)) is tables.ratio(row(30)) is None


def test_goals_are_reached_from_one_on() -> None:
    assert tables.reached(row(30, 10, goal=2)) == [1.5]
    assert tables.reached(row(30, 60, more=False, goal=4, most=15)) == [0.5, 0.5]
    assert tables.reached(row(30, limit=limit(40, 0.5))) == [1.5]
    assert tables.reached(row(4, more=False, limit=limit(1, 0.5))) == [0.5]
    assert tables.reached(row(30, limit=limit(None, 0.5))) == []


def test_a_line_says_whether_goals_are_met() -> None:
    met, missed = lines(row(3000, 1500, goal=2, most=4000), row(30, 20, goal=2, limit=limit(60, 0.8)))[2:]
    assert "| 3,000 | 1,500 | 2 x | 2 x ✓, at most 4,000 /s ✓ |" in met
    assert "| 1.5 x | 2 x (0.75 of it) | 0.5 of commits-1, goal 0.8 (0.625 of it) |" in missed


def test_of_three_the_best_peer_is_marked_and_a_failure_is_loud() -> None:
    head, _, first, second = lines(row(30, 10, 20), row(30, 40, None))
    assert head.startswith("| row | unit | A | B | C | A against the best |")
    assert "| 30 | 10 | **20** |" in first
    assert "| 30 | **40** | FAILED |" in second


def test_a_single_server_has_no_empty_columns() -> None:
    head = lines(row(30))[0]
    assert head == "| row | unit | A | CPU ms a request A | peak MB A |"


def test_cells_can_not_break_a_table() -> None:
    assert tables.markdown(["a|b"], [["c\nd"], [1234.5]]).splitlines() == [
        "| a\\|b |",
        "| --- |",
        "| c d |",
        "| 1,234 |",
    ]


def test_a_probe_that_is_missing_says_why() -> None:
    probe = {"name": "static-131k-1", "title": "A file", "unit": "ms", "missing": "no nginx", "figure": None}
    assert tables.probes({"probes": [probe]}).endswith("| A file | static-131k-1 | ms | no nginx |")
