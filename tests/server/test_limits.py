"""A head that does not end is refused, before it fills the memory."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from filmroom.server.limits import HEAD
from tests import service
from tests.service import needs_proc

GET = b"GET /health/check HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/dicom\r\nTransfer-Encoding: chunked\r\n\r\n"
)
LONG = b"a" * HEAD


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Service]:
    with service.running(tmp_path_factory.mktemp("limits") / "data") as started:
        started.begun()
        yield started


def _connect(running: service.Service) -> socket.socket:
    host, _, port = running.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=service.DEADLINE)


def _answer(running: service.Service, *pieces: bytes) -> bytes:
    """What comes until the service closes the connection, or goes on waiting for more."""
    with _connect(running) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET /" + LONG + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",),
        (b"GET /?" + LONG + b"a",),
        (GET + b"X: " + LONG + b"\r\n\r\n",),
        (GET + b"X: y\r\n" * (HEAD // 5),),
        (POST + b"5\r\nDICOM\r\n0\r\n" + b"X: y\r\n" * (HEAD // 5) + b"\r\n",),
    ],
    ids=["target", "unended target", "field", "many fields", "trailers"],
)
def test_a_large_head_is_refused_and_the_connection_closed(running: service.Service, pieces: tuple[bytes, ...]) -> None:
    answer = _answer(running, *pieces)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize(
    "begun", [GET + b"X: ", POST + b"0\r\nX: ", POST + b"5; x="], ids=["field", "trailer", "extension"]
)
def test_what_does_not_end_is_cut_off(running: service.Service, begun: bytes) -> None:
    with _connect(running) as connection, pytest.raises(ConnectionError):  # the answer may be lost on the way
        connection.sendall(begun + 500 * LONG)


def test_a_head_just_below_is_served(running: service.Service) -> None:
    field = b"X: " + b"a" * (HEAD - 200) + b"\r\n"
    assert _answer(running, GET + field + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_heads_of_requests_on_one_connection_do_not_add_up(running: service.Service) -> None:
    request = GET + b"X: " + b"a" * (HEAD // 2) + b"\r\n"
    answer = _answer(running, *[request + b"\r\n"] * 4, request + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 5


def test_a_body_is_not_a_head(running: service.Service) -> None:
    chunk = b"%x\r\n" % HEAD + LONG + b"\r\n"
    answer = _answer(running, POST, *[chunk] * 20, b"0\r\n\r\n" + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"431" not in answer


def test_what_is_no_request_is_refused_as_before(running: service.Service) -> None:
    assert _answer(running, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@needs_proc
def test_memory_stays_bounded(running: service.Service) -> None:
    before = running.memory("VmHWM")
    with _connect(running) as connection, suppress(ConnectionError):
        connection.sendall(GET + b"X: ")
        for _ in range(50_000_000 // HEAD):
            connection.sendall(LONG)
    assert running.memory("VmHWM") - before < 10_000_000
