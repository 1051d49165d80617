"""Rows of long operations: who may take one, and who has it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from filmroom.index import operations, service_tables
from filmroom.index.database import Database
from filmroom.index.operations import Operation, State

NAMES = {"sweep"}


@pytest.fixture
def waiting(database: Database) -> str:
    """The id of an operation that nobody has begun."""
    with database.begin() as tx:
        return operations.add(tx, "sweep", {"delay": 5})


def found(database: Database, name: str) -> Operation:
    with database.read() as tx:
        operation = operations.fetch(tx, name)
    assert operation is not None
    return operation


def take(database: Database, owner: str) -> Operation | None:
    with database.begin() as tx:
        free = operations.fetch_next(tx, owner, NAMES)
        return None if free is None else operations.claim(tx, free, owner)


def renew(database: Database, name: str, owner: str) -> bool | None:
    with database.begin() as tx:
        return operations.renew(tx, name, owner)


def set_lease(database: Database, until: float) -> None:
    with database.begin() as tx:
        tx.core.execute(update(service_tables.operation).values(leased_until=until))


def test_what_was_added_waits(database: Database, waiting: str) -> None:
    operation = found(database, waiting)
    assert (operation.state, operation.percent, operation.arguments) == (State.NOT_STARTED, None, {"delay": 5})
    assert (len(waiting), operation.created == operation.updated) == (32, True)


def test_an_id_that_nobody_gave(database: Database) -> None:
    with database.read() as tx:
        assert operations.fetch(tx, "0" * 32) is None


def test_the_oldest_is_taken_first(database: Database, waiting: str) -> None:
    with database.begin() as tx:
        later = operations.add(tx, "sweep", {})
    assert [getattr(take(database, "a"), "id", None) for _ in range(2)] == [waiting, waiting]  # its own, left undone
    assert getattr(take(database, "b"), "id", None) == later


def test_one_has_it(database: Database, waiting: str) -> None:
    assert take(database, "a") is not None
    assert take(database, "b") is None
    with database.begin() as tx:
        assert operations.claim(tx, waiting, "b") is None


def test_of_many_workers_at_once_each_has_others(database: Database) -> None:
    with database.begin() as tx:
        added = {operations.add(tx, "sweep", {}) for _ in range(20)}
    begin = threading.Barrier(4)

    def work(number: int) -> list[str]:
        begin.wait()
        taken = []
        for turn in range(20):
            with database.read() as tx:
                free = operations.fetch_next(tx, f"{number}-{turn}", NAMES)
            if free is None:
                break
            with database.begin() as tx:
                claimed = operations.claim(tx, free, f"{number}-{turn}")
            taken += [claimed.id] if claimed else []
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [name for names in threads.map(work, range(4)) for name in names]
    assert len(taken) == len(set(taken))
    assert set(taken) <= added


def test_a_name_that_a_worker_does_not_know_is_left_for_others(database: Database) -> None:
    with database.begin() as tx:
        operations.add(tx, "of another version", {})
    assert take(database, "a") is None


@pytest.mark.parametrize("until", [0.0, 1e12], ids=["run out", "by a clock that was ahead"])
def test_a_lease_that_says_nothing_any_more(database: Database, waiting: str, until: float) -> None:
    take(database, "dead")
    set_lease(database, until)
    assert take(database, "b") is not None
    assert renew(database, waiting, "dead") is None
    assert renew(database, waiting, "b") is False


def test_what_a_dead_worker_had_is_its_successors(database: Database, waiting: str) -> None:
    first, second = take(database, "a"), take(database, "a")
    assert first is not None
    assert second is not None
    assert (first.attempts, second.attempts) == (1, 2)


def test_a_checkpoint_gives_all_attempts_again(database: Database, waiting: str) -> None:
    take(database, "a")
    with database.begin() as tx:
        operations.replace_checkpoint(tx, waiting, {"after": 7}, 50)
    operation = take(database, "a")
    assert operation is not None
    assert (operation.checkpoint, operation.percent, operation.attempts) == ({"after": 7}, 50, 1)


def test_what_is_released_is_taken_when_its_rest_is_over(database: Database, waiting: str) -> None:
    take(database, "a")
    with database.begin() as tx:
        operations.release(tx, waiting, "a", rest=60)
    assert take(database, "b") is None
    set_lease(database, 0)
    assert getattr(take(database, "b"), "attempts", None) == 1


def test_how_it_ended_is_kept(database: Database, waiting: str) -> None:
    take(database, "a")
    with database.begin() as tx:
        operations.finish(tx, waiting, "a", State.SUCCEEDED, {"filesRemoved": 3})
    operation = found(database, waiting)
    assert (operation.state, operation.percent, operation.results) == (State.SUCCEEDED, 100, {"filesRemoved": 3})
    assert (operation.state.ended, take(database, "a")) == (True, None)


def test_who_lost_it_does_not_end_it(database: Database, waiting: str) -> None:
    take(database, "lost")
    set_lease(database, 0)
    take(database, "b")
    with database.begin() as tx:
        operations.finish(tx, waiting, "lost", State.FAILED, error="It took too long.")
    assert found(database, waiting).state is State.RUNNING


def test_what_waits_is_canceled_at_once(database: Database, waiting: str) -> None:
    with database.begin() as tx:
        assert operations.cancel(tx, waiting)
        assert not operations.cancel(tx, waiting)
    assert (found(database, waiting).state, take(database, "a")) == (State.CANCELED, None)


def test_who_has_it_is_told_to_cancel(database: Database, waiting: str) -> None:
    take(database, "a")
    with database.begin() as tx:
        operations.cancel(tx, waiting)
    assert found(database, waiting).state is State.RUNNING
    assert renew(database, waiting, "a") is True


def test_the_newest_come_first(database: Database, waiting: str) -> None:
    with database.begin() as tx:
        tx.core.execute(update(service_tables.operation).values(created=1.0))
        second = operations.add(tx, "sweep", {})
        assert [one.id for one in operations.fetch_newest(tx, 10)] == [second, waiting]
        assert [one.id for one in operations.fetch_newest(tx, 1)] == [second]


def test_what_ended_is_forgotten_and_the_rest_is_not(database: Database, waiting: str) -> None:
    with database.begin() as tx:
        gone = operations.add(tx, "sweep", {})
        operations.cancel(tx, gone)
        assert operations.remove_ended(tx, found(database, waiting).created - 1) == 0
        assert operations.remove_ended(tx, 1e12) == 1
        assert operations.fetch(tx, gone) is None
        assert operations.fetch(tx, waiting) is not None


def test_what_failed_is_told_in_order_and_goes_with_the_operation(database: Database, waiting: str) -> None:
    with database.begin() as tx:
        operations.add_failures(tx, waiting, [("a", "It is full."), ("b", "It is gone.")])
        operations.add_failures(tx, waiting, [])
        operations.add_failures(tx, operations.add(tx, "sweep", {}), [("other", "")])
    with database.read() as tx:
        assert [one.item for one in operations.fetch_failures(tx, waiting, 10, 0)] == ["a", "b"]
        assert [one.message for one in operations.fetch_failures(tx, waiting, 1, 1)] == ["It is gone."]
    with database.begin() as tx:
        operations.cancel(tx, waiting)
        assert operations.remove_ended(tx, float("inf")) == 1
    with database.read() as tx:
        assert operations.fetch_failures(tx, waiting, 10, 0) == []
