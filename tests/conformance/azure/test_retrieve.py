"""Retrieve by the Azure DICOM service: Accept, framing, Frames, Metadata with ETag (its WADO pages)."""

import re

import httpx2
import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from tests import data
from tests.messages import JSON, Sent, encoded, parameters, parts, sent, store, values

EXPLICIT, JPEG_2000, JPEG_LS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NOT_ACCEPTABLE = "The request headers are not acceptable"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
ALL_STORED = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
RAW = {"Accept": "application/octet-stream; transfer-syntax=*"}
ALL_RAW = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}


@pytest.fixture(scope="module")
def image(http: httpx2.Client) -> Sent:
    """Two Frames of one Instance, stored."""
    made = sent(data.image(frames=2))
    assert store(http, "/v2", made.content).status_code == 200
    return made


@pytest.fixture(scope="module")
def pair(http: httpx2.Client) -> tuple[Sent, Sent]:
    """Two Instances of one Series."""
    study, series = data.uid(), data.uid()
    made = [sent(StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(2)]
    assert store(http, "/v2", *(one.content for one in made)).status_code == 200
    return made[0], made[1]


def frame(image: Sent, number: int) -> bytes:
    size = len(image.dataset.PixelData) // 2
    return bytes(image.dataset.PixelData[size * (number - 1) : size * number])


# --- Accept


@pytest.mark.parametrize("target", ["study", "series", "instance"])
def test_no_accept_is_406(http: httpx2.Client, root: str, image: Sent, target: str) -> None:
    answer = http.get(root + getattr(image, target))
    assert (answer.status_code, answer.text) == (406, NOT_ACCEPTABLE)


def test_accept_is_judged_after_the_uid_and_before_the_search(http: httpx2.Client, root: str) -> None:
    assert http.get(f"{root}/studies/1.2.x").status_code == 400
    assert http.get(f"{root}/studies/1.2.3").status_code == 406


@pytest.mark.parametrize(
    "accept",
    [
        "application/dicom",
        "application/dicom; transfer-syntax=*",
        "multipart/related",
        'multipart/related; type="application/*"',
        'multipart/related; type="image/jp2"',
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2',
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50',
    ],
)
def test_not_acceptable_for_a_study(http: httpx2.Client, root: str, image: Sent, accept: str) -> None:
    assert http.get(root + image.study, headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="application/dicom"',
        "multipart/related; type=application/dicom; transfer-syntax=*",
        'multipart/related; type="application/dicom"; transfer-syntax="1.2.840.10008.1.2.1"',
        "*/*",  # their documents say so; their code refuses it for a Study
        'multipart/related; type="*/*"',
        'multipart/related; type="application/dicom", application/dicom',
        'image/png, multipart/related; type="application/dicom"; transfer-syntax=*;q=0.1',
    ],
)
@pytest.mark.parametrize("target", ["study", "series", "instance"])
def test_multipart(http: httpx2.Client, root: str, image: Sent, target: str, accept: str) -> None:
    answer = http.get(root + getattr(image, target), headers={"Accept": accept})
    assert answer.status_code == 200
    assert re.fullmatch(f"multipart/related; boundary={GUID}", answer.headers["Content-Type"])
    (part,) = parts(answer)
    assert part.headers == {"Content-Type": f"application/dicom; transfer-syntax={EXPLICIT}"}
    assert part.content == image.content


