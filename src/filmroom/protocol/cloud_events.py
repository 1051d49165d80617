"""CloudEvents 1.0 of changes, as the Azure DICOM service sends them: an envelope with the UIDs, and no more.

Who wants to know what is in an Instance asks the service, which knows who may see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from filmroom.dicom.resources import Resource
from filmroom.protocol.change_feed import written

ONE = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json; charset=utf-8"

# What people call an event, by the word of the index.
NAMES: Mapping[str, str] = MappingProxyType({"create": "created", "update": "updated", "delete": "deleted"})
_TYPES = MappingProxyType(
    {name: f"Microsoft.HealthcareApis.DicomImage{word.capitalize()}" for name, word in NAMES.items()}
)


@dataclass(frozen=True, slots=True)
class Source:
    """The service that events come from. `identity` is of its index: one that was made anew counts from 1 again."""

    url: str  # as clients see it, without a slash at its end
    identity: int
    partitions: bool = False  # whether paths name data partitions

    @property
    def host(self) -> str:
        """Its name, without a port."""
        return urlsplit(self.url).hostname or ""

    def id(self, sequence: int) -> str:
        """The id of the event of a change. It is the same whenever that is sent again."""
        return f"{self.identity:016x}-{sequence}"


@dataclass(frozen=True, slots=True)
class Event:
    """A change, to be told."""

    sequence: int
    timestamp: float
    action: str  # of `NAMES`
    partition: str  # its name
    resource: Resource


def one(source: Source, event: Event) -> bytes:
    """An event by itself: the structured mode of the HTTP binding."""
    return orjson.dumps(_envelope(source, event))


def trial(source: Source, timestamp: float) -> bytes:
    """An event of no Instance, of which a receiver that knows only the others makes nothing."""
    about = {"type": "Filmroom.Webhook.Test", "subject": source.host, "data": {"serviceHostName": source.host}}
    return orjson.dumps(_every(source, 0, timestamp) | about)


def batch(source: Source, events: Sequence[Event]) -> bytes:
    """Several events: its batched mode."""
    return orjson.dumps([_envelope(source, event) for event in events])


def _envelope(source: Source, event: Event) -> dict[str, Any]:
    of = event.resource
    inside = f"/partitions/{event.partition}" if source.partitions else ""
    return {
        **_every(source, event.sequence, event.timestamp),
        "type": _TYPES[event.action],
        "subject": f"{source.url.partition('://')[2]}/v1{inside}{of.path}",
        "data": {
            "partitionName": event.partition,
            "imageStudyInstanceUid": of.study,
            "imageSeriesInstanceUid": of.series,
            "imageSopInstanceUid": of.instance,
            "serviceHostName": source.host,
            "sequenceNumber": event.sequence,
        },
    }


def _every(source: Source, sequence: int, timestamp: float) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": source.id(sequence),
        "source": source.url,
        "time": written(timestamp),
        "datacontenttype": "application/json",
    }
