"""Bulkdata and Pixel Data of every level (PS3.18 §10.4.1.1.5, §10.4.1.1.6), and encapsulated documents."""

from typing import Any

import httpx2
import pytest

from tests import data
from tests.messages import JSON, Sent, encoded, parts, sent, store

ROOT = "/dicomweb"
OCTETS, EXPLICIT, JPEG_LS = "application/octet-stream", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"
PDF_STORAGE = "1.2.840.10008.5.1.4.1.1.104.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
PDF = b"%PDF-1.4 " + b"." * 200 + b"\n"


@pytest.fixture(scope="module")
def study(http: httpx2.Client) -> list[Sent]:
    """An image of two Frames with a bulk value in a sequence, one of two encapsulated Frames, one without pixels."""
    first = data.image(frames=2)
    lut = data.dataset()
    lut.add_new(0x00282000, "OB", bytes(range(256)))
    first.OpticalPathSequence = [lut]
    same = {"StudyInstanceUID": first.StudyInstanceUID, "SeriesInstanceUID": first.SeriesInstanceUID}
    second = encoded(b"first!", b"second")
    for keyword, value in same.items():
        setattr(second.dataset, keyword, value)
    made = [sent(first), Sent(second.dataset, data.file(second.dataset, JPEG_LS)), sent(**same)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    return made


@pytest.mark.parametrize("level", ["study", "series"])
def test_all_bulk_values(http: httpx2.Client, url: str, study: list[Sent], level: str) -> None:
    image, jpeg_ls, _ = study
    found = parts(http.get(f"{ROOT}{getattr(image, level)}/bulkdata"))
    assert [(part.headers["Content-Location"].removeprefix(url + ROOT), part.content) for part in found] == [
        (f"{image.instance}/bulkdata/00480105/1/00282000", bytes(range(256))),
        (f"{image.instance}/bulkdata/7FE00010", image.dataset.PixelData),
        (f"{jpeg_ls.instance}/bulkdata/7FE00010", b"first!"),
        (f"{jpeg_ls.instance}/bulkdata/7FE00010", b"second"),
    ]
    syntaxes = [EXPLICIT, EXPLICIT, JPEG_LS, JPEG_LS]
    assert [part.headers["Content-Type"] for part in found] == [f"{OCTETS}; transfer-syntax={uid}" for uid in syntaxes]


def test_all_bulk_values_of_an_instance_are_where_metadata_says(http: httpx2.Client, study: list[Sent]) -> None:
    found = parts(http.get(f"{ROOT}{study[0].instance}/bulkdata"))
    metadata = http.get(f"{ROOT}{study[0].instance}/metadata", headers=JSON).json()
    assert {part.headers["Content-Location"] for part in found} == set(_uris(metadata))


def _uris(value: Any) -> list[str]:
    if isinstance(value, list):
        return [uri for item in value for uri in _uris(item)]
    if isinstance(value, dict):
        own = [value["BulkDataURI"]] if "BulkDataURI" in value else []
        return own + [uri for item in value.values() for uri in _uris(item)]
    return []


@pytest.mark.parametrize("level", ["study", "series"])
def test_all_frames(http: httpx2.Client, study: list[Sent], level: str) -> None:
    image, jpeg_ls, _ = study
    accept = f'multipart/related; type="{OCTETS}"; transfer-syntax=*'
    found = parts(http.get(f"{ROOT}{getattr(image, level)}/pixeldata", headers={"Accept": accept}))
    half = len(image.dataset.PixelData) // 2
    pixels = image.dataset.PixelData
    assert [part.content for part in found] == [pixels[:half], pixels[half:], b"first!", b"second"]
    assert [part.headers["Content-Location"].rpartition("/instances")[2] for part in found] == [
        f"/{one.dataset.SOPInstanceUID}/frames/{number}" for one in (image, jpeg_ls) for number in (1, 2)
    ]


def test_frames_of_an_instance(http: httpx2.Client, study: list[Sent]) -> None:
    answer = http.get(f"{ROOT}{study[1].instance}/pixeldata", headers={"Accept": 'multipart/related; type="image/jls"'})
    found = parts(answer)
    assert [part.content for part in found] == [b"first!", b"second"]
    assert {part.headers["Content-Type"] for part in found} == {f"image/jls; transfer-syntax={JPEG_LS}"}


def test_frames_of_what_has_none(http: httpx2.Client, study: list[Sent]) -> None:
    answer = http.get(f"{ROOT}{study[2].instance}/pixeldata")
    assert (answer.status_code, "no pixel data" in answer.text) == (404, True)


@pytest.mark.parametrize("path", ["{study}/bulkdata", "{series}/pixeldata", "{instance}/bulkdata"])
def test_what_has_no_such_values_is_not_found(http: httpx2.Client, path: str) -> None:
    made = sent(data.dataset())
    store(http, ROOT, made.content)
    answer = http.get(ROOT + path.format(study=made.study, series=made.series, instance=made.instance))
    assert (answer.status_code, "has none of these values" in answer.text) == (404, True)


@pytest.mark.parametrize("end", ["bulkdata", "pixeldata"])
@pytest.mark.parametrize("path", ["/studies/1.2", "/studies/1.2/series/3", "/studies/1.2/series/3/instances/4"])
def test_not_found(http: httpx2.Client, path: str, end: str) -> None:
    assert http.get(f"{ROOT}{path}/{end}").status_code == 404


@pytest.mark.parametrize("accept", ["image/png", "application/pdf", "image/jpeg"])
def test_what_can_not_hold_all_values_is_refused(http: httpx2.Client, study: list[Sent], accept: str) -> None:
    answer = http.get(f"{ROOT}{study[0].study}/bulkdata", headers={"Accept": accept})
    assert answer.status_code == 406
    assert OCTETS in answer.text


def test_frames_that_can_not_be_made_are_refused_before_the_first(http: httpx2.Client, study: list[Sent]) -> None:
    answer = http.get(f"{ROOT}{study[0].study}/pixeldata", headers={"Accept": 'multipart/related; type="image/jxl"'})
    assert answer.status_code in {200, 406}
    assert answer.status_code == 406 or len(parts(answer)) == 4


@pytest.mark.parametrize("path", ["{study}/bulkdata", "{study}/pixeldata", "{instance}/pixeldata"])
def test_not_in_the_dialects_of_azure(http: httpx2.Client, study: list[Sent], path: str) -> None:
    assert http.get("/v2" + path.format(study=study[0].study, instance=study[0].instance)).status_code == 404


def test_words_of_a_big_endian_file_are_turned(http: httpx2.Client) -> None:
    native = data.image()
    big = data.image(SOPInstanceUID=data.uid())
    big.PixelData = b"".join(bytes(pair[::-1]) for pair in zip(*[iter(native.PixelData)] * 2, strict=True))
    made = Sent(big, data.file(big, BIG_ENDIAN))
    store(http, ROOT, made.content)
    answer = http.get(f"{ROOT}{made.instance}/bulkdata/7FE00010", headers={"Accept": OCTETS})
    assert (answer.content, answer.headers["Content-Type"]) == (
        native.PixelData,
        f"{OCTETS}; transfer-syntax={EXPLICIT}",
    )


# --- Encapsulated documents


@pytest.fixture(scope="module")
def document(http: httpx2.Client) -> Sent:
    made = sent(SOPClassUID=PDF_STORAGE, MIMETypeOfEncapsulatedDocument="application/pdf", EncapsulatedDocument=PDF)
    assert store(http, ROOT, made.content).status_code == 200
    return made


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/pdf", "application/pdf"),
        ("application/pdf, application/octet-stream", "application/pdf"),
        ("text/html, application/octet-stream;q=0.5", f"{OCTETS}; transfer-syntax={EXPLICIT}"),
    ],
)
def test_a_document_in_one_part(http: httpx2.Client, document: Sent, accept: str, media_type: str) -> None:
    answer = http.get(f"{ROOT}{document.instance}/bulkdata/00420011", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, media_type, PDF)


