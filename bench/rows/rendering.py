"""Rows of rendered images."""

from collections.abc import Callable
from itertools import count

from bench import checks
from bench.client import Task
from bench.data import Instance
from bench.rows.kept import STEP
from bench.rows.row import Scale, Work
from bench.service import JPEG, STORING, Service

SOME = 20  # images that are asked for again and again
_CENTER = 1500  # of the window that was asked for before; others are a little above, and show as much of the image
_THOUSANDTHS = count(1)  # by which they are: no round asks for the same again
_QUALITY = 90  # asked for, so that both give the same: Orthanc's default is 90 and Filmroom's 100
Kept = Callable[[Service], list[Instance]]


def cold(of: Kept) -> Callable[[Service, Scale], Work]:
    """An image of one instance after the other, each in a window that nobody has asked for before."""

    def prepare(at: Service, _: Scale) -> Work:
        instances = of(at)

        def task(number: int) -> Task:
            return _image(at, instances[number * STEP % len(instances)], _CENTER + next(_THOUSANDTHS) / 1000)

        at.measure(task, STORING, SOME, 0)  # what renders may only start when it is first needed
        return Work(task)

    return prepare


def warm(of: Kept) -> Callable[[Service, Scale], Work]:
    """An image that was asked for before."""

    def prepare(at: Service, _: Scale) -> Work:
        tasks = [_image(at, one, _CENTER) for one in of(at)[:SOME]]
        for task in tasks:
            at.ask(task)
        return Work(lambda number: tasks[number % len(tasks)])

    return prepare


def _image(at: Service, one: Instance, center: float) -> Task:
    shape = one.shape
    path = f"{one.path}/rendered?window={center},1200,linear&quality={_QUALITY}"
    return at.get(path, JPEG, lambda answer: checks.jpeg(answer, shape.rows, shape.columns))
