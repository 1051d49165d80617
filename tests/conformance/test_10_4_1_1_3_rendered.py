"""Rendered resources and Thumbnails (PS3.18 §10.4.1.1.3, §10.4.1.1.4) with the parameters of §8.3.5."""

import io
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from tests import data
from tests.messages import Sent, parameters, parts, sent, store

ROOT = "/dicomweb"
JPEG, PNG = {"Accept": "image/jpeg"}, {"Accept": "image/png"}
LEVELS = ("study", "series", "instance")


@pytest.fixture(scope="module")
def series(http: httpx2.Client) -> list[Sent]:
    """A Series of three images; the middle one has five Frames."""
    study, uid = data.uid(), data.uid()
    made = []
    for number in (1, 2, 3):
        image = data.image(frames=5 if number == 2 else 1, rows=32, columns=48)
        image.StudyInstanceUID, image.SeriesInstanceUID, image.InstanceNumber = study, uid, number
        image.FrameTime = 50
        made.append(sent(image))
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    return made


@pytest.fixture(scope="module")
def color(http: httpx2.Client) -> Sent:
    made = sent(data.image(rows=32, columns=32, bits=8, samples=3))
    assert store(http, ROOT, made.content).status_code == 200
    return made


def opened(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


# --- Resources and media types (Table 10.4.1-4, Table 8.7.4-1)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/jpeg", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/gif", "image/gif"),
        ("image/webp", "image/webp"),
        ("image/avif, image/png;q=0.5", "image/png"),
    ],
)
@pytest.mark.parametrize("path", ["/rendered", "/frames/3/rendered"])
def test_one_image(http: httpx2.Client, series: list[Sent], path: str, accept: str | None, media_type: str) -> None:
    answer = http.get(f"{ROOT}{series[1].instance}{path}", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert opened(answer.content).size == (48, 32)


def test_the_media_type_can_be_in_the_query(http: httpx2.Client, series: list[Sent]) -> None:
    answer = http.get(f"{ROOT}{series[0].instance}/rendered?accept=image%2Fpng", headers={"Accept": "*/*"})
    assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("level", ["study", "series"])
@pytest.mark.parametrize("accept", ["image/png", 'multipart/related; type="image/png"'])
def test_every_instance_of_a_study_or_series(
    http: httpx2.Client, url: str, series: list[Sent], level: str, accept: str
) -> None:
    answer = http.get(f"{ROOT}{getattr(series[0], level)}/rendered", headers={"Accept": accept})
    assert parameters(answer)["type"] == "image/png"
    found = parts(answer)
    assert [part.headers["Content-Type"] for part in found] == ["image/png"] * 3
    assert [opened(part.content).size for part in found] == [(48, 32)] * 3
    for one, part in zip(series, found, strict=True):
        assert part.headers["Content-Location"] == f"{url}{ROOT}{one.instance}/rendered"
        assert http.get(part.headers["Content-Location"], headers=PNG).content == part.content


def test_several_frames_are_parts_in_the_order_asked_for(http: httpx2.Client, series: list[Sent]) -> None:
    found = parts(http.get(f"{ROOT}{series[1].instance}/frames/4,1,4/rendered", headers=PNG))
    alone = http.get(f"{ROOT}{series[1].instance}/frames/4/rendered", headers=PNG).content
    assert [part.content == alone for part in found] == [True, False, True]


def test_several_frames_are_a_moving_image(http: httpx2.Client, series: list[Sent]) -> None:
    for path, count in (("/rendered", 5), ("/frames/2,4/rendered", 2)):
        moving = opened(http.get(f"{ROOT}{series[1].instance}{path}", headers={"Accept": "image/gif"}).content)
        moving.load()
        assert (moving.n_frames, moving.info["duration"]) == (count, 50)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/frames/6/rendered", 404),
        ("/frames/0/rendered", 400),
        ("/frames/1,2/thumbnail", 400),
        ("/frames/6/thumbnail", 404),
    ],
)
def test_frames_that_are_not_there(http: httpx2.Client, series: list[Sent], path: str, status: int) -> None:
    assert http.get(ROOT + series[1].instance + path).status_code == status


@pytest.mark.parametrize("path", ["rendered", "thumbnail"])
@pytest.mark.parametrize("level", range(3))
def test_resources_that_are_not_there(http: httpx2.Client, path: str, level: int) -> None:
    target = ["", "studies", "1.2.3", "series", "1.2.4", "instances", "1.2.5"]
    assert http.get(f"{ROOT}{'/'.join(target[: 3 + 2 * level])}/{path}").status_code == 404


