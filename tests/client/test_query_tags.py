"""Extended query tags, of both clients."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from filmroom.client import BadResponse, Conflict, NewQueryTag, NotFound
from tests.client.recorder import Recorder, Reply, json

ID = "0123456789abcdef0123456789abcdef"
TAG: dict[str, Any] = {
    "path": "00111003",
    "vr": "LO",
    "privateCreator": "MAKER",
    "level": "series",
    "status": "adding",
    "queryStatus": "disabled",
    "errors": {"count": 2, "href": "http://host/v2/extendedquerytags/00111003/errors"},
    "operation": {"id": ID, "href": f"http://host/v2/operations/{ID}"},
}
PLAIN = {"path": "00200012", "vr": "IS", "level": "Instance", "status": "Ready", "queryStatus": "Enabled"}
ERROR = {
    "studyInstanceUid": "1",
    "seriesInstanceUid": "2",
    "sopInstanceUid": "3",
    "createdTime": "2026-01-31T14:30:05.1234567Z",
    "errorMessage": "Value length is not 4.",
}


@pytest.fixture
def client(service: Recorder, connect: Callable[..., Any]) -> Any:
    return connect(service.url, partition="clinic")


def test_a_name_alone_is_no_new_tag(service: Recorder, client: Any) -> None:
    with pytest.raises(TypeError, match=r'such as NewQueryTag\("ProtocolName", "series"\), not \'PatientAge\''):
        client.add_query_tags("PatientAge")
    assert service.requests == []


def test_add(service: Recorder, client: Any) -> None:
    service.replies = [json({"id": ID, "href": "http://host"}, 202)]
    tags = (NewQueryTag("00111003", "series", vr="LO", private_creator="MAKER"), NewQueryTag("PatientAge", "study"))
    assert client.add_query_tags(*tags) == ID
    assert (service.last.method, service.targets) == ("POST", ["/extendedquerytags"])  # of no partition
    assert service.last.headers["Content-Type"] == "application/json; charset=utf-8"
    assert orjson.loads(service.last.body) == [
        {"path": "00111003", "vr": "LO", "level": "series", "privateCreator": "MAKER"},
        {"path": "PatientAge", "level": "study"},
    ]


def test_list_and_read(service: Recorder, client: Any) -> None:
    service.replies = [json([TAG, PLAIN]), json(PLAIN)]
    private, plain = client.query_tags()
    assert (private.path, private.vr, private.level, private.private_creator) == ("00111003", "LO", "series", "MAKER")
    assert (private.status, private.enabled, private.errors, private.operation) == ("adding", False, 2, ID)
    assert (plain.status, plain.enabled, plain.errors, plain.operation) == ("ready", True, 0, None)
    assert (plain.private_creator, plain.json) == (None, PLAIN)
    assert client.query_tag("AcquisitionNumber") == plain
    assert service.targets == ["/extendedquerytags?limit=200", "/extendedquerytags/AcquisitionNumber"]


@pytest.mark.parametrize(("enabled", "sent"), [(True, "Enabled"), (False, "Disabled")])
def test_update(service: Recorder, client: Any, enabled: bool, sent: str) -> None:
    service.replies = [json(PLAIN)]
    assert client.update_query_tag("00200012", enabled=enabled).path == "00200012"
    assert (service.last.method, orjson.loads(service.last.body)) == ("PATCH", {"queryStatus": sent})


def test_errors(service: Recorder, client: Any) -> None:
    service.replies = [json([ERROR])]
    (error,) = client.query_tag_errors("00101010", limit=10, offset=5)
    assert (error.study_instance_uid, error.series_instance_uid, error.sop_instance_uid) == ("1", "2", "3")
    assert (error.created, error.message) == (
        datetime(2026, 1, 31, 14, 30, 5, 123456, UTC),
        "Value length is not 4.",
    )
    assert service.targets == ["/extendedquerytags/00101010/errors?limit=10&offset=5"]


def test_delete(service: Recorder, client: Any) -> None:
    service.replies = [Reply(204), Reply(404, body=b"Not there.")]
    client.delete_query_tag("00101010")
    with pytest.raises(NotFound, match="Not there"):
        client.delete_query_tag("00101010")
    assert [noted.method for noted in service.requests] == ["DELETE", "DELETE"]


def test_what_is_refused(service: Recorder, client: Any) -> None:
    service.replies = [Reply(409, body=b"One or more extended query tags already exist.")]
    with pytest.raises(Conflict, match="already exist"):
        client.add_query_tags(NewQueryTag("PatientAge", "study"))
    with pytest.raises(ValueError, match="empty"):
        client.query_tag("")


@pytest.mark.parametrize("reply", [Reply(body=b"<html>"), json({}), json([{"path": "1"}]), json([1])])
def test_answers_that_are_none(service: Recorder, client: Any, reply: Reply) -> None:
    service.replies = [reply]
    calls = (
        lambda: client.add_query_tags(NewQueryTag("PatientAge", "study")),
        client.query_tags,
        lambda: client.query_tag("PatientAge"),
        lambda: client.query_tag_errors("PatientAge"),
    )
    for call in calls:
        with pytest.raises(BadResponse):
            call()
