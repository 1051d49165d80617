"""What a run found, of each row the rounds; and as JSON, which bench.tables makes tables of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.client import Timing
from bench.machine import file_system as file_system
from bench.machine import machine as machine
from bench.probes import PROBES, Probe, missing
from bench.processes import Usage
from bench.rows import Row
from bench.tables import number as number

DISTURBING = 0.3  # cores
MOST_MEMORY = 1000  # MB of all processes together, at any time


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one row on one server."""

    figure: float
    timing: Timing
    usage: Usage

    @property
    def requests(self) -> int:
        """How many were answered."""
        return len(self.timing.latencies)

    @property
    def others(self) -> float:
        """The cores that programs other than the server and the clients kept busy meanwhile."""
        rest = self.usage.machine_cpu - (self.usage.cpu or 0) - self.timing.client_cpu
        return max(0.0, rest / self.timing.seconds)


@dataclass(frozen=True, slots=True)
class Result:
    """The rounds of one row on one server, or why there are none."""

    rounds: Sequence[Round]
    failure: str | None = None

    @property
    def figure(self) -> float | None:
        """The median of the rounds."""
        return None if self.failure or not self.rounds else median(one.figure for one in self.rounds)

    @property
    def cpu(self) -> float | None:
        """Milliseconds of the server's CPU for a request, over all rounds."""
        spent = [one.usage.cpu for one in self.rounds if one.usage.cpu is not None]
        if not spent or self.failure:
            return None
        return sum(spent) / sum(one.requests for one in self.rounds) * 1e3

    @property
    def disturbed(self) -> bool:
        """Did other programs keep much of a core from the server and the clients?"""
        known = [one.others for one in self.rounds if one.usage.cpu is not None]
        return bool(known) and median(known) > DISTURBING

    @property
    def peak(self) -> float | None:
        """The highest resident size in MB."""
        known = [one.usage.peak for one in self.rounds if one.usage.peak is not None]
        return max(known) / 1e6 if known and not self.failure else None


Results = Sequence[tuple[Row, Sequence[Result]]]
Probed = Mapping[str, Mapping[str, Sequence[float]]]  # by probe, and by the row beside which it was taken


def failures(names: Sequence[str], results: Results) -> list[str]:
    """A sentence for each row that failed."""
    return [
        f"FAILED {row.name} on {name}: {side.failure}"
        for row, sides in results
        for name, side in zip(names, sides, strict=True)
        if side.failure
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
    return {
        "servers": list(names),
        "rows": [*(_row(row, sides, probed) for row, sides in results), *_whole(results)],
        "probes": [_probe(probe, probed[probe.name]) for probe in PROBES if probe.name in probed],
    }


def _probe(probe: Probe, taken: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    rounds = [figure for beside in taken.values() for figure in beside]
    figure = median(rounds) if rounds else None
    about = {"name": probe.name, "title": probe.title, "unit": probe.unit, "missing": missing(probe.name)}
    return {**about, "figure": figure, "rounds": rounds}


def _row(row: Row, sides: Sequence[Result], probed: Probed) -> dict[str, Any]:
    limit = None
    if row.limit:
        name, share = row.limit
        beside = list(probed.get(name, {}).get(row.name, ()))
        limit = {"probe": name, "share": share, "figure": median(beside) if beside else None, "rounds": beside}
    return {
        "name": row.name,
        "title": row.title,
        "group": row.group,
        "unit": row.unit.name,
        "more_is_better": row.unit.more_is_better,
        "goal": row.goal,
        "most": row.most,
        "limit": limit,
        "servers": [_side(side) for side in sides],
    }


def _whole(results: Results) -> list[dict[str, Any]]:
    """The row of the whole run: the highest memory of all of a server's processes together."""
    peaks = [_highest(sides) for sides in zip(*(sides for _, sides in results), strict=True)]
    if not peaks or peaks[0] is None:
        return []
    row = {"name": "memory", "title": "Peak memory, whole run", "group": "Store", "unit": "MB", "more_is_better": False}
    told = {"failure": None, "cpu_ms": None, "peak_mb": None, "disturbed": False}
    servers = [{"figure": peak, "rounds": [{"figure": peak}], **told} for peak in peaks]
    return [{**row, "goal": None, "most": MOST_MEMORY, "limit": None, "servers": servers}]


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
        "rounds": [
            {
                "figure": one.figure,
                "requests": one.requests,
                "seconds": one.timing.seconds,
                "latency_ms": [round(at * 1e3, 3) for at in _quantiles(one.timing.latencies)],
                "received": one.timing.received,
                "client_cpu": one.timing.client_cpu,
                "other_cores": one.others,
                **asdict(one.usage),
            }
            for one in side.rounds
        ],
    }


def _quantiles(latencies: Sequence[float]) -> list[float]:
    """The least, the median, the 95th of a hundred and the longest."""
    ordered = sorted(latencies)
    return [ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0, 0.5, 0.95, 1)]
