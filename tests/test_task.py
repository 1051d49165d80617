"""A batch proves that the worker still has the operation; whatever ends it leaves no trace of the batch."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import update

from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.index import operations, service_tables
from filmroom.settings import Settings
from filmroom.task import Canceled, Ended, Stopping, Taken, Task


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive.open(Settings(data=tmp_path / "data", codec_processes=1))
    yield opened
    opened.close()


@pytest.fixture
def task(archive: Archive) -> Task:
    with archive.index.begin() as tx:
        operation = operations.claim(tx, operations.add(tx, "sweep", {"delay": 5}), "worker")
    assert operation is not None
    return Task(archive, operation, "worker")


def checkpoint(task: Task) -> object:
    with task.archive.index.read() as tx:
        found = operations.fetch(tx, task.operation.id)
    return found and found.checkpoint


def test_what_a_batch_saves_is_there_after_it(task: Task) -> None:
    with task.batch() as tx:
        task.save(tx, 7, percent=10)
        assert checkpoint(task) is None
    assert checkpoint(task) == 7
    assert (task.arguments, task.checkpoint) == ({"delay": 5}, None)


def test_a_batch_tells_that_the_worker_lives(task: Task) -> None:
    told: list[bool] = []
    task.renewed = lambda: told.append(True)
    with task.batch():
        pass
    task.renew()
    assert told == [True, True]


def canceled(task: Task) -> None:
    with task.archive.index.begin() as tx:
        operations.cancel(tx, task.operation.id)


def taken_over(task: Task) -> None:
    with task.archive.index.begin() as tx:
        tx.core.execute(update(service_tables.operation).values(owner="another"))


def stopping(task: Task) -> None:
    task.stopping = lambda: True


@pytest.mark.parametrize(("happens", "ends"), [(canceled, Canceled), (taken_over, Taken), (stopping, Stopping)])
def test_no_batch_begins_any_more(task: Task, happens: Callable[[Task], None], ends: type[Ended]) -> None:
    happens(task)
    with pytest.raises(ends), task.batch() as tx:
        task.save(tx, "never")
    with pytest.raises(ends):
        task.renew()
    assert checkpoint(task) is None


def test_what_failed_is_written_with_the_batch(task: Task) -> None:
    with task.batch() as tx:
        task.failed(tx, [("a", "It is gone.")])
    with task.archive.index.read() as tx:
        assert [one.item for one in operations.fetch_failures(tx, task.operation.id, 10, 0)] == ["a"]


@pytest.mark.parametrize("required", [True, False])
def test_none_begins_while_the_trail_that_is_required_can_t_be_written(task: Task, *, required: bool) -> None:
    task.archive.audit.required, task.archive.audit.trouble = required, "No space left on device"
    with pytest.raises(Unavailable, match="No space left") if required else nullcontext(), task.batch():
        pass
