from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from filmroom.pixels.ahead import each


def test_results_come_in_order() -> None:
    with ThreadPoolExecutor(2) as threads:
        assert [done.result() for done in each(threads, pow, ((n, 2) for n in range(50)), 2)] == [
            n * n for n in range(50)
        ]


def test_no_more_is_begun_than_allowed() -> None:
    begun: list[int] = []

    def calls() -> Iterator[tuple[int]]:
        for number in range(10):
            begun.append(number)
            yield (number,)

    with ThreadPoolExecutor(2) as threads:
        results = each(threads, abs, calls(), 2)
        assert begun == []
        next(results)
        assert begun == [0, 1, 2]
        next(results)
        assert begun == [0, 1, 2, 3]


def test_what_one_call_raises_is_its_own() -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = each(threads, lambda number: 1 // number, [(0,), (1,)], 2)
    with pytest.raises(ZeroDivisionError):
        first.result()
    assert second.result() == 1


def test_who_stops_cancels_the_rest() -> None:
    with ThreadPoolExecutor(1) as threads:
        results = each(threads, abs, [(1,), (2,), (3,)], 1)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert list(results) == []
