"""Who is turned away where many wait, and who is let in in turn."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from filmroom.entrance import Alone, Entrance, under_way
from filmroom.errors import Unavailable


def enter(entrance: Entrance) -> str:
    with entrance.passed():
        return "was inside"


def test_who_can_come_back_later_is_turned_away() -> None:
    entrance = Entrance(1, "Too many wait.")
    with entrance.passed(), pytest.raises(Unavailable, match="Too many wait"):
        enter(entrance)
    assert enter(entrance) == "was inside"


def test_an_answer_under_way_is_let_in_in_turn() -> None:
    entrance = Entrance(1, "Too many wait.")
    inside, go = threading.Event(), threading.Event()

    def stay() -> None:
        with entrance.passed():
            inside.set()
            go.wait()

    with ThreadPoolExecutor(2) as threads:
        threads.submit(stay)
        inside.wait()
        waiting = threads.submit(under_way, enter, entrance)
        with pytest.raises(Unavailable):
            enter(entrance)
        go.set()
        assert waiting.result() == "was inside"


def test_the_patience_of_an_answer_under_way_has_an_end() -> None:
    entrance = Entrance(1, "Too many wait.", patience=0.01)
    with entrance.passed(), pytest.raises(Unavailable, match="Too many wait"):
        under_way(enter, entrance)


def test_only_the_function_is_under_way() -> None:
    entrance = Entrance(1, "Too many wait.")
    assert under_way(enter, entrance) == "was inside"
    with entrance.passed(), pytest.raises(Unavailable):
        enter(entrance)


def test_an_error_inside_frees_the_place() -> None:
    entrance = Entrance(1, "Too many wait.")
    with pytest.raises(ValueError, match="inside"), entrance.passed():
        raise ValueError("inside")
    assert enter(entrance) == "was inside"


def test_who_comes_when_many_wait_to_inflate_is_told() -> None:
    alone = Alone(waiting=0)
    with alone, pytest.raises(Unavailable, match="stored deflated"), alone:
        pass
    with alone:  # the turn was given back
        pass