def test_a_document_as_ohif_asks_for_it(http: httpx2.Client, document: Sent) -> None:
    accept = 'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"'
    [part] = parts(http.get(f"{ROOT}{document.instance}/bulkdata/00420011", headers={"Accept": accept}))
    assert (part.headers["Content-Type"], part.content) == ("application/pdf", PDF)


def test_a_document_for_a_link_in_a_browser(http: httpx2.Client, document: Sent) -> None:
    path = f"{ROOT}{document.instance}/bulkdata/00420011?accept=application%2Fpdf"
    assert http.get(path, headers={"Accept": "text/html, */*;q=0.8"}).headers["Content-Type"] == "application/pdf"


@pytest.mark.parametrize("accept", ["text/xml", "model/stl", "image/jpeg"])
def test_a_document_of_another_kind_is_refused(http: httpx2.Client, document: Sent, accept: str) -> None:
    answer = http.get(f"{ROOT}{document.instance}/bulkdata/00420011", headers={"Accept": accept})
    assert (answer.status_code, "application/pdf" in answer.text) == (406, True)


@pytest.mark.parametrize("end", ["bulkdata", "pixeldata"])
def test_all_values_do_not_go_in_one_part(http: httpx2.Client, study: list[Sent], end: str) -> None:
    answer = http.get(f"{ROOT}{study[0].study}/{end}", headers={"Accept": OCTETS})
    assert answer.status_code == 406


