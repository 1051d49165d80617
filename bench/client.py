"""Clients that cost little: bytes made beforehand, sent over kept-alive sockets by threads (RFC 9112)."""

import contextlib
import itertools
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import inf

PATIENCE = 600  # seconds without a byte, after which a server counts as dead
ROOM = 1 << 18  # a Connection's buffer at first; it grows to the largest answer and is kept


class WrongAnswerError(Exception):
    """The server answered, but not what was asked for; its speed does not count."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, until its Connection asks again: the content is a part of the Connection's buffer."""

    status: int
    head: bytes
    buffer: bytes | bytearray
    spans: Sequence[tuple[int, int]]  # one, or one for each chunk
    began: float = 0.0  # when its head was here, by `time.perf_counter`

    def content(self) -> tuple[bytes | bytearray, int, int]:
        """Where the content is: in what, from, to. Only chunks are copied, which is after the clock has stopped."""
        if len(self.spans) == 1:
            return self.buffer, *self.spans[0]
        with memoryview(self.buffer) as view:
            joined = b"".join([view[start:end] for start, end in self.spans])
        return joined, 0, len(joined)

    @property
    def body(self) -> bytes:
        """A copy of the content."""
        buffer, start, end = self.content()
        return bytes(buffer[start:end])

    def field(self, name: str) -> str:
        """A header field's value, or nothing."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.encode():
                return value.strip().decode("latin-1")
        return ""


Check = Callable[[Answer], Callable[[], None] | None]  # what it gives back is looked at once the clock has stopped


@dataclass(frozen=True, slots=True)
class Task:
    """A request, as lists of pieces that are sent at once, and the check of its answer."""

    request: Iterable[Sequence[bytes]]
    check: Check


@dataclass(frozen=True, slots=True)
class Timing:
    """What the clients saw in one round."""

    seconds: float  # one client: the time it waited; several: from the first request to the last answer
    latencies: Sequence[float]
    received: int  # bytes of content
    client_cpu: float  # checks included
    first: Sequence[float] = ()  # until the head of each answer was here


class Connection:
    """One client's socket and buffer."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._buffer = bytearray(ROOM)
        self._filled = 0

    def open(self) -> socket.socket:
        """Connect, if that is needed."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, 10)
            self._socket.settimeout(None)  # Python's own limit would cost a system call for each call
            limit = struct.pack("ll", PATIENCE, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def close(self) -> None:
        """Close the socket and keep the buffer."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def abandon(self) -> None:
        """Have whoever waits for an answer wait no longer."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def ask(self, request: Iterable[Sequence[bytes]]) -> Answer:
        """Send a request and wait for the whole answer."""
        to = self.open()
        # A server that refuses a body answers and closes before it has read all; the answer says why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for pieces in request:
                sent = to.sendmsg(pieces)
                if sent < sum(map(len, pieces)):
                    to.sendall(b"".join(pieces)[sent:])
        return self._receive()

    def _receive(self) -> Answer:
        self._filled = 0
        start, began = self._find(b"\r\n\r\n", 0) + 4, time.perf_counter()
        head = bytes(self._buffer[:start])
        status, fields = int(head[9:12]), head.lower()
        closes = b"connection: close" in fields
        if b"transfer-encoding: chunked" in fields:
            spans = self._chunks(start)
        elif (length := fields.find(b"content-length:")) >= 0:
            end = start + int(fields[length + 15 : fields.index(b"\r\n", length)])
            self._fill(end)
            spans = [(start, end)]
        elif status in {204, 304}:
            spans = []
        else:
            spans, closes = [(start, self._fill_to_the_end())], True
        if closes:
            self.close()
        return Answer(status, head, self._buffer, spans, began)

    def _chunks(self, position: int) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        while True:
            line = self._find(b"\r\n", position)
            length = int(self._buffer[position:line].partition(b";")[0], 16)
            if length == 0:
                self._find(b"\r\n", line + 2)
                return spans
            spans.append((line + 2, line + 2 + length))
            position = line + 2 + length + 2
            self._fill(position)

    def _find(self, mark: bytes, start: int) -> int:
        while (found := self._buffer.find(mark, start, self._filled)) < 0:
            self._more()
        return found

    def _fill(self, end: int) -> None:
        if end > len(self._buffer):
            self._buffer.extend(bytes(end + ROOM - len(self._buffer)))
        while self._filled < end:
            self._more()

    def _fill_to_the_end(self) -> int:
        with contextlib.suppress(ConnectionError):
            while True:
                self._more()
        return self._filled

    def _more(self) -> None:
        assert self._socket is not None
        if self._filled == len(self._buffer):
            self._buffer.extend(bytes(len(self._buffer)))
        with memoryview(self._buffer) as view:
            count = self._socket.recv_into(view[self._filled :])
        if not count:
            raise ConnectionError("the server closed the connection before the answer was whole")
        self._filled += count


def run(connections: Sequence[Connection], task: Callable[[int], Task], count: int | None, seconds: float) -> Timing:
    """Let the connections share task 0, 1, 2…: `count` in all, or as many as begin within `seconds`.

    Of these each connection has one at least, however late its thread begins.
    """
    numbers = itertools.count()
    for connection in connections:
        connection.open()
    begin, cpu = time.perf_counter(), time.process_time()
    limit, deadline = (inf, begin + seconds) if count is None else (count, inf)

    heads: list[float] = []  # appending is atomic, so the threads share it
    left: list[Callable[[], None]] = []

    def work(connection: Connection) -> tuple[list[float], int]:
        latencies: list[float] = []
        received = 0
        while (number := next(numbers)) < limit and (time.perf_counter() < deadline or not latencies):
            made = task(number)
            start = time.perf_counter()
            answer = connection.ask(made.request)
            latencies.append(time.perf_counter() - start)
            heads.append(answer.began - start)
            received += sum(end - first for first, end in answer.spans)
            if rest := made.check(answer):
                left.append(rest)
        return latencies, received

    with ThreadPoolExecutor(len(connections)) as pool:
        working = [pool.submit(work, connection) for connection in connections]
        try:
            wait(working, return_when=FIRST_EXCEPTION)
        except BaseException:  # who ends the run waits for no answer
            for connection in connections:
                connection.abandon()
            raise
        finally:
            limit = -1  # one wrong answer waits for no more than what is asked already
        results = [one.result() for one in working]
    elapsed = time.perf_counter() - begin
    for rest in left:
        rest()
    latencies = [latency for one, _ in results for latency in one]
    waited = elapsed if len(connections) > 1 else sum(latencies)
    return Timing(waited, latencies, sum(received for _, received in results), time.process_time() - cpu, heads)
