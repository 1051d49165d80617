"""A run as JSON: of each row its goals and its rounds, which bench.tables makes tables of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from bench.probes import PROBES, Probe, missing
from bench.rounds import DISTURBING, Result, Round, percentile
from bench.rows import ROWS, Row

MOST_MEMORY = 1000  # MB of all processes together, at any time
QUANTILES = (0, 0.5, 0.95, 0.99, 1)  # of the latencies of a round, which are kept

Results = Sequence[tuple[Row, Sequence[Result]]]
Probed = Mapping[str, Mapping[str, Sequence[float]]]  # by probe, and by the row beside which it was taken


def failures(run: Mapping[str, Any]) -> list[str]:
    """A sentence for each row that failed."""
    return [
        f"FAILED {row['name']} on {name}: {side['failure']}"
        for row in run["rows"]
        for name, side in zip(run["servers"], row["servers"], strict=True)
        if side["failure"]
    ]


def others(results: Results) -> str:
    """How much the machine did beside: figures from a busy machine are too low."""
    busy = [one.others for _, sides in results for side in sides for one in side.rounds]
    if not busy:
        return ""
    return (
        f"Other programs kept {median(busy):.2f} cores busy (median of rounds), at most {max(busy):.2f}; "
        f"more than {DISTURBING} in the rows marked *."
    )


def as_run(names: Sequence[str], results: Results, probed: Probed) -> dict[str, Any]:
    """Everything that was measured, as JSON holds it."""
    rows = [_row(row, sides, probed) for row, sides in results]
    figures = {row["name"]: row["servers"][0]["figure"] for row in rows}
    for row, (about, _) in zip(rows, results, strict=True):
        if about.like:
            near, times = about.like
            row["like"] = {"row": near, "times": times, "figure": figures.get(near)}
    return {
        "servers": list(names),
        "rows": [*rows, *_whole(results)],
        "probes": [_probe(probe, probed[probe.name]) for probe in PROBES if probe.name in probed],
    }


def line(
    name: str, title: str, group: str, unit: str, servers: Sequence[dict[str, Any]], **goals: Any
) -> dict[str, Any]:
    """A row as a run has it, of which less is better."""
    about = {"name": name, "title": title, "group": group, "unit": unit, "more_is_better": False}
    return {**about, "goal": None, "most": None, "limit": None, "like": None, **goals, "servers": list(servers)}


def figure(value: float | None, failure: str | None = None, **known: Any) -> dict[str, Any]:
    """What one server has in a row of one round."""
    told = {"figure": None if failure else value, "failure": failure, "cpu_ms": None, "peak_mb": None}
    return {**told, "disturbed": False, "rounds": [{"figure": value}] if value is not None else [], **known}


def _probe(probe: Probe, taken: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    rounds = [figure for beside in taken.values() for figure in beside]
    found = median(rounds) if rounds else None
    about = {"name": probe.name, "title": probe.title, "unit": probe.unit, "missing": missing(probe.name)}
    return {**about, "figure": found, "rounds": rounds}


def _row(row: Row, sides: Sequence[Result], probed: Probed) -> dict[str, Any]:
    limit = None
    if row.limit:
        name, share = row.limit
        beside = list(probed.get(name, {}).get(row.name, ()))
        limit = {"probe": name, "share": share, "figure": median(beside) if beside else None, "rounds": beside}
    goals = {"more_is_better": row.unit.more_is_better, "goal": row.goal, "most": row.most, "limit": limit}
    return line(row.name, row.title, row.group, row.unit.name, list(map(_side, sides)), **goals)


def _whole(results: Results) -> list[dict[str, Any]]:
    """The row of the whole run: the highest memory of all of a server's processes together.

    A run of some rows has not seen what the others need, so only one of all is judged.
    """
    peaks = [_highest(sides) for sides in zip(*(sides for _, sides in results), strict=True)]
    if not peaks or peaks[0] is None:
        return []
    done = {row.name for row, sides in results if sides[0].rounds and not sides[0].failure}
    most = MOST_MEMORY if done >= {row.name for row in ROWS} else None
    return [line("memory", "Peak memory", "Whole run", "MB", list(map(figure, peaks)), most=most)]


def _highest(sides: Sequence[Result]) -> float | None:
    known = [one.usage.highest for side in sides for one in side.rounds if one.usage.highest is not None]
    return max(known) / 1e6 if known else None


def _side(side: Result) -> dict[str, Any]:
    return {
        "figure": side.figure,
        "failure": side.failure,
        "cpu_ms": side.cpu,
        "peak_mb": side.peak,
        "disturbed": side.disturbed,
        "rounds": list(map(_round, side.rounds)),
    }


def _round(one: Round) -> dict[str, Any]:
    ordered = sorted(one.timing.latencies)
    return {
        "figure": one.figure,
        "requests": one.requests,
        "seconds": one.timing.seconds,
        "latency_ms": [percentile(ordered, part) * 1e3 for part in QUANTILES],
        "received": one.timing.received,
        "client_cpu": one.timing.client_cpu,
        "other_cores": one.others,
        **asdict(one.usage),
    }
