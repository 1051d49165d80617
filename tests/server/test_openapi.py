"""The OpenAPI document is true: whatever it allows gets an answer that it knows (found by schemathesis)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from filmroom.protocol.dialects import ALL
from filmroom.server import openapi, table
from filmroom.server.app import create
from filmroom.settings import Settings
from tests import data
from tests.messages import DICOM, body, related, sent, store

DOCUMENT = openapi.document()
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
STORED = sent(data.image(frames=3))
UIDS = {
    "study": STORED.dataset.StudyInstanceUID,
    "series": STORED.dataset.SeriesInstanceUID,
    "instance": STORED.dataset.SOPInstanceUID,
}
QUERIED = {"studyUID": UIDS["study"], "seriesUID": UIDS["series"], "objectUID": UIDS["instance"]}
ACCEPT = st.sampled_from(
    [
        {}, {"Accept": "*/*"}, {"Accept": "application/dicom+json"}, {"Accept": "application/dicom; transfer-syntax=*"},
        {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}, {"Accept": "image/png"},
        {"Accept": 'multipart/related; type="application/octet-stream"'}, {"Accept": "text/html"},
    ]
)  # fmt: skip
BODIES = st.sampled_from(
    [
        (STORED.content, DICOM),
        (body(STORED.content, b"no file"), related()),
        (b"", DICOM),
        (b"{}", {}),
        (b"x", related()),
    ]
)


def _without_bodies() -> dict[str, Any]:
    """The test makes the bodies: DICOM files are more than a schema can say."""
    paths = {
        path: {verb: {**operation, "requestBody": None} for verb, operation in item.items()}
        for path, item in DOCUMENT["paths"].items()
    }
    for item in paths.values():
        for operation in item.values():
            del operation["requestBody"]
    return {**DOCUMENT, "paths": paths}


SCHEMA = schemathesis.openapi.from_dict(_without_bodies())
ENDLESS = {"/dicomweb/events"}  # `test_events` asks those
OPERATIONS = [
    one for result in SCHEMA.get_all_operations() if isinstance(result, Ok) and (one := result.ok()).path not in ENDLESS
]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data=tmp_path_factory.mktemp("openapi") / "data", codec_processes=1)
    with TestClient(create(settings), base_url="http://127.0.0.1:8080") as client:
        client.headers.clear()
        yield client


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_what_the_document_allows_is_answered_as_it_says(http: TestClient, operation: Any) -> None:
    cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)

    @hypothesis_settings(max_examples=8, database=None, suppress_health_check=list(HealthCheck))
    @given(cases, st.booleans(), ACCEPT, BODIES)
    def ask(case: Case[Any], real: bool, accept: dict[str, str], sent_body: tuple[bytes, dict[str, str]]) -> None:
        if real:
            store(http, ALL[-1].root, STORED.content)  # an earlier example may have deleted it
            case.path_parameters |= {name: uid for name, uid in UIDS.items() if name in case.path_parameters}
            case.query |= {name: uid for name, uid in QUERIED.items() if name in case.query}
        wire = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
        content, content_type = sent_body if case.method in {"POST", "PUT"} else (None, {})
        answer = http.request(
            case.method,
            unquote(wire["url"]),
            params=wire.get("params"),
            headers=accept | content_type,
            content=content,
        )
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_it_is_served(http: TestClient) -> None:
    assert http.get("/openapi.json").json() == DOCUMENT


def test_all_of_it_is_asked() -> None:
    assert len(OPERATIONS) + len(ENDLESS) == sum(len(item) for item in DOCUMENT["paths"].values())


def test_it_has_every_method_of_every_dialect() -> None:
    listed = sum(len(item) for item in DOCUMENT["paths"].values())
    assert listed == 1 + sum(len(table.methods(dialect, partitions=False)) for dialect in ALL)


def test_it_says_how_to_send_a_token_and_what_comes_without() -> None:
    assert DOCUMENT["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert DOCUMENT["security"] == [{"token": []}, {}]
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            assert (path == "/health/check") != ({"401", "403", "429"} <= operation["responses"].keys())


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_a_store_says_what_it_receives() -> None:
    received = DOCUMENT["paths"]["/dicomweb/studies"]["post"]["requestBody"]["content"]
    assert list(received) == ["multipart/related", "application/dicom"]


@pytest.mark.parametrize("root", ["/v2", "/dicomweb"])
def test_an_update_says_what_it_receives(root: str) -> None:
    update = DOCUMENT["paths"][f"{root}/studies/$bulkUpdate"]["post"]
    schema = update["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["studyInstanceUids", "changeDataset"]
    assert schema["properties"].keys() >= {"seriesInstanceUid", "sopInstanceUid"}
    assert update["responses"]["202"]["content"]["application/json"]["schema"]["$ref"].endswith("/Reference")


@pytest.mark.parametrize(("path", "heeded"), [("", True), ("/metadata", True), ("/rendered", False)])
def test_who_heeds_the_header_for_first_versions_is_told(path: str, heeded: bool) -> None:
    for resource in ("/studies/{study}", "/studies/{study}/series/{series}/instances/{instance}"):
        told = DOCUMENT["paths"][f"/dicomweb{resource}{path}"]["get"]["parameters"]
        assert [one["name"] for one in told if one["in"] == "header"] == ["msdicom-request-original"] * heeded


def test_versions_and_ranges_are_told_where_they_are_served() -> None:
    instance = "/studies/{study}/series/{series}/instances/{instance}"
    paths = DOCUMENT["paths"]
    told = {
        path: {"206", "304", "416"} & paths[path]["get"]["responses"].keys()
        for path in (
            f"/dicomweb{instance}",
            f"/dicomweb{instance}/metadata",
            f"/v2{instance}",
            f"/v2{instance}/metadata",
        )
    }
    assert list(told.values()) == [{"206", "304", "416"}, {"304"}, set(), {"304"}]


@pytest.mark.parametrize(
    ("path", "known", "azure"),
    [
        ("", {"dicomdir"}, set()),
        ("/rendered", {"quality", "window", "viewport", "annotation", "iccprofile"}, {"quality"}),
    ],
)
def test_parameters_are_told_where_they_mean_something(path: str, known: set[str], azure: set[str]) -> None:
    instance = "/studies/{study}/series/{series}/instances/{instance}" + path
    for root, expected in (("/dicomweb", known), ("/v2", azure)):
        told = DOCUMENT["paths"][root + instance]["get"]["parameters"]
        assert {one["name"] for one in told if one["in"] == "query"} - {"accept"} == expected
