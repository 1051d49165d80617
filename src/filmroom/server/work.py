"""The border between the asynchronous edge and the synchronous core: one hop to a thread for each request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from filmroom.entrance import under_way
from filmroom.server.lanes import Lane, Use, lanes
from filmroom.server.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 1 << 20  # bytes gathered in one hop: a study of small parts must not cost a hop for each
SMALL = 1 << 18  # bytes: to copy less than this costs less than to send it by itself


class Work:
    """A bounded pool of threads in which services run, and its lanes. A request is in one of them (`server/routes`)."""

    def __init__(self, threads: int) -> None:
        self.threads = max(threads, len(Use))  # one for each lane
        self._pool = Threads(self.threads, "service")
        self.lanes = lanes(self._pool, self.threads)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a service function in a thread, for what is no request, or not yet: who asks by a share link."""
        return await self.lanes[Use.INDEX].run(function, *args, **kwargs)

    @property
    def busy(self) -> int:
        """How many threads are at work."""
        return min(self._begun, self.threads)

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return max(self._begun - self.threads, 0) + sum(lane.waiting for lane in self.lanes.values())

    @property
    def _begun(self) -> int:
        return sum(lane.at_work for lane in self.lanes.values())

    def close(self) -> None:
        """Wait for what is running and end the threads."""
        for lane in self.lanes.values():
            lane.close()
        self._pool.close()


class Body:
    """A body taken from a synchronous iterator, a batch in each hop. The first batch is taken at once.

    What a service can only find out while reading is so found out before the status line is sent,
    and a body that fits one batch needs no second hop.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.first = _batch(self._chunks)
        self.whole = sum(map(len, self.first)) < BATCH  # the iterator ended before the batch was full

    async def stream(self, work: Lane) -> AsyncIterator[bytes]:
        """The chunks, in pieces of a batch at most, the next batch read while the last is sent."""
        batch, self.first = self.first, []
        following: Future[list[bytes]] | None = None
        chunk = b""
        try:
            while batch:
                following = work.begin(under_way, _batch, self._chunks)
                for chunk in batch:
                    for start in range(0, len(chunk), BATCH):
                        yield chunk[start : start + BATCH]
                batch = await asyncio.wrap_future(following)
        finally:
            # Who left is in a ring with this frame until the collector comes by, and so is what the frame holds.
            batch.clear()
            del chunk
            # A client that went away cancels every `await`, also here; so the thread that reads closes the chunks.
            if following is not None:
                following.add_done_callback(lambda _: self.close())

    def close(self) -> None:
        """Let a generator that is left half way remove its files, and let go of what it holds."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        self._chunks = iter(())


def _batch(chunks: Iterator[bytes]) -> list[bytes]:
    """As many chunks as make a batch, the small ones joined."""
    batch: list[bytes] = []
    small: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if len(chunk) < SMALL:
            small.append(chunk)
        else:
            if small:
                batch.append(b"".join(small))
                small.clear()
            batch.append(chunk)
        if size >= BATCH:
            break
    if small:
        batch.append(b"".join(small))
    return batch
