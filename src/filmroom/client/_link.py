"""How requests become those of httpx2, the same for both clients: headers, credentials, timeouts, errors."""

import contextlib
import functools
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from filmroom import __version__
from filmroom.client._answers import Answer, announce, error, warnings_of
from filmroom.client._auth import BearerToken, Credentials, Token
from filmroom.client._messages import Request
from filmroom.client._retry import Attempts, Retry, connection_failed
from filmroom.client._service import Service
from filmroom.client._sources import AsyncBody
from filmroom.client.exceptions import BadResponse, ClientError, ConnectionFailed

# A service may spool and sync gigabytes before it answers a store, so a read may take its time.
Limits = float | httpx2.Timeout | None
TIMEOUT = httpx2.Timeout(60.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class Link:
    """A service, and how to speak with it."""

    service: Service
    headers: Mapping[str, str]
    auth: Credentials | None
    timeout: Limits
    retry: Retry

    @classmethod
    def make(
        cls,
        url: str,
        partition: str | None,
        headers: Mapping[str, str] | None,
        auth: Credentials | None,
        token: Token | None,
        timeout: Limits,
        retries: int | Retry,
    ) -> "Link":
        """From the arguments of a client."""
        if auth is not None and token is not None:
            raise ValueError("Give auth or token, not both.")
        credentials = auth if token is None else BearerToken(token)
        sent = {"user-agent": f"filmroom/{__version__}"} | {k.lower(): v for k, v in (headers or {}).items()}
        retry = retries if isinstance(retries, Retry) else Retry(times=retries)
        return cls(Service(url, partition), sent, credentials, timeout, retry)

    def request(self, http: httpx2.Client | httpx2.AsyncClient, request: Request) -> httpx2.Request:
        """The request of httpx2. To another host than the service's goes nothing that only the service may see."""
        if not self._is_own(request.url):
            foreign = {"user-agent": self.headers["user-agent"]} | dict(request.headers)
            timeout = httpx2.Timeout(self.timeout).as_dict()
            return httpx2.Request(request.method, request.url, headers=foreign, extensions={"timeout": timeout})
        body: Any = request.content
        content = AsyncBody(body) if body is not None and isinstance(http, httpx2.AsyncClient) else body
        headers = {**self.headers, **request.headers}
        return http.build_request(request.method, request.url, headers=headers, content=content, timeout=self.timeout)

    def credentials(self, request: Request) -> Any:
        """The auth of httpx2 for `request`: this client's, or that of the `http` it was given; none for other hosts."""
        if not self._is_own(request.url):
            return None
        return httpx2.USE_CLIENT_DEFAULT if self.auth is None else self.auth

    def attempts(self, request: Request) -> Attempts:
        """The tries of `request`."""
        repeatable = request.content is None or request.content.repeatable
        return Attempts(self.retry, request.method, repeatable, self.service.shown)

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """What httpx2 raises, as the client's exceptions; all of these say which service they are about."""
        try:
            yield
        except httpx2.TransportError as failure:
            raise connection_failed(failure, self.service.shown) from failure
        except (httpx2.DecodingError, httpx2.TooManyRedirects) as failure:
            raise self._of_service(BadResponse(f"The answer can't be read: {failure}")) from failure
        except ClientError as failure:
            raise self._of_service(failure)  # noqa: B904 - it is the same

    def _of_service(self, failure: ClientError) -> ClientError:
        """With the URL in a traceback; the message, which services and tests know, stays as it is."""
        if failure.service is None:
            failure.service = self.service.shown
            failure.add_note(f"The service is {failure.service}")
        return failure

    def _is_own(self, url: str) -> bool:
        """The same server, be it by HTTPS where HTTP was asked for: who redirects so must not lock anybody out."""
        asked, own = httpx2.URL(url), httpx2.URL(self.service.base_url)
        safer = (own.scheme, asked.scheme) == ("http", "https") and own.port is asked.port is None
        return self.service.is_same_server(url) or (safer and own.host == asked.host)


class Linked:
    """What both clients are: a link to a service."""

    _link: Link

    @property
    def base_url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._link.service.base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._link.service.shown}>"


@functools.cache
def tls() -> ssl.SSLContext:
    """The certificates to trust, read once: that takes longer than a request."""
    try:
        return httpx2.create_ssl_context()
    except OSError as error:  # which ssl.SSLError is, too; the file is not in its words
        file = os.environ.get("SSL_CERT_FILE")
        if not file:
            raise
        raise ConnectionFailed(
            f"The certificates in {file}, which SSL_CERT_FILE names, can't be read: {error.strerror}."
        ) from error


def whole(response: httpx2.Response, repeated: bool = False) -> Answer:
    """An answer of httpx2 that was read."""
    return Answer(response.status_code, response.headers, response.content, str(response.url), repeated)


def check(response: httpx2.Response) -> None:
    """Raise the exception of an error answer, which was read; say the Warnings of one that is about to be read."""
    if not response.is_success:
        raise error(whole(response))
    announce(warnings_of(response.headers))
