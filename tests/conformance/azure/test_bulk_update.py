"""Bulk update of the Azure DICOM service: what it refuses, answers, changes and keeps, and what its C# client sends."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pydicom
import pytest

from tests import data, service
from tests.conformance.conftest import served
from tests.conftest import Elsewhere
from tests.data import uid
from tests.messages import JSON, Sent, comments, parts, sent, store, values
from tests.postgresql import EACH

V2 = "/v2"
PATH = f"{V2}/studies/$bulkUpdate"
ORIGINAL = {"msdicom-request-original": "True"}
FILE = {"Accept": 'application/dicom;transfer-syntax="*"'}
FILES = {"Accept": 'multipart/related; type="application/dicom";transfer-syntax="*"'}
NAME = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}}
ALLOWED = [
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "TypeOfPatientID",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "MedicalRecordLocator",
    "PatientAge",
    "Occupation",
    "ConfidentialityConstraintOnPatientDataDescription",
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientSex",
    "QualityControlSubject",
    "PatientSize",
    "PatientWeight",
    "PatientAddress",
    "MilitaryRank",
    "BranchOfService",
    "CountryOfResidence",
    "RegionOfResidence",
    "PatientTelephoneNumbers",
    "EthnicGroup",
    "PatientReligiousPreference",
    "PatientComments",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "PatientSpeciesDescription",
    "PatientBreedDescription",
    "BreedRegistrationNumber",
    "IssuerOfPatientID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
]

Make = Callable[..., list[Sent]]


@pytest.fixture(scope="module", params=EACH)
def http(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[httpx2.Client]:
    """A service of its own, whose change feed is that of these tests alone."""
    with (
        served(tmp_path_factory.mktemp("updates") / "data", elsewhere(request.param)) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        client.headers.clear()
        yield client


@pytest.fixture
def make(http: httpx2.Client) -> Make:
    """Stores images of one Series."""

    def made(count: int = 1, **attributes: Any) -> list[Sent]:
        uids = {"StudyInstanceUID": uid(), "SeriesInstanceUID": uid()} | attributes
        images = [sent(data.image(**uids)) for _ in range(count)]
        assert store(http, V2, *(one.content for one in images)).status_code == 200
        return images

    return made


def body(changes: Any, *studies: str, **scope: str) -> dict[str, Any]:
    return {"studyInstanceUids": list(studies), "changeDataset": changes, **scope}


def of(made: Sent) -> str:
    return str(made.dataset.StudyInstanceUID)


def ended(http: httpx2.Client, started: httpx2.Response) -> dict[str, Any]:
    assert started.status_code == 202, started.text
    answers: list[httpx2.Response] = []

    def has_ended() -> bool:
        answers.append(http.get(started.json()["href"]))
        return answers[-1].status_code != 202

    service.wait_until(has_ended, every=0.05)
    told: dict[str, Any] = answers[-1].json()
    return told


def update(http: httpx2.Client, changes: Any, *studies: str, **scope: str) -> dict[str, Any]:
    return ended(http, http.post(PATH, json=body(changes, *studies, **scope)))


def read(http: httpx2.Client, path: str, **headers: str) -> bytes:
    answer = http.get(V2 + path, headers={**FILE, **headers})
    assert answer.status_code == 200, answer.text
    return answer.content


def results(processed: int, updated: int, failed: int, instances: int) -> dict[str, Any]:
    names = ("studyProcessed", "studyUpdated", "studyFailed", "instanceUpdated")
    return dict(zip(names, (processed, updated, failed, instances), strict=True))


def feed(http: httpx2.Client, study: str) -> list[tuple[str, str]]:
    entries = http.get(f"{V2}/changefeed?limit=200&includeMetadata=false").json()
    return [(one["action"], one["state"]) for one in entries if one["studyInstanceUid"] == study]


# --- What is answered (§8.1, §8.3)


@pytest.mark.parametrize("root", ["/v1", "/v1.0-prerelease"])
def test_older_versions_answer_404_and_nothing(http: httpx2.Client, root: str) -> None:
    answer = http.post(f"{root}/studies/$bulkUpdate", json=body(NAME, uid()))
    assert (answer.status_code, answer.content) == (404, b"")


def test_it_is_202_with_id_and_href_and_no_location(http: httpx2.Client) -> None:
    answer = http.post(PATH, json=body(NAME, uid()))
    told = answer.json()
    assert (answer.status_code, "Location" in answer.headers) == (202, False)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert (set(told), re.fullmatch("[0-9a-f]{32}", told["id"]) is not None) == ({"id", "href"}, True)
    assert told["href"].endswith(f"/v2/operations/{told['id']}")


def test_what_is_told_at_the_end(http: httpx2.Client, make: Make) -> None:
    made = make(3)
    told = update(http, NAME, of(made[0]))
    assert {name: told[name] for name in ("type", "status", "percentComplete", "results")} == {
        "type": "update",
        "status": "succeeded",
        "percentComplete": 100,
        "results": results(1, 1, 0, 3),
    }
    assert told["createdTime"] <= told["lastUpdatedTime"]


@pytest.mark.parametrize(("root", "status"), [("/v1", "completed"), ("/v2", "succeeded")])
def test_older_versions_say_completed(http: httpx2.Client, root: str, status: str) -> None:
    operation = update(http, NAME, uid())["operationId"]
    assert http.get(f"{root}/operations/{operation}").json()["status"] == status


def test_an_unknown_study_is_processed_and_no_failure(http: httpx2.Client) -> None:
    told = update(http, NAME, uid())
    assert (told["status"], told["results"]) == ("succeeded", results(1, 0, 0, 0))


def test_several_studies(http: httpx2.Client, make: Make) -> None:
    one, two = make(2), make(1)
    told = update(http, NAME, of(one[0]), of(two[0]), uid())
    assert told["results"] == results(3, 2, 0, 3)


# --- What is refused (§8.1)


@pytest.mark.parametrize("given", [{"changeDataset": NAME}, body(NAME)])
def test_studies_must_be_named(http: httpx2.Client, given: Any) -> None:
    answer = http.post(PATH, json=given)
    said = "The required field 'StudyInstanceUids' is missing or empty."
    assert (answer.status_code, answer.text) == (400, said)


def test_fifty_studies_and_no_more(http: httpx2.Client) -> None:
    answer = http.post(PATH, json=body(NAME, *(uid() for _ in range(51))))
    assert (answer.status_code, answer.text) == (400, "StudyInstanceUids count exceeded maximum length '50'")
    assert update(http, NAME, *(uid() for _ in range(50)))["results"] == results(50, 0, 0, 0)


@pytest.mark.parametrize("bad", ["1.2.x", "1" * 65])
def test_what_is_no_uid(http: httpx2.Client, bad: str) -> None:
    answer = http.post(PATH, json=body(NAME, bad))
    assert (answer.status_code, "failed validation for VR 'UI'" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"00080060": {"vr": "CS", "Value": ["CT"]}}, "DICOM100: (0008,0060) - Updating the tag is not supported"),
        ({"Modality": {"vr": "CS", "Value": ["CT"]}}, "DICOM100: (0008,0060) - Updating the tag is not supported"),
        ({"00111001": {"vr": "LO", "Value": ["A"]}}, "DICOM100: (0011,1001) - Updating the tag is not supported"),
    ],
)
def test_what_can_not_be_changed_is_told_in_a_data_set(http: httpx2.Client, changes: Any, said: str) -> None:
    answer = http.post(PATH, json=body(changes, uid()))
    expected = {"00741048": {"vr": "SQ", "Value": [{"00000902": {"vr": "LO", "Value": [said]}}]}}
    assert (answer.status_code, answer.json()) == (400, expected)


def test_all_that_is_bad_is_told_at_once(http: httpx2.Client) -> None:
    bad = {"00080060": {"vr": "CS"}, "00100030": {"vr": "DA", "Value": ["yesterday"]}, **NAME}
    answer = http.post(PATH, json=body(bad, uid()))
    told = comments(answer.json())
    assert (answer.status_code, len(told)) == (400, 2)
    assert (told[0].startswith("DICOM100: (0008,0060) - "), told[1].startswith("DICOM100: (0010,0030) - ")) == (
        True,
        True,
    )


def test_one_at_a_time_for_a_study(http: httpx2.Client, make: Make) -> None:
    """By chance the first may have ended already; then the second is as good."""
    made = make(40)
    first, second = (http.post(PATH, json=body(NAME, of(made[0]))) for _ in range(2))
    if second.status_code == 409:
        said = f"There is already an active update operation with ID '{first.json()['id']}'."
        assert (second.text, second.headers["Content-Type"].partition(";")[0]) == (said, "text/plain")
    else:
        ended(http, second)
    ended(http, first)
    assert ended(http, http.post(PATH, json=body(NAME, uid())))["status"] == "succeeded"


# --- What it does (§8.1)


@pytest.mark.parametrize("keyword", ALLOWED)
def test_36_attributes_can_be_changed(http: httpx2.Client, keyword: str) -> None:
    assert len(ALLOWED) == 36
    vr = pydicom.datadict.dictionary_VR(keyword)
    answer = http.post(PATH, json=body({keyword: {"vr": vr}}, uid()))
    assert answer.status_code == 202, answer.text


def test_the_file_has_the_new_value_and_the_same_pixels(http: httpx2.Client, make: Make) -> None:
    [made] = make(1)
    update(http, NAME, of(made))
    found = pydicom.dcmread(io.BytesIO(read(http, made.instance)))
    assert (found.PatientName, found.PixelData) == ("New^Name", made.dataset.PixelData)
    assert found.StudyDate == made.dataset.StudyDate
    frames = http.get(f"{V2}{made.instance}/frames/1", headers={"Accept": "application/octet-stream;transfer-syntax=*"})
    assert frames.content == made.dataset.PixelData


def test_searches_and_metadata_have_the_new_value(http: httpx2.Client, make: Make) -> None:
    [made] = make(1)
    patient = uid()
    update(http, {"00100020": {"vr": "LO", "Value": [patient]}}, of(made))
    [found] = http.get(f"{V2}/studies?PatientID={patient}", headers=JSON).json()
    assert values(found, "0020000D") == [of(made)]
    [metadata] = http.get(f"{V2}{made.instance}/metadata", headers=JSON).json()
    assert values(metadata, "00100020") == [patient]
    old = f"{V2}/studies?PatientID={made.dataset.PatientID}&StudyInstanceUID={of(made)}"
    assert http.get(old, headers=JSON).status_code == 204


def test_an_empty_value_does_not_blank_what_the_study_is_found_by(http: httpx2.Client, make: Make) -> None:
    patient = uid()
    [made] = make(1, PatientID=patient)
    assert update(http, {"00100020": {"vr": "LO"}}, of(made))["status"] == "succeeded"
    assert len(http.get(f"{V2}/studies?PatientID={patient}", headers=JSON).json()) == 1


def test_query_tags_of_the_study_are_indexed_anew(http: httpx2.Client, make: Make) -> None:
    tags = f"{V2}/extendedquerytags"
    started = http.post(tags, json=[{"path": "00101010", "level": "Study"}])
    service.wait_until(lambda: http.get(started.headers["Location"]).status_code == 200)
    [made] = make(1, PatientAge="031Y")
    update(http, {"00101010": {"vr": "AS", "Value": ["032Y"]}}, of(made))
    found = [http.get(f"{V2}/studies?PatientAge={age}", headers=JSON).status_code for age in ("031Y", "032Y")]
    assert http.delete(f"{tags}/00101010").status_code == 204
    assert found == [204, 200]


def test_an_etag_holds_no_longer(http: httpx2.Client, make: Make) -> None:
    [made] = make(1)
    path = f"{V2}{made.instance}/metadata"
    known = {**JSON, "If-None-Match": http.get(path, headers=JSON).headers["ETag"]}
    assert http.get(path, headers=known).status_code == 304
    update(http, NAME, of(made))
    assert http.get(path, headers=known).status_code == 200


def test_the_change_feed_has_updates_and_what_was_is_replaced(http: httpx2.Client, make: Make) -> None:
    made = make(2)
    update(http, NAME, of(made[0]))
    assert feed(http, of(made[0])) == [("Create", "Replaced")] * 2 + [("Update", "Current")] * 2
    latest = http.get(f"{V2}/changefeed/latest").json()
    assert values(latest["metadata"], "00100010") == [{"Alphabetic": "New^Name"}]


# --- The first version (§3.2, §3.5)


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_the_first_version_is_kept_through_all_updates(http: httpx2.Client, make: Make, value: str) -> None:
    [made] = make(1)
    for name in ("Second", "Third"):
        update(http, {"00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]}}, of(made))
    assert read(http, made.instance, **{"msdicom-request-original": value}) == made.content
    assert pydicom.dcmread(io.BytesIO(read(http, made.instance))).PatientName == "Third"


@pytest.mark.parametrize("value", ["false", "1", ""])
def test_who_does_not_ask_gets_the_newest(http: httpx2.Client, make: Make, value: str) -> None:
    [made] = make(1)
    update(http, NAME, of(made))
    assert read(http, made.instance, **{"msdicom-request-original": value}) == read(http, made.instance)


def test_the_first_versions_of_a_study_and_a_series(http: httpx2.Client, make: Make) -> None:
    made = make(2)
    update(http, NAME, of(made[0]))
    later = sent(data.image(StudyInstanceUID=of(made[0]), SeriesInstanceUID=made[0].dataset.SeriesInstanceUID))
    store(http, V2, later.content)  # was never updated: comes as it is
    for path in (made[0].study, made[0].series):
        answer = http.get(V2 + path, headers={**FILES, **ORIGINAL})
        assert {one.content for one in parts(answer)} == {one.content for one in (*made, later)}


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_metadata_of_the_first_version(http: httpx2.Client, make: Make, level: str) -> None:
    [made] = make(1)
    update(http, NAME, of(made))
    [found] = http.get(f"{V2}{getattr(made, level)}/metadata", headers={**JSON, **ORIGINAL}).json()
    assert values(found, "00100010") == [{"Alphabetic": str(made.dataset.PatientName)}]


@pytest.mark.parametrize("path", ["frames/1", "rendered"])
def test_frames_and_rendered_do_not_heed_it(http: httpx2.Client, make: Make, path: str) -> None:
    [made] = make(1)
    update(http, NAME, of(made))
    accept = {"Accept": "application/octet-stream;transfer-syntax=*" if path == "frames/1" else "image/png"}
    answers = [http.get(f"{V2}{made.instance}/{path}", headers={**accept, **more}) for more in ({}, ORIGINAL)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content


# --- UIDs (§16)


def one(keyword_or_key: str, value: str) -> dict[str, Any]:
    return {keyword_or_key: {"vr": "UI", "Value": [value]}}


def test_a_study_gets_another_uid(http: httpx2.Client, make: Make) -> None:
    made, new = make(2), uid()
    assert update(http, one("0020000D", new), of(made[0]))["results"] == results(1, 1, 0, 2)
    assert http.get(V2 + made[0].study, headers=FILES).status_code == 404
    moved = made[0].instance.replace(of(made[0]), new)
    assert pydicom.dcmread(io.BytesIO(read(http, moved))).StudyInstanceUID == new
    assert read(http, moved, **ORIGINAL) == made[0].content


def test_a_series_gets_another_uid(http: httpx2.Client, make: Make) -> None:
    made, new = make(2), uid()
    other = sent(data.image(StudyInstanceUID=of(made[0])))
    store(http, V2, other.content)
    series = str(made[0].dataset.SeriesInstanceUID)
    told = update(http, one("0020000E", new), of(made[0]), seriesInstanceUid=series)
    assert told["results"] == results(1, 1, 0, 2)
    assert len(parts(http.get(f"{V2}{made[0].study}/series/{new}", headers=FILES))) == 2
    assert read(http, other.instance) == other.content


def test_an_instance_gets_another_uid(http: httpx2.Client, make: Make) -> None:
    made, new = make(2), uid()
    scope = {
        "seriesInstanceUid": str(made[0].dataset.SeriesInstanceUID),
        "sopInstanceUid": str(made[0].dataset.SOPInstanceUID),
    }
    told = update(http, one("00080018", new), of(made[0]), **scope)
    assert told["results"] == results(1, 1, 0, 1)
    found = pydicom.dcmread(io.BytesIO(read(http, f"{made[0].series}/instances/{new}")))
    assert (found.SOPInstanceUID, found.file_meta.MediaStorageSOPInstanceUID) == (new, new)
    assert read(http, made[1].instance) == made[1].content


def test_uids_of_one_study_at_a_time(http: httpx2.Client) -> None:
    for given in (body(one("0020000D", uid()), uid(), uid()), body(NAME, uid(), uid(), seriesInstanceUid=uid())):
        assert http.post(PATH, json=given).status_code == 400


def test_the_uid_of_an_instance_wants_its_series(http: httpx2.Client) -> None:
    answer = http.post(PATH, json=body(one("00080018", uid()), uid()))
    assert (answer.status_code, "SeriesInstanceUid" in answer.text) == (400, True)


def test_uids_that_are_taken(http: httpx2.Client, make: Make) -> None:
    made, other = make(2), make(1)
    told = update(http, one("0020000D", of(other[0])), of(made[0]))
    assert (told["status"], told["results"]["studyFailed"], told["results"]["instanceUpdated"]) == ("failed", 1, 0)
    assert told["results"]["errors"][0] == f"Failed to update instances for study {of(made[0])}"
    assert read(http, made[0].instance) == made[0].content


# --- What the C# client sends


def test_the_client_of_azure(http: httpx2.Client, make: Make) -> None:
    """Lower-case u, keywords, numbers of a DS as numbers."""
    [made] = make(1)
    content = (
        b'{"studyInstanceUids":["%b"],"changeDataset":{"PatientName":{"vr":"PN","Value":[{"Alphabetic":"Net^Client"}]},'
        b'"PatientWeight":{"vr":"DS","Value":[71.5]}}}' % of(made).encode()
    )
    headers = {"Content-Type": "application/json; charset=utf-8"}
    started = http.post(f"{V2}/studies/$bulkupdate", content=content, headers=headers)
    operation = http.get(f"{V2}/operations/{started.json()['id']}")
    assert operation.json()["operationId"] == started.json()["id"]
    assert ended(http, started)["results"]["instanceUpdated"] == 1
    [found] = http.get(f"{V2}{made.instance}/metadata", headers=JSON).json()
    assert (values(found, "00100010"), values(found, "00101030")) == ([{"Alphabetic": "Net^Client"}], [71.5])


def test_comments_and_commas_too_many_are_read(http: httpx2.Client) -> None:
    content = b'{/* one */"studyInstanceUids":["%b",],"changeDataset":{"PatientID":{"vr":"LO","Value":["1",]},},}'
    answer = http.post(PATH, content=content % uid().encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
