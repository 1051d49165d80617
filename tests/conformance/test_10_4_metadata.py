"""Metadata in part (includefield), as XML (PS3.18 §8.7.3, PS3.19 Annex A), and compressed (RFC 9110 §8.4)."""

import gzip
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest
from pydicom.dataset import Dataset
from zstandard import ZstdDecompressor

from tests import data
from tests.messages import JSON, Sent, parameters, parts, sent, store

ROOT = "/dicomweb"
XML = "application/dicom+xml"
NS = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
IDENTITY = {"00080016", "00080018", "0020000D", "0020000E"}
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": lambda text: ZstdDecompressor().decompressobj().decompress(text),
}


@pytest.fixture(scope="module")
def study(http: httpx2.Client) -> list[Sent]:
    first = data.image()
    first.PatientName = "Doe^Jane"
    request = Dataset()
    request.ScheduledProcedureStepID, request.RequestedProcedureID = "S1", "R1"
    first.RequestAttributesSequence = [request]
    made = [sent(first), sent(StudyInstanceUID=first.StudyInstanceUID, StudyDescription="<&> \x0c")]
    assert store(http, ROOT, *(one.content for one in made)).status_code in {200, 202}
    return made


@pytest.fixture(scope="module")
def long(http: httpx2.Client) -> Sent:
    """Metadata of some kilobytes."""
    made = sent(ImageComments="comment " * 1000)
    assert store(http, ROOT, made.content).status_code in {200, 202}
    return made


def metadata(http: httpx2.Client, path: str, **headers: str) -> httpx2.Response:
    return http.get(f"{ROOT}{path}", headers={**JSON, "Accept-Encoding": "identity", **headers})


# --- includefield


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("includefield=PatientName", {"00100010"}),
        ("includefield=00100010", {"00100010"}),
        ("includefield=PatientName,Rows", {"00100010", "00280010"}),
        ("includefield=PatientName&includefield=Rows", {"00100010", "00280010"}),
        ("IncludeField=PatientName%2CRows", {"00100010", "00280010"}),
        ("includefield=7FE00010", {"7FE00010"}),
        ("includefield=RequestAttributesSequence", {"00400275"}),
    ],
)
def test_only_what_is_asked_for(http: httpx2.Client, study: list[Sent], query: str, more: set[str]) -> None:
    [found] = metadata(http, f"{study[0].instance}/metadata?{query}").json()
    everything = metadata(http, f"{study[0].instance}/metadata").json()[0]
    assert found.keys() == IDENTITY | more
    assert found == {key: everything[key] for key in found}


def test_an_attribute_of_a_sequence(http: httpx2.Client, study: list[Sent]) -> None:
    path = f"{study[0].instance}/metadata?includefield=RequestAttributesSequence.ScheduledProcedureStepID"
    assert metadata(http, path).json()[0]["00400275"]["Value"] == [{"00400009": {"vr": "SH", "Value": ["S1"]}}]


@pytest.mark.parametrize("query", ["", "?includefield=all", "?includefield=", "?includefield=PatientName,all"])
def test_everything(http: httpx2.Client, study: list[Sent], query: str) -> None:
    assert "00280010" in metadata(http, f"{study[0].instance}/metadata{query}").json()[0]


def test_what_is_no_attribute_is_told(http: httpx2.Client, study: list[Sent]) -> None:
    answer = metadata(http, f"{study[0].study}/metadata?includefield=PatientsName%0d%0aX,StudyID")
    assert answer.status_code == 200
    assert "PatientsName??X was ignored" in answer.headers["Warning"]
    assert all(found.keys() == IDENTITY | {"00200010"} for found in answer.json())


def test_the_dialects_of_azure_take_no_notice(http: httpx2.Client, study: list[Sent]) -> None:
    answer = http.get(f"/v2{study[0].instance}/metadata?includefield=PatientName", headers=JSON)
    assert "00280010" in answer.json()[0]


# --- XML


def document(content: bytes) -> dict[str, Any]:
    root = ElementTree.fromstring(content)
    assert root.tag == f"{NS}NativeDicomModel"
    return {child.attrib["tag"]: child for child in root}


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_a_part_for_each_instance(http: httpx2.Client, url: str, study: list[Sent], level: str) -> None:
    path = getattr(study[0], level)
    answer = metadata(http, f"{path}/metadata", Accept=f'multipart/related; type="{XML}"')
    assert parameters(answer)["type"] == XML
    found = parts(answer)
    assert len(found) == (2 if level == "study" else 1)
    assert {part.headers["Content-Type"] for part in found} == {XML}
    assert found[0].headers["Content-Location"] == f"{url}{ROOT}{study[0].instance}/metadata"
    assert [document(part.content)["00080018"][0].text for part in found] == [
        one.dataset.SOPInstanceUID for one in study[: len(found)]
    ]


