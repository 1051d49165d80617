"""Changes as they happen (server-sent events), for web pages; PS3.18 has nothing like it.

A stream costs no thread: its waits are in the event loop. While anybody listens, one task of the process asks the index
every second for what has changed, for all of them together, and keeps the last of that. Who comes back with the number
of an older change is given what it missed from the index, page by page, and then goes on with the others.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from itertools import takewhile

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from filmroom.archive import Archive
from filmroom.errors import Unavailable
from filmroom.protocol import change_feed as parameters
from filmroom.protocol import event_stream
from filmroom.protocol.dialects import Dialect
from filmroom.server.requests import partitions_of
from filmroom.server.work import Work
from filmroom.services import change_feed as service
from filmroom.services.change_feed import News

LAST_EVENT_ID = "Last-Event-ID"
MOST = 256  # streams of a process
POLL = 1.0  # seconds between looks for changes
PULSE = 15.0  # seconds between signs of life: proxies end a connection that is silent for a minute
SLOW = 30.0  # seconds in which a listener must take what it is sent
LASTS = 60.0  # seconds of a stream: its listener comes back by itself, and is asked anew who it is
RETRY = 3000  # milliseconds until a browser comes back
PAGE = 200  # changes read at once
RECENT = 2000  # changes kept for all

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # nginx would keep events until a buffer is full
_FULL = (
    f"{MOST} streams of events are open, which are all that this process serves; come back later, or read /changefeed."
)


class Feed:
    """What is new, for all who listen to this process. It belongs to the event loop."""

    def __init__(self, archive: Archive, work: Work) -> None:
        self._archive, self._work = archive, work
        self._recent: deque[News] = deque(maxlen=RECENT)
        self._known: float = math.inf  # `_recent` holds all that came after this sequence
        self._changed = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._closed = False
        self.listeners = 0

    def enter(self) -> None:
        """Begin to listen, or be refused."""
        if self._closed or self.listeners >= MOST:
            raise Unavailable(_FULL)
        self.listeners += 1
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    def leave(self) -> None:
        """Listen no more."""
        self.listeners -= 1

    def close(self) -> None:
        """End all streams: the process is asked to end, and waits for them."""
        self._closed = True
        if self._polling is not None:
            self._polling.cancel()
        self._wake()

    async def first(self, asked: int | None) -> int:
        """After which sequence to begin. One that is not there yet was that of an index that was made anew since."""
        newest = await self._work.run(service.newest, self._archive)
        return newest if asked is None else min(asked, newest)

    async def stream(self, after: int, wanted: Callable[[str], bool]) -> AsyncGenerator[bytes, None]:
        """What came after a sequence and what comes, of the data partitions that are `wanted` by their names."""
        yield event_stream.retry(RETRY)
        said = time.monotonic()
        until = said + LASTS
        while not self._closed and time.monotonic() < until:
            self._check()
            changed = self._changed  # before a look: what comes after that sets it
            found = await self._after(after)
            after = found[-1].sequence if found else after
            texts = [event_stream.event(one.sequence, one.name, one.entry) for one in found if wanted(one.partition)]
            now = time.monotonic()
            rest = min(said + PULSE, until) - now
            if texts or rest <= 0:
                yield b"".join(texts) or event_stream.pulse(after)
                said = time.monotonic()
            elif not found:
                await _wait(changed, rest)

    async def _after(self, sequence: int) -> list[News]:
        if sequence >= self._known:
            return [*takewhile(lambda one: one.sequence > sequence, reversed(self._recent))][::-1]
        return await self._work.run(service.news, self._archive, sequence, PAGE)

    async def _poll(self) -> None:
        """Look for changes as long as anybody listens."""
        last = -1
        self._recent.clear()
        while self.listeners:
            try:
                if last < 0:
                    self._known = last = await self._work.run(service.newest, self._archive)
                found = await self._work.run(service.news, self._archive, last, PAGE)
            except Unavailable:  # every other request says so, too; the streams wait
                found = []
            if found:
                last = found[-1].sequence
                self._keep(found)
            if len(found) < PAGE:
                await asyncio.sleep(POLL)
        self._known = math.inf

    def _keep(self, found: list[News]) -> None:
        for one in found:
            if len(self._recent) == RECENT:
                self._known = self._recent[0].sequence
            self._recent.append(one)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _check(self) -> None:
        """A mistake of ours that ended the look for changes ends the streams, too."""
        if self._polling is not None and self._polling.done():
            self._polling.result()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class _Stream(StreamingResponse):
    """The answer. Who does not read it is dropped, and whoever leaves makes room for another."""

    def __init__(self, feed: Feed, after: int, wanted: Callable[[str], bool]) -> None:
        super().__init__(feed.stream(after, wanted), headers=_HEADERS, media_type=event_stream.MEDIA_TYPE)
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SLOW):
                await send(message)

        try:
            await super().__call__(scope, receive, in_time)
        except TimeoutError as error:
            raise Unavailable(f"A listener did not read for {SLOW:g} seconds.") from error
        finally:
            self._feed.leave()


async def listen(dialect: Dialect, request: Request) -> Response:
    """What changes from now on, or since the change that a listener says it has seen last."""
    asked = parameters.last_seen(request.headers.get(LAST_EVENT_ID), request.query_params.getlist("since"), dialect)
    if request.method == "HEAD":
        return Response(headers=_HEADERS, media_type=event_stream.MEDIA_TYPE)
    feed: Feed = request.state.events
    after = await feed.first(asked)
    named = frozenset(request.query_params.getlist("partition"))
    allowed = partitions_of(request)
    feed.enter()  # nothing is waited for until the answer begins
    return _Stream(feed, after, lambda name: (not named or name in named) and (allowed is None or name in allowed))
