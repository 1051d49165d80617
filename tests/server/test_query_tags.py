"""Extended query tags over HTTP while no worker does what is to be done."""

from starlette.testclient import TestClient

from filmroom.server import query_tags

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


def test_a_body_that_is_too_large(http: TestClient) -> None:
    answer = http.post(f"/v2{PATH}", content=b" " * (query_tags.LARGEST_BODY + 1), headers=JSON)
    assert answer.status_code == 413


def test_azure_ignores_the_case_of_paths(http: TestClient) -> None:
    assert http.get("/v2/ExtendedQueryTags").json() == []
