"""Search Transaction, the media types of its answers (PS3.18 §10.6.4): JSON, XML, and tables in CSV."""

import csv
from io import StringIO
from xml.etree import ElementTree

import httpx2
import pytest

from filmroom.dicom import attributes
from filmroom.dicom.xml_model import NAMESPACE
from tests import data
from tests.messages import JSON, parts, sent, store

ROOT = "/dicomweb"
XML = 'multipart/related; type="application/dicom+xml"'
CSV = "text/csv"


@pytest.fixture(scope="module")
def study(http: httpx2.Client) -> str:
    """A Study of two Series."""
    study, patient = data.uid(), data.uid()
    for number in (1, 2):
        made = sent(
            StudyInstanceUID=study,
            PatientID=patient,
            PatientName='Doe, "J"^Ann',
            StudyDescription="=cmd()",
            Modality="CT" if number == 1 else "MR",
            SeriesNumber=number,
        )
        assert store(http, ROOT, made.content).status_code == 200
    return study


def resources(study: str) -> list[str]:
    own = f"StudyInstanceUID={study}"
    return [
        f"/studies?{own}",
        f"/series?{own}",
        f"/instances?{own}&includefield=all",
        f"/studies/{study}/series?",
        f"/studies/{study}/instances?limit=1",
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("accept", [XML, "application/dicom+xml"])
def test_each_match_is_a_part_in_xml(http: httpx2.Client, study: str, number: int, accept: str) -> None:
    path = ROOT + resources(study)[number]
    answer, same = http.get(path, headers={"Accept": accept}), http.get(path, headers=JSON)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(XML)
    assert answer.headers.get("Link") == same.headers.get("Link")
    matches = same.json()
    assert len(parts(answer)) == len(matches)
    for part, match in zip(parts(answer), matches, strict=True):
        assert part.headers["Content-Type"] == "application/dicom+xml"
        found = ElementTree.fromstring(part.content)
        assert found.tag == f"{{{NAMESPACE}}}NativeDicomModel"
        assert [one.attrib["tag"] for one in found] == list(match)


def table(answer: httpx2.Response) -> list[dict[str, str]]:
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(StringIO(answer.text, newline="")))


def test_studies_as_a_table(http: httpx2.Client, study: str) -> None:
    (row,) = table(http.get(f"{ROOT}/studies?StudyInstanceUID={study}", headers={"Accept": CSV}))
    assert row["StudyInstanceUID"] == study
    assert row["PatientName"] == 'Doe, "J"^Ann'
    assert row["StudyDescription"] == "'=cmd()"
    assert {*row["ModalitiesInStudy"].split("\\")} == {"CT", "MR"}
    assert row["RetrieveURL"].endswith(study)


@pytest.mark.parametrize("level", ["series", "instances"])
def test_the_columns_are_the_attributes_of_the_answer(http: httpx2.Client, study: str, level: str) -> None:
    path = f"{ROOT}/studies/{study}/{level}?includefield=PatientName,RescaleSlope,ProcedureCodeSequence"
    rows = table(http.get(path, headers={"Accept": CSV}))
    assert len(rows) == 2
    assert {"PatientName", "SeriesInstanceUID", "RescaleSlope"} <= {*rows[0]}
    assert not {"RequestAttributesSequence", "ProcedureCodeSequence"} & {*rows[0]}


def test_all_attributes_of_studies_are_those_that_are_held(http: httpx2.Client, study: str) -> None:
    (row,) = table(http.get(f"{ROOT}/studies?StudyInstanceUID={study}&includefield=all", headers={"Accept": CSV}))
    assert {"StudyDescription", "PatientSize", "NumberOfStudyRelatedSeries", "InstanceAvailability"} <= {*row}
    assert row["NumberOfStudyRelatedSeries"] == "2"


@pytest.mark.parametrize("path", ["/instances?includefield=all", "/studies?includefield=0010xxxx"])
def test_a_table_needs_to_know_its_columns(http: httpx2.Client, study: str, path: str) -> None:
    answer = http.get(ROOT + path, headers={"Accept": CSV})
    assert (answer.status_code, "its columns are known before its rows" in answer.text) == (400, True)


def test_nothing_found(http: httpx2.Client) -> None:
    path = f"{ROOT}/studies?PatientID=nobody"
    assert http.get(path, headers={"Accept": XML}).status_code == 204
    answer = http.get(path, headers={"Accept": CSV})
    assert (table(answer), answer.text.count("\r\n")) == ([], 1)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/dicom+json"),
        ("application/*", "application/dicom+json"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "application/dicom+json"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("text/csv;q=0.5, application/dicom+json", "application/dicom+json"),
    ],
)
def test_what_is_chosen(http: httpx2.Client, study: str, accept: str, media_type: str) -> None:
    answer = http.get(f"{ROOT}/studies/{study}/series", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith(media_type)


def test_the_query_chooses_as_well(http: httpx2.Client, study: str) -> None:
    answer = http.get(f"{ROOT}/studies/{study}/series?accept=text/csv", headers={"Accept": "*/*"})
    assert answer.headers["Content-Type"].startswith("text/csv")


def test_what_a_table_has_no_column_for_is_said(http: httpx2.Client, study: str) -> None:
    path = f"{ROOT}/studies/{study}/series"
    asked = "includefield=ProcedureCodeSequence.CodeValue,00111003,KVP"
    warning = http.get(f"{path}?{asked}", headers={"Accept": CSV}).headers["Warning"]
    assert "00111003 was ignored: a table has no column for it." in warning
    assert "ProcedureCodeSequence was ignored: a table has no column for it." in warning
    assert "KVP" not in warning
    by_sequence = f"{path}?RequestAttributesSequence.ScheduledProcedureStepID=1"
    assert "Warning" not in http.get(by_sequence, headers={"Accept": CSV}).headers
    assert "Warning" not in http.get(path, headers={"Accept": CSV}).headers
    assert "Warning" not in http.get(f"{path}?{asked}", headers=JSON).headers


def test_a_table_has_not_endless_columns(http: httpx2.Client, study: str) -> None:
    names = ",".join(f"{tag:08X}" for tag in sorted(attributes.VRS)[:900])
    answer = http.get(f"{ROOT}/studies?includefield={names}", headers={"Accept": CSV})
    assert (answer.status_code, "500 are the most" in answer.text) == (400, True)


def test_a_table_of_everything_has_what_is_searched_by(http: httpx2.Client, study: str) -> None:
    asked = f"{ROOT}/studies?StudyInstanceUID={study}&includefield=all&OperatorsName="
    header, *rows = csv.reader(StringIO(http.get(asked, headers={"Accept": CSV}).text, newline=""))
    assert ("OperatorsName" in header, len(rows)) == (True, 1)


@pytest.mark.parametrize("accept", [CSV, XML, "text/html"])
@pytest.mark.parametrize("root", ["/v1", "/v2"])
def test_azure_has_json_alone(http: httpx2.Client, study: str, root: str, accept: str) -> None:
    assert http.get(f"{root}/studies", headers={"Accept": accept}).status_code == 406
