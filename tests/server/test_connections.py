"""Clients that are too slow, and connections that are too many, are ended; those that do their part are not."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests import data, inside
from tests.messages import DICOM, Sent, sent, store
from tests.service import DEADLINE, wait_until

PATIENCE = 0.4  # seconds
HEAD = b"POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/dicom\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("connections")
    with inside.serving(inside.settings(folder, client_patience=PATIENCE, connections=20)) as port:
        yield port


@pytest.fixture(scope="module")
def large(port: int) -> Sent:
    made = sent(data.image(rows=4096, columns=2048))
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:
        assert store(http, "/dicomweb", made.content).status_code == 200
    return made


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)


def rest(connection: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    received = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize("begun", [b"", b"GET / HT", HEAD], ids=["nothing", "a line", "fields"])
def test_a_head_that_does_not_come_is_not_waited_for(port: int, begun: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(begun)
        assert rest(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("begun", [b"GET ", b"\r\n"], ids=["a line", "nothing but its end"])
def test_nor_that_of_a_second_request(port: int, begun: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(begun)
        assert rest(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(port: int, framing: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD + framing + b"\r\n\r\n5\r\nDICOM\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_trickles_is_not_waited_for(port: int) -> None:
    with connect(port) as connection, suppress(ConnectionError):
        connection.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
        connection.settimeout(PATIENCE / 20)
        for _ in range(1000):  # a byte each time
            connection.sendall(b"x")
            with suppress(TimeoutError):
                assert connection.recv(12) == b"HTTP/1.1 408"
                return
        pytest.fail("it goes on")


def test_the_rest_of_a_refused_body_is_not_waited_for(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD.replace(b"application/dicom", b"text/html") + b"Content-Length: 1000\r\n\r\n")
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 415 ")


def test_who_does_not_read_the_answer_is_let_go(port: int, large: Sent) -> None:
    request = (
        f"GET /dicomweb{large.instance} HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: application/dicom;transfer-syntax=*\r\n\r\n"
    )
    with connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request.encode())
        wait_until(lambda: is_gone(connection), every=0.05)
        assert len(rest(connection)) < len(large.content)


def is_gone(connection: socket.socket) -> bool:
    """Whether nobody is at the other end, which is seen by sending."""
    try:
        connection.sendall(b"\r\n")
    except ConnectionError:
        return True
    return False


def test_who_waits_between_two_requests_is_not(port: int) -> None:
    with connect(port) as connection:
        for _ in range(2):
            connection.settimeout(DEADLINE)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            connection.settimeout(3 * PATIENCE)
            with pytest.raises(TimeoutError):
                connection.recv(1)


def test_who_waits_for_100_continue_is_asked(port: int) -> None:
    content = sent().content
    with connect(port) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(content))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(content)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[int]:
    """The port of a service that ends nobody for being slow."""
    with inside.serving(inside.settings(tmp_path, connections=20)) as port:
        yield port


def test_connections_that_are_too_many_are_told_so(patient: int) -> None:
    held = [connect(patient) for _ in range(20)]
    try:
        with connect(patient) as one_more:
            answer = rest(one_more)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 5\r\n" in answer
    finally:
        for connection in held:
            connection.close()
    with httpx2.Client(base_url=f"http://127.0.0.1:{patient}", timeout=DEADLINE) as http:
        assert http.post("/dicomweb/studies", content=sent().content, headers=DICOM).status_code in {200, 503}