def test_a_converted_value_is_where_metadata_says(http: httpx2.Client, url: str) -> None:
    made = sent(data.image())
    accept = {"Accept": 'application/dicom; transfer-syntax="1.2.840.10008.1.2.5"'}
    store(http, ROOT, made.content)
    compressed = http.get(ROOT + made.instance, headers=accept).content
    http.delete(ROOT + made.study)
    assert store(http, ROOT, compressed).status_code == 200
    place = f"{made.instance}/bulkdata/7FE00010"
    (part,) = parts(
        http.get(ROOT + place, headers={"Accept": f'multipart/related; type="{OCTETS}"; transfer-syntax={EXPLICIT}'})
    )
    assert part.headers["Content-Location"].removeprefix(url + ROOT) == place
    assert part.content == made.dataset.PixelData


def test_native_pixel_data_in_one_part_are_all_frames(http: httpx2.Client) -> None:
    made = sent(data.image(frames=3))
    store(http, ROOT, made.content)
    for end in ("pixeldata", "bulkdata/7FE00010"):
        answer = http.get(f"{ROOT}{made.instance}/{end}", headers={"Accept": OCTETS})
        assert (answer.status_code, answer.content) == (200, made.dataset.PixelData)
        assert answer.headers["Content-Location"].endswith(f"{made.instance}/{end}")


@pytest.mark.parametrize("end", ["pixeldata", "bulkdata/7FE00010"])
def test_native_pixel_data_are_encoded_for_who_asks(http: httpx2.Client, end: str) -> None:
    made = sent(data.image(frames=2))
    store(http, ROOT, made.content)
    found = parts(http.get(f"{ROOT}{made.instance}/{end}", headers={"Accept": 'multipart/related; type="image/jls"'}))
    assert [part.headers["Content-Type"] for part in found] == ["image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"] * 2
    answer = http.get(f"{ROOT}{made.instance}/{end}", headers={"Accept": "image/jls"})
    assert (answer.status_code, "several parts" in answer.text) == (406, True)


def test_float_pixel_data_in_one_part(http: httpx2.Client) -> None:
    made = data.image(frames=3, BitsAllocated=32)
    del made.PixelData
    made.FloatPixelData = bytes(range(256)) * 3
    whole = sent(made)
    store(http, ROOT, whole.content)
    answer = http.get(f"{ROOT}{whole.instance}/pixeldata", headers={"Accept": OCTETS})
    assert (answer.status_code, answer.content) == (200, made.FloatPixelData)


def test_a_document_is_what_its_sop_class_says_and_comes_without_padding(http: httpx2.Client) -> None:
    made = data.document(b"%PDF-1.7.", "1.2.840.10008.5.1.4.1.1.104.1", MIMETypeOfEncapsulatedDocument="text/html")
    made.EncapsulatedDocumentLength = 9
    made["EncapsulatedDocument"].value += bytes(2000)
    whole = sent(made)
    store(http, ROOT, whole.content)
    answer = http.get(f"{ROOT}{whole.instance}/bulkdata/00420011", headers={"Accept": "application/pdf"})
    assert (answer.status_code, answer.content) == (200, b"%PDF-1.7.")


@pytest.mark.parametrize("accept", ["*/*", 'multipart/related; type="image/jls"'])
def test_very_many_frames_are_a_stream(http: httpx2.Client, accept: str) -> None:
    made = sent(data.image(frames=1001, rows=1, columns=2, bits=8))
    store(http, ROOT, made.content)
    answer = http.get(f"{ROOT}{made.instance}/pixeldata", headers={"Accept": accept})
    found = parts(answer)
    assert len(found) == 1001
    assert found[1000].headers["Content-Location"].endswith("/frames/1001")
    known = http.get(
        f"{ROOT}{made.instance}/pixeldata", headers={"Accept": accept, "If-None-Match": answer.headers["ETag"]}
    )
    assert known.status_code == 304
