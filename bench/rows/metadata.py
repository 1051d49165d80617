"""Rows of Metadata."""

from collections.abc import Callable, Sequence

from bench.checks import every_attribute, later
from bench.client import Check, Task
from bench.data import KB_131, Instance
from bench.rows.kept import SERIES, STEP, kept, new_series, series
from bench.rows.row import Scale, Work
from bench.service import JSON, Service


def cold(count: int) -> Callable[[Service, Scale], Work]:
    """The Metadata of a Series that nobody has read since it was stored."""

    def prepare(at: Service, _: Scale) -> Work:
        at.kept.pop(f"metadata {count}", None)
        return Work(series_metadata(at, _series(at, count)), 1)

    return prepare


def warm(count: int) -> Callable[[Service, Scale], Work]:
    """The Metadata of a Series that was read before."""

    def prepare(at: Service, _: Scale) -> Work:
        task = series_metadata(at, _series(at, count))
        at.ask(task(0))
        return Work(task)

    return prepare


def one_instance(at: Service, _: Scale) -> Work:
    """The Metadata of one instance after the other."""
    tasks = [at.get(f"{one.path}/metadata", JSON, _are([one])) for one in series(at)]
    return Work(lambda number: tasks[number * STEP % SERIES])


def series_metadata(at: Service, instances: Sequence[Instance]) -> Callable[[int], Task]:
    """The Metadata of these, which are a Series."""
    task = at.get(instances[0].series_path + "/metadata", JSON, _are(instances))
    return lambda _: task


def _are(instances: Sequence[Instance]) -> Check:
    return later(lambda answer: every_attribute(answer, instances))


def _series(at: Service, count: int) -> list[Instance]:
    return kept(at, f"metadata {count}", lambda: new_series(at, KB_131, count))
