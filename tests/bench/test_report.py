import json
from pathlib import Path

from bench import client, processes, report, rows

RATES = rows.Row("rates", "Rates", rows.RATE, 8, rows.ROWS[0].prepare)
LATENCIES = rows.Row("latencies", "Latencies", rows.LATENCY, 1, rows.ROWS[0].prepare)


def result(*figures: float, others: float = 0.0) -> report.Result:
    usage = processes.Usage(cpu=0.5, machine_cpu=1.0 + others, peak=30_000_000, peak_shared=None)
    timing = client.Timing(seconds=1.0, latencies=[0.01] * 100, received=5, client_cpu=0.5)
    return report.Result([report.Round(figure, timing, usage) for figure in figures])


def test_the_figure_is_the_median_of_the_rounds() -> None:
    assert result(1, 9, 2).figure == 2
    assert report.Result([], "late").figure is None


def test_advantage_is_above_one_where_the_first_is_better() -> None:
    assert report.advantage(RATES, [result(30), result(10)]) == 3
    assert report.advantage(LATENCIES, [result(10), result(30)]) == 3
    assert report.advantage(RATES, [result(10), report.Result([], "late")]) is None


def test_table() -> None:
    lines = report.table(["F", "O"], [(RATES, [result(3000), result(1500, others=1)])]).splitlines()
    assert lines[0].startswith("| row | unit | A | B | A against B |")
    assert lines[2] == "| Rates | /s | 3,000 | 1,500* | 2 x | 5 | 5 | 30 | 30 |"


def test_a_failure_is_loud() -> None:
    results = [(RATES, [report.Result([], "too late")])]
    assert "FAILED" in report.table(["F"], results)
    assert report.failures(["F"], results) == ["FAILED rates on F: too late"]


def test_json_holds_the_rounds() -> None:
    text = report.as_json("machine", ["F"], [(RATES, [result(3, 5)])])
    [side] = json.loads(text)["rows"]["rates"]["servers"]
    assert (side["figure"], len(side["rounds"]), side["rounds"][0]["requests"]) == (4, 2, 100)


def test_machine_and_file_system_are_named() -> None:
    assert "cores" in report.machine()
    assert report.file_system(Path("/proc/self")) == "proc"