def test_what_is_acceptable_is_told(http: httpx2.Client, series: list[Sent]) -> None:
    for accept in ("image/bmp", "application/pdf"):
        answer = http.get(f"{ROOT}{series[0].instance}/rendered", headers={"Accept": accept})
        assert answer.status_code == 406
        assert all(name in answer.text for name in ("image/jpeg", "image/png", "image/gif", "image/webp"))


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("number", "media_type"),
    [(1, "application/pdf"), (2, "text/xml"), (3, "model/stl"), (4, "model/obj"), (5, "model/mtl")],
)
def test_a_document_is_sent_in_its_own_media_type(http: httpx2.Client, number: int, media_type: str) -> None:
    content = b"content." + bytes(100)
    whole = sent(data.document(content, f"1.2.840.10008.5.1.4.1.1.104.{number}"))
    store(http, ROOT, whole.content)
    for headers in (BROWSER, {}, {"Accept": media_type}):
        answer = http.get(f"{ROOT}{whole.instance}/rendered", headers=headers)
        assert (answer.headers["Content-Type"], answer.content) == (media_type, content)
    assert http.get(f"{ROOT}{whole.instance}/rendered", headers=PNG).status_code == 406


@pytest.fixture(scope="module")
def report(http: httpx2.Client) -> Sent:
    finding = data.item("TEXT", "Finding", TextValue="<script>alert(1)</script>")
    made = sent(data.report(data.item("CONTAINER", "Findings", inside=[finding])))
    assert store(http, ROOT, made.content).status_code == 200
    return made


@pytest.mark.parametrize("headers", [BROWSER, {}, {"Accept": "*/*"}, {"Accept": "text/html"}])
def test_a_report_is_html(http: httpx2.Client, report: Sent, headers: dict[str, str]) -> None:
    answer = http.get(f"{ROOT}{report.instance}/rendered", headers=headers)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "<b>Finding:</b> <span>&lt;script&gt;alert(1)&lt;/script&gt;</span>" in answer.text


def test_a_report_is_plain_text(http: httpx2.Client, report: Sent) -> None:
    answer = http.get(f"{ROOT}{report.instance}/rendered", headers={"Accept": "text/plain"})
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.endswith("\n\nFindings\n  Finding: <script>alert(1)</script>\n")


def test_what_others_wrote_runs_nothing_in_a_browser(http: httpx2.Client, report: Sent) -> None:
    cda = sent(data.document(b"<ClinicalDocument/>", "1.2.840.10008.5.1.4.1.1.104.2"))
    store(http, ROOT, cda.content)
    for made in (report, cda):
        policy = http.get(f"{ROOT}{made.instance}/rendered").headers["Content-Security-Policy"]
        assert all(part in policy for part in ("default-src 'none'", "sandbox"))


def test_a_report_is_not_sent_again(http: httpx2.Client, report: Sent) -> None:
    path = f"{ROOT}{report.instance}/rendered"
    page, plain = (http.get(path, headers={"Accept": accept}) for accept in ("text/html", "text/plain"))
    assert page.headers["ETag"] != plain.headers["ETag"]
    assert http.get(path, headers={"If-None-Match": page.headers["ETag"]}).status_code == 304
    asked = http.head(path, headers={"Accept": "text/plain"})
    assert asked.headers["Content-Length"] == str(len(plain.content))


def test_a_browser_sees_an_image(http: httpx2.Client, series: list[Sent]) -> None:
    for target in (series[0].instance, series[1].instance + "/frames/2"):
        answer = http.get(f"{ROOT}{target}/rendered", headers=BROWSER)
        assert answer.headers["Content-Type"] == "image/webp"


@pytest.mark.parametrize("level", ["study", "series"])
def test_a_study_or_a_series_with_a_report_alone_is_the_report(http: httpx2.Client, report: Sent, level: str) -> None:
    page = http.get(f"{ROOT}{report.instance}/rendered")
    for headers in (BROWSER, {"Accept": "text/html"}):
        assert http.get(f"{ROOT}{getattr(report, level)}/rendered", headers=headers).content == page.content
    assert http.get(f"{ROOT}{report.instance}/thumbnail").status_code == 404


