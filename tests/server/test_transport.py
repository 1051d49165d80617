"""When the head of an answer is sent: on both event loops that a service may have."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop

from filmroom.server.transport import Transport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
Run = Callable[[Awaitable[None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    made: Run = request.param
    return made


class Noting:
    """A transport of the event loop that notes what it is to send: bytes, or several at once."""

    def __init__(self, transport: Any) -> None:
        self._transport, self.calls = transport, list[Any]()

    def write(self, data: bytes) -> None:
        self.calls.append(data)
        self._transport.write(data)

    def writelines(self, pieces: tuple[bytes, ...]) -> None:
        self.calls.append(pieces)
        self._transport.writelines(pieces)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[Transport, Callable[[], bytes], list[Any]]]:
    """A transport, what gives all that has been sent since it was last asked, and by which calls it was."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    made, _ = await loop.create_connection(asyncio.Protocol, sock=ours)

    def received() -> bytes:
        with suppress(BlockingIOError):
            return theirs.recv(65536)
        return b""

    try:
        inner = Noting(made)
        yield Transport(inner, loop), received, inner.calls
    finally:
        made.abort()
        theirs.close()


def test_the_head_goes_with_the_first_bytes_of_the_body(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, calls):
            transport.write(HEAD)
            assert received() == b""
            transport.write(b"body")
            assert received() == HEAD + b"body"
            await asyncio.sleep(0)
            assert received() == b""
            assert calls == [(HEAD, b"body")]

    run(tried())


def test_a_head_whose_body_is_yet_to_come_does_not_wait_for_it(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, _):
            transport.write(HEAD)
            await asyncio.sleep(0)
            assert received() == HEAD
            transport.write(b"body")
            assert received() == b"body"

    run(tried())


def test_an_answer_without_a_body_is_sent_at_once(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, _):
            transport.write(HEAD)
            transport.write(b"")
            assert received() == HEAD

    run(tried())


def test_that_a_body_may_come_is_said_at_once(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, _):
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert received() == b"HTTP/1.1 100 Continue\r\n\r\n"

    run(tried())


def test_a_body_may_begin_like_a_head(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, _):
            for piece in (HEAD, HEAD, HEAD):
                transport.write(piece)
            await asyncio.sleep(0)
            assert received() == 3 * HEAD

    run(tried())


def test_what_was_written_is_sent_before_the_connection_ends(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, _):
            transport.write(HEAD)
            transport.close()
            assert transport.is_closing()
            assert received() == HEAD

    run(tried())


def test_to_a_connection_that_has_ended_nothing_is_sent(run: Run) -> None:
    async def tried() -> None:
        async with connection() as (transport, received, calls):
            transport.write(HEAD)
            transport.abort()
            await asyncio.sleep(0)
            assert (received(), calls) == (b"", [])

    run(tried())
