"""Versions of what is retrieved: ETag, Last-Modified, and 304 (RFC 9110 §8.8 and §13)."""

import httpx2
import pytest

from tests import data
from tests.messages import Sent, encoded, parts, sent, store

ROOT = "/dicomweb"
KINDS = {
    "Study": ("{study}", "*/*"),
    "Series": ("{series}", "*/*"),
    "Instance": ("{instance}", "*/*"),
    "Instance in one part": ("{instance}", "application/dicom; transfer-syntax=*"),
    "Instance converted": ("{instance}", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"),
    "Frame": ("{instance}/frames/1", "application/octet-stream"),
    "Frames": ("{instance}/frames/1,2", "*/*"),
    "Bulkdata": ("{instance}/bulkdata/7FE00010", "application/octet-stream"),
    "Pixel Data": ("{instance}/pixeldata", "*/*"),
    "Bulkdata of a Study": ("{study}/bulkdata", "*/*"),
    "Pixel Data of a Series": ("{series}/pixeldata", "*/*"),
    "Metadata": ("{instance}/metadata", "application/dicom+json"),
    "Metadata as XML": ("{instance}/metadata", "application/dicom+xml"),
    "Metadata of a Study": ("{study}/metadata", "application/dicom+json"),
    "ZIP": ("{study}", "application/zip"),
    "Rendered": ("{instance}/rendered", "image/png"),
    "Rendered Series": ("{series}/rendered", "image/png"),
    "Thumbnail": ("{instance}/thumbnail", "image/png"),
}
OF_ONE = [kind for kind, (path, _) in KINDS.items() if path.startswith("{instance}")]


@pytest.fixture(scope="module")
def image(http: httpx2.Client) -> Sent:
    return new(http)


def new(http: httpx2.Client) -> Sent:
    made = sent(data.image(frames=2))
    assert store(http, ROOT, made.content).status_code == 200
    return made


def get(http: httpx2.Client, made: Sent, kind: str, **headers: str) -> httpx2.Response:
    path, accept = KINDS[kind]
    target = ROOT + path.format(study=made.study, series=made.series, instance=made.instance)
    return http.get(
        target, headers={"Accept": accept, **{name.replace("_", "-"): value for name, value in headers.items()}}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_is_304(http: httpx2.Client, image: Sent, kind: str) -> None:
    first = get(http, image, kind)
    tag = first.headers["ETag"]
    assert first.status_code == 200
    for known in (tag, f'"other", {tag}', "*"):
        answer = get(http, image, kind, If_None_Match=known)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    assert get(http, image, kind, If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_another_version_than_asked_about_is_refused(http: httpx2.Client, image: Sent, kind: str) -> None:
    tag = get(http, image, kind).headers["ETag"]
    for named, status in (("*", 200), ('"other"', 412), (tag, 412 if tag.startswith("W/") else 200)):
        assert get(http, image, kind, If_Match=named).status_code == status
    assert "If-Match" in get(http, image, kind, If_Match='"other"').text


@pytest.mark.parametrize("kind", OF_ONE)
def test_what_was_stored_later_than_asked_about_is_refused(http: httpx2.Client, image: Sent, kind: str) -> None:
    modified = get(http, image, kind).headers["Last-Modified"]
    assert get(http, image, kind, If_Unmodified_Since=modified).status_code == 200
    assert get(http, image, kind, If_Unmodified_Since="Sat, 01 Jan 2000 00:00:00 GMT").status_code == 412


@pytest.mark.parametrize("kind", OF_ONE)
def test_what_was_not_modified_is_304(http: httpx2.Client, image: Sent, kind: str) -> None:
    date = get(http, image, kind).headers.get("Last-Modified")
    assert date is not None
    assert get(http, image, kind, If_Modified_Since=date).status_code == 304
    assert get(http, image, kind, If_Modified_Since="Sun, 06 Nov 1994 08:49:37 GMT").status_code == 200
    assert get(http, image, kind, If_Modified_Since=date, If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - set(OF_ONE)))
def test_several_instances_have_no_date(http: httpx2.Client, image: Sent, kind: str) -> None:
    """One that was deleted would make it no later."""
    assert "Last-Modified" not in get(http, image, kind).headers


def test_each_representation_has_a_version_of_its_own(http: httpx2.Client, image: Sent) -> None:
    kinds = ("Instance", "Instance in one part", "Instance converted", "Metadata", "Metadata as XML")
    assert len({get(http, image, kind).headers["ETag"] for kind in kinds}) == len(kinds)


def test_only_what_is_the_same_to_the_byte_is_strong(http: httpx2.Client, image: Sent) -> None:
    weak = {kind for kind in KINDS if get(http, image, kind).headers["ETag"].startswith("W/")}
    assert KINDS.keys() - weak == {
        "Instance in one part",
        "Frame",
        "Rendered",
        "Rendered Series",
        "Thumbnail",
        "Bulkdata",
        "Metadata",
        "Metadata as XML",
        "Metadata of a Study",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_version_changes_when_the_instance_is_replaced(http: httpx2.Client, kind: str) -> None:
    made = new(http)
    before = get(http, made, kind).headers["ETag"]
    made.dataset.PatientID = "ID2"
    store(http, ROOT, data.file(made.dataset), method="PUT")
    answer = get(http, made, kind, If_None_Match=before)
    assert answer.status_code == 200
    assert answer.headers["ETag"] != before


@pytest.mark.parametrize("kind", ["Study", "Bulkdata of a Study", "Metadata of a Study", "ZIP"])
def test_the_version_of_a_study_changes_with_its_instances(http: httpx2.Client, kind: str) -> None:
    made = new(http)
    other = sent(data.image(frames=2, StudyInstanceUID=made.dataset.StudyInstanceUID))
    versions = [get(http, made, kind).headers["ETag"]]
    store(http, ROOT, other.content)
    versions.append(get(http, made, kind).headers["ETag"])
    http.delete(ROOT + other.instance)
    versions.append(get(http, made, kind).headers["ETag"])
    assert len(set(versions[:2])) == len(set(versions[1:])) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_caches_must_ask_each_time(http: httpx2.Client, image: Sent, kind: str) -> None:
    headers = get(http, image, kind).headers
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Vary"].startswith("Accept")


def test_what_cannot_be_converted_has_the_version_of_what_is_sent(http: httpx2.Client) -> None:
    whole = encoded(b"\xff\x4f\xff\x51 no codestream", syntax="1.2.840.10008.1.2.4.90")
    store(http, ROOT, whole.content)
    stored = http.get(ROOT + whole.instance, headers={"Accept": "application/dicom; transfer-syntax=*"})
    unmade = http.get(ROOT + whole.instance, headers={"Accept": "application/dicom"})
    assert unmade.content == stored.content
    assert unmade.headers["ETag"] == stored.headers["ETag"]


def test_404_comes_before_304(http: httpx2.Client) -> None:
    assert http.get(f"{ROOT}/studies/1.2.3.4", headers={"If-None-Match": "*"}).status_code == 404


def test_a_study_of_one_is_still_in_parts(http: httpx2.Client, image: Sent) -> None:
    assert len(parts(get(http, image, "Study"))) == 1


def test_a_rendered_instance_is_dated_and_a_study_is_not(http: httpx2.Client) -> None:
    made = sent(data.image())
    store(http, ROOT, made.content)
    answer = http.get(f"{ROOT}{made.instance}/rendered")
    dated = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert http.get(f"{ROOT}{made.instance}/rendered", headers=dated).status_code == 304
    assert "Last-Modified" not in http.get(f"{ROOT}{made.study}/rendered").headers
    assert http.get(f"{ROOT}{made.study}/thumbnail", headers=dated).status_code == 200


FALLBACK = {"Accept": "image/jls, application/octet-stream;q=0.5"}


def test_what_was_sent_instead_is_known_by_its_own_etag(http: httpx2.Client) -> None:
    made = sent(data.image(rows=8, columns=8, bits=8, BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=bytes(8)))
    store(http, ROOT, made.content)
    path = f"{ROOT}{made.instance}/frames/1"
    tag = http.get(path, headers=FALLBACK).headers["ETag"]
    assert "octet-stream" in tag
    assert http.get(path, headers={**FALLBACK, "If-None-Match": tag}).status_code == 304
    assert http.get(path, headers={**FALLBACK, "If-Match": tag}).status_code == 200
    assert http.get(path, headers={**FALLBACK, "If-Match": '"other"'}).status_code == 412


@pytest.mark.parametrize("kind", ["Instance in one part", "Frame", "Rendered", "Thumbnail"])
def test_known_and_partial_answers_say_where_the_whole_lies(http: httpx2.Client, image: Sent, kind: str) -> None:
    whole = get(http, image, kind)
    place = whole.headers["Content-Location"]
    known = get(http, image, kind, If_None_Match=whole.headers["ETag"])
    part = get(http, image, kind, Range="bytes=0-9")
    assert [(one.status_code, one.headers["Content-Location"]) for one in (known, part)] == [(304, place), (206, place)]


def test_what_can_not_be_made_is_not_known_either(http: httpx2.Client, image: Sent) -> None:
    path = f"{ROOT}{image.instance}/rendered?iccprofile=srgb"
    for known in ("*", '"other"'):
        answer = http.get(path, headers={"Accept": "image/gif", "If-None-Match": known})
        assert answer.status_code == 406


def test_a_weak_name_of_a_strong_etag_is_not_that(http: httpx2.Client, image: Sent) -> None:
    tag = get(http, image, "Frame").headers["ETag"]
    answer = get(http, image, "Frame", If_Match=f"W/{tag}")
    assert (answer.status_code, "as a weak ETag" in answer.text) == (412, True)


def test_a_quoted_star_is_an_etag_like_any_other(http: httpx2.Client, image: Sent) -> None:
    assert get(http, image, "Frame", If_None_Match='"*"').status_code == 200
