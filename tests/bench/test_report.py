from bench import client, processes, report, rows
from bench.rounds import Result, Round

RATES = rows.Row("rates", "Rates", rows.RATE, 8, rows.ROWS[0].prepare, group="Store", limit=("commits-1", 0.5))


def result(*figures: float, others: float = 0.0, highest: int | None = None) -> Result:
    usage = processes.Usage(
        seconds=1.0, cpu=0.5, machine_cpu=1.0 + others, peak=30_000_000, peak_shared=None, highest=highest
    )
    timing = client.Timing(seconds=1.0, latencies=[0.01] * 100, received=5, client_cpu=0.5)
    return Result([Round(figure, timing, usage) for figure in figures])


def test_the_figure_is_the_median_of_the_rounds() -> None:
    assert result(1, 9, 2).figure == 2
    assert Result([], "late").figure is None


def test_a_failure_is_loud() -> None:
    run = report.as_run(["F"], [(RATES, [Result([], "too late")])], {})
    assert report.failures(run) == ["FAILED rates on F: too late"]


def test_a_row_holds_its_goals_its_rounds_and_the_probe_beside_it() -> None:
    probed = {"commits-1": {"rates": [4.0, 6.0, 8.0], "another": [1000.0] * 9}}
    run = report.as_run(["F"], [(RATES, [result(3, 5, others=1)])], probed)
    [row] = run["rows"]
    [side] = row["servers"]
    assert (row["group"], row["unit"], row["goal"]) == ("Store", "/s", None)
    assert row["limit"] == {"probe": "commits-1", "share": 0.5, "figure": 6, "rounds": [4, 6, 8]}
    assert (side["figure"], side["cpu_ms"], side["peak_mb"], side["disturbed"]) == (4, 5, 30, True)
    assert [one["requests"] for one in side["rounds"]] == [100, 100]
    assert len(side["rounds"][0]["latency_ms"]) == len(report.QUANTILES)
    [probe] = run["probes"]
    assert (probe["name"], probe["figure"], len(probe["rounds"])) == ("commits-1", 1000, 12)


def test_the_highest_memory_of_a_run_is_a_row_and_judged_where_all_others_were_measured() -> None:
    sides = [
        (RATES, [result(1, highest=900_000_000), result(1)]),
        (RATES, [result(1, highest=1_100_000_000), result(1)]),
    ]
    *_, row = report.as_run(["F", "O"], sides, {})["rows"]
    assert ([side["figure"] for side in row["servers"]], row["most"], row["unit"]) == ([1100, None], None, "MB")
    every = [(one, [result(1, highest=900_000_000)]) for one in rows.ROWS]
    assert report.as_run(["F"], every, {})["rows"][-1]["most"] == 1000
    every[3] = (rows.ROWS[3], [Result([], "too late")])
    assert report.as_run(["F"], every, {})["rows"][-1]["most"] is None
    assert [one["name"] for one in report.as_run(["F"], [(RATES, [result(1)])], {})["rows"]] == ["rates"]


def test_a_row_knows_the_figure_that_it_is_to_be_like() -> None:
    cold, warm = (next(one for one in rows.ROWS if one.name == f"metadata-{kind}-200") for kind in ("cold", "warm"))
    run = report.as_run(["F"], [(cold, [result(5)]), (warm, [result(9)])], {})
    assert run["rows"][1]["like"] == {"row": "metadata-cold-200", "times": 1.2, "figure": 5}
