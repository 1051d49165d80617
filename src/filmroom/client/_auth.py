"""Bearer tokens (RFC 6750), given as text or as a function that is asked before each request."""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

import httpx2

from filmroom.protocol import bearer

# What httpx2 takes as auth.
Credentials = httpx2.Auth | tuple[str, str] | Callable[[httpx2.Request], httpx2.Request]
Token = str | Callable[[], str | Awaitable[str]]


class BearerToken(httpx2.Auth):
    """Puts `Authorization: Bearer …` on each request. A function keeps its token fresh itself.

    `AsyncClient` also takes a function that returns an awaitable.
    """

    def __init__(self, token: Token) -> None:
        self._token = token if callable(token) else bearer.word(token)  # a bad one is told before a request

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the token to `request`."""
        token = self._token() if callable(self._token) else self._token
        if not isinstance(token, str):
            raise TypeError("The token function of a Client must return a str; one that is awaited needs AsyncClient.")
        request.headers["authorization"] = f"Bearer {bearer.word(token)}"
        yield request

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Add the token to `request`."""
        token = self._token() if callable(self._token) else self._token
        request.headers["authorization"] = f"Bearer {bearer.word(await token if inspect.isawaitable(token) else token)}"
        yield request
