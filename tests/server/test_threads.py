"""Threads: how many there are, what they do, and what they hold."""

import threading
import weakref
from functools import partial

import pytest

from filmroom.server.threads import Call, Threads
from tests.service import wait_until


class Result:
    pass


def stand(let: threading.Event) -> None:
    let.wait()


def hold(_: Result) -> None:
    pass


def no_more(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("tested_")}


def test_as_many_are_begun_as_are_needed_and_no_more_than_the_most() -> None:
    made, let = Threads(3, "tested"), threading.Event()
    assert names() == set()
    made.submit(lambda: None)
    wait_until(lambda: len(made._free) == 1)
    for _ in range(5):
        made.submit(partial(stand, let))
    assert names() == {"tested_0", "tested_1", "tested_2"}
    let.set()
    made.close()
    assert names() == set()


def test_where_no_more_threads_can_be_started_a_call_waits_for_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, let, done = Threads(3, "tested"), threading.Event(), list[int]()
    assert made.submit(partial(stand, let))
    monkeypatch.setattr(threading.Thread, "start", no_more)
    assert not made.submit(partial(done.append, 1))
    let.set()
    made.close()
    assert done == [1]


def test_to_close_waits_for_what_was_submitted() -> None:
    made, done = Threads(2, "tested"), list[int]()
    for number in range(50):
        made.submit(partial(done.append, number))
    made.close()
    assert sorted(done) == [*range(50)]


def test_what_nobody_would_do_is_refused() -> None:
    made = Threads(2, "tested")
    made.submit(lambda: None)
    made.close()
    with pytest.raises(RuntimeError, match="have ended"):
        made.submit(lambda: None)


def test_a_thread_that_waits_holds_nothing_of_the_last_call() -> None:
    made, result = Threads(1, "tested"), Result()
    seen = weakref.ref(result)
    made.submit(partial(hold, result))
    del result
    wait_until(lambda: seen() is None)
    made.close()


def test_of_free_threads_the_last_to_become_so_is_the_next() -> None:
    made, let, who = Threads(3, "tested"), threading.Event(), list[str]()
    for _ in range(3):
        made.submit(partial(stand, let))
    let.set()
    wait_until(lambda: len(made._free) == 3)
    last = made._free[-1]
    for number in range(1, 5):
        made.submit(lambda: who.append(threading.current_thread().name))
        wait_until(lambda number=number: len(who) == number and len(made._free) == 3)  # type: ignore[misc]
    assert {*who} == {made._threads[last].name}
    made.close()


def test_what_a_call_gives_is_done_after_all_that_waits() -> None:
    made, let, done = Threads(1, "tested"), threading.Event(), list[str]()

    def first() -> Call:
        let.wait()
        return partial(done.append, "following")

    made.submit(first)
    made.submit(partial(done.append, "waiting"))
    let.set()
    made.close()
    assert done == ["waiting", "following"]
