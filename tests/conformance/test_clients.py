"""What viewers and libraries ask for, word for word, and what they need to get (PS3.18 §8.7, §9, §10.4)."""

from dataclasses import dataclass

import httpx2
import pytest

from tests import data
from tests.messages import Sent, encoded, parts, sent, store

ROOT = "/dicomweb"
EXPLICIT, JPEG_LS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"
DICOM, OCTETS, JSON = "application/dicom", "application/octet-stream", "application/dicom+json"
IMG = "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


@dataclass(frozen=True)
class Need:
    """What a client sends, of which object, and the Content-Type of the answer or, behind "parts", of its parts."""

    client: str
    of: str  # native or compressed
    path: str
    accept: str | None
    expected: str

    def __str__(self) -> str:
        return f"{self.client} {self.path}"


STORED_DICOM, STORED_OCTETS = f"parts {DICOM}; transfer-syntax={JPEG_LS}", f"parts {OCTETS}; transfer-syntax={JPEG_LS}"
NATIVE_OCTETS = f"parts {OCTETS}; transfer-syntax={EXPLICIT}"
MICROSCOPY = ", ".join(
    f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    for media_type, syntax in [
        ("image/jls", JPEG_LS), ("image/jls", "1.2.840.10008.1.2.4.81"), ("image/jp2", "1.2.840.10008.1.2.4.90"),
        ("image/jp2", "1.2.840.10008.1.2.4.91"), ("image/jpx", "1.2.840.10008.1.2.4.92"),
        ("image/jpx", "1.2.840.10008.1.2.4.93"), (OCTETS, "*"), ("image/jpeg", "1.2.840.10008.1.2.4.50"),
    ]
)  # fmt: skip

# Paths
FRAME, VALUE = "{instance}/frames/1", "{instance}/bulkdata/7FE00010"
FRAME_BY_QUERY = f"{FRAME}?accept=multipart/related;type=application/octet-stream"
URI_FILE = "/wado?requestType=WADO&{uids}&contentType=application%2Fdicom&transferSyntax=*"
URI_IMAGE = "/wado?requestType=WADO&{uids}&contentType=image/jpeg&rows=&imageQuality=70"

# Accept
DICOM_ALONE = 'multipart/related; type="application/dicom"'
DICOM_AS_STORED = f"{DICOM_ALONE}; transfer-syntax=*"
WEASIS = 'multipart/related;type="application/dicom";transfer-syntax=*'
EZ_WSI = f'multipart/related; transfer-syntax={JPEG_LS}; type="application/dicom"'
ANY_PARTS = 'multipart/related; type="*/*"'
OCTETS_AS_STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
UNQUOTED, QUOTED = OCTETS_AS_STORED.replace('"', ""), OCTETS_AS_STORED.replace("*", '"*"')
ONE_PART = "application/octet-stream; transfer-syntax=*"
PROBE = f'multipart/related; type="image/jls"; transfer-syntax={JPEG_LS}'
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"

