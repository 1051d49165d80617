"""A crew: results in order, the first that raises, and an end in the middle of a file."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from filmroom.archive import Archive
from filmroom.services import crew
from filmroom.services.crew import Crew, GivenUp
from filmroom.services.operations import Worker, cancel
from filmroom.task import Canceled, Stopping, Task
from tests.service import DEADLINE


@pytest.fixture
def task(archive: Archive) -> Task:
    begun = Worker(archive, "worker").begin("sweep", {"delay": 0})
    return Task(archive, begun, "worker")


def test_results_are_in_the_order_of_the_items(task: Task) -> None:
    last_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert last_is_done.wait(DEADLINE)
        elif item == 7:
            last_is_done.set()
        return item * item

    with Crew(task) as at_work:
        assert at_work.do(work, range(8)) == [item * item for item in range(8)]
        assert at_work.do(work, []) == []


def test_what_an_item_raises_ends_the_batch(task: Task) -> None:
    def work(item: int) -> None:
        if item == 1:
            raise ValueError("of this item")

    with pytest.raises(ValueError, match="of this item"), Crew(task) as at_work:
        at_work.do(work, range(3))


def test_while_a_file_takes_long_the_lease_is_renewed(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "PULSE", 0.001)
    renewed = threading.Semaphore(0)
    task.renewed = renewed.release

    def work(_: int) -> bool:
        return all(renewed.acquire(timeout=DEADLINE) for _ in range(3))

    with Crew(task) as at_work:
        assert at_work.do(work, [0]) == [True]


@pytest.mark.parametrize("end", [Canceled, Stopping])
def test_asked_to_end_it_gives_up_what_is_at_work(
    task: Task, monkeypatch: pytest.MonkeyPatch, end: type[Exception]
) -> None:
    monkeypatch.setattr(crew, "PULSE", 0.001)
    given_up: list[int] = []
    at_work = Crew(task)

    def work(item: int) -> None:
        def endless() -> Iterator[bytes]:
            for number in count():
                if number == 1 and end is Canceled:
                    cancel(task.archive, task.operation.id)
                elif number == 1:
                    task.stopping = lambda: True
                yield b"chunk"

        try:
            for _ in at_work.watched(endless()):
                pass
        except GivenUp:
            given_up.append(item)
            raise

    with at_work:
        with pytest.raises(end):
            at_work.do(work, [0])
        assert given_up == [0]  # it has waited for it
