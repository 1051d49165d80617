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


@dataclass(frozen=True, slots=True)
class Trial:
    """An event of no Instance, of which a receiver that knows only the others makes nothing."""

    timestamp: float
    sequence: int = 0


def message(source: Source, events: Sequence[Event | Trial], *, batched: bool) -> tuple[str, bytes]:
    """The type and the body of a message, in the batched mode of the HTTP binding or, for one event, the structured."""
    told = [_envelope(source, one) for one in events]
    if batched:
        return BATCH, orjson.dumps(told)
    [alone] = told
    return ONE, orjson.dumps(alone)


def _envelope(source: Source, event: Event | Trial) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": source.id(event.sequence),
        "source": source.url,
        "time": written(event.timestamp),
        "datacontenttype": "application/json",
        **(_trial(source) if isinstance(event, Trial) else _change(source, event)),
    }


def _trial(source: Source) -> dict[str, Any]:
    return {"type": "Filmroom.Webhook.Test", "subject": source.host, "data": {"serviceHostName": source.host}}


def _change(source: Source, event: Event) -> dict[str, Any]:
    of = event.resource
    inside = f"/partitions/{event.partition}" if source.partitions else ""
    return {
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
