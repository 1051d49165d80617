"""Search Transaction, its pages (PS3.18 §8.3.4.4, RFC 8288): orders, cursors, totals, and what is said of the rest."""

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest

from tests import data
from tests.messages import JSON, sent, store, values

ROOT = "/dicomweb"


@pytest.fixture(scope="module")
def patient(http: httpx2.Client) -> str:
    """Seven Studies of one patient."""
    patient = data.uid()
    for number in range(7):
        name, date = f"Doe^{'ABC'[number % 3]}", f"2024010{number}" if number else ""
        made = sent(PatientID=patient, PatientName=name, StudyDate=date, StudyID=str(number))
        assert store(http, ROOT, made.content).status_code == 200
    return patient


def pages(http: httpx2.Client, path: str) -> Iterator[httpx2.Response]:
    """The answers, from the first on, as their headers say."""
    following: str | None = path
    while following is not None:
        answer = http.get(following, headers=JSON)
        assert answer.status_code == 200, answer.text
        yield answer
        following = answer.links.get("next", {}).get("url")


def identifiers(answer: httpx2.Response) -> list[str]:
    return [values(match, "00200010")[0] for match in answer.json()]


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("", "6543210"),
        ("StudyDate", "1234560"),
        ("-StudyDate", "6543210"),
        ("StudyDate desc", "6543210"),
        ("00100010,StudyDate", "3601425"),
        ("-PatientName, StudyID asc", "2514036"),
    ],
)
def test_the_pages_are_all_there_is_in_order(
    http: httpx2.Client, patient: str, order: str, found: str, limit: int
) -> None:
    answers = list(pages(http, f"{ROOT}/studies?PatientID={patient}&orderby={quote(order)}&limit={limit}"))
    assert "".join(identifier for answer in answers for identifier in identifiers(answer)) == found
    assert len(answers) == -(-7 // limit)  # there is a next page only if there is something on it


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances", "/studies/{}/series", "/studies/{}/instances"])
def test_each_resource_has_pages(http: httpx2.Client, path: str) -> None:
    patient, study = data.uid(), data.uid()
    for _ in range(3):
        made = sent(PatientID=patient, StudyInstanceUID=study if "{" in path else data.uid())
        assert store(http, ROOT, made.content).status_code == 200
    answers = list(pages(http, f"{ROOT}{path.format(study)}?PatientID={patient}&limit=2&orderby=PatientName"))
    assert [len(answer.json()) for answer in answers] == [2, 1]


def test_the_link_is_absolute_and_keeps_the_parameters(http: httpx2.Client, url: str, patient: str) -> None:
    asked = f"PatientID={patient}&limit=2&offset=1&IncludeField=StudyID&PatientName=Doe*"
    answer = http.get(f"{ROOT}/studies?{asked}", headers=JSON)
    link = urlsplit(answer.links["next"]["url"])
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"{url}{ROOT}/studies"
    said = parse_qs(link.query)
    assert said.pop("cursor")
    assert said == {"PatientID": [patient], "limit": ["2"], "IncludeField": ["StudyID"], "PatientName": ["Doe*"]}
    assert identifiers(answer) + identifiers(http.get(answer.links["next"]["url"])) == ["5", "4", "3", "2"]


def test_a_cursor_tells_nothing_of_the_patient(http: httpx2.Client, patient: str) -> None:
    answer = http.get(f"{ROOT}/studies?PatientID={patient}&orderby=PatientID,-StudyID&limit=1", headers=JSON)
    assert values(answer.json()[0], "00100020") == [patient]
    [cursor] = parse_qs(urlsplit(answer.links["next"]["url"]).query)["cursor"]
    assert patient.encode() not in urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("&PatientName=Doe", "is not one that an answer to this search came with"),
        ("&orderby=StudyID", "is not one that an answer to this search came with"),
        ("&offset=1", "exclude each other"),
    ],
)
def test_a_cursor_of_another_search_is_400(http: httpx2.Client, patient: str, changed: str, said: str) -> None:
    answer = http.get(f"{ROOT}/studies?PatientID={patient}&limit=2", headers=JSON)
    refused = http.get(answer.links["next"]["url"] + changed, headers=JSON)
    assert (refused.status_code, said in refused.text) == (400, True)


@pytest.mark.parametrize("cursor", ["1", "é", "....", "AAAAAAAAAAAAAAAAAAAAAAAA", "A" * 5000, "0", "\0"])
def test_a_cursor_that_was_made_up_is_400(http: httpx2.Client, cursor: str) -> None:
    refused = http.get(f"{ROOT}/studies?cursor={quote(cursor)}", headers=JSON)
    assert (refused.status_code, "follow the header Link" in refused.text) == (400, True)


def test_how_many_there_are_is_said_to_who_asks(http: httpx2.Client, patient: str) -> None:
    for answer in pages(http, f"{ROOT}/studies?PatientID={patient}&limit=3&count=true"):
        assert answer.headers["X-Total-Count"] == "7"
    assert "X-Total-Count" not in http.get(f"{ROOT}/studies?PatientID={patient}").headers
    only = http.get(f"{ROOT}/studies?PatientID={patient}&limit=0&count=true")
    assert (only.headers["X-Total-Count"], only.json(), "Link" in only.headers) == ("7", [], False)
    assert http.get(f"{ROOT}/studies?count=maybe").status_code == 400


def test_an_order_that_cannot_be_is_passed_over_with_a_warning(http: httpx2.Client, patient: str) -> None:
    order = "NoSuchKeyword,SeriesNumber,ModalitiesInStudy,Rows,StudyID"
    answer = http.get(f"{ROOT}/studies?PatientID={patient}&orderby={order}", headers=JSON)
    assert identifiers(answer) == list("0123456")
    for name in order.split(",")[:-1]:
        assert f"{name} was ignored: answers can't be ordered by it" in answer.headers["Warning"]
    refused = http.get(f"{ROOT}/studies?orderby=StudyID,StudyDate,StudyTime,PatientName,PatientID", headers=JSON)
    assert (refused.status_code, "it takes 4" in refused.text) == (400, True)


@pytest.mark.parametrize("name", ["orderby=StudyDate", "cursor=abc", "count=true"])
@pytest.mark.parametrize("root", ["/v1", "/v2"])
def test_azure_knows_none_of_it(http: httpx2.Client, patient: str, root: str, name: str) -> None:
    assert http.get(f"{root}/studies?{name}", headers=JSON).status_code == 400
    answer = http.get(f"{root}/studies?PatientID={patient}&limit=2", headers=JSON)
    assert (len(answer.json()), "Link" in answer.headers) == (2, False)
