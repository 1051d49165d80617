"""Who works at once: a lane for each kind of request, so that a flood of one leaves threads to the others.

A quarter of the threads, at least, is for what needs the index alone: with a blob store that does not answer, and under
any number of stores, searches and Metadata go on (decision 29).
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from enum import Enum, auto
from functools import partial
from typing import Any, ParamSpec, TypeVar

from filmroom.errors import TooMany, Unavailable
from filmroom.server.threads import Call, Threads

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 10.0  # seconds that a call waits for a thread, before its request is refused


class Use(Enum):
    """What requests need."""

    INDEX = auto()  # rows: searches, Metadata, changes, operations, deletes
    FILES = auto()  # what is in files: Instances, Frames, bulk values, images
    STORES = auto()  # to write files, and rows


_EIGHTHS = {Use.INDEX: 8, Use.FILES: 3, Use.STORES: 3}  # of the threads, that a use may take
_FOR_EACH_THREAD = {Use.INDEX: 32, Use.FILES: 32, Use.STORES: 8}  # requests under way; a store holds what it received
_REFUSED = {
    Use.INDEX: "Too many requests are under way. Try again later.",
    Use.FILES: "Too many wait for files. Try again later.",
    Use.STORES: "Too many stores are under way. Try again later.",
}


class Lane:
    """Calls of one use, so many at once; the others wait for their turn. From the thread of the event loop alone."""

    def __init__(self, threads: Threads, most: int, requests: int, refusal: str) -> None:
        self._threads = threads
        self._most, self._requests, self._refusal = most, requests, refusal
        self._lock = threading.Lock()  # calls end in their threads
        self._clients: dict[str, int] = {}  # requests under way, of each
        self.at_work = 0
        # The calls that wait, in order, each with a function that gives it up
        self._waiting: OrderedDict[Callable[[], None], Callable[[], object]] = OrderedDict()
        self._under_way = 0

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A request of a client, from its begin until its answer is sent; refused at once if too many are under way.

        So what waits is bounded. One client may have half of the places.
        """
        own = self._clients.get(client, 0)
        if self._under_way >= self._requests:
            raise Unavailable(self._refusal)
        if own >= max(self._requests // 2, 1):
            raise TooMany(f"{own} requests of this kind and of one client are under way. Try again later.")
        self._under_way += 1
        self._clients[client] = own + 1
        try:
            yield
        finally:
            self._under_way -= 1
            less(self._clients, client, 1)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a service function in a thread; who waits too long for one is refused."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        begun = threading.Lock()  # whoever has it does the call, or refuses it
        # It knows for which request it works.
        call = partial(_answer, loop, answer, begun, partial(copy_context().run, function, *args, **kwargs))
        timer = None
        if not self._take(call, answer.cancel):
            timer = loop.call_later(PATIENCE, self._refuse, call, begun, answer)
        try:
            return await answer
        finally:
            if timer is not None:
                timer.cancel()
            del answer, call  # an error holds this frame, and they hold the error

    def begin(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a service function called in a thread; whoever needs the result waits for the future, and its turn."""
        future: Future[T] = Future()
        self._take(partial(_fulfil, future, partial(copy_context().run, function, *args, **kwargs)), future.cancel)
        return future

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    def close(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            waiting = [*self._waiting.values()]
            self._waiting.clear()
        for give_up in waiting:
            give_up()

    def _take(self, call: Callable[[], None], give_up: Callable[[], object]) -> bool:
        """Whether the call has a thread; else it waits for its turn, or for a thread that another lane has."""
        with self._lock:
            if self.at_work >= self._most:
                self._waiting[call] = give_up
                return False
            self.at_work += 1
        try:
            return self._threads.submit(partial(self._do, call))
        except RuntimeError as error:
            with self._lock:
                self.at_work -= 1
            raise Unavailable("No thread could be started. Try again later.") from error

    def _do(self, call: Callable[[], None]) -> Call | None:
        """In a thread: a call; the next of those that wait takes its place."""
        call()
        del call  # an error holds this frame as well, and it holds who waited for the error
        with self._lock:
            if not self._waiting:
                self.at_work -= 1
                return None
            following, _ = self._waiting.popitem(last=False)
        return partial(self._do, following)

    def _refuse(self, call: Callable[[], None], begun: threading.Lock, answer: "asyncio.Future[Any]") -> None:
        """Refuse who waits still. What has begun is not refused: it may be done already."""
        with self._lock:
            self._waiting.pop(call, None)
        if begun.acquire(blocking=False):
            _fail(answer, Unavailable(self._refusal))  # unless who asked has just gone


def less(counts: dict[str, int], client: str, by: int) -> None:
    """Count down; of millions who came once nothing stays."""
    left = counts[client] - by
    if left:
        counts[client] = left
    else:
        del counts[client]


def _answer(
    loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", begun: threading.Lock, call: Callable[[], T]
) -> None:
    if answer.done() or not begun.acquire(blocking=False):  # who asked has gone, or was refused
        return
    try:
        told = partial(_settle, answer, call())
    except StopIteration as error:  # which a future does not take: who waits would wait for ever
        told = partial(_fail, answer, RuntimeError(repr(error)))
    except BaseException as error:  # noqa: BLE001 - it is whoever waits for the answer that meets it
        told = partial(_fail, answer, error)
    with suppress(RuntimeError):  # the loop has ended, and nobody waits
        loop.call_soon_threadsafe(told)
    del told, answer  # an error holds this frame, and they hold the error


def _settle(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[Any]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _fulfil(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is whoever waits for the future that meets it
        future.set_exception(error)
        del future  # the error holds this frame
    else:
        future.set_result(result)


def lanes(pool: Threads, threads: int) -> dict[Use, Lane]:
    """The lanes of so many threads."""
    return {
        use: Lane(pool, max(threads * _EIGHTHS[use] // 8, 1), threads * _FOR_EACH_THREAD[use], _REFUSED[use])
        for use in Use
    }
