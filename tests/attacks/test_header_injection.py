"""Nothing that was sent ends a header line of an answer: neither what is repeated from a request nor what is stored."""

import httpx2
import pytest

from tests import data
from tests.attacks.conftest import Target
from tests.messages import sent, store

EVIL = b"%0d%0aX-Evil:%201"
REQUESTS = [
    (b"/dicomweb/studies?Nonsense" + EVIL + b"=1", ()),
    (b"/dicomweb/studies?PatientName=" + EVIL, ()),
    (b"/dicomweb/studies?limit=1&orderby=StudyDate&Nonsense=" + EVIL, ()),
    (b"/dicomweb/studies?includefield=" + EVIL, ()),
    (b"/dicomweb/studies?accept=text/csv" + EVIL, ()),
    (b"/dicomweb/studies/1.2" + EVIL + b"/metadata", ()),
    (b"/v2/studies" + EVIL, ()),
    (b"/v3" + EVIL + b"/studies", ()),
    (b"/v2/studies", (b'Accept: application/dicom+json; x="a%0d%0aX-Evil: 1"',)),
    (b"/dicomweb/studies?count=true", (b"Host: localhost%0d%0aX-Evil: 1",)),
]


@pytest.mark.parametrize(("path", "fields"), REQUESTS)
def test_what_a_request_says(target: Target, path: bytes, fields: tuple[bytes, ...]) -> None:
    head = target.get(path, *fields).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 ")
    assert b"\nx-evil" not in head.lower()


def test_what_a_document_says_of_itself(http: httpx2.Client) -> None:
    made = sent(
        data.document(b"%PDF", "1.2.840.10008.5.1.4.1.1.104.1", MIMETypeOfEncapsulatedDocument="a/b\r\nX-Evil: 1")
    )
    store(http, "/dicomweb", made.content)
    for path in ("/rendered", "/bulkdata/00420011", ""):
        answer = http.get(f"/dicomweb{made.instance}{path}", headers={"Accept": "*/*"})
        assert answer.status_code < 500
        assert "X-Evil" not in answer.headers
        assert b"\r\nX-Evil" not in answer.content.partition(b"\r\n\r\n")[0]  # nor in the head of a part
