"""Retrieve Transaction (PS3.18 §10.4): Instances, Metadata, Frames, Bulkdata."""

import io
from typing import Any

import httpx2
import pytest
from pydicom import dcmread

from tests import data
from tests.messages import JSON, Sent, encoded, parts, sent, store, values

ROOT = "/dicomweb"
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
RAW = {"Accept": "application/octet-stream; transfer-syntax=*"}
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"


@pytest.fixture(scope="module")
def study(http: httpx2.Client) -> list[Sent]:
    """Two Series, of two Instances and of one."""
    study, first, second = data.uid(), data.uid(), data.uid()
    made = [sent(StudyInstanceUID=study, SeriesInstanceUID=series) for series in (first, first, second)]
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    return made


@pytest.fixture(scope="module")
def image(http: httpx2.Client) -> Sent:
    made = data.image(frames=3)
    lut = data.dataset()
    lut.add_new(0x00282000, "OB", bytes(range(256)))
    made.OpticalPathSequence = [lut]
    made.add_new(0x00091010, "UN", b"short!")
    made.add_new(0x00090010, "LO", "MAKER")
    whole = sent(made)
    assert store(http, ROOT, whole.content).status_code == 200
    return whole


def metadata(http: httpx2.Client, path: str) -> list[dict[str, Any]]:
    answer = http.get(f"{ROOT}{path}/metadata", headers=JSON)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


# --- Instances (§10.4.1.1.1)


@pytest.mark.parametrize(("level", "count"), [("study", 3), ("series", 2), ("instance", 1)])
def test_all_instances_of_the_target(http: httpx2.Client, study: list[Sent], level: str, count: int) -> None:
    found = parts(http.get(ROOT + getattr(study[0], level)))
    assert sorted(part.content for part in found) == sorted(one.content for one in study[:count])


def test_each_part_names_its_place(http: httpx2.Client, url: str, study: list[Sent]) -> None:
    found = parts(http.get(ROOT + study[0].study))
    locations = {part.headers["Content-Location"]: part.content for part in found}
    assert locations == {f"{url}{ROOT}{one.instance}": one.content for one in study}


@pytest.mark.parametrize("suffix", ["", "/metadata"])
@pytest.mark.parametrize(
    ("path", "what"),
    [("/studies/1.2", "study"), ("/studies/1.2/series/3", "series"), ("/studies/1.2/series/3/instances/4", "instance")],
)
def test_not_found(http: httpx2.Client, path: str, what: str, suffix: str) -> None:
    answer = http.get(f"{ROOT}{path}{suffix}")
    assert (answer.status_code, answer.text) == (404, f"The specified {what} cannot be found.")


@pytest.mark.parametrize("uid", ["x", "1" * 65, "1.2.", "1%2F2", "%00", "1..2x"])
def test_a_uid_that_is_none_is_400_or_404(http: httpx2.Client, uid: str) -> None:
    assert http.get(f"{ROOT}/studies/{uid}").status_code in {400, 404}


@pytest.mark.parametrize("padding", ["%20", "%00", "%20%20%00"])
def test_padded_uids_in_the_path(http: httpx2.Client, study: list[Sent], padding: str) -> None:
    answer = http.get(f"{ROOT}{study[0].instance}{padding}", headers=STORED)
    assert answer.content == study[0].content


@pytest.mark.parametrize("path", ["{study}", "{instance}", "{study}/metadata", "{instance}/metadata"])
def test_head_is_get_without_the_body(http: httpx2.Client, study: list[Sent], path: str) -> None:
    target = ROOT + path.format(study=study[0].study, instance=study[0].instance)
    got, head = http.get(target), http.head(target)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.headers["Content-Type"].partition(";")[0] == got.headers["Content-Type"].partition(";")[0]


@pytest.mark.parametrize("method", ["PATCH", "POST", "DELETE"])
def test_other_methods_are_405_with_allow(http: httpx2.Client, study: list[Sent], method: str) -> None:
    answer = http.request(method, f"{ROOT}{study[0].study}/metadata")
    assert answer.status_code == 405
    assert sorted(answer.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]


@pytest.mark.parametrize("path", ["//", "/study", "/studies/", "/studies/1/metadata/", "//studies", "/Studies"])
def test_no_such_resource(http: httpx2.Client, path: str) -> None:
    assert http.get(ROOT + path).status_code == 404


# --- Metadata (§10.4.1.1.2)


@pytest.mark.parametrize(("level", "count"), [("study", 3), ("series", 2), ("instance", 1)])
def test_metadata_of_the_target(http: httpx2.Client, study: list[Sent], level: str, count: int) -> None:
    found = {values(one, "00080018")[0] for one in metadata(http, getattr(study[0], level))}
    assert found == {one.dataset.SOPInstanceUID for one in study[:count]}