@pytest.mark.parametrize("accept", ["application/dicom", "application/dicom; transfer-syntax=*"])
def test_instance_as_single_part(http: httpx2.Client, root: str, image: Sent, accept: str) -> None:
    answer = http.get(root + image.instance, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert answer.content == image.content


def test_the_highest_q_wins(http: httpx2.Client, root: str, image: Sent) -> None:
    accept = 'multipart/related; type="application/dicom"; q=0.5'
    answer = http.get(root + image.instance, headers=[("Accept", accept), ("Accept", "application/dicom; q=0.9")])
    assert parameters(answer)[""] == "application/dicom"


def test_of_equal_q_the_stored_syntax_wins(http: httpx2.Client, root: str) -> None:
    made = encoded(b"pixels")
    store(http, root, made.content)
    headers = [("Accept", f"application/dicom; transfer-syntax={JPEG_2000}"), ("Accept", STORED["Accept"])]
    assert http.get(root + made.instance, headers=headers).content == made.content


# --- Study, Series, Instance


@pytest.mark.parametrize(
    ("path", "what"),
    [("", "study"), ("/series/1.2", "series"), ("/series/1.2/instances/1.2", "instance")],
)
def test_what_is_not_there_is_404(http: httpx2.Client, root: str, path: str, what: str) -> None:
    for suffix, headers in (("", ALL_STORED), ("/metadata", JSON)):
        answer = http.get(f"{root}/studies/1.2.3.4.5{path}{suffix}", headers=headers)
        assert (answer.status_code, answer.text) == (404, f"The specified {what} cannot be found.")


def test_a_missing_series_of_a_study_that_is_there(http: httpx2.Client, root: str, image: Sent) -> None:
    answer = http.get(f"{root}{image.study}/series/1.2.3/metadata", headers=JSON)
    assert (answer.status_code, answer.text) == (404, "The specified series cannot be found.")


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="application/dicom"',
        f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}',
    ],
)
def test_several_instances_only_as_stored(http: httpx2.Client, root: str, pair: tuple[Sent, Sent], accept: str) -> None:
    answer = http.get(root + pair[0].series, headers={"Accept": accept})
    message = (
        f"Accept transfer syntax '{EXPLICIT}' is not supported when multiple instances are matched. Matching instances "
        "can be retrieved with their original transfer syntax by specifying 'transfer-syntax=*' in the Accept header."
    )
    assert (answer.status_code, answer.text) == (406, message)


def test_several_instances_as_stored(http: httpx2.Client, root: str, pair: tuple[Sent, Sent]) -> None:
    found = parts(http.get(root + pair[0].study, headers=ALL_STORED))
    assert sorted(part.content for part in found) == sorted(one.content for one in pair)


def test_part_names_the_stored_syntax(http: httpx2.Client, root: str) -> None:
    made = encoded(b"pixels")
    store(http, root, made.content)
    (part,) = parts(http.get(root + made.study, headers=ALL_STORED))
    assert part.headers["Content-Type"] == f"application/dicom; transfer-syntax={JPEG_LS}"


def test_instance_in_another_syntax(http: httpx2.Client, root: str, image: Sent) -> None:
    accept = f"application/dicom; transfer-syntax={JPEG_2000}"
    answer = http.get(root + image.instance, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={JPEG_2000}"
    read = dcmread(DicomBytesIO(answer.content))
    assert read.file_meta.TransferSyntaxUID == JPEG_2000


def test_syntax_that_cannot_be_made_is_406(http: httpx2.Client, root: str) -> None:
    made = encoded(b"pixels", syntax="1.2.840.10008.1.2.4.107")  # HEVC
    store(http, root, made.content)
    answer = http.get(root + made.instance, headers={"Accept": "application/dicom"})
    assert (answer.status_code, answer.text) == (406, "The specified transcoding is not supported.")


def test_request_original_is_understood(http: httpx2.Client, root: str, image: Sent) -> None:
    answer = http.get(root + image.instance, headers=STORED | {"msdicom-request-original": "True"})
    assert answer.content == image.content


# --- Frames


@pytest.mark.parametrize("numbers", ["1", "2", "2,1", "1,1", "1%2C2", "1, 2", "%202%20", "1.0"])
def test_frames_in_the_order_asked_for(http: httpx2.Client, root: str, image: Sent, numbers: str) -> None:
    answer = http.get(f"{root}{image.instance}/frames/{numbers}", headers=ALL_RAW)
    assert re.fullmatch(f"multipart/related; boundary={GUID}", answer.headers["Content-Type"])
    wanted = [
        int(number) for number in re.findall(r"\d", numbers.replace("%2C", ",").replace("%20", "").replace(".0", ""))
    ]
    found = parts(answer)
    assert [part.content for part in found] == [frame(image, number) for number in wanted]
    assert found[0].headers == {"Content-Type": f"application/octet-stream; transfer-syntax={EXPLICIT}"}


@pytest.mark.parametrize(
    "accept", ["application/octet-stream", RAW["Accept"], f"application/octet-stream; transfer-syntax={EXPLICIT}"]
)
def test_one_frame_as_single_part(http: httpx2.Client, root: str, image: Sent, accept: str) -> None:
    answer = http.get(f"{root}{image.instance}/frames/2", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert answer.content == frame(image, 2)


@pytest.mark.parametrize("accept", ["*/*", 'multipart/related; type="*/*"'])
def test_a_range_gives_frames_in_multipart(http: httpx2.Client, root: str, image: Sent, accept: str) -> None:
    (part,) = parts(http.get(f"{root}{image.instance}/frames/1", headers={"Accept": accept}))
    assert part.content == frame(image, 1)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "application/dicom",
        "image/jp2",
        "image/*",
        "application/*",
        "multipart/related",
        'multipart/related; type="image/jpeg"',
    ],
)
def test_not_acceptable_for_frames(http: httpx2.Client, root: str, image: Sent, accept: str | None) -> None:
    answer = http.get(f"{root}{image.instance}/frames/1", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.text) == (406, NOT_ACCEPTABLE)


