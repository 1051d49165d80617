"""What is counted of each request, by the template of its route: never by its path, of which there is no end."""

from typing import Any, NamedTuple

from starlette.types import Scope

from filmroom import metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})  # clients may send any word
_FIRST_ERROR = 400
_STATUSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class _Numbers(NamedTuple):
    seconds: Any
    received: Any
    sent: Any


def method_of(scope: Scope) -> str:
    """The method of a request, or "other"."""
    method: str = scope["method"]
    return method if method in _METHODS else "other"


class Traffic:
    """The requests of one process."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._numbers: dict[tuple[str, str, int], _Numbers] = {}  # to look a label up takes as long as to count

        self._refused: dict[int, Any] = {}

    def end(self, scope: Scope, status: int, seconds: float, received: int, sent: int) -> None:
        """One is over. `status` 0: nothing was answered, for the client went away."""
        key = scope.get("template", "none"), method_of(scope), status // 100
        numbers = self._numbers.get(key) or self._found(*key)
        numbers.seconds.observe(seconds)
        if received:
            numbers.received.inc(received)
        if sent:
            numbers.sent.inc(sent)
        if status >= _FIRST_ERROR:
            (self._refused.get(status) or self._found_refused(status)).inc()

    def _found(self, route: str, method: str, status: int) -> _Numbers:
        numbers = self._numbers[route, method, status] = _Numbers(
            metrics.http_request_duration_seconds.labels(route, method, _STATUSES[status]),
            metrics.http_received_bytes.labels(route, method),
            metrics.http_sent_bytes.labels(route, method),
        )
        return numbers

    def _found_refused(self, status: int) -> Any:
        numbers = self._refused[status] = metrics.http_refused.labels(str(status))
        return numbers

    def break_off(self, scope: Scope) -> None:
        """An answer ended in its midst."""
        metrics.http_broken_off.labels(scope.get("template", "none"), method_of(scope)).inc()
