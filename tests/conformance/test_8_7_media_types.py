"""Media types and content negotiation (PS3.18 §8.7, §8.6): what real clients send, and the answers to the byte."""

import zlib

import httpx2
import imagecodecs
import numpy as np
import pytest

from tests import data
from tests.messages import BOUNDARY, Sent, encoded, parameters, parts, sent, store

ROOT = "/dicomweb"
EXPLICIT, IMPLICIT, JPEG_2000, JPEG_LS = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".4.90", ".4.80"))
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
DICOM_JSON, OCTETS = "application/dicom+json", "application/octet-stream"
EXPLICIT_OCTETS = f"{OCTETS}; transfer-syntax={EXPLICIT}"


@pytest.fixture(scope="module")
def image(http: httpx2.Client) -> Sent:
    """Two native Frames."""
    return _stored(http, sent(data.image(frames=2)))


@pytest.fixture(scope="module")
def jpeg_ls(http: httpx2.Client) -> Sent:
    """Two Frames that no codec can read: whoever gets them got them as stored."""
    return _stored(http, encoded(b"first!", b"second"))


@pytest.fixture(scope="module")
def jpeg_2000(http: httpx2.Client) -> Sent:
    """One Frame in lossless JPEG 2000."""
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    return _stored(http, encoded(imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True), syntax=JPEG_2000))


def _stored(http: httpx2.Client, made: Sent) -> Sent:
    assert store(http, ROOT, made.content).status_code == 200
    return made


