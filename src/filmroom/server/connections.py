"""Connections: how many there are, and that no client holds one by sending or taking bytes too slowly.

uvicorn waits for what a client owes without end, but for the next request. Looking at a connection now and then costs
a request nothing; how long nothing may happen is only known to a quarter of the time.
"""

from asyncio import TimerHandle
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from filmroom.server.limits import BoundedProtocol

LOOKS = 4  # in the time that a client has
LEAST_RATE = 512  # bytes in a second, on average over that time
_DRAINED = 64 * 1024  # bytes that were taken, at least, when a full buffer has room again
_BUSY = "Too many connections. Try again later."
_SLOW = "The request did not come in time."


@dataclass(frozen=True, slots=True)
class Bounds:
    """For each worker process."""

    connections: int
    patience: float  # seconds that a client has


class _Owed(Enum):
    NOTHING = auto()  # it is the service that has to do something
    HEAD = auto()
    BODY = auto()
    READING = auto()


class Connection(BoundedProtocol):
    """Ends connections that are too many, or whose clients are too slow."""

    def __init__(self, *args: Any, bounds: Bounds, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bounds = bounds
        self._receiving = False  # a request, between its first byte and the last of its body
        self._begun = False  # its head is complete
        self._first = True  # none has been received yet
        self._owed, self._looks = _Owed.HEAD, 0
        self._moved = 0  # bytes, since that is owed
        self._unsent = 0  # bytes that waited for the client at the last look
        self._next_look: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            self.say("503 Service Unavailable", _BUSY, "retry-after: 5\r\n")
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._receiving, self._begun = True, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._begun, self._first = True, False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Of a body that came after the answer uvicorn does not wait for the next request by its clock."""
        self._receiving = False
        super().on_message_complete()
        if self.cycle.response_complete and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def resume_writing(self) -> None:
        self._moved += _DRAINED
        super().resume_writing()

    def _look_later(self) -> None:
        self._next_look = self.loop.call_later(self._bounds.patience / LOOKS, self._look)

    def _look(self) -> None:
        """See whether the client does what it has to."""
        if self.transport.is_closing():  # what is unsent it does not take
            self.transport.abort()
            return
        owed, unsent = self._owes(), self.transport.get_write_buffer_size()
        self._moved += max(self._unsent - unsent, 0)
        self._unsent = unsent
        if owed is not self._owed or owed is _Owed.NOTHING:
            self._owed, self._looks, self._moved = owed, 0, 0
        else:
            self._looks += 1
        if self._looks == LOOKS:
            if self._moved < self._bounds.patience * LEAST_RATE:
                self._give_up()
            self._looks = self._moved = 0
        self._look_later()

    def _owes(self) -> _Owed:
        if self.transport.get_write_buffer_size():
            return _Owed.READING
        if self._first:
            return _Owed.HEAD
        cycle = self.cycle
        if cycle.response_complete:  # between two requests uvicorn has its own clock
            if not self._receiving:  # a line break before a request stops that clock and begins nothing
                return _Owed.HEAD if self.timeout_keep_alive_task is None else _Owed.NOTHING
            return _Owed.BODY if self._begun else _Owed.HEAD
        waits = cycle.more_body and not cycle.body and not cycle.waiting_for_100_continue
        return _Owed.BODY if waits else _Owed.NOTHING

    def _give_up(self) -> None:
        if self._owed is _Owed.READING or (self._owed is _Owed.BODY and self.cycle.response_started):
            self.transport.abort()
        else:
            self.say("408 Request Timeout", _SLOW)
