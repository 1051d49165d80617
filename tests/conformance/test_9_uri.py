"""The URI Service (PS3.18 §9): one Instance by a query alone."""

import httpx2
import imagecodecs
import pytest

from tests import data
from tests.messages import Sent, encoded, sent, store

ROOT = "/dicomweb"
EXPLICIT, IMPLICIT, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.90"
OHIF = "multipart/related; type=application/octet-stream; transfer-syntax=*"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def image(http: httpx2.Client) -> Sent:
    """Three native Frames."""
    made = sent(data.image(frames=3))
    assert store(http, ROOT, made.content).status_code == 200
    return made


@pytest.fixture(scope="module")
def film(http: httpx2.Client) -> Sent:
    """What nothing decodes."""
    made = encoded(b"film", syntax="1.2.840.10008.1.2.4.102")
    assert store(http, ROOT, made.content).status_code == 200
    return made


def wado(http: httpx2.Client, made: Sent, accept: str | None = "*/*", **parameters: str) -> httpx2.Response:
    """Ask for an Instance."""
    uids = {
        "studyUID": made.dataset.StudyInstanceUID,
        "seriesUID": made.dataset.SeriesInstanceUID,
        "objectUID": made.dataset.SOPInstanceUID,
    }
    headers = {} if accept is None else {"Accept": accept}
    return http.get(f"{ROOT}/wado", params={"requestType": "WADO", **uids, **parameters}, headers=headers)


# --- The media type chooses the transaction (§9.3)


@pytest.mark.parametrize(
    ("accept", "content_type", "sent_type"),
    [
        (None, None, "image/jpeg"),
        ("*/*", None, "image/jpeg"),
        (BROWSER, None, "image/jpeg"),
        ("image/*", None, "image/jpeg"),
        ("image/png", None, "image/png"),
        ("image/png", "image/jpeg", "image/jpeg"),
        ("*/*", "image/png", "image/png"),
        ("*/*", "image/x-unknown;q=1.0,image/png;q=0.9,image/jpeg;q=0.1", "image/png"),
        ("text/html", "image/jpeg", "image/jpeg"),
        (OHIF, "application/dicom", f"application/dicom; transfer-syntax={EXPLICIT}"),
        ("application/dicom", None, f"application/dicom; transfer-syntax={EXPLICIT}"),
    ],
)
def test_the_media_type(
    http: httpx2.Client, image: Sent, accept: str | None, content_type: str | None, sent_type: str
) -> None:
    answer = wado(http, image, accept, **({"contentType": content_type} if content_type else {}))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == sent_type


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/pdf", "video/mpeg"])
def test_a_media_type_that_is_not_here_is_406(http: httpx2.Client, image: Sent, content_type: str) -> None:
    answer = wado(http, image, contentType=content_type)
    assert answer.status_code == 406
    assert "Acceptable here: image/jpeg, image/png" in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")


# --- Retrieve DICOM Instance (§9.4)


def test_the_file_as_stored(http: httpx2.Client, film: Sent) -> None:
    answer = wado(http, film, contentType="application/dicom", transferSyntax="*")
    assert answer.headers["Content-Type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.102"
    assert answer.content == film.content


def test_the_file_without_transfer_syntax_is_explicit_little_endian_where_it_can_be(
    http: httpx2.Client, image: Sent, film: Sent
) -> None:
    assert wado(http, image, contentType="application/dicom").content == image.content
    assert wado(http, film, contentType="application/dicom").content == film.content


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, JPEG_2000])
def test_the_file_in_a_transfer_syntax(http: httpx2.Client, image: Sent, syntax: str) -> None:
    answer = wado(http, image, contentType="application/dicom", transferSyntax=syntax)
    assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={syntax}"


def test_a_transfer_syntax_that_cannot_be_made_is_406(http: httpx2.Client, film: Sent) -> None:
    answer = wado(http, film, contentType="application/dicom", transferSyntax=EXPLICIT)
    assert answer.status_code == 406
    assert "transfer-syntax=*" in answer.text


def test_how_an_image_looks_does_not_matter_to_a_file(http: httpx2.Client, image: Sent) -> None:
    answer = wado(http, image, contentType="application/dicom", frameNumber="2", windowCenter="1", windowWidth="2")
    assert answer.content == image.content


