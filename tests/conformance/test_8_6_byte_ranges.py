"""Ranges of bytes (RFC 9110 §14, PS3.18 §10.4.1.1.5), and answers to HEAD."""

import re

import httpx2
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from tests import data
from tests.messages import Sent, parameters, parts, sent, store

ROOT = "/dicomweb"
OCTETS = {"Accept": "application/octet-stream"}
SINGLE = {"Accept": "application/dicom; transfer-syntax=*"}
MPEG4, HEVC, EXPLICIT = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.1"
STREAM = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def image(http: httpx2.Client) -> Sent:
    made = sent(data.image(rows=64, columns=64))
    assert store(http, ROOT, made.content).status_code == 200
    return made


def film(*fragments: bytes, syntax: str = MPEG4) -> Sent:
    """A video of 25 frames in some fragments."""
    made: Dataset = data.image(frames=25, bits=8)
    made.PixelData = encapsulate(list(fragments), has_bot=False)
    made["PixelData"].is_undefined_length = True
    return Sent(made, data.file(made, syntax))


@pytest.fixture(scope="module", params=[1, 3])
def video(request: pytest.FixtureRequest, http: httpx2.Client) -> Sent:
    size = len(STREAM) // request.param // 2 * 2
    made = film(*(STREAM[start : start + size] for start in range(0, len(STREAM), size)))
    assert store(http, ROOT, made.content).status_code == 200
    return made


def kinds(image: Sent) -> dict[str, tuple[str, dict[str, str], bytes]]:
    pixels = image.dataset.PixelData
    return {
        "bulk data": (f"{image.instance}/bulkdata/7FE00010", OCTETS, pixels),
        "pixel data": (f"{image.instance}/pixeldata", OCTETS, pixels),
        "a Frame": (f"{image.instance}/frames/1", OCTETS, pixels),
        "an Instance": (image.instance, SINGLE, image.content),
    }


@pytest.mark.parametrize("path", ["/rendered", "/thumbnail"])
def test_ranges_of_what_is_made(http: httpx2.Client, image: Sent, path: str) -> None:
    whole = http.get(ROOT + image.instance + path)
    part = http.get(ROOT + image.instance + path, headers={"Range": "bytes=5-9", "If-Range": whole.headers["ETag"]})
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert (part.status_code, part.content) == (206, whole.content[5:10])


def test_ranges_of_a_document(http: httpx2.Client) -> None:
    made = sent(data.document(b"%PDF-1.7 content", "1.2.840.10008.5.1.4.1.1.104.1"))
    store(http, ROOT, made.content)
    part = http.get(f"{ROOT}{made.instance}/rendered", headers={"Range": "bytes=-7"})
    assert (part.status_code, part.content, part.headers["Content-Type"]) == (206, b"content", "application/pdf")


@pytest.mark.parametrize("kind", ["bulk data", "pixel data", "a Frame", "an Instance"])
@pytest.mark.parametrize("text", ["0-0", "100-199", "-7", "8000-", "0-99999999"])
def test_one_range(http: httpx2.Client, image: Sent, kind: str, text: str) -> None:
    path, accept, content = kinds(image)[kind]
    answer = http.get(ROOT + path, headers={**accept, "Range": f"bytes={text}"})
    first, last = re.match(r"(\d*)-(\d*)", text).groups()  # type: ignore[union-attr]
    start = int(first) if first else len(content) - int(last)
    expected = content[start : int(last) + 1 if first and last else None]
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"
    assert answer.headers["Content-Length"] == str(len(expected))


