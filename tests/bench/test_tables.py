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


def test_a_line_says_whether_goals_are_met_and_what_stands_below_how_many_are() -> None:
    met, missed, _, below = lines(row(3000, 1500, goal=2, most=4000), row(30, 20, goal=2, limit=limit(60, 0.8)))[2:]
    assert "| 3,000 | 1,500 | 2 x | 2 x ✓, at most 4,000 /s ✓ |" in met
    assert "| 1.5 x | 2 x (0.75 of it) | 0.5 of commits-1, goal 0.8 (0.625 of it) |" in missed
    assert below == "2 of 4 goals are met. Missed: A row: 0.5 of commits-1, goal 0.8; A row: 1.5 x, goal 2 x."


def test_of_three_the_best_peer_is_marked_and_a_failure_is_loud() -> None:
    head, _, first, second = lines(row(30, 10, 20), row(30, 40, None))[:4]
    assert head.startswith("| row | unit | A | B | C | A against the best |")
    assert "| 30 | 10 | **20** |" in first
    assert "| 30 | **40** | FAILED | 0.75 x, C failed |" in second


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


def test_a_row_may_have_to_be_nearly_as_fast_as_another() -> None:
    near = {"row": "cold", "times": 1.2, "figure": 10.0}
    assert tables.reached(row(12, more=False, like=near)) == [1]
    assert tables.reached(row(24, more=False, like=near)) == [0.5]
    assert "| at most 1.2 x of cold (0.5 of it) |" in lines(row(24, more=False, like=near))[2]
    assert tables.reached(row(12, more=False, like=near | {"figure": None})) == []


def test_a_ratio_is_that_of_each_round_and_says_how_far_they_are_apart() -> None:
    one = row(30, 10)
    for side, figures in zip(one["servers"], ((20, 30, 40), (10, 10, 20)), strict=True):
        side["rounds"] = [{"figure": figure} for figure in figures]
    assert tables.compared(one) == tables.Ratio(2, 2, 3)
    assert "| 2 x (2–3) |" in lines(one)[2]
    one["servers"][1]["rounds"].pop()
    assert tables.ratio(one) == 3


def test_a_row_that_failed_has_missed_its_goals_and_a_run_ends_with_what_is_worst() -> None:
    failed, missed, met = row(None, 10, goal=2, most=9), row(15, 10, goal=2), row(30, 10, goal=2)
    assert tables.reached(failed) == [0, 0]
    found = [tables.status({"rows": rows}) for rows in ([met], [met, missed], [met, missed, failed], [row(3, None)])]
    assert found == [0, 3, 1, 1]
    assert tables.verdict([failed]) == "0 of 2 goals are met. Missed: A row: FAILED."


def test_what_has_nothing_to_be_compared_with_is_not_judged() -> None:
    assert "not judged: A row." in tables.verdict([row(30, goal=2)])
    assert tables.verdict([row(30)]) == ""


def test_nothing_wrong_is_the_only_thing_that_meets_a_goal_of_none() -> None:
    assert tables.reached(row(0.0, more=False, most=0) | {"servers": [{"figure": 0, "failure": None}]})[0] > 1
    assert tables.reached(row(1, more=False, most=0)) == [0]


def test_a_share_without_a_goal_is_shown_and_not_judged() -> None:
    one = row(30, limit={"probe": "fsync", "share": None, "figure": 60, "rounds": []})
    assert "| 0.5 of fsync |" in lines(one)[2]
    assert tables.reached(one) == []
