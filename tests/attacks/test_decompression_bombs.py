"""What is small when it is sent and large when it is opened is refused, or given up, before it fills the memory.

Of codecs see tests/pixels/codecs/test_evil.py, of files to import tests/services/test_imports.py, and of what a client
is sent tests/client/test_parts.py and tests/protocol/test_codings.py.
"""

import gzip
import zlib

import httpx2
import pytest

from filmroom.dicom import part10
from tests import data
from tests.messages import DICOM, encoded, sent, store

DEFLATED = "1.2.840.10008.1.2.1.99"


def test_a_deflated_data_set(http: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part10, "MAX_INFLATED", 1 << 20)
    monkeypatch.setattr(part10, "ALWAYS_INFLATED", 1 << 20)
    plain = data.file(data.dataset(), DEFLATED)
    end = plain.index(b"1.2.840.10008.1.2.1.99") + 22
    head = plain[: plain.index(b"\x02\x00\x13\x00") if b"\x02\x00\x13\x00" in plain[end:] else end]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = head + deflate.compress(b"\0" * (256 << 20)) + deflate.flush()
    assert len(bomb) < 1 << 20
    answer = http.post("/dicomweb/studies", content=bomb, headers=DICOM)
    assert answer.status_code in {400, 409, 413}


def test_a_body_in_a_content_coding(http: httpx2.Client) -> None:
    answer = http.post(
        "/dicomweb/studies", content=gzip.compress(b"\0" * (64 << 20)), headers=DICOM | {"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("accept", ["image/png", "image/jpeg", "image/gif"])
def test_a_frame_that_says_that_it_is_huge(http: httpx2.Client, accept: str) -> None:
    made = sent(data.image(rows=8, columns=8))
    made.dataset.Rows = made.dataset.Columns = 65535
    made.dataset.NumberOfFrames = 2**31 - 1
    store(http, "/dicomweb", huge := data.file(made.dataset))
    assert len(huge) < 2000
    for path in ("/rendered", "/thumbnail", "/frames/1/rendered", "/frames/1"):
        answer = http.get(f"/dicomweb{made.instance}{path}", headers={"Accept": f"{accept}, */*;q=0.1"})
        assert answer.status_code in {400, 404, 406, 500}, path
        assert len(answer.content) < 1000


def test_a_jpeg_that_says_that_it_is_huge(http: httpx2.Client) -> None:
    frame = bytes.fromhex("ffd8ffc0000b08ffffffff01011100ffda0008010100003f00") + b"\0" * 64 + b"\xff\xd9"
    made = encoded(frame, syntax="1.2.840.10008.1.2.4.50")
    store(http, "/dicomweb", made.content)
    for accept in ("image/png", 'application/dicom; transfer-syntax="1.2.840.10008.1.2.1"'):
        path = "/rendered" if accept == "image/png" else ""
        assert http.get(f"/dicomweb{made.instance}{path}", headers={"Accept": accept}).status_code in {404, 406}
