"""The first segment of a path chooses the dialect."""

import pytest
from starlette.testclient import TestClient

SUPPORTED = "1.0-prerelease, 1, 2"
JSON = {"Accept": "application/dicom+json"}


@pytest.mark.parametrize(
    ("segment", "status"),
    [
        ("v1", 204), ("v2", 204), ("v1.0-prerelease", 204), ("v1.0", 204), ("v2.0", 204), ("V2", 204), ("v01", 204),
        ("V1.0-PRERELEASE", 204), ("v1-prerelease", 204), ("dicomweb", 200),
        ("v3", 400), ("v1.1", 400), ("v2-prerelease", 400), ("v2.0.0", 404), ("v", 404), ("vv1", 404), ("1", 404),
        ("v1.", 404), ("v-prerelease", 404), ("DICOMweb", 404), ("studies", 404), ("latest", 404),
    ],
)  # fmt: skip
def test_roots(http: TestClient, segment: str, status: int) -> None:
    assert http.get(f"/{segment}/studies", headers=JSON).status_code == status


@pytest.mark.parametrize("path", ["/v1/studies", "/v1/studies/x", "/v2/studies/1/metadata", "/v3/x"])
def test_versions_are_announced(http: TestClient, path: str) -> None:
    assert http.get(path, headers=JSON).headers["api-supported-versions"] == SUPPORTED


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/vfoo/studies", "/dicomweb/studies"])
def test_versions_are_not_announced_elsewhere(http: TestClient, path: str) -> None:
    assert "api-supported-versions" not in http.get(path, headers=JSON).headers


def test_a_version_that_is_not_offered(http: TestClient) -> None:
    answer = http.get("/v3.5/studies?limit=1")
    message = (
        "The HTTP resource that matches the request URI 'http://127.0.0.1:8080/v3.5/studies?limit=1' "
        "does not support the API version '3.5'."
    )
    assert answer.json() == {"error": {"code": "UnsupportedApiVersion", "message": message}}


@pytest.mark.parametrize("path", ["/export", "/EXPORT/", "/partitions/one/export"])
def test_exports_came_with_the_first_version(http: TestClient, path: str) -> None:
    answers = [http.post(f"/{segment}{path}") for segment in ("v1.0-prerelease", "v1-prerelease", "v3", "v1", "v2")]
    assert {answer.headers["api-supported-versions"] for answer in answers} == {"1, 2"}
    codes = [answer.json()["error"]["code"] for answer in answers[:3]]
    assert ([answer.status_code for answer in answers[:3]], codes) == ([400] * 3, ["UnsupportedApiVersion"] * 3)
    assert "does not support the API version '1.0-prerelease'." in answers[0].text


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/", "/v2/studies//", "/x/../v2/studies//"])
def test_unknown_paths_of_azure_have_no_body(http: TestClient, path: str) -> None:
    answer = http.get(path, headers=JSON)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", ["/studies", "/dicom-web/studies", "/dicomwebs", "/vfoo/studies", "/health/x"])
def test_outside_the_roots_it_is_said_where_they_are(http: TestClient, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.text == "Nothing is here. DICOMweb is at /dicomweb, health at /health/check."


def test_unknown_paths_of_the_standard_say_so(http: TestClient) -> None:
    answer = http.get("/dicomweb/nothing")
    assert answer.status_code == 404
    assert "no resource" in answer.text


@pytest.mark.parametrize("path", ["/V2/STUDIES", "/v2/Series", "/v2/studies/1/SERIES/2/Instances"])
def test_azure_ignores_the_case_of_paths(http: TestClient, path: str) -> None:
    assert http.get(path, headers=JSON).status_code == 204


def test_the_standard_does_not(http: TestClient) -> None:
    assert http.get("/dicomweb/Studies").status_code == 404


@pytest.mark.parametrize("path", ["/v1/partitions", "/v2/partitions/one/studies", "/v2/Partitions/x"])
@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE"])
def test_partitions_are_off(http: TestClient, path: str, verb: str) -> None:
    answer = http.request(verb, path, headers=JSON)
    assert (answer.status_code, answer.text) == (400, "Data partitions feature is disabled.")
    assert answer.headers.get_list("api-supported-versions") == [SUPPORTED]


@pytest.mark.parametrize("path", ["/health/check", "/Health/Check"])
def test_health_in_any_letter_case(http: TestClient, path: str) -> None:
    assert http.get(path).status_code == 200


def test_markup_in_a_query_is_refused_by_azure_alone(http: TestClient) -> None:
    assert http.get("/v2/studies?PatientName=%3Cb%3E", headers=JSON).status_code == 400
    assert http.get("/dicomweb/studies?PatientName=%3Cb%3E", headers=JSON).status_code == 200


def test_the_standard_says_in_its_own_words_that_partitions_are_off(http: TestClient) -> None:
    for verb in ("GET", "POST"):
        answer = http.request(verb, "/dicomweb/partitions/one/studies")
        assert answer.status_code == 400
        assert "no data partitions here" in answer.text
