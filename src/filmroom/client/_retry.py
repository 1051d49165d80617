"""Which requests are sent again after a failure, and how long to wait before."""

import random
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from filmroom.client.exceptions import ConnectionFailed

# Statuses that pass: the same request may succeed later.
PASSING = frozenset({408, 429, 502, 503, 504})
# Of these, the ones with which a service says that it has not begun (RFC 6585 §4, RFC 9110 §15.6.4).
NOT_BEGUN = frozenset({429, 503})
# Failures before the first byte of the request was sent.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
# Failures that a repetition can't cure.
HOPELESS = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)

# What OpenSSL makes of an answer in plain HTTP, by version.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Retry:
    """When a request that failed is sent again.

    times    how often at most, after the first time; 0 never
    backoff  seconds of the first wait; each further one is twice as long, and a random part of it is left out
    longest  seconds; no wait is longer, and a service whose Retry-After asks for more is not asked again
    statuses the statuses after which a request is sent again; by default 408, 429, 502, 503 and 504

    GET, DELETE and PUT are repeated after any failed connection and after these statuses. POST (a store) is repeated
    only when the service can't have stored anything: after a failure to connect, and of these statuses 429 and 503.
    A store whose source can't be read twice is never repeated. Of a streamed answer that breaks off (`iter_study`,
    `download`) the rest is asked for if it came in one part, in a version that the service can name, from a service
    that knows ranges (`download` of one Instance); `times` then counts from the last byte that came. Others are not.
    """

    times: int = 3
    backoff: float = 0.5
    longest: float = 60.0
    statuses: Collection[int] = PASSING

    def wait_after_status(self, method: str, attempt: int, status: int, headers: httpx2.Headers) -> float | None:
        """Seconds to wait after the `attempt`th answer (from 0), or None when the answer stands."""
        if attempt >= self.times or status not in self.statuses or (method == "POST" and status not in NOT_BEGUN):
            return None
        asked = seconds(headers.get("retry-after"))
        if asked is None:
            return self._backoff(attempt)
        # Many clients are told the same moment, so everybody comes a little later.
        return asked + self._backoff(0) if asked <= self.longest else None

    def wait_after_failure(self, method: str, attempt: int, failure: httpx2.TransportError) -> float | None:
        """Seconds to wait after the `attempt`th try (from 0) got no answer, or None to give up."""
        if attempt >= self.times or isinstance(failure, HOPELESS) or speaks_no_tls(failure):
            return None
        if method == "POST" and not isinstance(failure, NOT_SENT):
            return None
        return self._backoff(attempt)

    def _backoff(self, attempt: int) -> float:
        whole = min(self.backoff * 2.0**attempt, self.longest)
        return _RANDOM.uniform(whole / 2, whole)


class Attempts:
    """The tries of one request: each failure says how long to wait before the next, or raises.

    `repeated` is true when the service may have acted on a try whose answer was lost.
    """

    def __init__(self, retry: Retry, method: str, repeatable: bool, service: str) -> None:
        self._retry = retry if repeatable else Retry(times=0)
        self._service = service
        self._method = method
        self._number = 0
        self.repeated = False

    def after_answer(self, response: httpx2.Response) -> float | None:
        """Seconds to wait before the next try, or None when this answer stands."""
        wait = self._retry.wait_after_status(self._method, self._number, response.status_code, response.headers)
        self._number += 1
        return wait

    def after_failure(self, failure: httpx2.TransportError) -> float:
        """Seconds to wait before the next try. Raises when there is none."""
        wait = self._retry.wait_after_failure(self._method, self._number, failure)
        if wait is None:
            raise connection_failed(failure, self._service) from failure
        self._number += 1
        self.repeated = self.repeated or not isinstance(failure, NOT_SENT)
        return wait


def connection_failed(failure: httpx2.TransportError, service: str) -> ConnectionFailed:
    """The client's exception for one of httpx2. The URL holds identifiers, so only that of the service is named."""
    if speaks_no_tls(failure):
        plain = service.replace("https://", "http://", 1)
        return ConnectionFailed(f"{service} speaks http, not https: is {plain} meant?")
    what = "timed out" if isinstance(failure, httpx2.TimeoutException) else "failed"
    return ConnectionFailed(
        f"The connection to {service} {what}: {type(failure).__name__}: {failure}{_hint(failure, service)}"
    )


def _hint(failure: httpx2.TransportError, service: str) -> str:
    """What makes services hang up on everybody."""
    if not isinstance(failure, httpx2.RemoteProtocolError) or "without sending a response" not in str(failure):
        return ""
    return " Does it speak https?" if service.startswith("http://") else " Does it want a certificate of its clients?"


def speaks_no_tls(failure: BaseException) -> bool:
    """Whether https was spoken to a port where plain http is spoken."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None and (cause.reason in _NO_TLS or any(name in str(cause) for name in _NO_TLS))


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header (RFC 9110 §10.2.3), seconds or a date, as seconds from now; None if unreadable."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (OverflowError, ValueError):
        return None
