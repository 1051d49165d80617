"""What lies deep in one another is refused and ends no process: JSON, sequences, paths of attributes."""

import httpx2
import pytest

from tests.attacks.conftest import Target, status
from tests.messages import DICOM

DEEP = 5000
ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
SEQUENCE = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff"


@pytest.mark.parametrize("path", ["/v2/export", "/dicomweb/import", "/v2/extendedquerytags", "/v2/studies/$bulkUpdate"])
@pytest.mark.parametrize(
    "body", ["[" * DEEP, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP], ids=["open", "arrays", "objects"]
)
def test_json(http: httpx2.Client, path: str, body: str) -> None:
    answer = http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_sequences_of_an_update(http: httpx2.Client) -> None:
    inner: object = {}
    for _ in range(300):
        inner = {"00081140": {"vr": "SQ", "Value": [inner]}}
    answer = http.post("/v2/studies/$bulkUpdate", json={"studyInstanceUids": ["1.2"], "changeDataset": inner})
    assert answer.status_code == 400


def test_sequences_of_a_file(http: httpx2.Client) -> None:
    head = b"\0" * 128 + b"DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    answer = http.post("/dicomweb/studies", content=head + (SEQUENCE + ITEM) * DEEP, headers=DICOM)
    assert answer.status_code in {400, 409}


def test_paths_of_attributes(target: Target) -> None:
    path = b".".join([b"ReferencedImageSequence"] * 2000)
    for query in (b"includefield=" + path, path + b"=1", b"orderby=" + path):
        assert status(target.get(b"/dicomweb/studies?" + query)) in {200, 204, 400}
    assert status(target.get(b"/v2/extendedquerytags/" + path)) in {400, 404}
