"""CloudEvents, as the Azure service sends them."""

import orjson
import pytest

from filmroom.dicom.resources import Resource
from filmroom.protocol import cloud_events
from filmroom.protocol.cloud_events import Event, Source

EVENT = Event(7, 0.5, "update", "Microsoft.Default", Resource("1.2", "1.3", "1.4"))


def test_an_event() -> None:
    assert orjson.loads(cloud_events.one(Source("https://pacs.example:8443/archive", 0xAB), EVENT)) == {
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
    told = orjson.loads(cloud_events.one(Source("https://pacs.example", 1, partitions=True), EVENT))
    assert told["subject"] == "pacs.example/v1/partitions/Microsoft.Default/studies/1.2/series/1.3/instances/1.4"


@pytest.mark.parametrize("action", cloud_events.NAMES)
def test_each_action_has_a_type(action: str) -> None:
    event = Event(1, 0.0, action, "a", Resource("1", "2", "3"))
    [told] = orjson.loads(cloud_events.batch(Source("https://x", 1), [event]))
    assert told["type"] == f"Microsoft.HealthcareApis.DicomImage{cloud_events.NAMES[action].capitalize()}"
