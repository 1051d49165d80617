"""Both clients under one suite: every test that takes `client` runs with `Client` and with `AsyncClient`."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from filmroom import AsyncClient, AsyncFound, Client, Retry
from tests.client.recorder import Recorder

AT_ONCE = Retry(times=3, backoff=0.0)


class Waiting:
    """An AsyncClient, or what it found, whose methods wait, so that a test reads the same for both clients."""

    def __init__(self, client: AsyncClient | AsyncFound, runner: asyncio.Runner) -> None:
        self.client, self.runner = client, runner

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.client, name)
        return self._waiting(member) if callable(member) else member

    def __iter__(self) -> Iterator[Any]:
        return iter(self._waiting(type(self.client).__aiter__)(self.client))  # type: ignore[union-attr]

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            if isinstance(result, AsyncGenerator):
                return self._iterate(result)
            if isinstance(result, AsyncFound):
                return Waiting(result, self.runner)
            return self._wait(result) if isinstance(result, Awaitable) else result

        return call

    def _wait(self, awaitable: Awaitable[Any]) -> Any:
        """The result by way of a list: a Runner shows the result of what it runs as text, which reads large values."""
        results: list[Any] = []

        async def keep() -> None:
            results.append(await awaitable)

        self.runner.run(keep())
        return results[0]

    def _iterate(self, items: AsyncGenerator[Any, None]) -> Iterator[Any]:
        try:
            while (item := self._wait(anext(items, None))) is not None:
                yield item
        finally:
            self._wait(items.aclose())


@pytest.fixture
def service() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes a client of either kind, and closes it in the end."""
    opened: list[Any] = []
    with asyncio.Runner() as runner:

        def connect(url: str, **options: Any) -> Any:
            options = {"retries": AT_ONCE} | options
            if request.param == "sync":
                opened.append(Client(url, **options))
            else:
                opened.append(Waiting(AsyncClient(url, **options), runner))
            return opened[-1]

        yield connect
        for client in opened:
            client.aclose() if isinstance(client, Waiting) else client.close()


@pytest.fixture
def client(connect: Callable[..., Any], service: Recorder) -> Any:
    return connect(service.url)
