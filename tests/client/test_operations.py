"""Long operations, of both clients."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from filmroom.client import BadResponse, Conflict, NotFound
from filmroom.index.operations import State
from tests.client.recorder import Recorder, Reply, json

ID = "0123456789abcdef0123456789abcdef"
TOLD: dict[str, Any] = {
    "operationId": ID,
    "type": "reindex",
    "createdTime": "2026-01-31T14:30:05.1234567Z",
    "lastUpdatedTime": "2026-01-31T14:31:00Z",
    "status": "running",
    "percentComplete": 50,
    "resources": ["http://host/v2/extendedquerytags/00101002"],
}


@pytest.fixture
def client(service: Recorder, connect: Callable[..., Any]) -> Any:
    return connect(service.url, partition="clinic")


def test_what_is_told_of_one(service: Recorder, client: Any) -> None:
    service.replies = [json(TOLD, 202)]
    found = client.operation(ID)
    assert (service.last.method, service.targets) == ("GET", [f"/operations/{ID}"])  # of no partition
    assert (found.id, found.type, found.status, found.percent) == (ID, "reindex", "running", 50)
    assert found.created == datetime(2026, 1, 31, 14, 30, 5, 123456, UTC)
    assert (found.resources, found.results, found.error) == (tuple(TOLD["resources"]), None, None)
    assert (found.ended, found.succeeded, found.json) == (False, False, TOLD)


@pytest.mark.parametrize("status", ["succeeded", "completed"])
def test_waiting_ends_with_the_operation(service: Recorder, client: Any, status: str) -> None:
    waiting = {**TOLD, "status": "notStarted", "percentComplete": None}
    service.replies = [json(waiting, 202), json(TOLD, 202), json({**TOLD, "status": status, "results": {"n": 1}})]
    found = client.wait_for_operation(ID, poll=0)
    assert (found.succeeded, found.status, found.results, len(service.requests)) == (True, "succeeded", {"n": 1}, 3)


@pytest.mark.parametrize("state", State)
def test_it_knows_which_states_are_the_last(service: Recorder, client: Any, state: State) -> None:
    service.replies = [json({**TOLD, "status": state})]
    assert client.operation(ID).ended == state.ended


def test_failure_is_told_and_not_raised(service: Recorder, client: Any) -> None:
    service.replies = [json({**TOLD, "status": "failed", "error": "The container does not exist."})]
    found = client.wait_for_operation(ID)
    assert (found.succeeded, found.error) == (False, "The container does not exist.")


def test_patience_has_an_end(service: Recorder, client: Any) -> None:
    service.replies = [json(TOLD, 202)]
    with pytest.raises(TimeoutError, match="it is running"):
        client.wait_for_operation(ID, timeout=0)


def test_list_and_cancel(service: Recorder, client: Any) -> None:
    service.replies = [json([TOLD]), json(TOLD, 202), Reply(409, body=b"It has ended already.")]
    assert [one.id for one in client.operations()] == [ID]
    assert client.cancel_operation(ID).id == ID
    with pytest.raises(Conflict, match="ended already"):
        client.cancel_operation(ID)
    assert service.targets == ["/operations", *[f"/operations/{ID}/cancelrequest"] * 2]
    assert [noted.method for noted in service.requests] == ["GET", "POST", "POST"]


@pytest.mark.parametrize("reply", [Reply(body=b"{"), json([]), json({"status": "running"})])
def test_what_is_no_operation(service: Recorder, client: Any, reply: Reply) -> None:
    service.replies = [reply]
    with pytest.raises(BadResponse, match="no operation"):
        client.operation(ID)


def test_what_is_no_list(service: Recorder, client: Any) -> None:
    service.replies = [json(TOLD)]
    with pytest.raises(BadResponse, match="no list"):
        client.operations()


@pytest.mark.parametrize("call", [lambda client: client.operations(), lambda client: client.cancel_operation(ID)])
def test_what_only_the_root_of_the_standard_has(service: Recorder, client: Any, call: Callable[[Any], Any]) -> None:
    service.replies = [Reply(404)]
    elsewhere = service.url.replace("/v2", "/dicomweb")
    with pytest.raises(NotFound, match=f"404: this root offers what the Azure service does, .*{elsewhere} does"):
        call(client)


def test_who_is_not_patient_is_told_in_words(service: Recorder, client: Any) -> None:
    service.replies = [json({**TOLD, "status": "notStarted"}, 202)]
    with pytest.raises(TimeoutError, match="it has not started yet"):
        client.wait_for_operation(ID, timeout=0)


def test_what_there_is_not(service: Recorder, client: Any) -> None:
    service.replies = [Reply(404)]
    with pytest.raises(NotFound):
        client.operation(ID)
    with pytest.raises(ValueError, match="empty"):
        client.operation("")


FAILED = {"item": "/studies/1", "createdTime": "2026-01-31T14:30:05Z", "errorMessage": "It is gone."}


def test_what_it_could_not_do(service: Recorder, client: Any) -> None:
    service.replies = [json([FAILED])]
    (found,) = client.operation_errors(ID, limit=5)
    assert service.targets == [f"/operations/{ID}/errors?limit=5&offset=0"]
    assert (found.item, found.message, found.json) == ("/studies/1", "It is gone.", FAILED)
    assert found.created == datetime(2026, 1, 31, 14, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize("told", [{}, None, [{}], [[]]])
def test_what_is_no_list_of_errors(service: Recorder, client: Any, told: Any) -> None:
    service.replies = [json(told)]
    with pytest.raises(BadResponse, match="no list of errors"):
        client.operation_errors(ID)
