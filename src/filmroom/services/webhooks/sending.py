"""Sending one message to a receiver, and what its answer means: only a 2xx in time is a yes.

Who the receiver is stands in the settings alone, so it is followed nowhere else: a redirect is a failure. Of what it
answers no more is read than a polite server says, and everything together, from the name of its host on, has one time
limit; so this runs in an event loop of its own, which can give up whatever it waits for.
"""

import asyncio
import email.utils
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

import httpx2

from filmroom.protocol import signatures

AGENT = "Filmroom-Webhooks"
MOST = 16 * 1024  # bytes of an answer that are read, so that its connection can be used again


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once."""

    id: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. An error is a few words without the URL, which may hold a key."""

    error: str | None = None
    retry_after: float | None = None  # seconds
    gone: bool = False  # the receiver wants no more


class Sender:
    """A connection to one receiver. It belongs to one thread."""

    def __init__(self, url: str, secrets: Sequence[bytes], timeout: float) -> None:
        self._url, self._secrets, self._timeout = url, secrets, timeout
        self._runner = asyncio.Runner()
        limits = httpx2.Limits(max_connections=1)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits, headers={"user-agent": AGENT})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()

    def send(self, message: Message) -> Answer:
        """Send a message, signed as of now."""
        signed = signatures.sign(self._secrets, message.id, int(time.time()), message.body)
        headers = {"content-type": message.content_type, **signed}
        try:
            return self._runner.run(self._post(headers, message.body))
        except TimeoutError:
            return Answer(f"it did not answer in {self._timeout:g} seconds")
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            return Answer(_reason(error))

    async def _post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        async with asyncio.timeout(self._timeout):
            async with self._http.stream("POST", self._url, content=body, headers=headers) as response:
                read = 0
                async for chunk in response.aiter_raw():
                    read += len(chunk)
                    if read > MOST:
                        break
                return _judge(response)


def _judge(response: httpx2.Response) -> Answer:
    if response.is_success:
        return Answer()
    if response.is_redirect:
        return Answer(f"it redirects ({response.status_code}): give the URL that it redirects to")
    status = response.status_code
    words = f"it answered {status}"
    return Answer(words, _seconds(response.headers.get("retry-after")), gone=status == HTTPStatus.GONE)


def _seconds(text: str | None) -> float | None:
    """The value of Retry-After: seconds, or a date (RFC 9110 §10.2.3)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    """In words of ours: those of a library may quote the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "TLS fails"
        cause = cause.__cause__ or cause.__context__
    return "it can't be connected to" if isinstance(error, httpx2.ConnectError) else "it broke off the connection"