def test_several_frames_as_single_part_are_400(http: httpx2.Client, root: str, image: Sent) -> None:
    answer = http.get(f"{root}{image.instance}/frames/1,2", headers=RAW)
    message = "The accept header is supported for single frame retrieval, use multi-part accept header instead."
    assert (answer.status_code, answer.text) == (400, message)


@pytest.mark.parametrize("numbers", ["0", "-1", "1,-1", "0,1"])
def test_frame_numbers_begin_at_1(http: httpx2.Client, root: str, image: Sent, numbers: str) -> None:
    answer = http.get(f"{root}{image.instance}/frames/{numbers}", headers=ALL_RAW)
    message = (
        "The specified frames value is not valid. At least one frame must be present, "
        "and all requested frames must have value greater than 0."
    )
    assert (answer.status_code, answer.text) == (400, message)


@pytest.mark.parametrize("text", ["x", "1,x", "1;2", "1.5", "99999999999"])
def test_a_frame_number_is_an_integer(http: httpx2.Client, root: str, image: Sent, text: str) -> None:
    answer = http.get(f"{root}{image.instance}/frames/{text}", headers=ALL_RAW)
    wrong = text.split(",")[-1]
    message = f"The query parameter 'frames' is invalid. Unable to parse value '{wrong}' as Int32."
    assert (answer.status_code, answer.text) == (400, message)


@pytest.mark.parametrize("numbers", ["3", "1,3"])
def test_frame_beyond_the_last_is_404(http: httpx2.Client, root: str, image: Sent, numbers: str) -> None:
    answer = http.get(f"{root}{image.instance}/frames/{numbers}", headers=ALL_RAW)
    assert (answer.status_code, answer.text) == (404, "The specified frame cannot be found.")


def test_frames_without_pixel_data_are_404(http: httpx2.Client, root: str, pair: tuple[Sent, Sent]) -> None:
    answer = http.get(f"{root}{pair[0].instance}/frames/1", headers=RAW)
    assert (answer.status_code, answer.text) == (404, "The specified frame cannot be found.")


def test_frames_of_an_instance_that_is_not_there(http: httpx2.Client, root: str) -> None:
    answer = http.get(f"{root}/studies/1/series/2/instances/3/frames/1", headers=RAW)
    assert (answer.status_code, answer.text) == (404, "The specified instance cannot be found.")


def test_compressed_frames_as_stored(http: httpx2.Client, root: str) -> None:
    made = encoded(b"first!", b"second")
    store(http, root, made.content)
    found = parts(http.get(f"{root}{made.instance}/frames/2,1", headers=ALL_RAW))
    assert [part.content for part in found] == [b"second", b"first!"]
    assert found[0].headers == {"Content-Type": f"application/octet-stream; transfer-syntax={JPEG_LS}"}


