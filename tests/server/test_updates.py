"""Updates of Studies over HTTP: what is refused, in whose words, and what is answered meanwhile and after."""

from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient

from filmroom.archive import Archive
from filmroom.protocol.updates import MOST_STUDIES
from filmroom.services.operations import Worker
from filmroom.settings import Settings
from tests import data

PATH = "/studies/$bulkUpdate"
NAME = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}}
STORED = {"Accept": "application/dicom; transfer-syntax=*"}
MULTIPART = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
ORIGINAL = {"msdicom-request-original": "True"}
JSON = {"Accept": "application/dicom+json"}


def body(changes: Any = NAME, *studies: Any, **more: Any) -> dict[str, Any]:
    return {"studyInstanceUids": studies or ("1.2.3",), "changeDataset": changes, **more}


def updated(http: TestClient, settings: Settings, root: str, changes: Any = NAME) -> tuple[str, bytes]:
    """The path of an Instance that was updated, and what it was."""
    made = data.image()
    content = data.file(made)
    http.post("/v2/studies", content=content, headers={"Content-Type": "application/dicom", **JSON})
    answer = http.post(root + PATH, json=body(changes, str(made.StudyInstanceUID)))
    assert answer.status_code == 202
    with closing(Archive.open(settings)) as archive:
        assert Worker(archive, "test").run_next()
    return (
        f"/studies/{made.StudyInstanceUID}/series/{made.SeriesInstanceUID}/instances/{made.SOPInstanceUID}",
        content,
    )


@pytest.mark.parametrize("path", [PATH, "/Studies/$bulkupdate"])
def test_the_answer_is_a_reference_without_location(http: TestClient, path: str) -> None:
    answer = http.post(f"/v2{path}", json=body())
    reference = answer.json()
    assert (answer.status_code, "Location" in answer.headers) == (202, False)
    assert reference["href"] == f"http://127.0.0.1:8080/v2/operations/{reference['id']}"
    assert http.get(f"/v2/operations/{reference['id']}").json()["type"] == "update"


@pytest.mark.parametrize("root", ["/v1", "/v1.0-prerelease"])
def test_older_versions_do_not_know_it(http: TestClient, root: str) -> None:
    answer = http.post(root + PATH, json=body())
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["api-supported-versions"] == "1.0-prerelease, 1, 2"


def test_another_update_of_the_study_is_named(http: TestClient) -> None:
    operation = http.post(f"/v2{PATH}", json=body()).json()["id"]
    answer = http.post(f"/dicomweb{PATH}", json=body())
    said = f"There is already an active update operation with ID '{operation}'."
    assert (answer.status_code, answer.text) == (409, said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "The required field 'StudyInstanceUids' is missing or empty."),
        ({"studyInstanceUids": []}, "The required field 'StudyInstanceUids' is missing or empty."),
        ({"studyInstanceUids": ["1"]}, "The required field 'ChangeDataset' is missing or empty."),
        ({"studyInstanceUids": ["1"] * (MOST_STUDIES + 1)}, "StudyInstanceUids count exceeded maximum length '50'"),
        (body(NAME, "1", "2", seriesInstanceUid="3"), "of one Study at a time"),
        (body({"0020000D": {"vr": "UI", "Value": ["1.5"]}}, "1", "2"), "of one Study at a time"),
        (body({"00080018": {"vr": "UI", "Value": ["1.5"]}}), "The required field 'SeriesInstanceUid' is missing"),
        (body(NAME, sopInstanceUid="1"), "The required field 'SeriesInstanceUid' is missing or empty."),
        (body(NAME, "1.2.x"), "Dicom element 'StudyInstanceUid' failed validation for VR 'UI'"),
        (body(NAME, 7), "'$.studyInstanceUids[0]' in request body is invalid"),
        ({"studyInstanceUids": "1"}, "'$.studyInstanceUids' in request body is invalid"),
        (body([1]), "'$.changeDataset' in request body is invalid"),
        (body({"Nonsense": {"vr": "LO"}}), "'$.changeDataset.Nonsense' in request body is invalid"),
        (body({"PatientID": {"Value": ["1"]}}), "An object with vr and Value is expected."),
        (body({"PatientID": {"vr": "LO", "Value": "1"}}), "The Value must be a list."),
        ([], "The field '$' in request body is invalid"),
    ],
)
def test_what_is_refused_is_told_as_azure_does(http: TestClient, given: Any, said: str) -> None:
    answer = http.post(f"/v2{PATH}", json=given)
    assert (answer.status_code, said in answer.text) == (400, True), answer.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"00080020": {"vr": "DA"}}, "DICOM100: (0008,0020) - Updating the tag is not supported"),
        ({"00100040": {"vr": "CS", "Value": ["m"]}}, '(0010,0040) - Content "m" does not validate VR CS'),
        ({"00100010": {"vr": "LO", "Value": ["A"]}}, "(0010,0010) - The VR is 'PN', not 'LO'"),
        ({"00100030": {"vr": "DA", "Value": ["20200101-"]}}, "value is a range"),
        ({"00100030": {"vr": "DA", "Value": ["20200231"]}}, "value is no date"),
        ({"00100020": {"vr": "LO", "Value": ["a\\b"]}}, "a backslash would divide it"),
        ({"00100020": {"vr": "LO", "Value": [{"Alphabetic": "A"}]}}, "A value is not what VR LO has"),
        ({"0020000D": {"vr": "UI"}}, "One value is needed"),
        ({"00100020": {"vr": "LO", "Value": ["a", "b"]}}, "does not match ValueMultiplicity 1"),
    ],
)
def test_bad_attributes_are_told_in_a_data_set(http: TestClient, changes: Any, said: str) -> None:
    answer = http.post(f"/v2{PATH}", json=body(changes))
    [item] = answer.json()["00741048"]["Value"]
    assert (answer.status_code, answer.json()["00741048"]["vr"]) == (400, "SQ")
    assert said in item["00000902"]["Value"][0]


