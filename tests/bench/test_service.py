import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import data, service


@pytest.mark.parametrize("frames", [1, 3])
def test_a_store_request_is_as_long_as_it_says(frames: int) -> None:
    at = service.Service("F", "http://127.0.0.1:8080/dicomweb/")
    made = data.Instance(data.Shape(8, 8, frames), at.run, 0, 0, 0)
    sent = b"".join(piece for pieces in at.store(made).request for piece in pieces)
    head, _, content = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    assert b"".join(made.pieces()) in content


def test_several_instances_are_parts_of_one_request() -> None:
    at = service.Service("F", "http://127.0.0.1:8080/dicomweb/")
    made = [data.Instance(data.Shape(8, 8), at.run, 0, 0, number) for number in range(20)]
    sent = b"".join(piece for pieces in at.store(*made).request for piece in pieces)
    head, _, content = sent.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    parts = content.split(b"--" + service.BOUNDARY)
    files = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[1:-1]]
    assert files == [b"".join(one.pieces()) for one in made]


def test_studies_get_new_numbers() -> None:
    at = service.Service("F", "http://localhost/v2")
    assert [at.new_study(), at.new_study()] == [0, 1]
    assert data.Instance(data.KB_10, at.run, 0, 0, 0).uids != data.Instance(data.KB_10, at.run, 1, 0, 0).uids


def test_other_urls_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        service.Service("F", "https://example.org/dicomweb")
    assert "https is not measured" in capsys.readouterr().err


@contextmanager
def answers(status: int, kind: str = "application/dicom+json") -> Iterator[str]:
    """The root of a server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("status", [200, 204])
def test_a_server_that_answers_can_be_measured(status: int) -> None:
    with answers(status) as url:
        service.answering(f"{url}/dicomweb/")


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, "", "/wrong/studies?limit=1 is answered with 404: did you mean {url}/dicomweb?"),
        (
            401,
            "",
            "/wrong/studies?limit=1 is answered with 401: the service asks for a token, which the bench can't send",
        ),
        (500, "", "/wrong/studies?limit=1 is answered with 500: so it can't be measured"),
        (200, "text/html", "/wrong/studies?limit=1 is text/html, and no DICOM JSON; did you mean {url}/dicomweb?"),
    ],
)
def test_what_can_not_be_measured_is_known_at_once(
    status: int, kind: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answers(status, kind) as url, suppress(SystemExit):
        service.answering(f"{url}/wrong")
    assert capsys.readouterr().err.startswith(url + said.format(url=url))


def test_where_nothing_listens_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        service.answering("http://127.0.0.1:1/dicomweb")
    assert capsys.readouterr().err.startswith("Nothing answers at http://127.0.0.1:1/dicomweb: ")
