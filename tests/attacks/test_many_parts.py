"""Many small things in one request: parts, parameters, UIDs, ranges, chunks."""

import httpx2

from tests.attacks.conftest import Target, status
from tests.messages import BOUNDARY, related

PART = b"--%b\r\nContent-Type: application/dicom\r\n\r\n\r\n" % BOUNDARY.encode()


def test_parts_without_content(http: httpx2.Client) -> None:
    def body() -> "object":
        for _ in range(101):
            yield PART * 1000

    answer = http.post("/dicomweb/studies", content=body(), headers=related())  # type: ignore[arg-type]
    assert (answer.status_code, "too many parts" in answer.text) == (413, True)


def test_parameters(target: Target) -> None:
    assert status(target.get(b"/dicomweb/studies?" + b"&".join([b"a=1"] * 10_000))) == 400


def test_uids_in_a_list(target: Target) -> None:
    uids = b",".join(b"1.2.3.%d" % number for number in range(5000))
    for path in (b"/dicomweb/studies?StudyInstanceUID=", b"/dicomweb/instances?SOPInstanceUID="):
        assert status(target.get(path + uids)) in {200, 204, 400}


def test_ranges_of_bytes(target: Target) -> None:
    ranges = b",".join([b"0-0"] * 10_000)
    assert status(target.get(b"/dicomweb/studies/1.2/series/1.3/instances/1.4", b"Range: bytes=" + ranges)) == 404


def test_media_types(target: Target) -> None:
    accept = b"Accept: " + b", ".join([b"text/x;q=0.5"] * 4000)
    assert status(target.get(b"/dicomweb/studies", accept)) in {400, 406}


def test_chunks_of_one_byte(target: Target) -> None:
    head = b"POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/dicom\r\n"
    head += b"Connection: close\r\n"
    answer = target.raw(head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 50_000, b"0\r\n\r\n")
    assert status(answer) in {400, 409}


def test_requests_in_one_packet(target: Target) -> None:
    answer = target.raw(
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    assert answer.count(b"HTTP/1.1 200 ") == 501
