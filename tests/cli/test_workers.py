"""The sockets of web workers."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import uvicorn

from filmroom.cli import workers


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def waiting(listening: socket.socket, closing: ExitStack) -> Iterator[socket.socket]:
    """The connections that wait to be accepted."""
    listening.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            yield closing.enter_context(listening.accept()[0])


def sockets(closing: ExitStack, count: int) -> list[socket.socket]:
    """Those that so many workers are given."""
    first = closing.enter_context(workers.listen("127.0.0.1", 0))
    places = workers.places(uvicorn.Config("none"), first, count)
    return [closing.enter_context(place.life()[1][1]) for place in places]


def test_workers_listen_at_one_address(closing: ExitStack) -> None:
    assert len({one.getsockname() for one in sockets(closing, 3)}) == 1


@pytest.mark.skipif(not workers._OWN_SOCKETS, reason="the kernel spreads connections on Linux only")
def test_connections_are_spread_over_the_workers(closing: ExitStack) -> None:
    listening = sockets(closing, 2)
    listening[1].listen()  # as its worker does
    for _ in range(64):
        closing.enter_context(socket.create_connection(listening[0].getsockname()))
    accepted = [len(list(waiting(one, closing))) for one in listening]
    assert sum(accepted) == 64
    assert min(accepted) > 8


@pytest.mark.skipif(not workers._OWN_SOCKETS, reason="they share one where the kernel spreads nothing")
def test_until_a_worker_is_started_it_has_no_socket(closing: ExitStack) -> None:
    first = closing.enter_context(workers.listen("127.0.0.1", 0))
    assert [place.listening for place in workers.places(uvicorn.Config("none"), first, 3)] == [first, None, None]


def test_an_address_in_use_is_refused(closing: ExitStack) -> None:
    first = closing.enter_context(workers.listen("127.0.0.1", 0))
    with pytest.raises(OSError, match="in use"):
        workers.listen("127.0.0.1", first.getsockname()[1])


def test_one_socket_is_shared_where_the_kernel_spreads_nothing(
    closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_OWN_SOCKETS", False)
    first, second = sockets(closing, 2)
    assert first is second
