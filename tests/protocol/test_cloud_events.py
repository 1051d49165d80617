"""CloudEvents, as the Azure service sends them."""

from typing import Any

import orjson
import pytest

from filmroom.dicom.resources import Resource
from filmroom.protocol import cloud_events
from filmroom.protocol.cloud_events import Event, Source, Trial

EVENT = Event(7, 0.5, "update", "Microsoft.Default", Resource("1.2", "1.3", "1.4"))


def told(source: Source, event: Event | Trial) -> dict[str, Any]:
    """What a message of one event says, which is the same in a batch."""
    content_type, body = cloud_events.message(source, [event], batched=False)
    assert content_type == cloud_events.ONE
    assert cloud_events.message(source, [event] * 2, batched=True) == (cloud_events.BATCH, b"[%b,%b]" % (body, body))
    found: dict[str, Any] = orjson.loads(body)
    return found


def test_an_event() -> None:
    assert told(Source("https://pacs.example:8443/archive", 0xAB), EVENT) == {
        "specversion": "1.0",
        "id": "00000000000000ab-7",
        "source": "https://pacs.example:8443/archive",
        "type": "Microsoft.HealthcareApis.DicomImageUpdated",
        "subject": "pacs.example:8443/archive/v1/studies/1.2/series/1.3/instances/1.4",
        "time": "1970-01-01T00:00:00.5000000+00:00",
        "datacontenttype": "application/json",
        "data": {
            "partitionName": "Microsoft.Default",
            "imageStudyInstanceUid": "1.2",
            "imageSeriesInstanceUid": "1.3",
            "imageSopInstanceUid": "1.4",
            "serviceHostName": "pacs.example",
            "sequenceNumber": 7,
        },
    }


def test_a_path_names_the_partition_where_they_are_in_use() -> None:
    found = told(Source("https://pacs.example", 1, partitions=True), EVENT)
    assert found["subject"] == "pacs.example/v1/partitions/Microsoft.Default/studies/1.2/series/1.3/instances/1.4"


@pytest.mark.parametrize("action", cloud_events.NAMES)
def test_each_action_has_a_type(action: str) -> None:
    event = Event(1, 0.0, action, "a", Resource("1", "2", "3"))
    assert (
        told(Source("https://x", 1), event)["type"]
        == f"Microsoft.HealthcareApis.DicomImage{cloud_events.NAMES[action].capitalize()}"
    )


def test_a_trial_is_of_no_instance() -> None:
    found = told(Source("https://pacs.example:8443/archive", 0xAB), Trial(0.5))
    assert (found["type"], found["id"]) == ("Filmroom.Webhook.Test", "00000000000000ab-0")
    assert (found["subject"], found["data"]) == ("pacs.example", {"serviceHostName": "pacs.example"})
