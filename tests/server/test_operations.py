"""Operations over HTTP, at every root; the worker runs here, in the test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from filmroom.archive import Archive
from filmroom.errors import BadRequest
from filmroom.protocol.dialects import ALL, Dialect
from filmroom.services import operations as service
from filmroom.services.operations import Function, Worker
from filmroom.settings import Settings
from filmroom.task import Task

AZURE = [dialect for dialect in ALL if dialect.version is not None]
STANDARD = [dialect for dialect in ALL if dialect.version is None]


@pytest.fixture
def archive(settings: Settings, http: TestClient) -> Iterator[Archive]:
    """That of the service, as another process has it open."""
    opened = Archive.open(settings)
    yield opened
    opened.close()


def tags(arguments: Any) -> list[str]:
    return [f"/extendedquerytags/{path}" for path in arguments["tags"]]


@pytest.fixture
def started(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> str:
    """An operation that every root shows."""
    monkeypatch.setattr(service, "FUNCTIONS", {"reindex": Function(lambda _: None, tags), "sweep": Function(print)})
    return service.start(archive, "reindex", {"tags": ["00101002"]})


def run(archive: Archive, function: Callable[[Task], Any]) -> None:
    assert Worker(archive, "worker", {"reindex": Function(function)}).run_next() is not None


def half_way(task: Task) -> None:
    with task.batch() as tx:
        task.save(tx, "half", 50)
    task.stopping = lambda: True
    with task.batch():
        pass


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_while_it_runs_it_is_202_and_where_to_ask_again(
    http: TestClient, archive: Archive, started: str, dialect: Dialect
) -> None:
    url = f"http://127.0.0.1:8080{dialect.root}"
    waiting = http.get(f"{dialect.root}/operations/{started}")
    assert (waiting.status_code, waiting.headers["Location"]) == (202, f"{url}/operations/{started}")
    run(archive, half_way)
    answer = http.get(f"{dialect.root}/operations/{started}").json()
    assert answer.pop("createdTime") < answer.pop("lastUpdatedTime")
    assert waiting.json()["createdTime"].endswith("Z")
    assert answer == {
        "operationId": started,
        "type": "reindex",
        "status": "running",
        "percentComplete": 50,
        "resources": [f"{url}/extendedquerytags/00101002"],
    }


@pytest.mark.parametrize(
    ("root", "status"),
    [("/v1.0-prerelease", "completed"), ("/v1", "completed"), ("/v2", "succeeded"), ("/dicomweb", "succeeded")],
)
def test_what_succeeded(http: TestClient, archive: Archive, started: str, root: str, status: str) -> None:
    run(archive, lambda _: {"counted": 5})
    answer = http.get(f"{root}/operations/{started}")
    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    told = answer.json()
    assert (told["status"], told["percentComplete"], told["results"]) == (status, 100, {"counted": 5})


def test_what_failed_says_why(http: TestClient, archive: Archive, started: str) -> None:
    def fail(_: Task) -> None:
        raise BadRequest("The container does not exist.")

    run(archive, fail)
    answer = http.get(f"/v2/operations/{started}")
    told = answer.json()
    assert (answer.status_code, told["status"], told["error"]) == (200, "failed", "The container does not exist.")


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("name", ["0" * 32, "1", "no-guid"])
def test_what_there_is_not(http: TestClient, dialect: Dialect, name: str) -> None:
    answer = http.get(f"{dialect.root}/operations/{name}")
    assert (answer.status_code, answer.text) == (404, dialect.wording.no_operation)


def test_the_id_as_net_writes_it(http: TestClient, started: str) -> None:
    hyphened = "-".join((started[:8], started[8:12], started[12:16], started[16:20], started[20:])).upper()
    for written in (hyphened, f"{{{hyphened}}}", f"({hyphened})"):
        assert http.get(f"/v2/operations/{written}").json()["operationId"] == started


def test_what_clients_of_azure_could_not_read_is_for_others(http: TestClient, archive: Archive, started: str) -> None:
    swept = service.start(archive, "sweep", {"delay": 0})
    assert [http.get(f"{dialect.root}/operations/{swept}").status_code for dialect in AZURE] == [404, 404, 404]
    assert http.get(f"/dicomweb/operations/{swept}").json()["type"] == "sweep"
    assert [one["operationId"] for one in http.get("/dicomweb/operations").json()] == [swept, started]


def test_cancel(http: TestClient, started: str) -> None:
    path = f"/dicomweb/operations/{started}"
    answer = http.post(f"{path}/cancelrequest")
    assert (answer.status_code, answer.json()["status"]) == (202, "canceled")
    assert http.get(path).json()["status"] == "canceled"
    again = http.post(f"{path}/cancelrequest")
    assert (again.status_code, again.text) == (409, "The operation has ended already: it is canceled.")
    assert http.post(f"/dicomweb/operations/{'0' * 32}/cancelrequest").status_code == 404


def test_a_sweep_is_started(http: TestClient, archive: Archive, settings: Settings) -> None:
    answer = http.post("/dicomweb/sweep")
    told = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (202, told["href"])
    assert told["href"] == f"http://127.0.0.1:8080/dicomweb/operations/{told['id']}"
    assert service.status(archive, told["id"]).arguments == {"delay": settings.sweep_delay}
    assert Worker(archive, "worker").run_next() is not None
    assert http.get(told["href"]).json()["results"] == {"filesRemoved": 0}
    assert http.post("/v2/sweep").status_code == 404


def test_the_list_and_cancel_are_no_business_of_azure(http: TestClient, started: str) -> None:
    for dialect in AZURE:
        assert http.get(f"{dialect.root}/operations").status_code == 404
        assert http.post(f"{dialect.root}/operations/{started}/cancelrequest").status_code == 404


def test_what_it_could_not_do(http: TestClient, archive: Archive, started: str) -> None:
    def half(task: Task) -> None:
        with task.batch() as tx:
            task.failed(tx, [("/studies/1", "It is gone."), ("/studies/2", "It is full.")])

    assert http.get(f"/dicomweb/operations/{started}/errors").json() == []
    run(archive, half)
    (told,) = http.get(f"/dicomweb/operations/{started}/errors?limit=1&offset=1").json()
    assert told.pop("createdTime").endswith("Z")
    assert told == {"item": "/studies/2", "errorMessage": "It is full."}


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/dicomweb/operations/{}/errors?limit=201", 400),
        ("/dicomweb/operations/{}/errors?offset=-1", 400),
        (f"/dicomweb/operations/{'0' * 32}/errors", 404),
        ("/v2/operations/{}/errors", 404),
    ],
)
def test_lists_of_errors_that_there_are_not(http: TestClient, started: str, url: str, status: int) -> None:
    assert http.get(url.format(started)).status_code == status
