"""Which redirects are followed: reads, wherever they lead; a store or a delete to the same server only.

httpx2 would make a GET of most redirected requests, and the sign-in page that answers it would count as a success. It
would also send the client's `headers` along, to any server.
"""

from urllib.parse import urlsplit

import httpx2

from filmroom.client._link import Link
from filmroom.client._messages import Request
from filmroom.client.exceptions import BadResponse

MOST = 20  # redirects of one request
SAME_METHOD = frozenset({307, 308})  # RFC 9110 §15.4.8, §15.4.9


class Hops:
    """Where one request leads to: `request` is what to send next."""

    def __init__(self, link: Link, request: Request, http: httpx2.Client | httpx2.AsyncClient) -> None:
        self.request = request
        self._link = link
        self._reads = request.method == "GET"
        self._leads_on = http.follow_redirects or not self._reads
        self._count = 0

    def leads_on(self, response: httpx2.Response) -> bool:
        """Whether this is not the answer yet. Then `follow`."""
        return self._leads_on and response.has_redirect_location

    def follow(self, response: httpx2.Response) -> None:
        """Take the next step. Raises where that is not allowed."""
        self._count += 1
        following = response.next_request
        if following is None or following.url.scheme not in {"http", "https"}:
            raise BadResponse(f"The service redirects ({response.status_code}) to what is not the URL of a service.")
        if self._count > MOST:
            raise BadResponse(f"The service redirects more than {MOST} times.")
        url = str(following.url)
        body = self.request.content
        stays = response.status_code in SAME_METHOD and self._link.service.is_same_server(url)
        if not self._reads and not (stays and (body is None or body.repeatable)):
            raise BadResponse(
                f"The service did not do it, but redirects the {self.request.method} ({response.status_code}) to "
                f"{_place(url)}. If it has moved there, use that URL; if that is a page to sign in, give credentials."
            )
        self.request = Request(self.request.method, url, self.request.headers, body)


def _place(url: str) -> str:
    """A URL without its query, which may hold anything."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def send(http: httpx2.Client, link: Link, request: Request, stream: bool) -> httpx2.Response:
    """The answer to `request`, after redirects."""
    hops = Hops(link, request, http)
    while True:
        ready, auth = link.request(http, hops.request), link.credentials(hops.request)
        response = http.send(ready, stream=stream, auth=auth, follow_redirects=False)
        if not hops.leads_on(response):
            return response
        response.close()
        hops.follow(response)


async def send_async(http: httpx2.AsyncClient, link: Link, request: Request, stream: bool) -> httpx2.Response:
    """`send` for the asynchronous client."""
    hops = Hops(link, request, http)
    while True:
        ready, auth = link.request(http, hops.request), link.credentials(hops.request)
        response = await http.send(ready, stream=stream, auth=auth, follow_redirects=False)
        if not hops.leads_on(response):
            return response
        await response.aclose()
        hops.follow(response)
