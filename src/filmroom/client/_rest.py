"""Going on where an answer broke off: the rest of it is asked for as a range (RFC 9110 §13.1.5, §14). No I/O."""

from dataclasses import replace
from http import HTTPStatus

import httpx2

from filmroom.client._link import Link
from filmroom.client._messages import Request


class Rest:
    """What is still to come of one answer.

    It can be asked for where the service knows ranges of it and has a strong ETag for it, so that the pieces are those
    of one version. A multipart message has none: its boundary is new each time.
    """

    def __init__(self, link: Link, request: Request, response: httpx2.Response) -> None:
        self._link = link
        self._request = request
        self._tag = _tag(response)
        self._attempts = link.attempts(request)
        self._received = 0
        self._progressed = False

    def count(self, chunk: bytes) -> None:
        """These bytes have come."""
        self._received += len(chunk)
        self._progressed = True

    def after_failure(self, failure: httpx2.TransportError) -> float:
        """Seconds to wait before the rest is asked for. Raises when that can't be done, or was tried often enough."""
        if self._tag is None:
            raise failure
        if self._progressed:
            self._attempts, self._progressed = self._link.attempts(self._request), False
        return self._attempts.after_failure(failure)

    @property
    def request(self) -> Request:
        """Asks for the rest, if it is still that of the same version."""
        asked = {"range": f"bytes={self._received}-", "if-range": self._tag or "", "accept-encoding": "identity"}
        return replace(self._request, headers={**self._request.headers, **asked})

    def begins(self, response: httpx2.Response) -> bool:
        """Whether this is the rest."""
        place = response.headers.get("content-range", "")
        return (
            response.status_code == HTTPStatus.PARTIAL_CONTENT
            and place.startswith(f"bytes {self._received}-")
            and _is_plain(response)
            and response.headers.get("etag") == self._tag
        )


def _tag(response: httpx2.Response) -> str | None:
    """The strong ETag of an answer that can be had in pieces."""
    tag = response.headers.get("etag", "")
    in_pieces = response.headers.get("accept-ranges", "").lower() == "bytes" and _is_plain(response)
    return tag if response.status_code == HTTPStatus.OK and in_pieces and tag.startswith('"') else None


def _is_plain(response: httpx2.Response) -> bool:
    multipart = response.headers.get("content-type", "").lower().startswith("multipart/")
    return not multipart and "content-encoding" not in response.headers