def _get(http: httpx2.Client, path: str, accept: str | None) -> httpx2.Response:
    answer = http.get(ROOT + path, headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200, answer.text
    return answer


def _frame(image: Sent, number: int) -> bytes:
    size = len(image.dataset.PixelData) // 2
    return bytes(image.dataset.PixelData[size * (number - 1) : size * number])


# --- Defaults (§8.7.4): without Accept, or with a range


@pytest.mark.parametrize("accept", [None, "*/*", "*", "text/plain;q=0.2, */*;q=0.1", BROWSER])
@pytest.mark.parametrize("path", ["/studies?limit=1", "{study}/metadata", "{instance}/metadata"])
def test_default_of_search_and_metadata(http: httpx2.Client, image: Sent, path: str, accept: str | None) -> None:
    answer = _get(http, path.format(study=image.study, instance=image.instance), accept)
    assert answer.headers["Content-Type"] == DICOM_JSON


@pytest.mark.parametrize(
    "accept", [None, "*/*", BROWSER, "application/*", "multipart/related", 'multipart/related; type="*/*"']
)
@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_default_of_instances(http: httpx2.Client, url: str, jpeg_ls: Sent, level: str, accept: str | None) -> None:
    answer = _get(http, getattr(jpeg_ls, level), accept)
    boundary = parameters(answer)["boundary"]
    assert answer.headers["Content-Type"] == f'multipart/related; type="application/dicom"; boundary={boundary}'
    head = (
        f"--{boundary}\r\n"
        f"Content-Type: application/dicom; transfer-syntax={JPEG_LS}\r\n"
        f"Content-Location: {url}{ROOT}{jpeg_ls.instance}\r\n\r\n"
    )
    assert answer.content == head.encode() + jpeg_ls.content + f"\r\n--{boundary}--\r\n".encode()
    assert int(answer.headers["Content-Length"]) == len(answer.content)


@pytest.mark.parametrize(
    "accept", [None, "*/*", 'multipart/related; type="*/*"', "multipart/related", "multipart/*", BROWSER]
)
def test_default_of_native_frames(http: httpx2.Client, url: str, image: Sent, accept: str | None) -> None:
    path = f"{image.instance}/frames/2"
    answer = _get(http, path, accept)
    boundary = parameters(answer)["boundary"]
    assert answer.headers["Content-Type"] == f'multipart/related; type="{OCTETS}"; boundary={boundary}'
    head = (
        f"--{boundary}\r\n"
        f"Content-Type: {OCTETS}; transfer-syntax={EXPLICIT}\r\n"
        f"Content-Location: {url}{ROOT}{path}\r\n\r\n"
    )
    assert answer.content == head.encode() + _frame(image, 2) + f"\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize("accept", [None, "*/*", "multipart/related", BROWSER])
def test_default_of_compressed_frames_is_what_is_stored(http: httpx2.Client, jpeg_ls: Sent, accept: str | None) -> None:
    answer = _get(http, f"{jpeg_ls.instance}/frames/2", accept)
    assert parameters(answer)["type"] == "image/jls"
    (part,) = parts(answer)
    assert part.headers["Content-Type"] == f"image/jls; transfer-syntax={JPEG_LS}"
    assert part.content == b"second"


def test_deflated_frames_come_as_stored_under_a_type_of_their_own(http: httpx2.Client) -> None:
    syntax = "1.2.840.10008.1.2.8.1"  # pydicom writes none, but the service does
    made = _stored(http, sent(data.image()))
    deflated = http.get(
        ROOT + made.instance, headers={"Accept": f"application/dicom; transfer-syntax={syntax}"}
    ).content
    http.put(f"{ROOT}/studies", content=deflated, headers={"Content-Type": "application/dicom"}).raise_for_status()
    (part,) = parts(_get(http, f"{made.instance}/frames/1", "*/*"))
    assert part.headers["Content-Type"] == f"application/x-deflate; transfer-syntax={syntax}"
    assert zlib.decompress(part.content, -zlib.MAX_WBITS) == made.dataset.PixelData


def test_frames_of_any_type_are_decoded_for_the_python_client(http: httpx2.Client, jpeg_2000: Sent) -> None:
    (part,) = parts(_get(http, f"{jpeg_2000.instance}/frames/1", 'multipart/related; type="*/*"'))
    assert part.headers["Content-Type"] == f"{OCTETS}; transfer-syntax={EXPLICIT}"
    assert part.content == bytes(range(64))


@pytest.mark.parametrize(
    "accept", [None, "*/*", 'multipart/related; type="*/*"', f'multipart/related; type="{OCTETS}"']
)
def test_default_of_bulkdata(http: httpx2.Client, url: str, image: Sent, accept: str | None) -> None:
    path = f"{image.instance}/bulkdata/7FE00010"
    answer = _get(http, path, accept)
    boundary = parameters(answer)["boundary"]
    head = f"--{boundary}\r\nContent-Type: {EXPLICIT_OCTETS}\r\nContent-Location: {url}{ROOT}{path}\r\n\r\n"
    assert answer.content == head.encode() + image.dataset.PixelData + f"\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize("level", ["study", "instance"])
def test_octets_of_instances_are_their_bulk_values(http: httpx2.Client, image: Sent, level: str) -> None:
    """PS3.18 Table 10.4.4-1."""
    path = getattr(image, level)
    answer = _get(http, path, f'multipart/related; type="{OCTETS}"')
    bulk = parts(_get(http, f"{path}/bulkdata", f'multipart/related; type="{OCTETS}"'))
    assert [part.content for part in parts(answer)] == [part.content for part in bulk] == [image.dataset.PixelData]


# --- How clients write Accept


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="application/dicom"; transfer-syntax=*',
        "multipart/related; type=application/dicom; transfer-syntax=*",
        'multipart/related; type="application/dicom"; transfer-syntax="*"',
        'multipart/related; transfer-syntax=*; type="application/dicom"',
        'multipart/related;type="application/dicom";transfer-syntax=*',
        'Multipart/Related; Type="Application/DICOM"; Transfer-Syntax=*',
        'multipart/related; type="image/jls", multipart/related; type="application/dicom"; transfer-syntax=*;q=0.5',
        f"multipart/related; type=application/dicom; transfer-syntax={JPEG_LS}",
    ],
)
@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_stored_instances(http: httpx2.Client, jpeg_ls: Sent, level: str, accept: str) -> None:
    (part,) = parts(_get(http, getattr(jpeg_ls, level), accept))
    assert part.headers["Content-Type"] == f"application/dicom; transfer-syntax={JPEG_LS}"
    assert part.content == jpeg_ls.content


OHIF = "multipart/related; type=application/octet-stream; transfer-syntax=*"
CORNERSTONE = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
MICROSCOPY = ", ".join(
    f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    for media_type, syntax in [
        ("application/octet-stream", "*"), ("image/jpeg", "1.2.840.10008.1.2.4.50"), ("image/jls", JPEG_LS),
        ("image/jls", "1.2.840.10008.1.2.4.81"), ("image/jp2", JPEG_2000), ("image/jp2", "1.2.840.10008.1.2.4.91"),
        ("image/jpx", "1.2.840.10008.1.2.4.92"), ("image/jpx", "1.2.840.10008.1.2.4.93"),
    ]
)  # fmt: skip


