"""Retrieve Capabilities (PS3.18 §8.9, Annex H): a description from which a program can tell what is here."""

from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest

ROOT = "/dicomweb"
WADL, JSON = "application/vnd.sun.wadl+xml", "application/json"
NAMESPACE = {"w": "http://wadl.dev.java.net/2009/02"}

# PS3.18 Table H-1, the Studies Service
RESOURCES = {
    "studies": {"SearchForStudies", "StoreInstances"},
    "studies/{StudyInstanceUID}": {"RetrieveStudy", "StoreStudyInstances"},
    "studies/{StudyInstanceUID}/metadata": {"RetrieveStudyMetadata"},
    "studies/{StudyInstanceUID}/series": {"SearchForStudySeries"},
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}": {"RetrieveSeries"},
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/metadata": {"RetrieveSeriesMetadata"},
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances": {"SearchForStudySeriesInstances"},
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}": {"RetrieveInstance"},
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}/metadata": {
        "RetrieveInstanceMetadata"
    },
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}/rendered": {
        "RetrieveRenderedInstance"
    },
    "studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}/frames/{frames}": {
        "RetrieveFrames"
    },
    "studies/{StudyInstanceUID}/instances": {"SearchForStudyInstances"},
    "series": {"SearchForSeries"},
    "instances": {"SearchForInstances"},
}


def _ask(http: httpx2.Client, method: str, path: str = ROOT, accept: str | None = None) -> httpx2.Response:
    return http.request(method, path, headers={} if accept is None else {"Accept": accept})


def _methods(resource: ElementTree.Element, path: str = "") -> dict[str, dict[str, ElementTree.Element]]:
    """Path -> identifier -> method."""
    found = {path: {method.get("id", ""): method for method in resource.findall("w:method", NAMESPACE)}}
    for child in resource.findall("w:resource", NAMESPACE):
        found |= _methods(child, f"{path}/{child.get('path')}".strip("/"))
    return found


@pytest.fixture(scope="module")
def described(http: httpx2.Client) -> dict[str, dict[str, ElementTree.Element]]:
    document = ElementTree.fromstring(_ask(http, "OPTIONS").content)
    assert document.tag == f"{{{NAMESPACE['w']}}}application"
    (resources,) = document.findall("w:resources", NAMESPACE)
    return _methods(resources)


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/"])
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, WADL), ("*/*", WADL), (WADL, WADL), ("application/xml", WADL), ("application/*", WADL),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", WADL), (JSON, JSON),
        (f"{WADL};q=0.1, {JSON}", JSON), ("application/dicom+json", "application/dicom+json"),
    ],
)  # fmt: skip
def test_media_types(http: httpx2.Client, method: str, path: str, accept: str | None, content_type: str) -> None:
    answer = _ask(http, method, path, accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)


def test_nothing_acceptable_is_406(http: httpx2.Client) -> None:
    answer = _ask(http, "OPTIONS", accept="image/png")
    assert answer.status_code == 406
    assert WADL in answer.text


def test_options_names_the_methods_of_the_root(http: httpx2.Client) -> None:
    assert set(_ask(http, "OPTIONS").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_the_base_is_the_url_of_the_root(http: httpx2.Client, url: str) -> None:
    document = ElementTree.fromstring(_ask(http, "GET").content)
    assert [resources.get("base") for resources in document] == [url + ROOT]


@pytest.mark.parametrize("path", RESOURCES)
def test_resources_and_methods_of_table_h_1(described: dict[str, dict[str, Any]], path: str) -> None:
    assert RESOURCES[path] <= described[path].keys()


def test_retrieve_capabilities_does_not_describe_itself(described: dict[str, dict[str, Any]]) -> None:
    assert described[""] == {}


def test_a_retrieve_names_its_media_types(described: dict[str, dict[str, ElementTree.Element]]) -> None:
    method = described["studies/{StudyInstanceUID}"]["RetrieveStudy"]
    options = [option.get("value") for option in method.findall("w:request/w:param/w:option", NAMESPACE)]
    assert options[0] == 'multipart/related; type="application/dicom"'
    sent = [one.get("mediaType") for one in method.findall("w:response/w:representation", NAMESPACE)]
    assert sent == options


def test_a_search_names_its_parameters(described: dict[str, dict[str, ElementTree.Element]]) -> None:
    method = described["series"]["SearchForSeries"]
    names = {one.get("name") for one in method.findall("w:request/w:param", NAMESPACE)}
    assert {"limit", "offset", "fuzzymatching", "includefield", "PatientID", "Modality"} <= names
    assert "SOPInstanceUID" not in names


def test_json_says_the_same(http: httpx2.Client, described: dict[str, dict[str, ElementTree.Element]]) -> None:
    def walk(resource: dict[str, Any], path: str = "") -> dict[str, set[str]]:
        found = {path: {method["id"] for method in resource.get("method", [])}}
        for child in resource.get("resource", []):
            found |= walk(child, f"{path}/{child['path']}".strip("/"))
        return found

    (resources,) = _ask(http, "OPTIONS", accept=JSON).json()["application"]["resources"]
    assert walk(resources) == {path: methods.keys() for path, methods in described.items()}


@pytest.mark.parametrize("path", ["/studies", "/studies/1.2", "/wado", "/studies/1.2/metadata"])
def test_options_of_a_resource(http: httpx2.Client, path: str) -> None:
    answer = _ask(http, "OPTIONS", ROOT + path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "OPTIONS" in answer.headers["Allow"]


def test_options_of_nothing_is_404(http: httpx2.Client) -> None:
    assert _ask(http, "OPTIONS", f"{ROOT}/nothing").status_code == 404