def test_names_bulk_data_and_items(http: httpx2.Client, url: str, study: list[Sent]) -> None:
    answer = metadata(http, f"{study[0].instance}/metadata", Accept=XML)
    assert answer.headers["Content-Type"] == XML
    found = document(answer.content)
    [person] = found["00100010"]
    assert [(part.tag, part.text) for part in person[0]] == [(f"{NS}FamilyName", "Doe"), (f"{NS}GivenName", "Jane")]
    assert found["7FE00010"][0].attrib["uri"] == f"{url}{ROOT}{study[0].instance}/bulkdata/7FE00010"
    assert [child.attrib["keyword"] for child in found["00400275"][0]] == [
        "ScheduledProcedureStepID",
        "RequestedProcedureID",
    ]


def test_characters_that_xml_does_not_have(http: httpx2.Client, study: list[Sent]) -> None:
    found = document(metadata(http, f"{study[1].instance}/metadata", Accept=XML).content)
    assert found["00081030"][0].text == "<&> \ufffd"


def test_some_attributes_as_xml(http: httpx2.Client, study: list[Sent]) -> None:
    found = document(metadata(http, f"{study[0].instance}/metadata?includefield=PatientName", Accept=XML).content)
    assert found.keys() == IDENTITY | {"00100010"}


@pytest.mark.parametrize("accept", ["*/*", f"{XML};q=0.5, application/dicom+json", f"application/json, {XML}"])
def test_json_where_that_is_as_good(http: httpx2.Client, study: list[Sent], accept: str) -> None:
    answer = metadata(http, f"{study[0].instance}/metadata", Accept=accept)
    assert answer.headers["Content-Type"] == "application/dicom+json"


def test_no_xml_in_the_dialects_of_azure(http: httpx2.Client, study: list[Sent]) -> None:
    assert http.get(f"/v2{study[0].instance}/metadata", headers={"Accept": XML}).status_code == 406


# --- Content codings


def raw(http: httpx2.Client, path: str, **headers: str) -> tuple[httpx2.Headers, bytes]:
    with http.stream("GET", path, headers={**JSON, **headers}) as answer:
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize("root", [ROOT, "/v2"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_long_metadata_is_compressed(http: httpx2.Client, long: Sent, root: str, coding: str) -> None:
    path = f"{root}{long.study}/metadata"
    _, plain = raw(http, path, **{"Accept-Encoding": "identity"})
    headers, content = raw(http, path, **{"Accept-Encoding": coding})
    assert (headers["Content-Encoding"], headers["Vary"]) == (coding, "Accept, Accept-Encoding")
    assert DECODE[coding](content) == plain
    assert len(content) < len(plain) / 4


def test_compressed_text_has_a_weak_version_that_is_known_all_the_same(http: httpx2.Client, long: Sent) -> None:
    path = f"{ROOT}{long.study}/metadata"
    headers, _ = raw(http, path, **{"Accept-Encoding": "gzip"})
    plain, _ = raw(http, path, **{"Accept-Encoding": "identity"})
    assert headers["ETag"] == "W/" + plain["ETag"]
    assert metadata(http, f"{long.study}/metadata", **{"If-None-Match": headers["ETag"]}).status_code == 304


def test_short_metadata_is_not(http: httpx2.Client) -> None:
    made = sent()
    store(http, ROOT, made.content)
    headers, _ = raw(http, f"{ROOT}{made.study}/metadata", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Accept, Accept-Encoding"


def test_long_searches_are_compressed(http: httpx2.Client, long: Sent) -> None:
    path = f"{ROOT}{long.study}/instances?includefield=ImageComments"
    _, plain = raw(http, path, **{"Accept-Encoding": "identity"})
    headers, content = raw(http, path, **{"Accept-Encoding": "gzip"})
    assert (headers["Content-Encoding"], gzip.decompress(content)) == ("gzip", plain)


def test_instances_are_never_compressed(http: httpx2.Client, long: Sent) -> None:
    headers, _ = raw(http, f"{ROOT}{long.study}", Accept="*/*", **{"Accept-Encoding": "gzip, zstd"})
    assert "Content-Encoding" not in headers


def test_xml_of_a_study_goes_in_several_parts(http: httpx2.Client, study: list[Sent]) -> None:
    accept = {"Accept": "application/dicom+xml"}
    assert http.get(f"{ROOT}{study[0].study}/metadata", headers=accept).status_code == 406
    assert http.get(f"{ROOT}{study[0].instance}/metadata", headers=accept).status_code == 200