# --- Retrieve Rendered Instance (§9.5)


def test_a_frame_is_that_of_the_studies_service(http: httpx2.Client, image: Sent) -> None:
    rendered = http.get(f"{ROOT}{image.instance}/frames/2/rendered", headers={"Accept": "image/png"})
    answer = wado(http, image, contentType="image/png", frameNumber="2")
    assert (imagecodecs.png_decode(answer.content) == imagecodecs.png_decode(rendered.content)).all()


def test_the_quality_counts(http: httpx2.Client, image: Sent) -> None:
    assert len(wado(http, image, imageQuality="1").content) < len(wado(http, image, imageQuality="100").content)


def test_a_frame_that_is_not_there_is_404(http: httpx2.Client, image: Sent) -> None:
    assert wado(http, image, frameNumber="4").status_code == 404


# --- Refusals


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("anonymize", "yes"), ("presentationUID", "1.2"), ("presentationSeriesUID", "1.2"), ("requestType", "XERO"),
        ("frameNumber", "x"), ("imageQuality", "0"), ("region", "1,0,0,1"), ("windowWidth", "1"), ("objectUID", "abc"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_400_and_says_so(http: httpx2.Client, image: Sent, name: str, value: str) -> None:
    answer = wado(http, image, **{name: value})
    assert answer.status_code == 400
    assert name.lower() in answer.text.lower() or "SOP Instance UID" in answer.text


def test_an_instance_that_is_not_there_is_404(http: httpx2.Client, image: Sent) -> None:
    for content_type in ("image/jpeg", "application/dicom"):
        assert wado(http, image, objectUID="1.2.3", contentType=content_type).status_code == 404


def test_charset_is_of_no_matter(http: httpx2.Client, image: Sent) -> None:
    assert wado(http, image, charset="ISO-8859-1").status_code == 200


def test_it_is_not_of_azure(http: httpx2.Client) -> None:
    assert http.get("/v2/wado?requestType=WADO").status_code == 404


def test_what_is_neither_image_nor_text_is_406_and_says_what_it_is(http: httpx2.Client) -> None:
    plan = sent(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5")
    store(http, ROOT, plan.content)
    answer = wado(http, plan)
    assert (answer.status_code, "RT Plan" in answer.text) == (406, True)


@pytest.mark.parametrize(
    ("accept", "content_type", "sent_type"),
    [
        ("*/*", None, "text/html; charset=utf-8"),
        (None, None, "text/html; charset=utf-8"),
        (BROWSER, None, "text/html; charset=utf-8"),
        ("*/*", "text/html", "text/html; charset=utf-8"),
        ("*/*", "text/plain", "text/plain; charset=utf-8"),
        ("*/*", "image/jpeg,application/dicom;q=0.5", f"application/dicom; transfer-syntax={EXPLICIT}"),
    ],
)
def test_a_report_is_text(http: httpx2.Client, accept: str | None, content_type: str | None, sent_type: str) -> None:
    report = sent(data.report())
    store(http, ROOT, report.content)
    answer = wado(http, report, accept, **({"contentType": content_type} if content_type else {}))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, sent_type)


@pytest.mark.parametrize(("number", "media_type"), [(1, "application/pdf"), (2, "text/xml"), (3, "model/stl")])
def test_a_document_is_sent_as_it_is(http: httpx2.Client, number: int, media_type: str) -> None:
    document = sent(data.document(b"content.", f"1.2.840.10008.5.1.4.1.1.104.{number}"))
    store(http, ROOT, document.content)
    for content_type in ({}, {"contentType": media_type}):
        answer = wado(http, document, **content_type)
        assert (answer.headers["Content-Type"], answer.content) == (media_type, b"content.")


def test_what_cannot_be_shown_is_sent_as_a_file_if_that_will_do(http: httpx2.Client, image: Sent) -> None:
    answer = wado(http, image, contentType="text/html,application/dicom;q=0.5")
    assert answer.content == image.content


def test_overlays_are_drawn_on_request(http: httpx2.Client, image: Sent) -> None:
    assert wado(http, image, annotation="patient,overlay").status_code == 200
