"""What rows store, and what is kept for those that read."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.data import DX, KB_10, KB_530, Instance, Shape, new_run
from bench.service import Service

SERIES = 200
STUDIES = 1000
RADIOGRAPHS = 20
MANY_SERIES = (100, 5)  # Studies, and the Series of each
DAYS_AGO, A_DAY = 7000, 4  # when the first of the Studies was, before all that other rows store, and Studies a day
PLACES = 4  # of the disc in images that are rendered
STEP = 7919  # a prime: n * STEP walks through all of a Series or all Studies in no particular order


def new_series(at: Service, shape: Shape, count: int) -> list[Instance]:
    """The instances of a new Study of one Series, not yet stored."""
    study = at.new_study()
    return [Instance(shape, at.run, study, 0, number) for number in range(count)]


def kept(at: Service, name: str, make: Callable[[], list[Instance]]) -> list[Instance]:
    """What is stored once, when a row first wants it."""
    if name not in at.kept:
        made = make()
        at.store_all(made)
        at.kept[name] = made
    return at.kept[name]


def series(at: Service) -> list[Instance]:
    """A Series of 200 CT, 105 MB."""
    return kept(at, "series", lambda: _told_apart(new_series(at, KB_530, SERIES)))


def radiographs(at: Service) -> list[Instance]:
    """Some DX of 10 MB."""
    return kept(at, "radiographs", lambda: _told_apart(new_series(at, DX, RADIOGRAPHS)))


def studies(at: Service) -> list[Instance]:
    """1,000 Studies of one instance, four a day; one in ten is MR."""
    return kept(at, "studies", _new_studies)


def studies_of_series(at: Service) -> list[Instance]:
    """100 Studies of five Series, each of one instance."""
    return kept(at, "studies of series", lambda: _new_studies_of_series(at))


def _told_apart(instances: Sequence[Instance]) -> list[Instance]:
    """With images by which the next is told from one."""
    return [replace(one, shape=replace(one.shape, place=one.number % PLACES)) for one in instances]


def _new_studies() -> list[Instance]:
    run = new_run()  # names of their own, so that it is known what a search must find
    mr = Shape(64, 64, modality="MR")
    return [
        Instance(KB_10 if number % 10 else mr, run, number, 0, 0, day=number // A_DAY - DAYS_AGO)
        for number in range(STUDIES)
    ]


def _new_studies_of_series(at: Service) -> list[Instance]:
    studies, series = MANY_SERIES
    numbers = [at.new_study() for _ in range(studies)]
    return [Instance(KB_10, at.run, study, each, 0) for study in numbers for each in range(series)]