def test_frames_as_jpeg_2000(http: httpx2.Client, root: str, image: Sent) -> None:
    answer = http.get(f"{root}{image.instance}/frames/1", headers={"Accept": 'multipart/related; type="image/jp2"'})
    (part,) = parts(answer)
    assert part.headers == {"Content-Type": f"image/jp2; transfer-syntax={JPEG_2000}"}
    pixels = np.asarray(imagecodecs.jpeg2k_decode(part.content))
    assert pixels.astype("<u2").tobytes() == frame(image, 1)


def test_hevc_frames_only_as_stored(http: httpx2.Client, root: str) -> None:
    made = encoded(b"pixels", syntax="1.2.840.10008.1.2.4.107")
    store(http, root, made.content)
    assert http.get(f"{root}{made.instance}/frames/1", headers=RAW).content == b"pixels"
    accept = 'multipart/related; type="image/jp2"'
    assert http.get(f"{root}{made.instance}/frames/1", headers={"Accept": accept}).status_code == 406


# --- Rendered


@pytest.mark.parametrize(
    ("accept", "media_type"), [(None, "image/jpeg"), ("image/jpeg", "image/jpeg"), ("image/png", "image/png")]
)
@pytest.mark.parametrize("path", ["/rendered", "/frames/2/rendered"])
def test_rendered(http: httpx2.Client, root: str, image: Sent, path: str, accept: str | None, media_type: str) -> None:
    answer = http.get(f"{root}{image.instance}{path}", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert imagecodecs.imread(answer.content).shape == (8, 8)


@pytest.mark.parametrize("accept", ["*/*", "image/*", "image/gif", "application/dicom"])
def test_not_acceptable_for_rendered(http: httpx2.Client, root: str, image: Sent, accept: str) -> None:
    assert http.get(f"{root}{image.instance}/rendered", headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize("quality", ["0", "101", "-1"])
def test_quality_is_1_to_100(http: httpx2.Client, root: str, image: Sent, quality: str) -> None:
    answer = http.get(f"{root}{image.instance}/rendered?quality={quality}")
    assert (answer.status_code, answer.text) == (400, "Image quality must be between 1 and 100 inclusive")


def test_quality_is_an_integer(http: httpx2.Client, root: str, image: Sent) -> None:
    answer = http.get(f"{root}{image.instance}/rendered?quality=good")
    assert (answer.status_code, answer.text.startswith("The query parameter 'quality' is invalid.")) == (400, True)


def test_quality_makes_a_difference(http: httpx2.Client, root: str, image: Sent) -> None:
    coarse, fine = (http.get(f"{root}{image.instance}/rendered?quality={quality}").content for quality in (1, 100))
    assert len(coarse) < len(fine)


@pytest.mark.parametrize(("frame", "status"), [("3", 404), ("0", 400), ("-1", 400), ("x", 400)])
def test_a_frame_that_cannot_be_rendered(http: httpx2.Client, root: str, image: Sent, frame: str, status: int) -> None:
    assert http.get(f"{root}{image.instance}/frames/{frame}/rendered").status_code == status


def test_nothing_to_render(http: httpx2.Client, root: str, pair: tuple[Sent, Sent]) -> None:
    assert http.get(f"{root}{pair[0].instance}/rendered").status_code == 404
    film = encoded(b"no picture", syntax="1.2.840.10008.1.2.4.107")
    store(http, root, film.content)
    answer = http.get(f"{root}{film.instance}/rendered")
    assert answer.status_code == 406


# --- Metadata


@pytest.mark.parametrize(
    ("accept", "status"), [("application/dicom+json", 200), ("*/*", 200), (None, 406), ("text/html", 406)]
)
def test_accept_of_metadata(http: httpx2.Client, root: str, image: Sent, accept: str | None, status: int) -> None:
    answer = http.get(f"{root}{image.study}/metadata", headers={"Accept": accept} if accept else {})
    assert answer.status_code == status


def test_metadata_is_an_array_of_dicom_json(http: httpx2.Client, root: str, pair: tuple[Sent, Sent]) -> None:
    answer = http.get(f"{root}{pair[0].study}/metadata", headers=JSON)
    assert answer.headers["Content-Type"] == "application/dicom+json"
    found = {values(one, "00080018")[0] for one in answer.json()}
    assert found == {one.dataset.SOPInstanceUID for one in pair}


def test_metadata_has_no_binary_values_at_any_depth(http: httpx2.Client, root: str) -> None:
    made, item = data.image(), data.dataset()
    for dataset in (made, item):
        for vr, element in (
            ("OB", 0x01),
            ("OD", 0x02),
            ("OF", 0x03),
            ("OL", 0x04),
            ("OV", 0x05),
            ("OW", 0x06),
            ("UN", 0x07),
        ):
            dataset.add_new(0x00091000 + element, vr, bytes(8))
        dataset.add_new(0x00090010, "LO", "MAKER")
        dataset.add_new(0x00091010, "LO", "kept")
    made.ReferencedStudySequence = [item]
    whole = sent(made)
    store(http, root, whole.content)
    (metadata,) = http.get(f"{root}{whole.instance}/metadata", headers=JSON).json()
    for found in (metadata, values(metadata, "00081110")[0]):
        assert [key for key in found if key.startswith("0009")] == ["00090010", "00091010"]
    assert "7FE00010" not in metadata
    assert not any(key.startswith("0002") for key in metadata)


def test_etag_of_an_instance_is_its_watermark_and_of_others_also_the_count(
    http: httpx2.Client, root: str, pair: tuple[Sent, Sent]
) -> None:
    tags = {
        level: http.get(f"{root}{getattr(pair[1], level)}/metadata", headers=JSON).headers["ETag"]
        for level in ("study", "series", "instance")
    }
    watermark = tags["instance"]
    assert re.fullmatch("[0-9]+", watermark)
    assert tags["study"] == tags["series"] == f"{watermark}-2"


@pytest.mark.parametrize("target", ["study", "series", "instance"])
def test_known_etag_is_304_with_neither_body_nor_etag(
    http: httpx2.Client, root: str, pair: tuple[Sent, Sent], target: str
) -> None:
    path = f"{root}{getattr(pair[0], target)}/metadata"
    tag = http.get(path, headers=JSON).headers["ETag"]
    answer = http.get(path, headers=JSON | {"If-None-Match": tag})
    assert (answer.status_code, answer.content, "ETag" in answer.headers) == (304, b"", False)
    assert http.get(path, headers=JSON | {"If-None-Match": "1" + tag}).status_code == 200


def test_etag_changes_with_what_is_stored(http: httpx2.Client, root: str) -> None:
    made = [sent(StudyInstanceUID=(study := data.uid())), sent(StudyInstanceUID=study)]
    tags = []
    for one in made:
        store(http, root, one.content)
        tags.append(http.get(f"{root}/studies/{study}/metadata", headers=JSON).headers["ETag"])
    http.delete(root + made[0].instance)
    tags.append(http.get(f"{root}/studies/{study}/metadata", headers=JSON).headers["ETag"])
    assert len(set(tags)) == 3


def test_numbers_are_numbers_and_sequences_without_items_have_no_value(http: httpx2.Client, root: str) -> None:
    made = sent(InstanceNumber=7, PatientWeight="70.5", ReferencedStudySequence=[])
    store(http, root, made.content)
    (metadata,) = http.get(f"{root}{made.instance}/metadata", headers=JSON).json()
    assert metadata["00200013"] == {"vr": "IS", "Value": [7]}
    assert metadata["00101030"] == {"vr": "DS", "Value": [70.5]}
    assert metadata["00081110"] == {"vr": "SQ"}


def test_anything_is_acceptable_for_a_study_as_their_documents_say(http: httpx2.Client, root: str, image: Sent) -> None:
    (part,) = parts(http.get(root + image.study, headers={"Accept": "*/*"}))
    assert part.content == image.content
