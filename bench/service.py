"""One server under test: its address, its clients, and the requests to it."""

from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from itertools import islice
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

from bench import checks
from bench.client import Check, Connection, Task, Timing, run
from bench.commands import refuse
from bench.data import Instance, new_run
from bench.servers import NEAR

PATIENCE = 60  # seconds, until a server answers at all
NO_TOKEN = "the service asks for a token, which the bench can't send"
NO_ROOT = "did you mean {root}/dicomweb? Orthanc has /dicom-web"
WHY = {400: NO_ROOT, 401: NO_TOKEN, 403: NO_TOKEN, 404: NO_ROOT, 405: NO_ROOT}

CLIENTS = 16  # at most
STORING = 8  # clients, outside of what is measured
AT_ONCE = 16  # pieces of a request: a small file goes in one packet with the head
BOUNDARY = b"bench-0123456789abcdef"
PART = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
NEXT = b"\r\n"  # before the PART of another instance
CLOSING = b"\r\n--" + BOUNDARY + b"--\r\n"

JSON = "application/dicom+json"
JPEG = "image/jpeg"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAME_JPEG = 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


def address(url: str) -> tuple[str, int]:
    """Host and port of a base URL."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        refuse(f"{url}: a base URL is like http://127.0.0.1:8080/dicomweb; https is not measured.")
    return parts.hostname, parts.port or 80


def answering(url: str) -> None:
    """Ask a server that is there by itself for its Studies, so that what can't be measured is known at once."""
    address(url)
    asked = f"{url.rstrip('/')}/studies?limit=1"
    try:
        with NEAR.open(Request(asked, headers={"Accept": JSON}), timeout=PATIENCE) as answer:
            kind = answer.headers.get_content_type()
            if answer.status != 204 and not kind.endswith("json"):
                refuse(f"{asked} is {kind}, and no DICOM JSON; {NO_ROOT.format(root=_root(url))}")
    except HTTPError as error:
        why = WHY.get(error.code, "so it can't be measured").format(root=_root(url))
        refuse(f"{asked} is answered with {error.code}: {why}")
    except (OSError, HTTPException) as error:
        refuse(f"Nothing answers at {url}: {getattr(error, 'reason', error)}")


def _root(url: str) -> str:
    return f"http://{urlsplit(url).netloc}"


class Service:
    """A server's base URL, its clients, and what was stored there in this run."""

    def __init__(self, name: str, url: str, also: Sequence[str] = (), fields: Sequence[str] = ()) -> None:
        """Clients are dealt to `url` and the services that hold the same, in turn; `fields` go with each request."""
        addresses = [address(one) for one in (url, *also)]
        self.name, self.url, self.run = name, url, new_run()
        self._root = urlsplit(url).path.rstrip("/")
        self._fields = (f"Host: {urlsplit(url).netloc}", *fields)
        self._connections = [Connection(*addresses[number % len(addresses)]) for number in range(CLIENTS)]
        self._studies = 0
        self.kept: dict[str, list[Instance]] = {}  # what rows share, by a name of theirs

    def new_study(self) -> int:
        """The number of a Study that holds nothing yet."""
        self._studies += 1
        return self._studies - 1

    def measure(self, task: Callable[[int], Task], clients: int, count: int | None, seconds: float) -> Timing:
        """Run tasks, and close the sockets, which a server may not keep until the next round."""
        connections = self._connections[:clients]
        try:
            return run(connections, task, count, seconds)
        finally:
            for connection in connections:
                connection.close()

    def store_all(self, instances: Sequence[Instance]) -> None:
        """Store, several clients at once, outside of what is measured."""
        self.measure([self.store(one) for one in instances].__getitem__, STORING, len(instances), 0)

    def ask(self, task: Task) -> None:
        """Ask once, outside of what is measured, and check the answer."""
        self.measure(lambda _: task, 1, 1, 0)

    def search(self, query: str, check: Check) -> Task:
        """Search for Studies (PS3.18 10.6)."""
        return self.get(f"/studies?{query}", JSON, check)

    def store(self, *instances: Instance) -> Task:
        """Store Transaction with these instances (PS3.18 10.5)."""
        length = sum(len(PART) + one.size for one in instances) + len(NEXT) * (len(instances) - 1) + len(CLOSING)
        pieces = _pieces(self._store_head(length), instances)
        request = list(iter(lambda: list(islice(pieces, AT_ONCE)), []))  # little: instances share their pixels
        return Task(request, lambda answer: checks.stored(answer, instances))

    def post(self, content: bytes) -> Task:
        """Store Transaction with a small file; a status of success is enough."""
        pieces = [PART, content, CLOSING]
        return Task(
            [[self._store_head(sum(map(len, pieces))), *pieces]], lambda answer: checks.expect_status(answer, 200)
        )

    def _store_head(self, length: int) -> bytes:
        return self._head(
            f"POST {self._root}/studies",
            f'Content-Type: multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}',
            f"Accept: {JSON}",
            f"Content-Length: {length}",
        )

    def get(self, path: str, accept: str, check: Check) -> Task:
        """A GET of a path under the root."""
        return Task([[self._head(f"GET {self._root}{path}", f"Accept: {accept}")]], check)

    def delete(self, path: str) -> Task:
        """A DELETE of a path under the root."""
        return Task([[self._head(f"DELETE {self._root}{path}")]], lambda answer: checks.expect_status(answer, 204))

    def _head(self, line: str, *fields: str) -> bytes:
        return "\r\n".join((f"{line} HTTP/1.1", *self._fields, *fields, "", "")).encode()


def _pieces(head: bytes, instances: Sequence[Instance]) -> Iterator[bytes]:
    yield head
    for place, one in enumerate(instances):
        yield NEXT + PART if place else PART
        yield from one.pieces()
    yield CLOSING
