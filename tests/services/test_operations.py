"""Long operations, step by step as a worker does them: every way in which one can end, and go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from filmroom.archive import Archive
from filmroom.errors import BadRequest, Conflict, NotFound, Unavailable
from filmroom.index import service_tables as tables
from filmroom.index.operations import State
from filmroom.services import operations as service
from filmroom.services.delete import delete
from filmroom.services.operations import MOST_ATTEMPTS, Function, Worker
from filmroom.task import Task
from tests import data
from tests.audit import given
from tests.services.test_delete import keep, keys, targets

ITEMS = 5


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing that would tidy up runs."""


class Counting:
    """An operation that counts to ITEMS, an item a batch, and notes what it did."""

    def __init__(self, hurt: Callable[[int, Task], None] = lambda *_: None) -> None:
        self.done: list[int] = []
        self._hurt = hurt

    def __call__(self, task: Task) -> Any:
        for item in range(task.checkpoint or 0, ITEMS):
            with task.batch() as tx:
                self._hurt(item, task)
                task.save(tx, item + 1, 100 * (item + 1) // ITEMS)
            self.done.append(item)
        return {"counted": ITEMS}


def worker(archive: Archive, run: Callable[[Task], Any], owner: str = "worker") -> Worker:
    return Worker(archive, owner, {"sweep": Function(run)})


@pytest.fixture
def started(archive: Archive) -> str:
    return service.start(archive, "sweep", {"delay": 0})


def raises(error: BaseException, at: int = 2) -> Callable[[int, Task], None]:
    def hurt(item: int, _: Task) -> None:
        if item == at:
            raise error

    return hurt


def set_lease(archive: Archive, until: float) -> None:
    with archive.index.begin() as tx:
        tx.core.execute(update(tables.operation).values(leased_until=until))


def outcome(worker: Worker) -> str | None:
    ran = worker.run_next()
    return None if ran is None else ran.outcome


def test_it_is_done_once(archive: Archive, started: str) -> None:
    counting = Counting()
    assert outcome(worker(archive, counting)) == "succeeded"
    found = service.status(archive, started)
    assert (found.state, found.percent, found.results) == (State.SUCCEEDED, 100, {"counted": ITEMS})
    assert (outcome(worker(archive, counting)), counting.done) == (None, list(range(ITEMS)))


def test_only_what_is_known_can_be_started(archive: Archive) -> None:
    with pytest.raises(ValueError, match="no operation dance"):
        service.start(archive, "dance", {})
    with pytest.raises(NotFound, match="no operation"):
        service.status(archive, "0" * 32)


@pytest.mark.parametrize("at", range(ITEMS))
def test_killed_anywhere_it_goes_on_behind_the_last_batch(archive: Archive, started: str, at: int) -> None:
    first, second = Counting(raises(Killed(), at)), Counting()
    with pytest.raises(Killed):
        worker(archive, first).run_next()
    assert service.status(archive, started).state is State.RUNNING
    assert outcome(worker(archive, second, owner="another")) is None  # the lease lasts
    assert outcome(worker(archive, second)) == "succeeded"  # the supervisor's next, under the same name
    assert first.done + second.done == list(range(ITEMS))


def test_on_another_machine_it_goes_on_when_the_lease_has_run_out(archive: Archive, started: str) -> None:
    with pytest.raises(Killed):
        worker(archive, Counting(raises(Killed()))).run_next()
    set_lease(archive, 0)
    assert outcome(worker(archive, Counting(), owner="another")) == "succeeded"


def test_who_hangs_loses_it_and_writes_nothing_more(archive: Archive, started: str) -> None:
    others: list[str | None] = []

    def hang(item: int) -> None:
        if item == 3:
            set_lease(archive, 0)
            others.append(outcome(worker(archive, Counting(), owner="another")))

    def run(task: Task) -> None:
        for item in range(task.checkpoint or 0, ITEMS):
            hang(item)
            with task.batch() as tx:
                task.save(tx, item + 1)

    assert (outcome(worker(archive, run)), others) == ("lost", ["succeeded"])
    assert service.status(archive, started).results == {"counted": ITEMS}


def test_who_hangs_at_the_very_end_is_not_said_to_have_succeeded(archive: Archive, started: str) -> None:
    others: list[str | None] = []

    def run(task: Task) -> None:
        set_lease(archive, 0)
        others.append(outcome(worker(archive, Counting(), owner="another")))

    assert (outcome(worker(archive, run)), others) == ("lost", ["succeeded"])


def test_a_worker_that_is_asked_to_end_leaves_it_to_the_next(archive: Archive, started: str) -> None:
    counting = Counting()
    first = worker(archive, counting)
    first.stopping = lambda: len(counting.done) == 2
    assert outcome(first) == "stopped"
    assert service.status(archive, started).percent == 40
    assert outcome(worker(archive, counting, owner="another")) == "succeeded"
    assert counting.done == list(range(ITEMS))


def test_canceled_it_ends_after_its_batch(archive: Archive, started: str) -> None:
    def run(task: Task) -> None:
        with task.batch() as tx:
            task.save(tx, 1, 20)
        service.cancel(archive, started)
        with task.batch() as tx:
            task.save(tx, 2, 40)

    assert outcome(worker(archive, run)) == "canceled"
    found = service.status(archive, started)
    assert (found.state, found.percent) == (State.CANCELED, 20)
    with pytest.raises(Conflict, match="it is canceled"):
        service.cancel(archive, started)


def test_canceled_while_no_worker_lived_it_does_not_begin_again(archive: Archive, started: str) -> None:
    with pytest.raises(Killed):
        worker(archive, Counting(raises(Killed(), 0))).run_next()
    service.cancel(archive, started)
    counting = Counting()
    assert (outcome(worker(archive, counting)), counting.done) == ("canceled", [])


@pytest.mark.parametrize(
    ("error", "said"),
    [(BadRequest("The folder is not empty."), "The folder is not empty."), (KeyError("Doe^John"), "An internal error")],
)
def test_it_fails_and_says_why_without_naming_anybody(
    archive: Archive, started: str, error: Exception, said: str
) -> None:
    ran = worker(archive, Counting(raises(error))).run_next()
    assert ran is not None
    assert (ran.outcome, ran.error) == ("failed", error)
    found = service.status(archive, started)
    assert found.state is State.FAILED
    assert said in str(found.error)
    assert "Doe" not in str(found.error)


def test_what_was_unavailable_is_tried_again_later(archive: Archive, started: str) -> None:
    broken = worker(archive, Counting(raises(Unavailable("The disk is full."), 1)))
    for _ in range(2 * MOST_ATTEMPTS):
        assert outcome(broken) == "unavailable"
        assert outcome(broken) is None
        set_lease(archive, 0)
    assert outcome(worker(archive, Counting())) == "succeeded"


def test_what_ends_every_worker_is_given_up(archive: Archive, started: str) -> None:
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(Killed):
            worker(archive, Counting(raises(Killed(), 0))).run_next()
    assert outcome(worker(archive, Counting())) == "failed"
    assert "5 times" in str(service.status(archive, started).error)


def test_what_ended_long_ago_is_forgotten(archive: Archive, started: str) -> None:
    outcome(worker(archive, Counting()))
    assert (service.forget(archive, days=30), service.forget(archive, days=0)) == (0, 1)
    assert service.newest(archive) == []


def test_sweep_removes_the_files_of_deleted_instances(either: Archive) -> None:
    made = [data.dataset(), data.dataset()]
    keep(either, *made)
    delete(either, targets(made[0])[0])
    started = service.start(either, "sweep", {"delay": 0})
    assert outcome(Worker(either, "worker")) == "succeeded"
    assert (service.status(either, started).results, keys(either)) == ({"filesRemoved": 1}, 1)
    assert service.resources(service.status(either, started)) == []


def test_the_audit_knows_what_an_operation_did(archive: Archive, tmp_path: Path) -> None:
    export = {"url": "file:///srv/out", "resources": [["1.2", None, None]]}
    Worker(archive, "worker", {"export": Function(lambda task: {"exported": 3})}).run(
        Worker(archive, "worker").begin("export", export)
    )
    archive.audit.close()
    begun, ended = given.lines(tmp_path / "data")
    assert [(one["action"], one["phase"], one["studies"]) for one in (begun, ended)] == [
        ("export", "begin", ["1.2"]),
        ("export", "end", ["1.2"]),
    ]
    assert (ended["state"], ended["results"], ended["place"]) == ("succeeded", {"exported": 3}, "file:///srv/out")
