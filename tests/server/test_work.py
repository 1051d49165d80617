"""The border to the threads: bodies read ahead by one batch, and closed whoever leaves first."""

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest

from filmroom import entrance
from filmroom.errors import Unavailable
from filmroom.server.lanes import Lane, Use
from filmroom.server.work import BATCH, SMALL, Body, Work
from tests.service import DEADLINE, wait_until

LARGE = b"x" * BATCH


@pytest.fixture
def work() -> Iterator[Lane]:
    made = Work(2)
    yield made.lanes[Use.FILES]
    made.close()


class Chunks:
    """Chunks whose reading and closing can be watched."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks, self.taken, self.closed = chunks, 0, threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self.chunks:
                self.taken += 1
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.closed.set()


async def read(body: Body, work: Lane) -> bytes:
    return b"".join([chunk async for chunk in body.stream(work)])


def test_a_function_runs_in_another_thread(work: Lane) -> None:
    assert asyncio.run(work.run(threading.get_ident)) != threading.get_ident()


def test_an_error_comes_back(work: Lane) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(work.run(int, "x"))


def test_a_small_body_is_whole_at_once() -> None:
    body = Body(iter([b"a", b"b"]))
    assert (body.whole, b"".join(body.first)) == (True, b"ab")


def test_of_a_large_body_only_a_batch_is_read_at_first() -> None:
    chunks = Chunks(LARGE, LARGE, LARGE)
    body = Body(chunks)
    assert (body.whole, chunks.taken) == (False, 1)


@pytest.mark.parametrize("chunks", [[LARGE], [LARGE, b"end"], [LARGE] * 3, [b"x"] * BATCH, [LARGE, b"", b"end"]])
def test_all_chunks_arrive_in_order(work: Lane, chunks: list[bytes]) -> None:
    assert asyncio.run(read(Body(iter(chunks)), work)) == b"".join(chunks)


def test_what_fails_at_first_fails_before_the_body_is_begun() -> None:
    with pytest.raises(Unavailable):
        Body(Chunks(Unavailable("gone")))


def test_small_chunks_are_sent_together_and_large_ones_as_they_are(work: Lane) -> None:
    large = b"2" * SMALL

    async def pieces() -> list[bytes]:
        return [piece async for piece in Body(iter([b"0", b"1", large, b"3", b"4"])).stream(work)]

    assert asyncio.run(pieces()) == [b"01", large, b"34"]


def test_what_fails_later_fails_in_the_stream(work: Lane) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(read(Body(Chunks(LARGE, LARGE, Unavailable("gone"))), work))


def test_what_is_read_after_the_status_line_is_under_way(work: Lane) -> None:
    found: list[bool] = []

    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            found.append(entrance._begun.get())
            yield LARGE

    asyncio.run(read(Body(chunks()), work))
    assert found == [False, True, True]


def test_a_stream_read_to_the_end_is_closed(work: Lane) -> None:
    chunks = Chunks(LARGE, LARGE)
    asyncio.run(read(Body(chunks), work))
    assert chunks.closed.wait(DEADLINE)


def test_a_stream_left_half_way_is_closed(work: Lane) -> None:
    chunks = Chunks(LARGE, LARGE, LARGE)

    async def leave() -> None:
        stream = Body(chunks).stream(work)
        await anext(stream)
        assert isinstance(stream, AsyncGenerator)
        await stream.aclose()

    asyncio.run(leave())
    assert chunks.closed.wait(DEADLINE)


def test_a_stream_left_half_way_holds_nothing_of_the_answer(work: Lane) -> None:
    body = Body(iter([LARGE * 3, LARGE]))

    async def leave() -> int:
        stream = body.stream(work)
        piece = await anext(stream)
        assert isinstance(stream, AsyncGenerator)
        await stream.aclose()
        return len(piece)

    assert asyncio.run(leave()) == BATCH
    wait_until(lambda: next(body._chunks, None) is None)
    assert body.first == []


def test_a_stream_cancelled_while_it_reads_is_closed(work: Lane) -> None:
    go_on = threading.Event()

    class Slow(Chunks):
        def __iter__(self) -> Iterator[bytes]:
            for chunk in super().__iter__():
                yield chunk
                assert go_on.wait(DEADLINE)

    chunks = Slow(LARGE, LARGE)

    async def cancel() -> None:
        body = Body(chunks)
        reading = asyncio.ensure_future(read(body, work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        go_on.set()

    asyncio.run(cancel())
    gc.collect()
    assert chunks.closed.wait(DEADLINE)


def test_chunks_that_are_no_generator_need_no_closing() -> None:
    Body(iter([LARGE])).close()
