"""The sockets of web workers."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

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


def test_workers_listen_at_one_address(closing: ExitStack) -> None:
    listening = [closing.enter_context(one) for one in workers.listen("127.0.0.1", 0, 3)]
    assert len({one.getsockname() for one in listening}) == 1


@pytest.mark.skipif(not workers._OWN_SOCKETS, reason="the kernel spreads connections on Linux only")
def test_connections_are_spread_over_the_workers(closing: ExitStack) -> None:
    listening = [closing.enter_context(one) for one in workers.listen("127.0.0.1", 0, 2)]
    listening[1].listen()  # as its worker does
    for _ in range(64):
        closing.enter_context(socket.create_connection(listening[0].getsockname()))
    accepted = [len(list(waiting(one, closing))) for one in listening]
    assert sum(accepted) == 64
    assert min(accepted) > 8


@pytest.mark.parametrize("count", [1, 2])
def test_an_address_in_use_is_refused(closing: ExitStack, count: int) -> None:
    listening = [closing.enter_context(one) for one in workers.listen("127.0.0.1", 0, count)]
    with pytest.raises(OSError, match="in use"):
        workers.listen("127.0.0.1", listening[0].getsockname()[1], 2)


def test_one_socket_is_shared_where_the_kernel_spreads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_OWN_SOCKETS", False)
    first, second = workers.listen("127.0.0.1", 0, 2)
    with first:
        assert first is second