@pytest.mark.parametrize("accept", ["application/dicom", "image/jxl", "model/stl"])
def test_what_can_be_made_of_an_instance_is_named(
    http: httpx2.Client, report: Sent, series: list[Sent], accept: str
) -> None:
    for made, named in (
        (report, "text/html, text/plain, text/xml"),
        (series[0], "image/jpeg, image/png, image/gif, image/webp"),
    ):
        answer = http.get(f"{ROOT}{made.instance}/rendered", headers={"Accept": accept})
        assert (answer.status_code, f"Acceptable here: {named}" in answer.text) == (406, True)


def test_one_part_of_a_series_is_sent_alone(http: httpx2.Client) -> None:
    study, series = data.uid(), data.uid()
    for made in (data.image(), data.report(), data.image()):
        made.StudyInstanceUID, made.SeriesInstanceUID = study, series
        store(http, ROOT, data.file(made))
    answer = http.get(f"{ROOT}/studies/{study}/rendered", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_part_of_a_text_runs_nothing_either(http: httpx2.Client) -> None:
    cda = sent(data.document(b"<ClinicalDocument/>", "1.2.840.10008.5.1.4.1.1.104.2"))
    store(http, ROOT, cda.content)
    answer = http.get(f"{ROOT}{cda.instance}/rendered", headers={"Range": "bytes=0-"})
    assert (answer.status_code, "sandbox" in answer.headers["Content-Security-Policy"]) == (206, True)


# --- Parameters (§8.3.5.1)


def shades(http: httpx2.Client, path: str) -> Any:
    answer = http.get(ROOT + path, headers=PNG)
    assert answer.status_code == 200, answer.text
    return np.asarray(opened(answer.content)).astype(int)


@pytest.mark.parametrize(
    ("viewport", "size"),
    [("24,24", (24, 16)), ("96,96", (96, 64)), ("10%2C100", (10, 7)), ("32,32,0,0,16,16", (32, 32))],
)
def test_viewport(http: httpx2.Client, series: list[Sent], viewport: str, size: tuple[int, int]) -> None:
    answer = http.get(f"{ROOT}{series[0].instance}/rendered?viewport={viewport}", headers=PNG)
    assert opened(answer.content).size == size


def test_a_viewport_cuts_out_and_mirrors(http: httpx2.Client, series: list[Sent]) -> None:
    path = f"{series[0].instance}/rendered"
    whole = shades(http, path)
    assert np.array_equal(shades(http, f"{path}?viewport=8,4,16,8,8,4"), whole[8:12, 16:24])
    assert np.array_equal(shades(http, f"{path}?viewport=48,32,0,0,-48,-32"), whole[::-1, ::-1])


def test_window(http: httpx2.Client, series: list[Sent]) -> None:
    path = f"{series[0].instance}/rendered"
    samples = np.frombuffer(series[0].dataset.PixelData, "<u2").reshape(32, 48).astype(float)
    exact = np.clip((samples - 30000) / 20000 + 0.5, 0, 1) * 255
    assert np.abs(shades(http, f"{path}?window=30000,20000,linear-exact") - exact).max() < 0.5 + 1e-6
    sigmoid = 255 / (1 + np.exp(-4 * (samples - 30000) / 20000))
    assert np.abs(shades(http, f"{path}?window=30000,20000,sigmoid") - sigmoid).max() < 0.5 + 1e-6


def test_quality(http: httpx2.Client, series: list[Sent]) -> None:
    path = f"{ROOT}{series[0].instance}/rendered?quality="
    assert len(http.get(f"{path}20", headers=JPEG).content) < len(http.get(f"{path}95", headers=JPEG).content)


@pytest.mark.parametrize("annotation", ["patient", "technique"])
def test_annotation(http: httpx2.Client, series: list[Sent], annotation: str) -> None:
    path = f"{series[0].instance}/rendered?viewport=480,320"
    assert not np.array_equal(shades(http, path), shades(http, f"{path}&annotation={annotation}"))


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("profile", ["yes", "srgb", "adobergb", "rommrgb"])
def test_iccprofile(http: httpx2.Client, color: Sent, media_type: str, profile: str) -> None:
    path = f"{ROOT}{color.instance}/rendered"
    made = opened(http.get(f"{path}?iccprofile={profile}", headers={"Accept": media_type}).content)
    assert made.info["icc_profile"]
    plain = opened(http.get(f"{path}?iccprofile=no", headers={"Accept": media_type}).content)
    assert "icc_profile" not in plain.info


@pytest.mark.parametrize(
    "query",
    [
        "window=40",
        "window=40,400,cubic",
        "viewport=0,100",
        "viewport=100,100,0,0,49,1",
        "quality=0",
        "annotation=all",
        "iccprofile=cmyk",
    ],
)
def test_a_malformed_value_is_refused_by_its_name(http: httpx2.Client, series: list[Sent], query: str) -> None:
    answer = http.get(f"{ROOT}{series[0].instance}/rendered?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text.lower()


# --- Thumbnails (Table 10.4.1-5)


@pytest.mark.parametrize("level", LEVELS)
def test_a_thumbnail_at_every_level(http: httpx2.Client, series: list[Sent], level: str) -> None:
    answer = http.get(f"{ROOT}{getattr(series[1], level)}/thumbnail")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert opened(answer.content).size == (128, 85)
    frame = http.get(f"{ROOT}{series[1].instance}/frames/3/thumbnail")
    assert frame.content == answer.content


def test_a_thumbnail_fits_its_viewport(http: httpx2.Client, series: list[Sent]) -> None:
    answer = http.get(f"{ROOT}{series[0].series}/thumbnail?viewport=256%2C256", headers=JPEG)
    assert opened(answer.content).size == (256, 171)


def test_a_thumbnail_has_no_annotation(http: httpx2.Client, series: list[Sent]) -> None:
    assert http.get(f"{ROOT}{series[0].series}/thumbnail?annotation=patient").status_code == 400


# --- Validators (§8.4.4, RFC 9110 §13)


@pytest.mark.parametrize("path", ["/rendered", "/frames/1,2/rendered", "/thumbnail"])
def test_what_the_client_has_is_not_sent_again(http: httpx2.Client, series: list[Sent], path: str) -> None:
    answer = http.get(f"{ROOT}{series[1].instance}{path}")
    known = {"If-None-Match": answer.headers["ETag"]}
    again = http.get(f"{ROOT}{series[1].instance}{path}", headers=known)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    other = http.get(f"{ROOT}{series[1].instance}{path}?window=1,2,linear", headers=known)
    assert other.status_code == 200


def test_what_was_replaced_or_deleted_is_gone(http: httpx2.Client) -> None:
    image = data.image()
    made = sent(image)
    store(http, ROOT, made.content)
    before = http.get(f"{ROOT}{made.instance}/rendered", headers=PNG)
    image.PixelData = bytes(range(128))
    store(http, ROOT, data.file(image), method="PUT")
    known = {**PNG, "If-None-Match": before.headers["ETag"]}
    after = http.get(f"{ROOT}{made.instance}/rendered", headers=known)
    assert after.status_code == 200
    assert after.content != before.content
    http.delete(ROOT + made.instance)
    assert http.get(f"{ROOT}{made.instance}/rendered", headers=known).status_code == 404


def test_caches_ask_again(http: httpx2.Client, series: list[Sent]) -> None:
    headers = http.get(f"{ROOT}{series[0].instance}/rendered").headers
    assert (headers["Vary"], headers["Cache-Control"]) == ("Accept", "private, no-cache")
    assert headers["Content-Location"].endswith(f"{series[0].instance}/rendered")


def test_head(http: httpx2.Client, series: list[Sent]) -> None:
    path = f"{ROOT}{series[0].instance}/rendered"
    asked, got = http.head(path), http.get(path)
    assert asked.content == b""
    assert asked.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.content))


# --- The Azure service has none of this


@pytest.mark.parametrize("path", ["/rendered", "/thumbnail"])
def test_other_resources_are_not_there_for_azure(http: httpx2.Client, series: list[Sent], path: str) -> None:
    assert http.get(f"/v2{series[0].series}{path}").status_code == 404
    assert http.get(f"/v2{series[0].instance}/thumbnail").status_code == 404


def test_parameters_mean_nothing_to_azure(http: httpx2.Client, series: list[Sent]) -> None:
    path = f"/v2{series[1].instance}"
    answer = http.get(f"{path}/rendered?viewport=1,1&window=x&annotation=y")
    assert opened(answer.content).size == (48, 32)
    assert not {"etag", "cache-control", "content-location"} & {name.lower() for name in answer.headers}
    assert http.get(f"{path}/frames/1,2/rendered").status_code == 400
