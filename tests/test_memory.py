"""Large objects pass through: a store and a retrieve of 300 MB stay far below that in memory."""

import hashlib
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from filmroom.archive import Archive
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.index import instances
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.updates import Update
from filmroom.services import store as store_service
from filmroom.services import updates
from filmroom.services.examination import part
from filmroom.services.operations import Worker
from filmroom.settings import Settings
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


def test_an_update_of_64_megabytes_holds_few_of_them(tmp_path: Path) -> None:
    made = data.image(rows=1024, columns=1024, bits=8, frames=64)
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}}
    with closing(Archive.open(Settings(data=tmp_path / "data", codec_processes=1))) as archive:
        store_service.store(archive, DICOMWEB, Resource(), [part(data.file(made))], replace=False)
        updates.start(archive, Update((str(made.StudyInstanceUID),), name), DEFAULT_PARTITION)
        tracemalloc.start()
        try:
            ran = Worker(archive, "test").run_next()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert ran is not None
        assert ran.error is None
        with archive.index.read() as tx:
            [one] = instances.fetch(tx, Resource(str(made.StudyInstanceUID)))
        assert made.PixelData in archive.blobs.get(one.key)
    assert peak < 16 << 20
