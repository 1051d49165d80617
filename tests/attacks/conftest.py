"""A service that is attacked: on a socket, for bytes that no client library would send."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests import inside
from tests.service import DEADLINE


@dataclass
class Target:
    """A service, and what came of an attack."""

    port: int
    place: Path  # where exports may go to, and imports come from

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def raw(self, *pieces: bytes) -> bytes:
        """What is answered to bytes, until the service ends the connection or says nothing more for a while."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection, suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
            while piece := connection.recv(65536):
                answer += piece
        return answer

    def get(self, path: bytes, *fields: bytes) -> bytes:
        """The answer to a GET of a path, written as it is."""
        head = b"".join(one + b"\r\n" for one in (b"Host: localhost", b"Connection: close", *fields))
        return self.raw(b"GET " + path + b" HTTP/1.1\r\n" + head + b"\r\n")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attacked")
    place = folder / "place"
    place.mkdir()
    allowed = (place.as_uri(),)
    made = inside.settings(folder, export_to=allowed, import_from=allowed, client_patience=2.0)
    with inside.serving(made) as port:
        yield Target(port, place)


@pytest.fixture
def http(target: Target) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=target.url, timeout=DEADLINE) as http:
        yield http


def status(answer: bytes) -> int:
    """Of the first answer; 0 if there is none."""
    return int(answer[9:12] or 0)
