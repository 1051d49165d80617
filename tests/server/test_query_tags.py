"""Extended query tags over HTTP while no worker does what is to be done."""

import pytest
from starlette.testclient import TestClient

from filmroom.server import requests

PATH = "/extendedquerytags"
NUMBER = {"path": "00200012", "level": "Instance"}
JSON = {"Content-Type": "application/json"}


def test_while_an_operation_is_at_work_there_is_no_other(http: TestClient) -> None:
    started = http.post(f"/v2{PATH}", json=[NUMBER])
    again = http.post(f"/v1{PATH}", json=[{"path": "PatientAge", "level": "Study"}])
    operation = started.json()["id"]
    assert (again.status_code, again.text) == (
        409,
        f"There is already an active re-index operation with ID '{operation}'.",
    )
    assert again.headers["Location"] == f"http://127.0.0.1:8080/v1/operations/{operation}"


def test_a_tag_that_is_being_added_names_its_operation(http: TestClient) -> None:
    started = http.post(f"/v2{PATH}", json=[NUMBER]).json()
    (tag,) = http.get(f"/v2{PATH}").json()
    assert (tag["status"], tag["operation"]) == ("adding", started)


def test_a_tag_that_is_being_added_is_no_key_yet(http: TestClient) -> None:
    http.post(f"/v2{PATH}", json=[NUMBER])
    refused = http.get("/v2/instances?AcquisitionNumber=1", headers={"Accept": "application/dicom+json"})
    assert (refused.status_code, "is not queryable" in refused.text) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        '[{"path": "00200012", "level": "Instance",},]',
        '/* a list, */ [{"path": "00200012", // a tag\n "level": "Instance"}] // ]',
        '[{"path": "00200012", "level": "Instance", "privateCreator": null /*, "vr": "IS" */}, ]',
    ],
)
def test_comments_and_a_last_comma_do_no_harm(http: TestClient, body: str) -> None:
    assert http.post(f"/v2{PATH}", content=body, headers=JSON).status_code == 202
    assert [tag["path"] for tag in http.get(f"/v2{PATH}").json()] == ["00200012"]


@pytest.mark.parametrize("body", ["[1,,]", "/*", '[{"path": "/*', "[{]", '["//,]'])
def test_what_is_no_json_in_spite_of_that(http: TestClient, body: str) -> None:
    answer = http.post(f"/v2{PATH}", content=body, headers=JSON)
    assert (answer.status_code, answer.text) == (400, "The syntax of the request body is invalid.")


def test_commas_in_texts_are_those_of_texts(http: TestClient) -> None:
    body = '[{"path": "00111003", "vr": "LO", "level": "Study", "privateCreator": "A,]//B"}]'
    http.post(f"/v2{PATH}", content=body, headers=JSON)
    assert http.get(f"/v2{PATH}/00111003").json()["privateCreator"] == "A,]//B"


@pytest.mark.parametrize("root", ["/v1", "/v2"])
def test_what_dicomweb_has_declared_can_be_seen_and_deleted_everywhere(http: TestClient, root: str) -> None:
    asked = [{"path": "ProcedureCodeSequence.CodeValue", "level": "Study"}]
    assert http.post(f"{root}{PATH}", json=asked).status_code == 400
    assert http.post(f"/dicomweb{PATH}", json=asked).status_code == 202
    (tag,) = http.get(f"{root}{PATH}").json()
    assert http.get(f"{root}{PATH}/{tag['path']}").json() == tag
    assert http.delete(f"{root}{PATH}/{tag['path']}").status_code == 204


def test_a_path_has_an_end(http: TestClient) -> None:
    path = "ContentSequence." * 16 + "TextValue"
    answer = http.post(f"/dicomweb{PATH}", json=[{"path": path, "level": "Instance"}])
    assert (answer.status_code, "cannot be parsed" in answer.text) == (400, True)


def test_a_body_that_is_too_large(http: TestClient) -> None:
    answer = http.post(f"/v2{PATH}", content=b" " * (requests.LARGEST_BODY + 1), headers=JSON)
    assert answer.status_code == 413


def test_azure_ignores_the_case_of_paths(http: TestClient) -> None:
    assert http.get("/v2/ExtendedQueryTags").json() == []