# Answers
STORED_FILE, STORED_FRAME = f"{DICOM}; transfer-syntax={JPEG_LS}", f"parts image/jls; transfer-syntax={JPEG_LS}"
NATIVE_DICOM, BULK = f"parts {DICOM}; transfer-syntax={EXPLICIT}", NATIVE_OCTETS
NEEDS = [
    Need("dicomtrolley", "compressed", "{instance}", "*/*", STORED_DICOM),
    Need("dicomtrolley", "compressed", "{series}", "*/*", STORED_DICOM),
    Need("dicomtrolley", "native", "/studies?StudyInstanceUID={uid}", "*/*", JSON),
    Need("Weasis", "compressed", "{series}", WEASIS, STORED_DICOM),
    Need("Weasis", "native", "/studies?&includefield=00080020,00200010&00100020=ID1", None, JSON),
    Need("Weasis", "native", "{instance}/rendered?quality=70", "image/jpeg", "image/jpeg"),
    Need("Slicer", "compressed", "{series}", DICOM_ALONE, STORED_DICOM),
    Need("Slicer", "native", "{series}", DICOM_ALONE, NATIVE_DICOM),
    Need("Slicer", "native", "{series}/metadata", "application/dicom+json, application/json", JSON),
    Need("dicomweb-client", "compressed", "{instance}", DICOM_AS_STORED, STORED_DICOM),
    Need("dicomweb-client", "native", FRAME, ANY_PARTS, NATIVE_OCTETS),
    Need("dicomweb-client", "native", VALUE, ANY_PARTS, BULK),
    Need("dicomweb-client", "native", "{instance}/rendered?quality=90", "image/png", "image/png"),
    Need("MONAI Label", "native", FRAME, ANY_PARTS, NATIVE_OCTETS),
    Need("OHIF", "compressed", FRAME, UNQUOTED, STORED_OCTETS),
    Need("OHIF quoted", "compressed", FRAME, QUOTED, STORED_OCTETS),
    Need("OHIF SEG", "compressed", "{instance}", DICOM_ALONE, STORED_DICOM),
    Need("OHIF thumbnail", "native", "{instance}/rendered?accept=image%2Fjpeg", "*/*", "image/jpeg"),
    Need("OHIF <img>", "native", "{instance}/rendered?accept=image/jpeg", IMG, "image/jpeg"),
    Need("OHIF <img>", "native", "{instance}/rendered", IMG, "image/webp"),
    Need("OHIF <object>", "native", "{instance}/rendered", NAVIGATION, "image/webp"),
    Need("OHIF wadouri", "compressed", URI_FILE, UNQUOTED, STORED_FILE),
    Need("Weasis wadouri", "native", URI_IMAGE, None, "image/jpeg"),
    Need("cornerstone", "native", FRAME, UNQUOTED, NATIVE_OCTETS),
    Need("cornerstone", "native", FRAME_BY_QUERY, None, NATIVE_OCTETS),
    Need("Slim", "compressed", FRAME, OCTETS_AS_STORED, STORED_OCTETS),
    Need("Slim", "compressed", FRAME, MICROSCOPY, STORED_FRAME),
    Need("Slim", "native", FRAME, MICROSCOPY, NATIVE_OCTETS),
    Need("Slim", "native", VALUE, "*/*", BULK),
    Need("EZ-WSI", "compressed", "{instance}", EZ_WSI, STORED_DICOM),
    Need("EZ-WSI", "compressed", "{instance}", "application/dicom; transfer-syntax=*", STORED_FILE),
    Need("EZ-WSI", "native", VALUE, ONE_PART, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
    Need("wsidicom", "compressed", FRAME, PROBE, STORED_FRAME),
    Need("dcm4che wadors", "compressed", "{study}?accept=*", None, STORED_DICOM),
    Need("dcm4che wadors", "native", "{study}/metadata?accept=application/dicom%2Bjson", JAVA, JSON),
    Need("VolView", "native", "{instance}/rendered", "image/jpeg", "image/jpeg"),
    Need("VolView", "native", "/studies", JSON, JSON),
    Need("curl", "compressed", FRAME, "*/*", STORED_FRAME),
]  # fmt: skip


@pytest.fixture(scope="module")
def objects(http: httpx2.Client) -> dict[str, Sent]:
    made = {"native": sent(data.image(PatientID="ID1")), "compressed": encoded(b"jls!")}
    for one in made.values():
        assert store(http, ROOT, one.content).status_code == 200
    return made


def _ask(http: httpx2.Client, objects: dict[str, Sent], need: Need, **headers: str) -> httpx2.Response:
    made = objects[need.of]
    study, series, instance = (made.dataset[f"{key}InstanceUID"].value for key in ("Study", "Series", "SOP"))
    uids = f"studyUID={study}&seriesUID={series}&objectUID={instance}"
    path = need.path.format(study=made.study, series=made.series, instance=made.instance, uid=study, uids=uids)
    return http.get(ROOT + path, headers=({} if need.accept is None else {"Accept": need.accept}) | headers)


@pytest.mark.parametrize("need", NEEDS, ids=str)
def test_every_client_gets_what_it_needs(http: httpx2.Client, objects: dict[str, Sent], need: Need) -> None:
    answer = _ask(http, objects, need)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Length"] == str(len(answer.content))
    if not need.expected.startswith("parts "):
        assert answer.headers["Content-Type"] == need.expected
        return
    (part,) = parts(answer)
    assert part.headers["Content-Type"] == need.expected.removeprefix("parts ")
    if part.headers["Content-Type"].endswith(JPEG_LS) and "frames" in need.path:
        assert part.content == b"jls!"


@pytest.mark.parametrize("authorization", ["Bearer None", "Bearer x", "Basic dTpw"])
def test_credentials_that_nobody_asked_for_are_passed_over(
    http: httpx2.Client, objects: dict[str, Sent], authorization: str
) -> None:
    assert _ask(http, objects, NEEDS[0], Authorization=authorization).status_code == 200


def test_wsidicom_learns_from_406_what_is_not_there(http: httpx2.Client, objects: dict[str, Sent]) -> None:
    accept = 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'
    probe = Need("wsidicom", "compressed", "{instance}/frames/1", accept, "")
    answer = _ask(http, objects, probe)
    assert answer.status_code == 406
    assert JPEG_LS in answer.text


# The parsers of JavaScript, which look at letters and not at grammar


def test_a_multipart_body_is_read_by_its_first_line(http: httpx2.Client, objects: dict[str, Sent]) -> None:
    """dicomweb-client of dcmjs: the boundary is the first line, and a Transfer Syntax is never in quotes."""
    body = _ask(http, objects, next(need for need in NEEDS if need.client == "OHIF")).content
    boundary, _, rest = body.partition(b"\r\n")
    head, _, content = rest.partition(b"\r\n\r\n")
    assert boundary.startswith(b"--")
    assert b"transfer-syntax=" + JPEG_LS.encode() + b"\r\n" in head + b"\r\n"
    assert content == b"jls!\r\n" + boundary + b"--\r\n"


def test_cornerstone_finds_the_letters_of_content_type(http: httpx2.Client, objects: dict[str, Sent]) -> None:
    body = _ask(http, objects, next(need for need in NEEDS if need.client == "cornerstone")).content
    assert body.index(b"Content-Type: ") < 1000
