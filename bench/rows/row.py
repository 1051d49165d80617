"""What a row is, and what rows count."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.client import Task, Timing
from bench.processes import Meter, Usage
from bench.service import Service


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    seconds: float  # of each round that repeats a reading
    stores: float  # factor on the number of instances that the store rows store


FULL = Scale(rounds=5, seconds=2, stores=1)
QUICK = Scale(rounds=1, seconds=1, stores=0.4)


@dataclass(frozen=True, slots=True)
class Work:
    """One round's requests: the n-th task, and how many; None is as many as the time allows."""

    task: Callable[[int], Task]
    count: int | None = None
    after: Task | None = None  # asked once and not measured


@dataclass(frozen=True, slots=True)
class Unit:
    """What a row counts."""

    name: str
    more_is_better: bool
    figure: Callable[[Timing, Usage, Meter], float]
    needs_memory: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `prepare` is called before each round and is not measured."""

    name: str
    title: str
    unit: Unit
    clients: int
    prepare: Callable[[Service, Scale], Work]
    rounds: int | None = None  # at most
    group: str = ""  # rows that belong together
    goal: float | None = None  # how many times as good as the peer
    limit: tuple[str, float | None] | None = None  # a probe of what the machine can do, and the share that is wanted
    like: tuple[str, float] | None = None  # another row, and how many times as bad as it this may be
    most: float | None = None  # in the row's unit


def several(each: int) -> Unit:
    """The rate of instances, of which each request holds so many."""
    return Unit("/s", True, lambda timing, _, __: each * len(timing.latencies) / timing.seconds)


def _memory(_: Timing, usage: Usage, meter: Meter) -> float:
    return ((usage.peak_shared or 0) - (meter.idle or 0)) / 1e6


RATE = several(1)
LATENCY = Unit("ms", False, lambda timing, _, __: median(timing.latencies) * 1e3)
FIRST_BYTE = Unit("ms", False, lambda timing, _, __: median(timing.first) * 1e3)
THROUGHPUT = Unit("MB/s", True, lambda timing, _, __: timing.received / timing.seconds / 1e6)
MEMORY = Unit("MB", False, _memory, needs_memory=True)