def test_keywords_are_as_good_as_tags(http: TestClient) -> None:
    weight = {"PatientName": NAME["00100010"], "PatientWeight": {"vr": "DS", "Value": [1 / 3]}}
    assert http.post(f"/v2{PATH}", json=body(weight)).status_code == 202


@pytest.mark.parametrize("root", ["/v2", "/dicomweb"])
def test_the_first_version_is_there_for_who_asks(http: TestClient, settings: Settings, root: str) -> None:
    path, content = updated(http, settings, root)
    new, old = (http.get(root + path, headers={**STORED, **more}) for more in ({}, ORIGINAL))
    assert (b"New^Name" in new.content, old.content) == (True, content)
    metadata = [http.get(f"{root}{path}/metadata", headers={**JSON, **more}) for more in ({}, ORIGINAL)]
    told = [one.json()[0]["00100010"]["Value"][0]["Alphabetic"] for one in metadata]
    assert told == ["New^Name", "Anony^Mous"]
    assert metadata[0].headers["ETag"] != metadata[1].headers["ETag"]


@pytest.mark.parametrize("path", ["/studies/{}", "/studies/{}/series/{}"])
def test_the_first_version_of_a_study_and_a_series(http: TestClient, settings: Settings, path: str) -> None:
    instance, content = updated(http, settings, "/v2")
    answer = http.get("/v2" + path.format(*instance.split("/")[2::2]), headers={**MULTIPART, **ORIGINAL})
    assert content in answer.content


def test_versions_are_told_apart_by_etags_not_by_dates(http: TestClient, settings: Settings) -> None:
    path, _content = updated(http, settings, "/dicomweb")
    url = f"/dicomweb{path}"
    new, old = (http.get(url, headers={**STORED, **more}) for more in ({}, ORIGINAL))
    assert new.headers["ETag"] != old.headers["ETag"]
    assert "Last-Modified" not in old.headers
    known = {**STORED, "If-None-Match": new.headers["ETag"]}
    assert [http.get(url, headers={**known, **more}).status_code for more in ({}, ORIGINAL)] == [304, 200]
    assert http.get(url, headers={**STORED, **ORIGINAL, "If-None-Match": old.headers["ETag"]}).status_code == 304


def test_frames_are_those_of_the_newest(http: TestClient, settings: Settings) -> None:
    path, _ = updated(http, settings, "/v2")
    raw = {"Accept": "application/octet-stream; transfer-syntax=*"}
    answers = [http.get(f"/v2{path}/frames/1", headers={**raw, **more}) for more in ({}, ORIGINAL)]
    assert answers[0].content == answers[1].content


def test_a_zip_of_first_versions_has_their_names_in_its_dicomdir(http: TestClient, settings: Settings) -> None:
    path, _content = updated(http, settings, "/dicomweb")
    answer = http.get(f"/dicomweb{path}?dicomdir=true", headers={"Accept": "application/zip", **ORIGINAL})
    assert (answer.status_code, b"New^Name" in answer.content, b"Anony^Mous" in answer.content) == (200, False, True)
