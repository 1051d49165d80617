"""Rows of the Search Transaction."""

from collections import defaultdict
from collections.abc import Sequence

from bench import checks
from bench.checks import later
from bench.client import Answer, Task
from bench.data import Instance
from bench.rows.kept import A_DAY, MANY_SERIES, STEP, STUDIES, series, studies, studies_of_series
from bench.rows.row import Scale, Work
from bench.service import JSON, Service

WEEK = 7 * A_DAY  # Studies


def patient(at: Service, _: Scale) -> Work:
    """Studies by Patient ID: one is found."""

    def task(one: Instance) -> Task:
        return at.search(f"PatientID={one.patient}", later(lambda answer: checks.studies(answer, {one.uids[0]}, 1)))

    return _walk([task(one) for one in studies(at)])


def date(at: Service, _: Scale) -> Work:
    """Studies of a week: 28 are found."""

    def task(week: Sequence[Instance]) -> Task:
        first, last, uids = week[0].date, week[-1].date, {one.uids[0] for one in week}
        return at.search(f"StudyDate={first}-{last}", later(lambda answer: checks.dated(answer, uids, first, last)))

    those = studies(at)
    return _walk([task(those[first : first + WEEK]) for first in range(0, STUDIES - WEEK, A_DAY)])


def name(at: Service, _: Scale) -> Work:
    """Studies by the beginning of the Patient's Name: 25 are found."""
    families: dict[str, set[str]] = defaultdict(set)
    for one in studies(at):
        families[one.family].add(one.uids[0])

    def task(family: str, uids: set[str]) -> Task:
        return at.search(f"PatientName={family}*", later(lambda answer: checks.studies(answer, uids, len(uids))))

    return _walk([task(*one) for one in families.items()])


def modality(at: Service, _: Scale) -> Work:
    """The first 25 Studies that have a Series of a modality."""
    studies(at)

    def check(answer: Answer) -> None:
        checks.studies(answer, None, 25)
        checks.has_modality(answer, "MR")

    return _walk([at.search("ModalitiesInStudy=MR&limit=25", later(check))])


def series_of_study(at: Service, _: Scale) -> Work:
    """The Series of one Study after the other: five are found."""
    those, many = studies_of_series(at), MANY_SERIES[1]

    def task(study: Sequence[Instance]) -> Task:
        path, uids = study[0].series_path.rpartition("/")[0], {one.uids[1] for one in study}
        return at.get(path, JSON, later(lambda answer: checks.found(answer, checks.SERIES, uids, many)))

    return _walk([task(those[first : first + many]) for first in range(0, len(those), many)])


def newest(at: Service, _: Scale) -> Work:
    """A hundred Studies, whichever."""
    studies(at)
    return _walk([at.search("limit=100", later(lambda answer: checks.studies(answer, None, 100)))])


def instances(at: Service, _: Scale) -> Work:
    """The instances of a Series: 200 are found."""
    those = series(at)
    uids = {one.uids[2] for one in those}
    path = f"{those[0].series_path}/instances"
    return _walk([at.get(path, JSON, later(lambda answer: checks.found(answer, checks.INSTANCE, uids, len(uids))))])


def _walk(tasks: Sequence[Task]) -> Work:
    return Work(lambda number: tasks[number * STEP % len(tasks)])
