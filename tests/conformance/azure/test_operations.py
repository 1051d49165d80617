"""Long operations as the Azure DICOM service tells of them, seen by those that index for a query tag."""

from collections.abc import Iterator
from datetime import datetime

import httpx2
import pytest

from tests import service
from tests.conformance.conftest import served
from tests.conftest import Elsewhere
from tests.messages import sent, store
from tests.postgresql import EACH

TAG = "00201002"  # ImagesInAcquisition
SUCCEEDED = {"/v1.0-prerelease": "completed", "/v1": "completed", "/v2": "succeeded", "/dicomweb": "succeeded"}


@pytest.fixture(params=SUCCEEDED)
def root(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=EACH)
def url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[str]:
    """A service of its own: what others have stored would be indexed, too, and that takes its time."""
    with served(tmp_path_factory.mktemp("operations") / "data", elsewhere(request.param)) as address:
        yield address


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=60) as client:
        client.headers.clear()
        yield client


@pytest.fixture
def started(http: httpx2.Client, root: str) -> Iterator[httpx2.Response]:
    """What is answered to who declares a tag, which is gone after the test."""
    assert store(http, "/v2", sent(ImagesInAcquisition="3").content).status_code == 200
    yield http.post(f"{root}/extendedquerytags", json=[{"path": TAG, "level": "Series"}])
    assert http.delete(f"{root}/extendedquerytags/{TAG}").status_code == 204


def ended(http: httpx2.Client, started: httpx2.Response) -> list[httpx2.Response]:
    """All that is answered to who asks until it has ended, the last."""
    answers: list[httpx2.Response] = []

    def has_ended() -> bool:
        answers.append(http.get(started.headers["Location"]))
        return answers[-1].status_code != 202

    service.wait_until(has_ended)
    return answers


def test_until_it_has_ended_it_is_202_and_where_to_ask_again(http: httpx2.Client, started: httpx2.Response) -> None:
    *answers, _ = ended(http, started)
    for answer in (started, *answers):
        assert (answer.status_code, answer.headers["Location"]) == (202, started.headers["Location"])
    assert {answer.json()["status"] for answer in answers} <= {"notStarted", "running"}


def test_what_it_says_at_its_end(http: httpx2.Client, url: str, root: str, started: httpx2.Response) -> None:
    answer = ended(http, started)[-1]
    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    told = answer.json()
    created, updated = (datetime.fromisoformat(told.pop(name)) for name in ("createdTime", "lastUpdatedTime"))
    assert created <= updated
    assert told == {
        "operationId": started.json()["id"],
        "type": "reindex",
        "status": SUCCEEDED[root],
        "percentComplete": 100,
        "resources": [f"{url}{root}/extendedquerytags/{TAG}"],
    }


@pytest.mark.parametrize("form", ["{0}", "{1}", "{{{1}}}", "({1})"])
def test_its_id_is_a_guid_in_any_form(http: httpx2.Client, root: str, started: httpx2.Response, form: str) -> None:
    plain = started.json()["id"]
    hyphened = "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:])).upper()
    answer = http.get(f"{root}/operations/{form.format(plain, hyphened)}")
    assert answer.json()["operationId"] == plain
    ended(http, started)


@pytest.mark.parametrize("name", ["0" * 32, "no-guid", "7"])
def test_what_there_is_not(http: httpx2.Client, root: str, name: str) -> None:
    answer = http.get(f"{root}/operations/{name}")
    assert (answer.status_code, answer.content == b"") == (404, root != "/dicomweb")