def test_bulk_data_uris_are_absolute_and_lead_to_the_values(http: httpx2.Client, url: str, image: Sent) -> None:
    (found,) = metadata(http, image.instance)
    pixels, nested = found["7FE00010"], values(found, "00480105")[0]["00282000"]
    assert (pixels["vr"], nested["vr"]) == ("OW", "OB")
    assert pixels["BulkDataURI"] == f"{url}{ROOT}{image.instance}/bulkdata/7FE00010"
    assert http.get(pixels["BulkDataURI"], headers=RAW).content == image.dataset.PixelData
    assert http.get(nested["BulkDataURI"], headers=RAW).content == bytes(range(256))


def test_small_binary_values_are_inline(http: httpx2.Client, image: Sent) -> None:
    assert metadata(http, image.instance)[0]["00091010"] == {"vr": "UN", "InlineBinary": "c2hvcnQh"}


def test_a_host_without_port_is_completed(http: httpx2.Client, url: str, image: Sent) -> None:
    answer = http.get(f"{ROOT}{image.instance}/metadata", headers={"Host": "127.0.0.1"})
    assert answer.json()[0]["7FE00010"]["BulkDataURI"].startswith(url + ROOT)


@pytest.mark.parametrize("host", ["pacs.example:8443", "pacs.example", "[::1]:99"])
def test_urls_follow_the_host_header(http: httpx2.Client, image: Sent, host: str) -> None:
    answer = http.get(f"{ROOT}{image.instance}/metadata", headers={"Host": host})
    uri = answer.json()[0]["7FE00010"]["BulkDataURI"]
    assert uri.startswith(f"http://{host}")


@pytest.mark.parametrize("host", ["", "evil.example/path", 'a"b', "a b"])
def test_a_host_that_is_none_gets_into_no_url(http: httpx2.Client, image: Sent, host: str) -> None:
    answer = http.get(f"{ROOT}{image.instance}/metadata", headers={"Host": host})
    if answer.status_code == 200:
        assert answer.json()[0]["7FE00010"]["BulkDataURI"].startswith("http://localhost:")
    else:
        assert answer.status_code in {400, 403}


def test_padding_of_values_is_not_in_metadata(http: httpx2.Client) -> None:
    made = sent(PatientID="123\0", StudyDescription="odd ")
    store(http, ROOT, made.content)
    (found,) = metadata(http, made.instance)
    assert (values(found, "00100020"), values(found, "00081030")) == (["123"], ["odd"])


# --- ETag (§8.4.3, RFC 9110 §8.8.3)


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_known_metadata_is_304(http: httpx2.Client, study: list[Sent], level: str) -> None:
    path = f"{ROOT}{getattr(study[0], level)}/metadata"
    tag = http.get(path).headers["ETag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*", tag.strip('"')):
        answer = http.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == tag
    assert http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_if_none_match_of_what_is_not_there_is_404(http: httpx2.Client) -> None:
    answer = http.get(f"{ROOT}/studies/1.2.3.4/metadata", headers={"If-None-Match": "*"})
    assert answer.status_code == 404


def test_etag_changes_when_an_instance_is_replaced(http: httpx2.Client) -> None:
    made = sent()
    store(http, ROOT, made.content)
    before = http.get(f"{ROOT}{made.study}/metadata").headers["ETag"]
    made.dataset.PatientID = "ID2"
    store(http, ROOT, data.file(made.dataset), method="PUT")
    answer = http.get(f"{ROOT}{made.study}/metadata", headers={"If-None-Match": before})
    assert (answer.status_code, values(answer.json()[0], "00100020")) == (200, ["ID2"])


# --- Frames (§10.4.1.1.6)


@pytest.mark.parametrize("numbers", ["1", "3", "3,1,2", "2,2", "1%2C3", "%201%20,%202"])
def test_frames_in_the_order_asked_for(http: httpx2.Client, url: str, image: Sent, numbers: str) -> None:
    size = len(image.dataset.PixelData) // 3
    wanted = [int(number) for number in numbers.replace("%2C", ",").replace("%20", "").split(",")]
    found = parts(http.get(f"{ROOT}{image.instance}/frames/{numbers}"))
    assert [part.content for part in found] == [image.dataset.PixelData[size * (n - 1) : size * n] for n in wanted]
    assert [part.headers["Content-Location"] for part in found] == [
        f"{url}{ROOT}{image.instance}/frames/{n}" for n in wanted
    ]


