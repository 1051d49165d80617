"""Rows of the Store Transaction."""

from collections.abc import Callable

from bench.data import GB_2, Shape
from bench.rows.kept import new_series
from bench.rows.retrieving import frame_task, series_task
from bench.rows.row import Scale, Work
from bench.service import Service

LEAST = 8  # requests of a round


def store(shape: Shape, count: int, each: int = 1) -> Callable[[Service, Scale], Work]:
    """Store `count` instances of a new Series, so many in each request; afterwards all must be there, byte for byte."""

    def prepare(at: Service, scale: Scale) -> Work:
        requests = max(LEAST, round(count * scale.stores / each))
        instances = new_series(at, shape, requests * each)
        tasks = [at.store(*instances[first : first + each]) for first in range(0, len(instances), each)]
        return Work(tasks.__getitem__, len(tasks), after=series_task(at, instances))

    return prepare


def huge_store(at: Service, _: Scale) -> Work:
    """One object that nobody wants whole in memory; afterwards its last Frame must be right."""
    [one] = new_series(at, GB_2, 1)
    return Work(lambda _: at.store(one), 1, frame_task(at, one, one.shape.frames))
