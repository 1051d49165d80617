"""A clock that is set back, or ahead, by an hour in the middle: nothing is removed too early, done twice, or stuck.

That the change feed's times never go back is tested in `index/test_changes.py`; of expiry in `index/test_expiry.py`.
"""

import time
from collections.abc import Callable

import pytest

from filmroom.archive import Archive
from filmroom.blobs import new_keys
from filmroom.dicom.resources import Resource
from filmroom.index import changes
from filmroom.index.operations import REBUILD, State, add, fetch_latest, finish
from filmroom.services import delete, operations
from filmroom.services.operations import Function
from filmroom.task import Task
from tests import data
from tests.services.test_delete import keep

HOUR = 3600.0
Step = Callable[[float], None]


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Step:
    """Sets the clock, by seconds from what it was."""
    real, real_ns, ahead = time.time, time.time_ns, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(ahead[0] * 1e9))

    def by(seconds: float) -> None:
        ahead[0] += seconds

    return by


each_way = pytest.mark.parametrize("seconds", [-HOUR, HOUR], ids=["back", "ahead"])


@each_way
def test_a_worker_goes_on_with_what_it_has(archive: Archive, step: Step, seconds: float) -> None:
    def run(task: Task) -> None:
        for _ in range(3):
            with task.batch():
                step(seconds)

    made = operations.start(archive, "sweep", {})
    done = operations.Worker(archive, "a", {"sweep": Function(run, lambda _: [])}).run_next()
    assert done is not None
    assert (done.id, done.outcome, done.error) == (made, State.SUCCEEDED, None)


@each_way
def test_who_lost_an_operation_by_it_writes_no_more(archive: Archive, step: Step, seconds: float) -> None:
    second = operations.Worker(archive, "b", {"sweep": Function(lambda _: None, lambda _: [])})

    def run(task: Task) -> None:
        step(seconds)
        taken = second.run_next()
        assert taken is not None
        with task.batch():
            raise AssertionError

    operations.start(archive, "sweep", {})
    first = operations.Worker(archive, "a", {"sweep": Function(run, lambda _: [])}).run_next()
    assert first is not None
    assert (first.outcome, first.error) == (operations.LOST, None)


def test_an_operation_started_before_the_clock_was_set_back_is_done(archive: Archive, step: Step) -> None:
    made = operations.start(archive, "sweep", {"delay": 0})
    step(-HOUR)
    done = operations.Worker(archive, "a").run_next()
    assert done is not None
    assert (done.id, done.outcome) == (made, State.SUCCEEDED)


def test_of_rebuilds_the_later_counts_though_the_clock_was_set_back(archive: Archive, step: Step) -> None:
    with archive.index.begin() as tx:
        first = add(tx, REBUILD, {})
        before = fetch_latest(tx, REBUILD)
        assert before is not None
        finish(tx, first, "a", State.FAILED)
        step(-HOUR)
        second = add(tx, REBUILD, {}, after=before.created)
        latest = fetch_latest(tx, REBUILD)
        assert latest is not None
        assert latest.id == second


@each_way
def test_a_file_whose_row_is_on_its_way_stays(archive: Archive, step: Step, seconds: float) -> None:
    [key] = new_keys(1)
    archive.blobs.put(key, b"a store that has not committed yet")
    step(seconds)
    assert delete.sweep(archive, 0.0) == 0
    assert [found for found, _ in archive.blobs.list()] == [key]


def test_files_deleted_wait_no_less_when_it_is_set_back(archive: Archive, step: Step) -> None:
    made = data.dataset()
    keep(archive, made)
    delete.delete(archive, Resource(made.StudyInstanceUID))
    step(-HOUR)
    assert delete.sweep(archive, HOUR / 2) == 0
    step(HOUR + HOUR / 2 + 1)
    assert delete.sweep(archive, HOUR / 2) == 1


@each_way
def test_stores_replacements_and_deletes_go_on(archive: Archive, step: Step, seconds: float) -> None:
    made = data.dataset()
    keep(archive, made)
    step(seconds)
    made.PatientID = "later"
    keep(archive, made, put=True)
    step(-seconds)
    delete.delete(archive, Resource(made.StudyInstanceUID))
    with archive.index.read() as tx:
        entries = changes.fetch_after(tx, 0, 100, 100, metadata=False)
    assert [entry.action for entry in entries] == ["create", "update", "delete"]
    times = [entry.timestamp for entry in entries]
    assert times == sorted(times)
