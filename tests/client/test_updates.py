"""Updates of Studies, of both clients."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from filmroom.client import BadResponse, Conflict
from tests.client.recorder import Recorder, Reply, json
from tests.client.test_operations import TOLD

ID = "0123456789abcdef0123456789abcdef"
STARTED = json({"id": ID, "href": "http://host"}, 202)


@pytest.fixture
def client(service: Recorder, connect: Callable[..., Any]) -> Any:
    return connect(service.url)


def test_values_are_written_in_the_json_model(service: Recorder, client: Any) -> None:
    service.replies = [STARTED]
    values = {"PatientName": "A=I=P", "00101000": ["1", "2"], "PatientWeight": 70.5, "PatientComments": None}
    assert client.update_studies("1.2", values, series_instance_uid="3") == ID
    assert (service.last.method, service.targets) == ("POST", ["/studies/$bulkUpdate"])
    assert orjson.loads(service.last.body) == {
        "studyInstanceUids": ["1.2"],
        "seriesInstanceUid": "3",
        "changeDataset": {
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A", "Ideographic": "I", "Phonetic": "P"}]},
            "00101000": {"vr": "LO", "Value": ["1", "2"]},
            "00101030": {"vr": "DS", "Value": [70.5]},
            "00104000": {"vr": "LT", "Value": []},
        },
    }


def test_waiting_gives_the_operation_when_it_has_ended(service: Recorder, client: Any) -> None:
    service.replies = [STARTED, json(TOLD | {"status": "succeeded"})]
    scope = {"series_instance_uid": "2", "sop_instance_uid": "3"}
    assert client.update_studies_and_wait(["1"], {"PatientID": "1"}, **scope).succeeded
    sent = orjson.loads(service.requests[0].body)
    assert (sent["seriesInstanceUid"], sent["sopInstanceUid"]) == ("2", "3")


def test_what_is_no_attribute_is_not_sent(service: Recorder, client: Any) -> None:
    with pytest.raises(ValueError, match="'Nonsense' is no attribute"):
        client.update_studies("1", {"Nonsense": "1"})
    assert service.requests == []


def test_another_update_of_the_study_is_a_conflict(service: Recorder, client: Any) -> None:
    service.replies = [Reply(409, body=b"There is already an active update operation")]
    with pytest.raises(Conflict, match="already an active"):
        client.update_studies("1", {"PatientID": "1"})


def test_an_answer_without_an_operation(service: Recorder, client: Any) -> None:
    service.replies = [json([1], 202)]
    with pytest.raises(BadResponse, match="names no operation"):
        client.update_studies("1", {"PatientID": "1"})
