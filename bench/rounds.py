"""Rounds: each row on each server in turn, what a round found, and what counts as a failure."""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from statistics import median

from bench import tables
from bench.client import Timing, WrongAnswerError
from bench.data import KB_10
from bench.processes import Meter, Usage, going, standing
from bench.rows import Row, Scale
from bench.rows.kept import new_series
from bench.servers import Server
from bench.service import Service

# No answer, a wrong one, or one that is not even JSON of the expected form.
FAILURES = (WrongAnswerError, OSError, ValueError, LookupError, TypeError, AttributeError)
DISTURBING = 0.3  # cores
FIRST = 200  # stores that are not measured


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
        return max(0.0, rest / self.usage.seconds)


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


def measure(
    servers: Sequence[Server], rows: Sequence[Row], scale: Scale, probe: Callable[[str, str], None] = lambda *_: None
) -> list[tuple[Row, list[Result]]]:
    """Each row on each server: the probe of its limit, a round on A, one on B, the probe, one on B, one on A…

    Another is the first in each round, so that none always follows the probe. While one is measured the others that
    the run has started stand still: what a server does when nobody asks it is at nobody else's cost.
    """
    sides = [(Service(one.name, one.url, one.also, one.fields), Meter(one.pid, *one.beside)) for one in servers]
    still = [meter.pids if one.ours else [] for one, (_, meter) in zip(servers, sides, strict=True)]
    results = []
    with ExitStack() as stack:
        for (service, meter), pids in zip(sides, still, strict=True):
            stack.enter_context(meter.looking())
            with suppress(*FAILURES):  # what does not work is told of with the rows
                service.store_all(new_series(service, KB_10, FIRST))  # a server's first requests are like no others
            stack.enter_context(standing(pids))
        print(f"{'':20}{_columns(tables.LETTERS[: len(sides)])}", file=sys.stderr)
        for row in rows:
            found = [Result([]) for _ in sides]
            for number in range(min(scale.rounds, row.rounds or scale.rounds)):
                if row.limit:
                    probe(row.limit[0], row.name)
                for place in turn(len(sides), number):
                    with going(still[place]):
                        found[place] = _with_another_round(found[place], row, *sides[place], scale)
            results.append((row, found))
            shown = _columns([tables.number(one.figure) for one in found])
            print(f"{row.name:20}{shown} {row.unit.name}", file=sys.stderr)
    return results


def _columns(texts: Iterable[str]) -> str:
    return " ".join(f"{text:>9}" for text in texts)


def turn(count: int, number: int) -> list[int]:
    """The order of so many servers in a round."""
    return [(number + place) % count for place in range(count)]


def percentile(ordered: Sequence[float], part: float) -> float:
    """What so large a part of figures stays below, which are in order."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _with_another_round(result: Result, row: Row, service: Service, meter: Meter, scale: Scale) -> Result:
    """The result after one more round, unless one has failed or the memory can't be read."""
    if result.failure or (row.unit.needs_memory and meter.idle is None):
        return result
    try:
        return Result([*result.rounds, _round(row, service, meter, scale)])
    except FAILURES as error:
        return Result(result.rounds, f"{type(error).__name__}: {error}")


def _round(row: Row, service: Service, meter: Meter, scale: Scale) -> Round:
    work = row.prepare(service, scale)
    with meter.watch(row.unit.needs_memory) as usages:
        timing = service.measure(work.task, row.clients, work.count, scale.seconds)
    if work.after:
        service.ask(work.after)
    return Round(row.unit.figure(timing, usages[0], meter), timing, usages[0])
