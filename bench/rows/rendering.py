"""Rows of rendered images."""

from collections.abc import Callable
from itertools import count

from bench.checks import later
from bench.client import Task
from bench.data import Instance
from bench.pictures import picture
from bench.rows.kept import STEP
from bench.rows.row import Scale, Work
from bench.service import JPEG, STORING, Service

SOME = 20  # images that are asked for again and again
_WARM = (500, 1200)  # center and width of the window that was asked for before: it shows all of an image
_CENTERS = 401  # of the others, about that; each is a little wider than the last with its center
_WINDOWS = count()  # no round asks for the same again
_QUALITY = 90  # asked for, so that both give the same: Orthanc's default is 90 and Filmroom's 100
Kept = Callable[[Service], list[Instance]]


def cold(of: Kept) -> Callable[[Service, Scale], Work]:
    """An image of one instance after the other, each in a window that nobody has asked for before."""

    def prepare(at: Service, _: Scale) -> Work:
        instances = of(at)

        def task(number: int) -> Task:
            return _image(at, instances[number * STEP % len(instances)], _window(next(_WINDOWS)))

        at.measure(task, STORING, SOME, 0)  # what renders may only start when it is first needed
        return Work(task)

    return prepare


def warm(of: Kept) -> Callable[[Service, Scale], Work]:
    """An image that was asked for before."""

    def prepare(at: Service, _: Scale) -> Work:
        tasks = [_image(at, one, _WARM) for one in of(at)[:SOME]]
        for task in tasks:
            at.ask(task)
        return Work(lambda number: tasks[number % len(tasks)])

    return prepare


def _window(number: int) -> tuple[int, int]:
    """Whole numbers, which nobody rounds to what was asked for before, and which give other pixels."""
    return 300 + number * STEP % _CENTERS, 1201 + number // _CENTERS


def _image(at: Service, one: Instance, window: tuple[int, int]) -> Task:
    center, width = window
    path = f"{one.path}/rendered?window={center},{width},linear&quality={_QUALITY}"
    return at.get(path, JPEG, later(lambda answer: picture(answer, one, window, _QUALITY)))
