"""What goes through a channel arrives as it was, large or small."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from filmroom.pixels.channel import KEPT, LARGE, Channel, aside

SIZES = [0, 1, LARGE - 1, LARGE, 3 * LARGE + 7, KEPT + 1]


@dataclass(frozen=True)
class Holder:
    """Something with bytes inside."""

    name: str
    frames: list[bytes]


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """Both in this process, which for a channel is no different."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with closing(Channel(ours)) as one:
        one.offer()
        with closing(Channel.taken(theirs)) as other:
            yield one, other


def content(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_arrive_as_they_were(ends: tuple[Channel, Channel], size: int) -> None:
    one, other = ends
    one.send(aside(content(size)))
    found = other.receive().loads()
    assert type(found) is bytes
    assert found == content(size)


def test_both_ends_speak_again_and_again(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    for size in (LARGE, KEPT + 1, 5, LARGE * 2):
        one.send(Holder("there", [aside(content(size)), b"small", aside(content(LARGE))]))
        assert other.receive().loads() == Holder("there", [content(size), b"small", content(LARGE)])
        other.send([aside(content(size + 1))])
        assert one.receive().loads() == [content(size + 1)]


def test_what_was_large_does_not_stay_in_memory(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    one.send(aside(content(KEPT + 1)))
    other.receive()
    assert os.fstat(one._file).st_size == 0


def test_large_bytes_do_not_go_through_the_pipe(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    one.send([aside(content(KEPT))])
    assert len(other.receive().pickled) < 100


def test_what_cannot_be_pickled_leaves_the_channel_as_it_was(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    with pytest.raises(TypeError, match="pickle"):
        one.send([aside(content(LARGE)), threading.Lock()])
    assert not other.poll(0)
    one.send("next")
    assert other.receive().loads() == "next"


def test_the_end_of_one_is_seen_by_the_other(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    one.close()
    one.close()  # again is no matter
    with pytest.raises(EOFError):
        other.receive()


def test_without_another_end_there_is_no_file() -> None:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    ours.close()
    with theirs, pytest.raises(EOFError):
        Channel.taken(theirs)
