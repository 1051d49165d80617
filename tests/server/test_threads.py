"""Threads: how many there are, what they do, and what they hold."""

import threading
import weakref
from functools import partial

from filmroom.server.threads import Threads
from tests.service import wait_until


class Result:
    pass


def stand(let: threading.Event) -> None:
    let.wait()


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("tested_")}


def test_as_many_are_begun_as_are_needed_and_no_more_than_the_most() -> None:
    made, let = Threads(3, "tested"), threading.Event()
    assert names() == set()
    made.submit(lambda: None)
    wait_until(lambda: made._open == 0)
    for _ in range(5):
        made.submit(partial(stand, let))
    assert names() == {"tested_0", "tested_1", "tested_2"}
    let.set()
    made.close()
    assert names() == set()


def test_to_close_waits_for_what_was_submitted() -> None:
    made, done = Threads(2, "tested"), list[int]()
    for number in range(50):
        made.submit(partial(done.append, number))
    made.close()
    assert sorted(done) == [*range(50)]


def test_a_thread_that_waits_holds_nothing_of_the_last_call() -> None:
    made, result = Threads(1, "tested"), Result()
    seen = weakref.ref(result)
    made.submit(partial(id, result))  # type: ignore[arg-type]
    del result
    wait_until(lambda: seen() is None)
    made.close()
