"""How much one client, and all together, may have under way: what is more is refused at once. Pure ASGI.

Of a client, by its address, 429 is said; of all, 503. What counts is in one worker process: each has its own.
Health and metrics are answered whatever else goes on.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.audit.chain import LIMITED
from filmroom.audit.gathered import note
from filmroom.errors import BadParameter, Error, TooLarge, TooMany, Unavailable
from filmroom.server import errors
from filmroom.server.lanes import less
from filmroom.server.paths import WATCHED

BURST = 10.0  # seconds for which a client may be ahead of its rate
MOST_PARAMETERS = 2000  # of a query: to read them takes a millisecond
_REMEMBERED = 10_000  # clients whose requests are counted, before those that have been quiet are forgotten
_LONGEST_LENGTH = 19  # digits


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed, in each worker process. 0 is any number."""

    requests_at_once: int = 0
    requests_per_client: int = 0
    requests_per_second: float = 0.0  # of a client
    bytes_per_client: int = 0  # of bodies under way
    request_limit: int = 0  # bytes of one body


class Allowance:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self._limits = limits
        self._now = now
        self._under_way = 0
        self._requests: dict[str, int] = {}  # under way, by client
        self._bytes: dict[str, int] = {}
        self._paid: dict[str, float] = {}  # until when the rate of a client is used up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say why not."""
        if scope["type"] != "http" or scope["path"].lower() in WATCHED:
            await self.app(scope, receive, send)
            return
        client, length = client_of(scope), _length(scope)
        self._under_way += 1
        self._requests[client] = self._requests.get(client, 0) + 1
        body = None if length == 0 else _Body(self, client, receive)
        try:
            self._check(scope, client)
            if body is not None:
                body.take(length or 0)
                receive = receive if length else body.receive
        except Error as error:
            await (await _refused(scope, error))(scope, receive, send)
        else:
            await self.app(scope, receive, send)
        finally:
            if body is not None:
                body.leave()
            self._under_way -= 1
            less(self._requests, client, 1)

    def _check(self, scope: Scope, client: str) -> None:
        limits, query = self._limits, scope["query_string"]
        if len(query) > MOST_PARAMETERS and query.count(b"&") >= MOST_PARAMETERS:
            raise BadParameter(f"The query has more than {MOST_PARAMETERS} parameters.")
        if 0 < limits.requests_at_once < self._under_way:
            raise Unavailable("Too many requests are under way. Try again later.")
        if 0 < limits.requests_per_client < self._requests[client]:
            raise TooMany(f"More than {limits.requests_per_client} requests of one client are under way.")
        if limits.requests_per_second:
            self._pay(client)

    def _pay(self, client: str) -> None:
        """Every request uses up its share of a second; who is too far ahead waits (the generic cell rate algorithm)."""
        now, rate = self._now(), self._limits.requests_per_second
        until = max(self._paid.get(client, now), now) + 1 / rate
        if (ahead := until - now - max(BURST, 1 / rate)) > 1e-6:
            raise TooMany(f"More than {rate:g} requests in a second, for some time.", math.ceil(ahead))
        if len(self._paid) >= _REMEMBERED:
            self._paid = {one: when for one, when in self._paid.items() if when > now}
        self._paid[client] = until

    def hold(self, client: str, length: int) -> None:
        """Count bytes of a body that a client sends, as long as its request is under way."""
        held = self._bytes.get(client, 0) + length
        if 0 < self._limits.bytes_per_client < held:
            raise TooMany(f"Requests of one client with more than {self._limits.bytes_per_client} bytes are under way.")
        self._bytes[client] = held

    def check_length(self, length: int) -> None:
        """The body of one request is so long, at least."""
        if 0 < self._limits.request_limit < length:
            raise TooLarge(f"The request exceeded the allowed limit of {self._limits.request_limit} bytes.")

    def release(self, client: str, length: int) -> None:
        """They are dealt with."""
        less(self._bytes, client, length)


class _Body:
    """The body of a request, counted: by the length that it says, or as it comes."""

    def __init__(self, allowance: Allowance, client: str, receive: Receive) -> None:
        self._allowance, self._client, self._receive = allowance, client, receive
        self._length = self._held = 0

    def take(self, length: int) -> None:
        """So many bytes more. What would be too much is refused."""
        if length:
            self._length += length
            self._allowance.check_length(self._length)
            self._allowance.hold(self._client, length)
            self._held += length

    async def receive(self) -> Message:
        """What comes of a body whose length was not said."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.take(len(message.get("body", b"")))
        return message

    def leave(self) -> None:
        """The request has ended."""
        if self._held:
            self._allowance.release(self._client, self._held)


def client_of(scope: Scope) -> str:
    """Who it is, by the address."""
    client = scope.get("client")
    return _group(client[0]) if client else "unknown"


@lru_cache(4096)
def _group(address: str) -> str:
    """An address; of IPv6 the network of 64 bits, for whoever has one address has all of those."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


def _length(scope: Scope) -> int | None:
    """What the header says of the body; None if only its end will tell. Without either header there is none."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) <= _LONGEST_LENGTH else None
        if name == b"transfer-encoding":
            length = None
    return length


async def _refused(scope: Scope, error: Error) -> ASGIApp:
    scope["handler"], scope["audited"] = "refused", LIMITED
    note(why=str(error))
    return await errors.known(Request(scope), error)
