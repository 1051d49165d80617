"""What stands still is waited for by one thread, and asked about by many."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filmroom.server.tries import Tries


@contextmanager
def closing(tries: Tries[int]) -> Iterator[Tries[int]]:
    try:
        yield tries
    finally:
        tries.close()


class Counted:
    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self.calls, self._wait = 0, wait

    def __call__(self) -> int:
        self.calls += 1
        self._wait()
        return self.calls


def test_each_try_is_made_anew() -> None:
    async def ask() -> list[int | None]:
        return [(await tries.results(10))["one"] for _ in range(3)]

    with closing(Tries({"one": Counted()})) as tries:
        assert asyncio.run(ask()) == [1, 2, 3]


def test_what_is_fresh_is_not_tried_again() -> None:
    async def ask() -> list[int | None]:
        return [(await tries.results(10))["one"] for _ in range(3)]

    with closing(Tries({"one": Counted()}, fresh=1000)) as tries:
        assert asyncio.run(ask()) == [1, 1, 1]


def test_what_stands_still_is_tried_once_and_holds_up_nothing_else() -> None:
    stands_still = threading.Event()
    still, well = Counted(stands_still.wait), Counted()

    async def ask() -> tuple[list[int | None], list[int]]:
        told = [await tries.results(0.05)]
        while len([one for one in told if one["well"]]) < 3:  # on a slow machine it isn't told each time either
            told.append(await tries.results(0.05))
        stands_still.set()
        told.append(await tries.results(10))
        return [one["still"] for one in told], [one["well"] for one in told if one["well"]]

    with closing(Tries({"still": still, "well": well})) as tries:
        (*before, after), each = asyncio.run(ask())
        assert (set(before), after, still.calls) == ({None}, 1, 1)
        assert each == sorted(set(each))  # made anew each time


def test_who_ask_at_once_share_a_try() -> None:
    goes_on = threading.Event()
    counted = Counted(goes_on.wait)

    async def ask() -> list[int | None]:
        asking = [asyncio.create_task(tries.results(10)) for _ in range(5)]
        await asyncio.sleep(0)
        goes_on.set()
        return [(await one)["one"] for one in asking]

    with closing(Tries({"one": counted})) as tries:
        assert asyncio.run(ask()) == [1] * 5
