"""Large objects pass through: a store and a retrieve of 300 MB stay far below that in memory."""

import hashlib
from collections.abc import Iterable, Iterator

import httpx2
import pytest

from tests import data, service
from tests.messages import BOUNDARY, DICOM, Sent, related, sent, store
from tests.service import Service, needs_proc

pytestmark = needs_proc

ROOT = "/dicomweb"
FRAMES, SIDE = 1200, 512
MORE_THAN_IDLE = 100 << 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service.running(tmp_path_factory.mktemp("memory") / "data", "--codec-processes", "1") as running:
        yield running


def large() -> tuple[Sent, int]:
    """An Instance whose pixel data of 300 MB is yet to follow what is there, and the length of that."""
    made = data.image(rows=SIDE, columns=SIDE, bits=8, NumberOfFrames=FRAMES)
    length = FRAMES * SIDE * SIDE
    content = data.file(made)
    start = content.rindex(b"\xe0\x7f\x10\x00OB\x00\x00") + 8
    return Sent(made, content[:start] + length.to_bytes(4, "little")), length


def pixels(length: int) -> Iterator[bytes]:
    """Bytes that differ from one mebibyte to the next; four Frames are in each."""
    return (number.to_bytes(4, "little") * (1 << 18) for number in range(length >> 20))


def framed(start: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + start
    yield from rest
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize("multipart", [False, True], ids=["single", "multipart"])
def test_300_megabytes_in_and_out(running: Service, multipart: bool) -> None:
    with httpx2.Client(base_url=running.url, timeout=120) as http:
        assert store(http, ROOT, sent(data.image()).content).status_code == 200
        idle = running.memory("VmRSS")
        made, length = large()
        parts = framed(made.content, pixels(length)) if multipart else iter([made.content, *pixels(length)])
        answer = http.post(f"{ROOT}/studies", content=parts, headers=related() if multipart else DICOM)
        assert answer.status_code == 200
        accept = {"Accept": "application/dicom; transfer-syntax=*"}
        with http.stream("GET", ROOT + made.instance, headers=accept) as received:
            found = hashlib.sha256()
            for chunk in received.iter_bytes():
                found.update(chunk)
        last = http.get(f"{ROOT}{made.instance}/frames/{FRAMES}", headers={"Accept": "application/octet-stream"})
    expected = hashlib.sha256(made.content)
    for chunk in pixels(length):
        expected.update(chunk)
    assert found.digest() == expected.digest()
    assert last.content == chunk[-SIDE * SIDE :]
    assert running.memory("VmHWM") - idle < MORE_THAN_IDLE