@pytest.mark.parametrize("accept", [OHIF, CORNERSTONE, MICROSCOPY])
def test_stored_frames_as_octets(http: httpx2.Client, jpeg_ls: Sent, accept: str) -> None:
    found = parts(_get(http, f"{jpeg_ls.instance}/frames/2,1", accept))
    assert [part.content for part in found] == [b"second", b"first!"]
    assert all(part.headers["Content-Type"].endswith(f"; transfer-syntax={JPEG_LS}") for part in found)


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="image/jls"',
        "multipart/related; type=image/jls; transfer-syntax=*",
        f'multipart/related; type="image/jls"; transfer-syntax={JPEG_LS}',
        'multipart/related; type="image/x-jls"',
        'multipart/related; type="image/*"',
        "image/jls",
    ],
)
def test_stored_frames_by_their_own_media_type(http: httpx2.Client, jpeg_ls: Sent, accept: str) -> None:
    answer = _get(http, f"{jpeg_ls.instance}/frames/1", accept)
    content_type = answer.headers["Content-Type"]
    if content_type.startswith("multipart"):
        (part,) = parts(answer)
        content_type, content = part.headers["Content-Type"], part.content
    else:
        content = answer.content
    assert (content_type, content) == (f"image/jls; transfer-syntax={JPEG_LS}", b"first!")


def test_octets_and_an_image_type_of_the_python_client(http: httpx2.Client, image: Sent) -> None:
    accept = (
        f'multipart/related; type="image/jp2"; transfer-syntax={JPEG_2000}, '
        f'multipart/related; type="{OCTETS}"; transfer-syntax={EXPLICIT}'
    )
    (part,) = parts(_get(http, f"{image.instance}/frames/1", accept))
    assert part.headers["Content-Type"] in {
        f"image/jp2; transfer-syntax={JPEG_2000}",
        f"{OCTETS}; transfer-syntax={EXPLICIT}",
    }


# --- Single part


def test_instance_as_single_part(http: httpx2.Client, jpeg_ls: Sent) -> None:
    answer = _get(http, jpeg_ls.instance, "application/dicom; transfer-syntax=*")
    assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={JPEG_LS}"
    assert answer.content == jpeg_ls.content
    assert int(answer.headers["Content-Length"]) == len(jpeg_ls.content)


def test_frame_as_single_part(http: httpx2.Client, jpeg_ls: Sent) -> None:
    answer = _get(http, f"{jpeg_ls.instance}/frames/1", f"{OCTETS}; transfer-syntax=*")
    assert answer.headers["Content-Type"] == f"{OCTETS}; transfer-syntax={JPEG_LS}"
    assert answer.content == b"first!"


@pytest.mark.parametrize("accept", [OCTETS, f"{OCTETS}; transfer-syntax=*"])
def test_bulkdata_as_single_part(http: httpx2.Client, image: Sent, accept: str) -> None:
    answer = _get(http, f"{image.instance}/bulkdata/7FE00010", accept)
    assert (answer.headers["Content-Type"], answer.content) == (EXPLICIT_OCTETS, image.dataset.PixelData)


# --- Transfer Syntax


