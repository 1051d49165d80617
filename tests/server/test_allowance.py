"""What one client, and all, may have under way: at once, in a second, in bytes."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Scope

from filmroom.server import allowance, errors
from filmroom.server.allowance import Allowance, Limits


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Service:
    """An application that answers when it is let, and how many requests it has seen."""

    limits: Limits
    clock: Clock = field(default_factory=Clock)
    seen: int = 0

    def __post_init__(self) -> None:
        self.let = asyncio.Event()
        routes = [Route("/{path:path}", self.answer, methods=["GET", "POST"])]
        self.guard = Allowance(Starlette(routes=routes, exception_handlers=errors.HANDLERS), self.limits, self.clock)

    async def answer(self, request: Request) -> Response:
        self.seen += 1
        await request.body()
        await self.let.wait()
        return PlainTextResponse("done")

    def ask(
        self, *pieces: bytes, client: str = "10.0.0.1", path: str = "/", query: bytes = b"", length: int | None = None
    ) -> "asyncio.Task[tuple[int, str | None]]":
        """Send a request; the status and Retry-After of its answer. Without a length the pieces come in chunks."""
        said = (b"transfer-encoding", b"chunked") if length is None else (b"content-length", b"%d" % length)
        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": query,
            "headers": [said],
            "client": (client, 1),
        }
        arriving: Iterator[Message] = iter(
            [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
            + [{"type": "http.request", "body": b"", "more_body": False}]
        )
        return asyncio.ensure_future(self._answered(scope, arriving))

    async def _answered(self, scope: Scope, arriving: Iterator[Message]) -> tuple[int, str | None]:
        sent: list[Message] = []

        async def receive() -> Message:
            return next(arriving)

        async def send(message: Message) -> None:
            sent.append(message)

        await self.guard(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]).get(b"retry-after", b"").decode() or None

    async def settled(self, *tasks: "asyncio.Task[tuple[int, str | None]]") -> list[tuple[int, str | None]]:
        """The answers, once everything that was held back is let."""
        for _ in range(50):
            await asyncio.sleep(0)
        self.let.set()
        return await asyncio.gather(*tasks)


async def _at_once(limits: Limits, clients: list[str]) -> list[tuple[int, str | None]]:
    service = Service(limits)
    answers = await service.settled(*[service.ask(client=one) for one in clients])
    assert await service.ask() == (200, None)  # nothing is counted any more
    assert service.guard._requests == service.guard._bytes == {}
    return answers


def test_requests_of_one_client() -> None:
    answers = asyncio.run(_at_once(Limits(requests_per_client=2), ["10.0.0.1"] * 3 + ["10.0.0.2"]))
    assert answers == [(200, None), (200, None), (429, "5"), (200, None)]


def test_requests_of_all() -> None:
    answers = asyncio.run(_at_once(Limits(requests_at_once=2), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]))
    assert answers == [(200, None), (200, None), (503, "5")]


def test_a_network_of_ipv6_is_one_client() -> None:
    answers = asyncio.run(_at_once(Limits(requests_per_client=1), ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]))
    assert [status for status, _ in answers] == [200, 429, 200]
    assert allowance._group("::ffff:10.0.0.1") == "10.0.0.1"
    assert allowance._group("fe80::1%eth0") == "fe80::"
    assert allowance._group("no:address") == "no:address"


def test_health_is_always_answered() -> None:
    async def ask() -> list[tuple[int, str | None]]:
        service = Service(Limits(requests_at_once=1, requests_per_second=0.1))
        first = service.ask()
        return await service.settled(first, *[service.ask(path="/health/check") for _ in range(9)])

    assert asyncio.run(ask()) == [(200, None)] * 10


def test_a_rate_is_kept_over_ten_seconds() -> None:
    async def ask() -> None:
        service = Service(Limits(requests_per_second=2))
        service.let.set()
        answers = [await service.ask() for _ in range(22)]
        assert [status for status, _ in answers] == [200] * 20 + [429] * 2
        assert answers[-1] == (429, "1")
        assert await service.ask(client="10.0.0.2") == (200, None)
        service.clock.now += 1
        assert [(await service.ask())[0] for _ in range(3)] == [200, 200, 429]

    asyncio.run(ask())


def test_clients_that_are_quiet_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "_REMEMBERED", 10)

    async def ask() -> int:
        service = Service(Limits(requests_per_second=1))
        service.let.set()
        for number in range(50):
            await service.ask(client=f"10.0.0.{number}")
            service.clock.now += 2
        return len(service.guard._paid)

    assert asyncio.run(ask()) <= 10


def test_a_body_that_says_that_it_is_too_long_is_not_received() -> None:
    async def ask() -> tuple[tuple[int, str | None], int]:
        service = Service(Limits(request_limit=10))
        return await service.ask(b"12345678901", length=11), service.seen

    assert asyncio.run(ask()) == ((413, None), 0)


def test_a_body_that_becomes_too_long_is_refused() -> None:
    async def ask() -> list[tuple[int, str | None]]:
        service = Service(Limits(request_limit=10))
        service.let.set()
        return [await service.ask(b"123456", b"123456"), await service.ask(b"123456", b"1234")]

    assert asyncio.run(ask()) == [(413, None), (200, None)]


def test_bytes_of_one_client() -> None:
    async def ask() -> list[tuple[int, str | None]]:
        service = Service(Limits(bytes_per_client=10))
        asked = [service.ask(b"123456", length=6), service.ask(b"12345"), service.ask(b"12345", client="10.0.0.2")]
        return [*await service.settled(*asked), await service.ask(b"1234567890", length=10)]

    assert asyncio.run(ask()) == [(200, None), (429, "5"), (200, None), (200, None)]


def test_a_query_of_many_parameters_is_refused() -> None:
    async def ask() -> tuple[int, str | None]:
        return await Service(Limits()).ask(query=b"a&" * 3000)

    assert asyncio.run(ask()) == (400, None)
