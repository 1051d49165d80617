"""Search for Patients at /dicomweb: no resource of PS3.18, but answered as its searches are."""

import csv
from io import StringIO

import httpx2
import pytest

from tests import data
from tests.messages import JSON, parts, sent, store, values

ROOT = "/dicomweb"


@pytest.fixture(scope="module")
def issuer(http: httpx2.Client) -> str:
    """Three patients of one issuer: A with two Studies, B and C with one."""
    issuer = data.uid()
    for identifier, name in (("A", "Roe"), ("B", "Poe"), ("A", "Roe"), ("C", "Zoe")):
        made = sent(PatientID=identifier, IssuerOfPatientID=issuer, PatientName=name, Modality="MR")
        assert store(http, ROOT, made.content).status_code == 200
    return issuer


def names(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [values(match, "00100010")[0]["Alphabetic"] for match in answer.json()]


def test_patients_with_what_is_known_of_them(http: httpx2.Client, issuer: str) -> None:
    first, *_ = http.get(f"{ROOT}/patients?IssuerOfPatientID={issuer}", headers=JSON).json()
    assert [values(first, key) for key in ("00100020", "00100021", "00201200", "00201202", "00201204")] == [
        ["A"],
        [issuer],
        [2],
        [2],
        [2],
    ]
    assert not {"0020000D", "00081190", "00080020"} & {*first}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Roe", "Poe", "Zoe"]),
        ("&orderby=PatientName", ["Poe", "Roe", "Zoe"]),
        ("&orderby=-PatientName", ["Zoe", "Roe", "Poe"]),
        ("&PatientName=?oe&PatientID=C", ["Zoe"]),
        ("&ModalitiesInStudy=CT", []),
        ("&limit=0", []),
        ("&offset=1", ["Poe", "Zoe"]),
    ],
)
def test_keys_orders_and_pages(http: httpx2.Client, issuer: str, query: str, found: list[str]) -> None:
    path = f"{ROOT}/patients?IssuerOfPatientID={issuer}{query}"
    assert names(http.get(path, headers=JSON)) == found
    answer = http.get(f"{path}&limit=1&count=true" if "limit" not in query else f"{path}&count=true", headers=JSON)
    paged = names(answer)
    assert answer.headers["X-Total-Count"] == str(len(found) + (query == "&offset=1") + 3 * (query == "&limit=0"))
    while "next" in answer.links:
        answer = http.get(answer.links["next"]["url"], headers=JSON)
        paged += names(answer)
    assert paged == found


def test_a_cursor_of_studies_is_none_of_patients(http: httpx2.Client, issuer: str) -> None:
    answer = http.get(f"{ROOT}/studies?IssuerOfPatientID={issuer}&limit=1", headers=JSON)
    url = answer.links["next"]["url"].replace("/studies?", "/patients?")
    assert http.get(url, headers=JSON).status_code == 400


def test_what_is_not_of_patients_is_passed_over(http: httpx2.Client, issuer: str) -> None:
    path = f"{ROOT}/patients?IssuerOfPatientID={issuer}&includefield=StudyDate,PatientSex&orderby=StudyDate&Modality=MR"
    answer = http.get(path, headers=JSON)
    assert names(answer) == ["Roe", "Poe", "Zoe"]
    for said in ("StudyDate was ignored: it is not", "StudyDate was ignored: answers can't", "Modality was ignored"):
        assert said in answer.headers["Warning"]


def test_patients_in_xml_and_as_a_table(http: httpx2.Client, issuer: str) -> None:
    path = f"{ROOT}/patients?IssuerOfPatientID={issuer}"
    assert len(parts(http.get(path, headers={"Accept": "application/dicom+xml"}))) == 3
    rows = csv.DictReader(StringIO(http.get(path, headers={"Accept": "text/csv"}).text, newline=""))
    assert [(row["PatientID"], row["NumberOfPatientRelatedStudies"]) for row in rows] == [
        ("A", "2"),
        ("B", "1"),
        ("C", "1"),
    ]


@pytest.mark.parametrize("root", ["/v1", "/v2"])
def test_azure_has_no_patients(http: httpx2.Client, root: str) -> None:
    assert http.get(f"{root}/patients", headers=JSON).status_code == 404