def test_without_transfer_syntax_instances_are_explicit_little_endian(http: httpx2.Client, jpeg_2000: Sent) -> None:
    (part,) = parts(_get(http, jpeg_2000.study, 'multipart/related; type="application/dicom"'))
    assert part.headers["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert bytes(range(64)) in part.content


def test_without_a_decoder_they_come_as_stored(http: httpx2.Client) -> None:
    made = _stored(http, encoded(b"film", syntax="1.2.840.10008.1.2.4.102"))  # MPEG-4
    (part,) = parts(_get(http, made.study, 'multipart/related; type="application/dicom"'))
    assert part.content == made.content


def test_implicit_little_endian_to_explicit(http: httpx2.Client) -> None:
    made = _stored_implicit(http)
    (part,) = parts(_get(http, made.study, 'multipart/related; type="application/dicom"'))
    assert part.headers["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"


def _stored_implicit(http: httpx2.Client) -> Sent:
    made = data.image()
    implicit = Sent(made, data.file(made, IMPLICIT))
    assert store(http, ROOT, implicit.content).status_code == 200
    return implicit


@pytest.mark.parametrize(
    "accept",
    [
        "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.107",
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.107',
        "application/dicom; transfer-syntax=1.2.3",
    ],
)
def test_syntax_that_cannot_be_made_is_406(http: httpx2.Client, image: Sent, accept: str) -> None:
    answer = http.get(ROOT + image.instance, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.text


@pytest.mark.parametrize(
    ("media_type", "syntax"),
    [
        ("image/jpeg", "4.70"),
        ("image/dicom-rle", "5"),
        ("image/jls", "4.80"),
        ("image/jp2", "4.90"),
        ("image/jphc", "4.201"),
        ("image/jxl", "4.110"),
        ("application/x-deflate", "8.1"),
    ],
)
def test_frames_of_a_media_type_come_in_its_default_syntax(
    http: httpx2.Client, image: Sent, media_type: str, syntax: str
) -> None:
    """PS3.18 Table 8.7.3-4."""
    (part,) = parts(_get(http, f"{image.instance}/frames/1", f'multipart/related; type="{media_type}"'))
    assert part.headers["Content-Type"] == f"{media_type}; transfer-syntax=1.2.840.10008.1.2.{syntax}"


@pytest.mark.parametrize(
    ("media_type", "syntax"), [("image/jpeg", "4.50"), ("image/jxl", "4.112"), ("video/mp4", "4.102")]
)
def test_frames_in_a_type_that_cannot_be_made_are_406(
    http: httpx2.Client, image: Sent, media_type: str, syntax: str
) -> None:
    accept = f'multipart/related; type="{media_type}"; transfer-syntax=1.2.840.10008.1.2.{syntax}'
    answer = http.get(f"{ROOT}{image.instance}/frames/1", headers={"Accept": accept})
    assert answer.status_code == 406


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("{study}", "image/png"),
        ("{study}/metadata", "application/pdf"),
        ("/studies", "text/html"),
        ("{instance}/frames/1", "text/plain"),
        ("{instance}/bulkdata/7FE00010", "image/png"),
        ("{study}/metadata", "application/dicom+json;q=0"),
    ],
)
def test_406_says_what_would_be_acceptable(http: httpx2.Client, image: Sent, path: str, accept: str) -> None:
    target = ROOT + path.format(study=image.study, instance=image.instance)
    answer = http.get(target, headers={"Accept": accept})
    assert answer.status_code == 406
    assert "Acceptable here: " in answer.text


def test_several_frames_in_one_part_are_406(http: httpx2.Client, image: Sent) -> None:
    answer = http.get(f"{ROOT}{image.instance}/frames/1,2", headers={"Accept": OCTETS})
    assert answer.status_code == 406
    assert f'Acceptable here: multipart/related; type="{OCTETS}"' in answer.text


# --- The query parameter `accept` (§8.3.3.1) wins over the header


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("{instance}?accept=application%2Fdicom%3B%20transfer-syntax%3D%2A", "application/dicom"),
        ("{instance}?accept=application/dicom;transfer-syntax=*", "application/dicom"),
        ("{study}/metadata?accept=application/dicom%2Bjson", DICOM_JSON),
        ("{study}/metadata?accept=application/dicom+json", DICOM_JSON),
        ("{instance}?accept=*", "multipart/related"),
        ("{instance}?accept=*/*", "multipart/related"),
        ("/studies?limit=1&accept=application/json", DICOM_JSON),
        ("{instance}/frames/1?accept=application/octet-stream", OCTETS),
        ("{instance}/bulkdata/7FE00010?accept=application/octet-stream", OCTETS),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "image/png", None])
def test_accept_in_the_query(
    http: httpx2.Client, image: Sent, path: str, content_type: str, accept: str | None
) -> None:
    answer = _get(http, path.format(study=image.study, instance=image.instance), accept)
    assert parameters(answer)[""] == content_type


# --- What JavaScript clients assume of a multipart body


def test_every_part_begins_within_1000_bytes_with_content_type(http: httpx2.Client, jpeg_ls: Sent) -> None:
    answer = _get(http, f"{jpeg_ls.instance}/frames/1,2", OHIF)
    boundary = parameters(answer)["boundary"].encode()
    heads = [chunk.split(b"\r\n\r\n")[0] for chunk in answer.content.split(b"--" + boundary)[1:-1]]
    assert len(heads) == 2
    assert all(head.startswith(b"\r\nContent-Type: ") and len(head) < 900 for head in heads)
    assert boundary.decode() != BOUNDARY
    assert len(boundary) <= 70