@pytest.mark.parametrize(
    ("numbers", "status"), [("4", 404), ("1,4", 404), ("0", 400), ("-1", 400), ("x", 400), ("1,,2", 400)]
)
def test_frames_that_are_not_there(http: httpx2.Client, image: Sent, numbers: str, status: int) -> None:
    assert http.get(f"{ROOT}{image.instance}/frames/{numbers}").status_code == status


def test_frames_of_an_instance_without_pixels(http: httpx2.Client, study: list[Sent]) -> None:
    assert http.get(f"{ROOT}{study[0].instance}/frames/1").status_code == 404


def test_frames_of_several_fragments(http: httpx2.Client) -> None:
    made = encoded(b"one frame", b"second frame of other length")
    store(http, ROOT, made.content)
    found = http.get(f"{ROOT}{made.instance}/frames/2", headers=RAW).content
    assert found.rstrip(b"\0") == b"second frame of other length"


def test_frames_of_big_endian_pixels_are_turned(http: httpx2.Client) -> None:
    native = data.image()
    big = data.image(SOPInstanceUID=data.uid())
    big.PixelData = b"".join(bytes(pair[::-1]) for pair in zip(*[iter(native.PixelData)] * 2, strict=True))
    made = Sent(big, data.file(big, BIG_ENDIAN))
    assert store(http, ROOT, made.content).status_code == 200
    (part,) = parts(http.get(f"{ROOT}{made.instance}/frames/1"))
    assert part.content == native.PixelData


def test_frames_and_bulk_values_of_a_deflated_file(http: httpx2.Client) -> None:
    deflated = data.image(frames=2)
    made = Sent(deflated, data.file(deflated, DEFLATED))
    assert store(http, ROOT, made.content).status_code == 200
    half = len(deflated.PixelData) // 2
    assert parts(http.get(f"{ROOT}{made.instance}/frames/2"))[0].content == deflated.PixelData[half:]
    assert http.get(f"{ROOT}{made.instance}/bulkdata/7FE00010", headers=RAW).content == deflated.PixelData


# --- Bulkdata (§10.4.1.1.5)


@pytest.mark.parametrize("path", ["00280010", "nonsense", "00480105/2/00282000", "../7FE00010", "7FE00010/"])
def test_bulk_value_that_is_not_there(http: httpx2.Client, image: Sent, path: str) -> None:
    answer = http.get(f"{ROOT}{image.instance}/bulkdata/{path}")
    assert answer.status_code == 404


def test_no_bulkdata_in_the_dialects_of_azure(http: httpx2.Client, image: Sent) -> None:
    assert http.get(f"/v2{image.instance}/bulkdata/7FE00010", headers=RAW).status_code == 404


# --- Delete, which PS3.18 does not have and every client wants


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_delete(http: httpx2.Client, level: str) -> None:
    made = sent()
    store(http, ROOT, made.content)
    assert http.delete(ROOT + getattr(made, level)).status_code == 204
    assert http.get(ROOT + made.study).status_code == 404
    assert http.delete(ROOT + getattr(made, level)).status_code == 404


@pytest.mark.parametrize("start", [128, 132, None], ids=["no preamble", "no prefix", "no file meta information"])
def test_a_file_stored_incomplete_is_sent_complete(http: httpx2.Client, start: int | None) -> None:
    """PS3.10 §7.1. What follows the file meta information is what was stored."""
    made = sent()
    whole = made.content
    data_set = whole[144 + int.from_bytes(whole[140:144], "little") :]
    content = data_set if start is None else whole[start:]
    assert store(http, ROOT, content).status_code == 200
    (part,) = parts(http.get(ROOT + made.instance))
    assert part.content[128:132] == b"DICM"
    assert part.content.endswith(data_set)
    assert dcmread(io.BytesIO(part.content)).SOPInstanceUID == made.dataset.SOPInstanceUID


def test_padding_is_not_part_of_values(http: httpx2.Client) -> None:
    made = sent(PatientID="123\0")
    store(http, ROOT, made.content)
    (found,) = http.get(ROOT + made.study + "/metadata").json()
    (row,) = http.get(f"{ROOT}/studies?StudyInstanceUID={made.dataset.StudyInstanceUID}").json()
    assert found["00100020"]["Value"] == row["00100020"]["Value"] == ["123"]


def test_several_frames_of_a_bulk_value_go_in_the_next_form_that_can_carry_them(http: httpx2.Client) -> None:
    made = encoded(b"first!", b"second")
    store(http, ROOT, made.content)
    answer = http.get(
        f"{ROOT}{made.instance}/bulkdata/7FE00010", headers={"Accept": "application/octet-stream, */*;q=0.5"}
    )
    assert answer.status_code == 200
    assert [part.content for part in parts(answer)] == [b"first!", b"second"]
