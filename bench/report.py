"""What a run found, as a table for people and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.client import Timing
from bench.processes import Usage
from bench.rows import Row

DISTURBING = 0.3  # cores


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


def advantage(row: Row, results: Sequence[Result]) -> float | None:
    """How many times better the first server is than the second: below 1 it is worse."""
    if len(results) < 2 or not results[0].figure or not results[1].figure:
        return None
    ratio = results[0].figure / results[1].figure
    return ratio if row.unit.more_is_better else 1 / ratio


def table(names: Sequence[str], results: Sequence[tuple[Row, Sequence[Result]]]) -> str:
    """A Markdown table: a line for each row."""
    letters = "AB"[: len(names)]
    head = ["row", "unit", *letters, *(["A against B"] if len(names) > 1 else [])]
    head += [f"CPU ms a request {letter}" for letter in letters] + [f"peak MB {letter}" for letter in letters]
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for row, sides in results:
        better = [f"{number(advantage(row, sides))} x"] if len(names) > 1 else []
        figures = [_figure(side) for side in sides]
        costs = [number(side.cpu) for side in sides] + [number(side.peak) for side in sides]
        lines.append([row.title, row.unit.name, *figures, *better, *costs])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(side: Result) -> str:
    if side.failure:
        return "FAILED"
    return number(side.figure) + ("*" if side.disturbed else "")


def failures(names: Sequence[str], results: Sequence[tuple[Row, Sequence[Result]]]) -> list[str]:
    """A sentence for each row that failed."""
    return [
        f"FAILED {row.name} on {name}: {side.failure}"
        for row, sides in results
        for name, side in zip(names, sides, strict=True)
        if side.failure
    ]


def number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """The machine, in a line: without it figures mean nothing."""
    memory = int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1e6
    return (
        f"{os.cpu_count()} cores, {_first('/proc/cpuinfo', 'model name')}, {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def others(results: Sequence[tuple[Row, Sequence[Result]]]) -> str:
    """How much the machine did beside: figures from a busy machine are too low."""
    busy = [one.others for _, sides in results for side in sides for one in side.rounds]
    if not busy:
        return ""
    return (
        f"Other programs kept {median(busy):.2f} cores busy (median of rounds), at most {max(busy):.2f}; "
        f"more than {DISTURBING} in the rows marked *."
    )


def file_system(folder: Path) -> str:
    """The type of the file system a folder is on; on tmpfs nothing is durable and storing is too fast."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    fitting = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(fitting, default=(0, "an unknown file system"))[1]


def as_json(about: str, names: Sequence[str], results: Sequence[tuple[Row, Sequence[Result]]]) -> str:
    """Everything that was measured."""
    rows = {}
    for row, sides in results:
        rows[row.name] = {
            "title": row.title,
            "unit": row.unit.name,
            "better": advantage(row, sides),
            "servers": [_side(side) for side in sides],
        }
    return json.dumps({"machine": about, "servers": list(names), "rows": rows}, indent=1)


def _side(side: Result) -> dict[str, object]:
    return {
        "figure": side.figure,
        "failure": side.failure,
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


def _first(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "0 unknown"
