"""Versions in the path, methods, headers and error bodies of the Azure DICOM service."""

import httpx2
import pytest

from tests.messages import JSON, sent, store

SUPPORTED = "1.0-prerelease, 1, 2"


@pytest.mark.parametrize(
    "version", ["v1", "v2", "v1.0-prerelease", "v1.0", "v2.0", "V2", "V1.0-Prerelease", "v1-prerelease"]
)
def test_versions(http: httpx2.Client, version: str) -> None:
    answer = http.get(f"/{version}/studies?limit=1", headers=JSON)
    assert answer.status_code in {200, 204}
    assert answer.headers["api-supported-versions"] == SUPPORTED


@pytest.mark.parametrize("version", ["v3", "v0", "v1.1", "v2-preview", "v2.0-prerelease"])
def test_version_that_is_not_offered(http: httpx2.Client, url: str, version: str) -> None:
    answer = http.get(f"/{version}/studies?limit=1", headers=JSON)
    message = (
        f"The HTTP resource that matches the request URI '{url}/{version}/studies?limit=1' "
        f"does not support the API version '{version[1:]}'."
    )
    expected = {"error": {"code": "UnsupportedApiVersion", "message": message}}
    assert (answer.status_code, answer.json()) == (400, expected)
    assert answer.headers["api-supported-versions"] == SUPPORTED


@pytest.mark.parametrize("path", ["/studies", "/vfoo/studies", "/latest/studies", "/v/studies", "/v2x/studies"])
def test_what_is_no_version_is_404(http: httpx2.Client, path: str) -> None:
    assert http.get(path, headers=JSON).status_code == 404


def test_a_version_alone_is_404_without_a_body(http: httpx2.Client) -> None:
    answer = http.get("/v2", headers=JSON)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", ["/nothing", "/studies//", "/studies/1/nothing", "/Studies/1/frames/1"])
def test_unknown_path_is_404_without_a_body(http: httpx2.Client, root: str, path: str) -> None:
    answer = http.get(root + path, headers=JSON)
    assert (answer.status_code, answer.content) == (404, b"")
    assert "api-supported-versions" not in answer.headers


def test_a_slash_at_the_end_says_nothing(http: httpx2.Client, root: str) -> None:
    assert http.get(root + "/studies/1.2.3.4/metadata/", headers=JSON).text == "The specified study cannot be found."


def test_paths_in_any_case(http: httpx2.Client, root: str) -> None:
    made = sent()
    store(http, root, made.content)
    path = f"/STUDIES/{made.dataset.StudyInstanceUID}/Series/{made.dataset.SeriesInstanceUID}/METADATA"
    assert http.get(root + path, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/studies", "GET, HEAD, POST, PUT"),
        ("PATCH", "/studies/1", "DELETE, GET, HEAD, POST, PUT"),
        ("POST", "/studies/1/series/2", "DELETE, GET, HEAD"),
        ("PUT", "/studies/1/series/2/instances/3", "DELETE, GET, HEAD"),
        ("POST", "/series", "GET, HEAD"),
        ("DELETE", "/studies/1/metadata", "GET, HEAD"),
        ("DELETE", "/studies/1/series/2/instances/3/frames/1", "GET, HEAD"),
    ],
)
def test_other_methods_are_405_with_allow(http: httpx2.Client, root: str, method: str, path: str, allowed: str) -> None:
    answer = http.request(method, root + path, headers=JSON)
    assert answer.status_code == 405
    assert sorted(answer.headers["Allow"].split(", ")) == allowed.split(", ")


def test_every_answer_has_the_security_headers(http: httpx2.Client, root: str) -> None:
    for path in (f"{root}/studies", "/nothing", "/health/check"):
        headers = http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Content-Security-Policy"] == "frame-src 'self';"


@pytest.mark.parametrize("query", ["PatientName=%3cscript", "PatientName=%3Cscript"])
def test_markup_in_the_query_is_400(http: httpx2.Client, root: str, query: str) -> None:
    answer = http.get(f"{root}/studies?{query}", headers=JSON)
    assert (answer.status_code, answer.text) == (400, "The query string included invalid characters.")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/studies/x", "StudyInstanceUid"),
        ("/studies/1/series/x", "SeriesInstanceUid"),
        ("/studies/1/series/2/instances/x", "SopInstanceUid"),
    ],
)
def test_uid_message_of_each_level(http: httpx2.Client, root: str, path: str, name: str) -> None:
    answer = http.get(f"{root}{path}/metadata", headers=JSON)
    message = (
        f"Dicom element '{name}' failed validation for VR 'UI': DICOM Identifier is invalid. Value length should not "
        "exceed the maximum length of 64 characters. Value should contain characters in '0'-'9' and '.'. "
        "Each component must start with non-zero number."
    )
    assert (answer.status_code, answer.text) == (400, message)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_errors_of_known_routes_name_the_versions(http: httpx2.Client, root: str) -> None:
    answer = http.get(f"{root}/studies/1.2.3.4.5/metadata", headers=JSON)
    assert (answer.status_code, answer.headers["api-supported-versions"]) == (404, SUPPORTED)


def test_partitions_are_off(http: httpx2.Client, root: str) -> None:
    answer = http.get(f"{root}/partitions/one/studies", headers=JSON)
    assert (answer.status_code, answer.text) == (400, "Data partitions feature is disabled.")


def test_health(http: httpx2.Client) -> None:
    answer = http.get("/health/check")
    assert (answer.status_code, answer.json()["overallStatus"]) == (200, "Healthy")
    assert {detail["status"] for detail in answer.json()["details"]} == {"Healthy"}
    assert all({"name", "status", "description"} == set(detail) for detail in answer.json()["details"])