@pytest.mark.parametrize("kind", ["bulk data", "an Instance"])
def test_several_ranges(http: httpx2.Client, image: Sent, kind: str) -> None:
    path, accept, content = kinds(image)[kind]
    whole = http.get(ROOT + path, headers=accept)
    answer = http.get(ROOT + path, headers={**accept, "Range": "bytes=10-19, 0-4, -3"})
    assert (answer.status_code, parameters(answer)[""]) == (206, "multipart/byteranges")
    found = parts(answer)
    assert [part.content for part in found] == [content[10:20], content[:5], content[-3:]]
    assert {part.headers["Content-Type"] for part in found} == {whole.headers["Content-Type"]}
    assert [part.headers["Content-Range"] for part in found][1] == f"bytes 0-4/{len(content)}"
    assert answer.headers["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize("kind", ["bulk data", "an Instance"])
def test_a_range_that_is_not_there(http: httpx2.Client, image: Sent, kind: str) -> None:
    path, accept, content = kinds(image)[kind]
    answer = http.get(ROOT + path, headers={**accept, "Range": "bytes=99999999-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert str(len(content)) in answer.text


@pytest.mark.parametrize("text", ["frames=1-2", "bytes=5-1", "bytes=x", "bytes=0-,0-"])
def test_what_is_no_range_is_passed_over(http: httpx2.Client, image: Sent, text: str) -> None:
    answer = http.get(ROOT + image.instance, headers={**SINGLE, "Range": text})
    assert (answer.status_code, answer.content) == (200, image.content)


@pytest.mark.parametrize("kind", ["bulk data", "a Frame", "an Instance"])
def test_accept_ranges_is_announced(http: httpx2.Client, image: Sent, kind: str) -> None:
    path, accept, _ = kinds(image)[kind]
    assert http.get(ROOT + path, headers=accept).headers["Accept-Ranges"] == "bytes"


def test_a_range_fits_only_to_the_same_version(http: httpx2.Client, image: Sent) -> None:
    path, headers = ROOT + image.instance, {**SINGLE, "Range": "bytes=0-9"}
    whole = http.get(path, headers=SINGLE)
    for validator in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        assert http.get(path, headers={**headers, "If-Range": validator}).status_code == 206
    for other in ('"other"', "W/" + whole.headers["ETag"], "Sun, 06 Nov 1994 08:49:37 GMT", "nonsense"):
        assert http.get(path, headers={**headers, "If-Range": other}).status_code == 200


@pytest.mark.parametrize(
    "accept", ["*/*", 'multipart/related; type="*/*"', 'multipart/related; type="application/octet-stream"']
)
def test_a_range_of_a_bulk_value_in_a_part(http: httpx2.Client, image: Sent, accept: str) -> None:
    """The Python dicomweb-client asks so: the range is of the value, not of the message around it."""
    path, _, content = kinds(image)["bulk data"]
    answer = http.get(ROOT + path, headers={"Accept": accept, "Range": "bytes=100-199"})
    [part] = parts(answer)
    assert (answer.status_code, part.content) == (206, content[100:200])
    assert part.headers["Content-Range"] == answer.headers["Content-Range"] == f"bytes 100-199/{len(content)}"


def test_other_messages_of_parts_have_no_ranges(http: httpx2.Client, image: Sent) -> None:
    answer = http.get(ROOT + image.study, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, [part.content for part in parts(answer)]) == (200, [image.content])
    assert "Accept-Ranges" not in answer.headers


def test_a_conversion_has_no_ranges(http: httpx2.Client, image: Sent) -> None:
    accept = {"Accept": "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90", "Range": "bytes=0-9"}
    answer = http.get(ROOT + image.instance, headers=accept)
    assert answer.status_code == 200
    assert "Accept-Ranges" not in answer.headers


def test_what_is_inflated_for_each_answer_has_no_ranges(http: httpx2.Client) -> None:
    made = data.image(rows=64, columns=64)
    whole = Sent(made, data.file(made, "1.2.840.10008.1.2.1.99"))
    store(http, ROOT, whole.content)
    answer = http.get(f"{ROOT}{whole.instance}/bulkdata/7FE00010", headers={**OCTETS, "Range": "bytes=5000-5009"})
    assert (answer.status_code, answer.content) == (200, made.PixelData)
    assert "Accept-Ranges" not in answer.headers


def test_the_dialects_of_azure_know_no_ranges(http: httpx2.Client, image: Sent) -> None:
    answer = http.get(f"/v2{image.instance}", headers={**SINGLE, "Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, image.content)
    assert {"accept-ranges", "etag", "last-modified"}.isdisjoint(answer.headers)


# --- HEAD (RFC 9110 §9.3.2)


@pytest.mark.parametrize("kind", ["bulk data", "pixel data", "a Frame", "an Instance"])
def test_head_tells_the_length(http: httpx2.Client, image: Sent, kind: str) -> None:
    path, accept, content = kinds(image)[kind]
    answer = http.head(ROOT + path, headers={**accept, "Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(content))


# --- Video (§8.7.3.4)


@pytest.mark.parametrize(
    "accept",
    ["*/*", "video/mp4", "video/*", "video/mp4, application/octet-stream", f"video/mp4; transfer-syntax={MPEG4}"],
)
@pytest.mark.parametrize("path", ["bulkdata/7FE00010", "pixeldata"])
def test_a_video_is_one_stream(http: httpx2.Client, video: Sent, path: str, accept: str) -> None:
    answer = http.get(f"{ROOT}{video.instance}/{path}", headers={"Accept": accept})
    assert (answer.status_code, answer.content) == (200, STREAM)
    assert answer.headers["Content-Type"] == f"video/mp4; transfer-syntax={MPEG4}"
    assert answer.headers["Content-Length"] == str(len(STREAM))
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (0, 10239), (3000, 7000), (3411, 3412), (3412, 3413), (10000, 10239)]
)
def test_a_range_of_a_video_over_all_its_fragments(http: httpx2.Client, video: Sent, first: int, last: int) -> None:
    headers = {"Accept": "video/mp4", "Range": f"bytes={first}-{last}"}
    answer = http.get(f"{ROOT}{video.instance}/pixeldata", headers=headers)
    assert (answer.status_code, answer.content) == (206, STREAM[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(STREAM)}"


def test_a_player_begins_so(http: httpx2.Client, video: Sent) -> None:
    answer = http.get(f"{ROOT}{video.instance}/pixeldata", headers={"Accept": "*/*", "Range": "bytes=0-"})
    assert (answer.status_code, answer.content) == (206, STREAM)


def test_a_video_in_a_part(http: httpx2.Client, video: Sent) -> None:
    accept = 'multipart/related; type="video/mp4"'
    [part] = parts(http.get(f"{ROOT}{video.instance}/pixeldata", headers={"Accept": accept}))
    assert (part.content, part.headers["Content-Type"]) == (STREAM, f"video/mp4; transfer-syntax={MPEG4}")


@pytest.mark.parametrize(
    "accept", ["image/jpeg", "video/H265", "application/octet-stream; transfer-syntax=" + EXPLICIT]
)
def test_a_video_is_not_converted(http: httpx2.Client, video: Sent, accept: str) -> None:
    answer = http.get(f"{ROOT}{video.instance}/pixeldata", headers={"Accept": accept})
    assert answer.status_code == 406
    assert "video/mp4" in answer.text


def test_other_videos_have_their_own_type(http: httpx2.Client) -> None:
    made = film(STREAM, syntax=HEVC)
    store(http, ROOT, made.content)
    answer = http.get(f"{ROOT}{made.instance}/pixeldata", headers={"Accept": "video/H265"})
    assert (answer.headers["Content-Type"], answer.content) == (f"video/H265; transfer-syntax={HEVC}", STREAM)
