"""Rows of instances and Frames; what is answered is compared with what was stored, byte for byte."""

from collections.abc import Callable, Sequence
from itertools import count

from bench import checks
from bench.client import Check, Task
from bench.data import KB_530, Instance, Shape
from bench.rows.kept import SERIES, STEP, kept, new_series, series
from bench.rows.row import Scale, Work
from bench.service import DICOM, FRAME_JPEG, OCTETS, Service

STUDY = 1000
NEW = 20  # instances whose Frames are read for the first time in a round
OBJECTS = 3  # of many Frames, likewise: the first answer of a connection alone would say little
_PLACES = count(1)  # of Frames, so that rounds read others


def instance(at: Service, _: Scale) -> Work:
    """One instance after the other."""
    tasks = [at.get(one.path, DICOM, _is(tuple(one.pieces()))) for one in series(at)]
    return Work(lambda number: tasks[number * STEP % SERIES])


def frame(at: Service, _: Scale) -> Work:
    """The only Frame of one instance after the other."""
    tasks = [frame_task(at, one, 1) for one in series(at)]
    return Work(lambda number: tasks[number * STEP % SERIES])


def first_frame(at: Service, _: Scale) -> Work:
    """The Frame of instances that were only just stored, each once."""
    instances = new_series(at, KB_530, NEW)
    at.store_all(instances)
    return Work([frame_task(at, one, 1) for one in instances].__getitem__, NEW)


def first_touch(shape: Shape) -> Callable[[Service, Scale], Work]:
    """Any Frame of objects that were only just stored, of each one."""

    def prepare(at: Service, _: Scale) -> Work:
        objects = [new_series(at, shape, 1)[0] for _ in range(OBJECTS)]
        for one in objects:
            at.store_all([one])
        at.kept[str(shape)] = objects[-1:]
        return Work(
            [frame_task(at, one, next(_PLACES) * STEP % shape.frames + 1) for one in objects].__getitem__, OBJECTS
        )

    return prepare


def next_touch(shape: Shape) -> Callable[[Service, Scale], Work]:
    """One Frame after the other of an object that was read before, in no particular order."""

    def prepare(at: Service, _: Scale) -> Work:
        one = _object(at, shape)
        at.ask(frame_task(at, one, shape.frames))
        return Work(lambda number: frame_task(at, one, number * STEP % shape.frames + 1))

    return prepare


def whole_series(at: Service, _: Scale) -> Work:
    """All instances of a Series in one answer."""
    return _again(at, series_task(at, series(at)))


def whole_study(at: Service, _: Scale) -> Work:
    """All instances of a Study of 1,000 in one answer."""
    instances = kept(at, "study", lambda: new_series(at, KB_530, STUDY))
    return _again(at, _whole(at, instances[0].series_path.partition("/series")[0], instances))


def series_task(at: Service, instances: Sequence[Instance]) -> Task:
    """These, which are a Series, as they are stored."""
    return _whole(at, instances[0].series_path, instances)


def frame_task(at: Service, one: Instance, number: int) -> Task:
    """One Frame, as it is stored."""
    accept = FRAME_JPEG if one.shape.jpeg else OCTETS
    return at.get(f"{one.path}/frames/{number}", accept, _is(one.frame(number)))


def _object(at: Service, shape: Shape) -> Instance:
    return kept(at, str(shape), lambda: new_series(at, shape, 1))[0]


def _whole(at: Service, path: str, instances: Sequence[Instance]) -> Task:
    return at.get(path, DICOM, _is(*(tuple(one.pieces()) for one in instances)))


def _again(at: Service, task: Task) -> Work:
    at.ask(task)  # the client's buffer grows
    return Work(lambda _: task)


def _is(*contents: Sequence[bytes]) -> Check:
    return lambda answer: checks.parts(answer, contents)
